/* The session moves to a coordinator that doesn't know it: HELD says what the
 * slots are at, and what the one before had not acknowledged is said again, as
 * far as it is more than the state of things. Inside agent/core. Pure. */
#ifndef FST_AGENT_CORE_HELD_H
#define FST_AGENT_CORE_HELD_H

#include "agent/core/step.h"

/* The link begins anew. */
void fst_held_move(struct fst_step *step);

#endif
