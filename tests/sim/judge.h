/* Listens to the core's effects and compares them with what plain pytest
 * would report. A difference prints itself and makes the seed fail. */
#ifndef FST_SIM_JUDGE_H
#define FST_SIM_JUDGE_H

#include "tests/sim/suite.h"

struct verdict;

struct judge {
    const struct suite *suite;
    uint64_t seed;
    struct verdict *verdicts; /* by key */
    bool ended, failed, cancelled;
    bool stopped; /* by the simulation, a limit or pytest's own */
    int exit_code;
    size_t n_outcomes, n_listed, n_bad, n_flaky;
    size_t n_failures; /* bad verdicts, without amendments */
};

void judge_init(struct judge *judge, const struct suite *suite, uint64_t seed);
void judge_release(struct judge *judge);
/* Any effect but SEND. */
void judge_effect(struct judge *judge, const struct fst_effect *effect);
/* The id may also end with this outcome: the simulation ended a worker or an
 * agent under it. */
void judge_excuse(struct judge *judge, const char *id,
                  enum fst_outcome outcome);
/* The coordinator has died, another one goes on: what had a verdict must have
 * the same once it has been told (judge_kept). */
void judge_restart(struct judge *judge);
void judge_kept(struct judge *judge);
/* After FST_EF_ENDED. */
void judge_end(struct judge *judge, const struct fst_counts *counts);
void judge_fail(struct judge *judge, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
