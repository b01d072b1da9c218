/* RESULTS and REVOKED. Private to coordinator/core. */
#ifndef FST_CORE_RESULTS_H
#define FST_CORE_RESULTS_H

#include "coordinator/core/state.h"

/* All results, or none: -1 where one of them names a lease that its slot never
 * had, or an item that is none of the file's. */
int fst_results_on_results(struct agent *agent,
                           const struct fst_results *results,
                           struct fst_err *err);
int fst_results_on_revoked(struct agent *agent, struct slot *slot,
                           const struct fst_revoked *revoked,
                           struct fst_err *err);

#endif
