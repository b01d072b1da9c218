/* How many workers a run gets. An agent starts one at once; each further one
 * is asked for (START) only when the work left for each worker is worth more
 * than what a worker costs until it is useful: its own start, and its first
 * file's imports. Short suites so have one worker, as plain pytest has one
 * process; long ones have them all soon. Private to coordinator/core.
 *
 * The estimate of what is left is the time that workers have spent behind
 * their first file (what runs now included: a test that lasts is evidence of
 * more such) over what has ended, times what has not; or what earlier runs
 * took, where that is more. These know, too, what a worker's start takes, so
 * that those who will pay are asked for before the first one is up. Before
 * enough has ended and without a past nothing is decided for as long as a start
 * takes; then a prior fills in. */
#ifndef FST_CORE_DEMAND_H
#define FST_CORE_DEMAND_H

#include "coordinator/core/state.h"

/* Asks for the workers that the work left pays for; sets demand_ns, when to
 * look again. */
void fst_demand_serve(struct run *run);

/* Seconds that the work left takes (of all workers together), and the workers
 * that it will have pay for themselves. */
double fst_demand_left_s(const struct run *run, size_t *workers);

/* What the estimate is made of: the slot's first lease of several, its end,
 * its worker's first opened file, a worker's coming or going. */
void fst_demand_busy(struct slot *slot);
void fst_demand_idle(struct slot *slot);
void fst_demand_opened(struct slot *slot);
void fst_demand_worker(struct slot *slot);

/* A worker that was `start_s` seconds on its way is up. */
void fst_demand_up(struct run *run, double start_s);

#endif
