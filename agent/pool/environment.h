/* The environment of a worker's process. */
#ifndef FST_AGENT_POOL_ENVIRONMENT_H
#define FST_AGENT_POOL_ENVIRONMENT_H

#include "shared/base/vec.h"
#include "shared/proto/msg.h"

#define FST_SLOT_OF_HOST UINT32_MAX

/* What all workers share: ours without the FASTEST_* options and PYTEST_ADDOPTS
 * (which the coordinator has heard already), with the run's PYTHONHASHSEED.
 * n_slots: workers of this agent, which share cpus. env is owned by the
 * caller; the last item is NULL. */
void fst_shared_environment(const char *const *ours, const char *hash_seed,
                            size_t n_slots, size_t cpus,
                            struct fst_strings *env);
/* The same, and behind it, in this order, what is a worker's own: what suites
 * written for xdist expect and what ours adds (CLI.md, "In the tests'
 * environment"); FST_SLOT_OF_HOST: without what makes it a worker to xdist. */
void fst_worker_environment(const char *const *ours,
                            const struct fst_welcome *welcome, uint32_t slot,
                            size_t n_slots, size_t cpus,
                            struct fst_strings *env);

#endif
