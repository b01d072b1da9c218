/* What a run has found out, as the real journal keeps it: for a coordinator
 * that goes on where another one has died. */
#ifndef FST_SIM_JOURNAL_H
#define FST_SIM_JOURNAL_H

#include "coordinator/core/core.h"

struct journal_try {
    struct fst_try told;
    struct fst_result result;
};

struct journal { /* zeroed is empty */
    struct fst_arena arena;
    FST_VEC(struct fst_collected) lists; /* the last one of each file */
    FST_VEC(struct journal_try *) tries;
    FST_VEC(struct fst_try) with_verdict; /* what recall gives */
};

void journal_effect(struct journal *journal, const struct fst_effect *effect);
/* Tries of tests without a verdict are forgotten. The journal's, until the next
 * recall. */
struct fst_recalled journal_recall(struct journal *journal);
void journal_release(struct journal *journal);

#endif
