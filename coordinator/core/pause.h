/* Slots whose agent is short of memory, or leaving: they get nothing, and what
 * they hold and have not begun goes to others. What belongs together (a group's
 * rest, a file that isn't split, a confirmation) they finish. An agent that
 * stays sees to it that one slot at least isn't paused; one that leaves hands
 * back by itself. Pure. */
#ifndef FST_CORE_PAUSE_H
#define FST_CORE_PAUSE_H

#include "coordinator/core/state.h"

/* note: a line for the user, or NULL. */
void fst_pause_on(struct slot *slot, const char *note);
/* Hungry again where it has nothing; no change where it wasn't paused. */
void fst_pause_off(struct slot *slot);
/* Asks back what paused slots hold, once it can be asked for. */
void fst_pause_serve(struct run *run);

#endif
