/* The environment of a worker's process. */
#ifndef FST_AGENT_POOL_ENVIRONMENT_H
#define FST_AGENT_POOL_ENVIRONMENT_H

#include "shared/base/vec.h"
#include "shared/proto/msg.h"

/* Ours without the FASTEST_* options and PYTEST_ADDOPTS (which the coordinator
 * has heard already), with what suites written for xdist expect and what ours
 * adds (CLI.md, "In the tests' environment"). n_slots: workers of this agent,
 * it included, which share cpus. env is owned by the caller; the last item is
 * NULL. */
void fst_worker_environment(const char *const *ours,
                            const struct fst_welcome *welcome, uint32_t slot,
                            size_t n_slots, size_t cpus,
                            struct fst_strings *env);

#endif
