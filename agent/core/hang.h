/* How long a slot's worker may be at one thing (--test-timeout), and what is
 * done when it is at it longer. Pure. Inside agent/core; see agent.h.
 *
 * Nothing is told when a test starts; the shared page says it. So the watch
 * looks: when the test that it saw last will have run too long, and at least
 * once in each limit, since a test that began later can't have run longer than
 * that. What looks too long is looked at once more, since the page may change
 * under our eyes. Then the worker is asked for its stacks (FST_AGENT_ASK); when
 * it has written them, or after a moment, its group gets SIGTERM, and after
 * another moment SIGKILL. A test that ends meanwhile has still run too long.
 * The page's start and now_ns are of one clock, which nobody sets.
 */
#ifndef FST_AGENT_CORE_HANG_H
#define FST_AGENT_CORE_HANG_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/crash.h"

#define FST_HANG_AGAIN_NS INT64_C(20000000)    /* until the second look */
#define FST_HANG_ANSWER_NS INT64_C(3000000000) /* for the first stacks … */
#define FST_HANG_QUIET_NS INT64_C(200000000)   /* … and until no more come */
#define FST_HANG_TERMINATE_NS INT64_C(2000000000) /* SIGTERM to SIGKILL */
enum { FST_HANG_COLLECTING = 10 }; /* limits that opening a file may take */

enum fst_hang_stage {
    FST_HANG_OFF,       /* no worker, or no limit */
    FST_HANG_WATCHING,  /* looks at at_ns */
    FST_HANG_SUSPECTED, /* looks once more */
    FST_HANG_ASKED,     /* from here on it is condemned */
    FST_HANG_TERMINATED,
    FST_HANG_KILLED,
};

struct fst_hang { /* zeroed is off */
    enum fst_hang_stage stage;
    int64_t limit_ns;
    int64_t at_ns;     /* INT64_MAX: nothing to do */
    int64_t answer_ns; /* ASKED: not later than this */
    /* What it is at, from SUSPECTED on. */
    uint32_t doing, phase;
    double start_s;
    uint64_t lease;
    char *name; /* owned */
};

void fst_hang_release(struct fst_hang *hang);
/* A worker begins. limit_ns 0: no limit. */
void fst_hang_start(struct fst_hang *hang, int64_t limit_ns, int64_t now_ns);
void fst_hang_stop(struct fst_hang *hang);
/* at_ns has come. What is to be done: FST_HANG_WATCHING: look; else the stage
 * that was entered, TERMINATED or KILLED. */
enum fst_hang_stage fst_hang_tick(struct fst_hang *hang, int64_t now_ns);
/* What a look saw, now. True: ask for the stacks. */
bool fst_hang_seen(struct fst_hang *hang, const struct fst_worker_end *seen,
                   int64_t now_ns);
/* The worker wrote to its log. */
void fst_hang_wrote(struct fst_hang *hang, int64_t now_ns);
/* From ASKED on. */
bool fst_hang_is_condemned(const struct fst_hang *hang);
/* One line, as fst_crash_head(): "timeout: 'a.py::b' ran longer than 5 s
 * (--test-timeout) during call". phase: may be later than the one seen. */
const char *fst_hang_head(const struct fst_hang *hang, struct fst_arena *arena,
                          bool between);

#endif
