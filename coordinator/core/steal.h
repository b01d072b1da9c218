/* Taking work back from busy slots for idle ones. Private to
 * coordinator/core. */
#ifndef FST_CORE_STEAL_H
#define FST_CORE_STEAL_H

#include "coordinator/core/state.h"

/* REVOKEs what gains most by moving to `idle` (at least 1) slots that have no
 * work, or won't in later_s. Returns how many of them it will feed; 0: nothing
 * is worth it. What comes back waits in the queue. */
size_t fst_steal_start(struct run *run, size_t idle, double later_s);
/* Predicted time until a slot with leases has no work. */
double fst_steal_drain_s(const struct slot *slot);
/* The lease's file was just listed: where one of its items would end the run
 * late if all before it ran first, REVOKEs these, so that it can begin at once;
 * lease->urgent is its index. */
void fst_steal_urgent(struct lease *lease);

#endif
