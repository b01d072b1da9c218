/* How a run ends: by itself, by a failure too many, by a stop. Private to
 * coordinator/core. */
#ifndef FST_CORE_END_H
#define FST_CORE_END_H

#include "coordinator/core/state.h"

struct stop {
    int exit_code;
    const char *text; /* of FST_EF_ENDED; copied */
    const char *why;  /* of CANCEL */
    bool now;         /* kill what runs */
};

/* Nothing is leased after it; the agents are told in the same step. The first
 * stop gives the exit code; a later one can only make it faster (now). */
void fst_end_stop(struct run *run, const struct stop *stop);
/* An agent's host makes its SUMMARY, which may take long; or has made it. */
void fst_end_on_summary(struct run *run, const struct fst_summary *summary);
/* Is it over? Sends DRAIN, or the last effects. */
void fst_end_check(struct run *run);
/* Ends the run at once: nobody is left to wait for. */
void fst_end_finish(struct run *run);

#endif
