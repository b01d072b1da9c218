/* Confirmation (a): a failure whose predecessors in its file ran elsewhere is
 * tried once more in pytest's order, in a fresh worker (RUN, "Confirmation").
 * Private to coordinator/core. */
#ifndef FST_CORE_CONFIRM_H
#define FST_CORE_CONFIRM_H

#include "coordinator/core/state.h"

/* Whether the bad result that `worker` just gave of the item is no verdict
 * yet. */
bool fst_confirm_needed(const struct file *file, size_t item, uint32_t worker);
/* The slot's worker has run what stands before the item, in order, and nothing
 * else: the confirmation can go on in it. */
bool fst_confirm_follows(const struct confirm *confirm,
                         const struct slot *slot);
/* Its first result is item->outcome; it waits for a slot now. */
void fst_confirm_queue(struct file *file, size_t item);
/* A result (not absent) that came for a live or past confirmation's lease;
 * index: of its item, SIZE_MAX: none of the file's. */
void fst_confirm_result(struct lease_record *record, const struct slot *slot,
                        size_t index, const struct fst_result *result);
/* The lease ends without its result, with its agent or by its worker: once
 * more, or the first result stands. */
void fst_confirm_lost(struct lease *lease, bool with_agent);
/* The first result stands of all that still wait or run. */
void fst_confirm_give_up(struct run *run);

#endif
