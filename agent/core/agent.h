/* What an agent does with its slots: which worker gets which lease, when one
 * is started, drained, given up, and what the coordinator is told.
 *
 * PURE: time comes in, effects go out. A slot's worker takes its leases in
 * order of arrival; a `fresh` lease waits until the current worker has finished
 * what it holds, has been drained and replaced. A worker that ends though
 * nobody asked it to has crashed: the test that ran is failed, the rest of its
 * leases goes back. Five ends in a row for which no test is to blame (failed
 * starts, crashes at import) retire the slot; how many tests may kill their
 * worker is the coordinator's to bound.
 * Loop thread only.
 */
#ifndef FST_AGENT_CORE_AGENT_H
#define FST_AGENT_CORE_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/vec.h"
#include "shared/proto/msg.h"

enum { FST_FAILURES_IN_A_ROW = 5 };

struct fst_agent;

enum fst_agent_effect_type {
    FST_AGENT_START,     /* a worker for slot `slot` */
    FST_AGENT_TO_WORKER, /* msg to the worker of slot */
    FST_AGENT_UPWARD,    /* msg to the coordinator */
    FST_AGENT_INTERRUPT, /* SIGINT to the worker of slot */
    FST_AGENT_KILL,      /* SIGKILL to the worker of slot and its group */
    FST_AGENT_DONE,      /* drained: nothing more will come from any slot */
};

struct fst_agent_effect {
    enum fst_agent_effect_type type;
    uint32_t slot;       /* farm-wide number */
    struct fst_msg *msg; /* the caller's to free */
};

struct fst_agent_effects {
    FST_VEC(struct fst_agent_effect) list;
};

/* How a worker ended, as the pool saw it. */
struct fst_worker_end {
    int status;       /* exit code, or -signal */
    const char *how;  /* "killed by SIGSEGV", "exited with status 3" */
    const char *log;  /* tail of what it wrote to its standard output */
    uint32_t state;   /* of the shared page: docs/worker.md */
    uint32_t phase;   /* likewise */
    const char *name; /* likewise */
    uint64_t lease;   /* likewise */
    double start_s;   /* likewise */
    int64_t pid;
    const char *never; /* it could not be started at all: why, else NULL */
};

/* slots: farm-wide numbers (copied). Starts the first worker at once, the
 * others behind it. */
struct fst_agent *fst_agent_new(const uint32_t *slots, size_t n_slots,
                                struct fst_agent_effects *effects);
void fst_agent_free(struct fst_agent *agent);

/* From the coordinator: LEASE LIST REVOKE CANCEL DRAIN. Takes msg. -1: it
 * breaks the protocol (a slot that isn't ours). */
int fst_agent_on_coordinator(struct fst_agent *agent, struct fst_msg *msg,
                             int64_t now_ns, struct fst_agent_effects *effects);
/* From the worker of a slot. Takes msg. -1: a worker may not say that. */
int fst_agent_on_worker(struct fst_agent *agent, uint32_t slot,
                        struct fst_msg *msg, struct fst_agent_effects *effects);
/* The worker's process has ended and its pipe was read to the end. */
void fst_agent_on_end(struct fst_agent *agent, uint32_t slot,
                      const struct fst_worker_end *end, int64_t now_ns,
                      struct fst_agent_effects *effects);
/* SIGTERM: finish what runs, give the rest back, leave. */
void fst_agent_leave(struct fst_agent *agent, int64_t now_ns,
                     struct fst_agent_effects *effects);
void fst_agent_on_time(struct fst_agent *agent, int64_t now_ns,
                       struct fst_agent_effects *effects);
/* When on_time() is wanted, in ns; INT64_MAX: never. */
int64_t fst_agent_deadline(const struct fst_agent *agent);
/* Every slot is retired: the agent is of no use any more. */
bool fst_agent_useless(const struct fst_agent *agent);

#endif
