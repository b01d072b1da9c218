/* Slots that do nothing with what they were given. Private to coordinator/core.
 *
 * A test may take as long as it likes: only an agent's own word, in answer to
 * PING, that a worker is at nothing tells a long test from one that isn't run.
 */
#ifndef FST_CORE_STILL_H
#define FST_CORE_STILL_H

#include "coordinator/core/state.h"

/* -1, FST_E_CLOSED: a slot holds leases, and for a minute (longer where workers
 * take long to start) it has brought nothing and been at nothing. */
int fst_still_on_ping(struct agent *agent, const struct fst_ping *ping,
                      struct fst_err *err);

#endif
