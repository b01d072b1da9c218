/* HELD: an agent comes with a session that another coordinator of this run had
 * begun, or that was given up here. What it holds and nobody else has is its
 * own again; the rest is asked back. What has a result in the journal has ended
 * already, so that a lease's own list of items needs no memory of them.
 * Private to coordinator/core. */
#ifndef FST_CORE_HELD_H
#define FST_CORE_HELD_H

#include "coordinator/core/state.h"

/* -1: not the first that it says, foreign slots, leases that nobody can have
 * given, or what fst_collect_on_collected() and fst_results_on_results() refuse
 * (FST_E_PROTO): what stands before that has been taken. */
int fst_held_take(struct agent *agent, const struct fst_held *held,
                  struct fst_err *err);
void fst_held_fini(struct fst_core *core);

#endif
