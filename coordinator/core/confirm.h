/* Bad news that is not yet a verdict. Confirmation (a): a failure whose
 * predecessors in its file ran elsewhere is tried once more in pytest's order,
 * in a fresh worker (RUN, "Confirmation"). Then retries: the test alone, in
 * another worker. Private to coordinator/core. */
#ifndef FST_CORE_CONFIRM_H
#define FST_CORE_CONFIRM_H

#include "coordinator/core/state.h"

/* The item has just ended badly in `worker` (attempt and outcome are noted): it
 * waits for a slot to be tried once more, or false: that is its verdict. */
bool fst_confirm_wanted(struct file *file, size_t item, uint32_t worker);
/* The worker has run confirmations or retries of the file's tests: of that the
 * items know nothing. */
void fst_confirm_rehearsed(struct file *file, uint32_t worker);
/* The slot's worker has run what stands before the item, in order, and nothing
 * else: the confirmation can go on in it. */
bool fst_confirm_follows(const struct confirm *confirm,
                         const struct slot *slot);
/* May the slot's worker have it? A retry not where it has failed, unless in a
 * fresh one (`anywhere`). */
bool fst_confirm_suits(const struct confirm *confirm, const struct slot *slot,
                       bool anywhere);
/* A result (not absent) that came for a live or past confirmation's lease;
 * index: of its item, SIZE_MAX: none of the file's. */
void fst_confirm_result(struct lease_record *record, struct slot *slot,
                        size_t index, const struct fst_result *result);
/* The lease ends without its result, with its agent or by its worker: once
 * more, or the last result stands. */
void fst_confirm_lost(struct lease *lease, bool with_agent);
/* The last result stands of all that still wait or run. */
void fst_confirm_give_up(struct run *run);

#endif
