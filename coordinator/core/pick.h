/* Which work a hungry slot gets: SCHEDULING.md's pick in the form that needs
 * no history. Private to coordinator/core. */
#ifndef FST_CORE_PICK_H
#define FST_CORE_PICK_H

#include "coordinator/core/state.h"

/* Feeds the run's hungry slots as far as there is work for them. */
void fst_pick_serve(struct run *run);

#endif
