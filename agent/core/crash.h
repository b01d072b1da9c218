/* The end of a worker's process, and how it is told: the texts that users see
 * and the result of the test that was running. Pure. */
#ifndef FST_AGENT_CORE_CRASH_H
#define FST_AGENT_CORE_CRASH_H

#include "shared/proto/msg.h"

/* What a worker says in the shared page that it is doing; docs/worker.md. */
enum fst_doing {
    FST_DOING_IDLE,
    FST_DOING_COLLECTING,
    FST_DOING_TESTING,
    FST_DOING_FINISHING,
    FST_DOING_CUT_OFF, /* it has ended well after a test closed its pipe */
};

struct fst_worker_end {
    int64_t pid;
    int status;       /* exit code, or -signal */
    const char *why;  /* where the agent killed it: its reason; or NULL */
    uint32_t doing;   /* enum fst_doing; unchecked */
    uint32_t phase;   /* 0 set-up, 1 call, 2 tear-down; unchecked */
    const char *name; /* node id, or the path while collecting; valid UTF-8 */
    uint64_t lease;
    double start_s;        /* of the steps' clock */
    const char *tail;      /* the end of its log; valid UTF-8, may be empty */
    const char *out, *err; /* captured of the phase that ran; the same */
    const char
        *oom; /* which memory was short, where it died of that; or NULL */
};

/* "killed by SIGSEGV", "exited with status 3", "killed by SIGKILL: out of
 * memory (cgroup /a, limit 512 MiB)". In arena. */
const char *fst_crash_how(struct fst_arena *arena,
                          const struct fst_worker_end *end);
/* One line, without a final dot: "worker 'gw0' crashed while running
 * 'test_x.py::test_y': killed by SIGSEGV during call". between: what the page
 * names has its result already. ready: it had said that it is up. */
const char *fst_crash_head(struct fst_arena *arena, uint32_t slot,
                           const struct fst_worker_end *end, bool ready,
                           bool between);
/* head, and under it the log's tail where there is any. */
const char *fst_crash_text(struct fst_arena *arena, const char *head,
                           const struct fst_worker_end *end);
/* The failed result of the test that was running. head: what fst_crash_head()
 * or another says. Strings are end's or arena's. */
void fst_crash_result(struct fst_arena *arena, uint32_t slot, const char *head,
                      const struct fst_worker_end *end,
                      struct fst_result *result);
/* The same for a test that has its result: what was torn down after it, or the
 * session's end, took the worker along. The test becomes an error of its
 * tear-down. id, lease: its own. */
void fst_crash_amend(struct fst_arena *arena, uint32_t slot, const char *head,
                     const struct fst_worker_end *end, const char *id,
                     uint64_t lease, struct fst_result *result);

#endif
