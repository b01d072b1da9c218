/* Memory admission: which of an agent's slots run at once, so that its workers
 * stay together under a bound. Inside agent/core; see agent.h. Pure.
 *
 * Readings come a few times a second. A test that runs is never stopped: near
 * the bound slots are *paused* (the coordinator gives them nothing and takes
 * back what has not begun), all but the one that has most, and resumed when
 * there is room. "Near" is 90 per cent of the bound, or less where tests were
 * seen to grow: each worker that runs may yet grow as the largest test of
 * late. A worker that is idle and has kept a good part of the bound is
 * replaced by a fresh one; one that runs alone near the bound is paused for
 * that. One slot at least always runs: where a single test needs more than the
 * bound, it goes on, with a warning. */
#ifndef FST_AGENT_CORE_MEMORY_H
#define FST_AGENT_CORE_MEMORY_H

#include "agent/core/agent.h"
#include "agent/core/slot.h"

struct fst_step;

struct fst_memory { /* zeroed is empty */
    int64_t growth; /* bytes, of the largest test of late */
    int64_t bound;  /* of the last reading */
    size_t next;    /* the slot to resume first */
    bool told_over;
    struct fst_strings spared; /* tests that were to run again */
    uint32_t told;             /* lines for the user so far */
};

void fst_memory_take(struct fst_step *step,
                     const struct fst_memory_reading *reading);
/* The slot's worker was killed while it ran the test, since there was no memory
 * left: whatever runs may come to need as much, so that for a while tests run
 * one at a time. True where others were running, whose memory it may have been:
 * then the test is to run again, once. */
bool fst_memory_ran_out(struct fst_step *step, const struct fst_slot *slot,
                        const char *test);
void fst_memory_release(struct fst_memory *memory);
/* The slot's worker is gone. */
void fst_memory_forget(struct fst_slot *slot);

#endif
