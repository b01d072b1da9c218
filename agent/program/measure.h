/* Has the workers' memory measured as long as a session lasts, and told to the
 * agent; docs/memory.md. */
#ifndef FST_AGENT_PROGRAM_MEASURE_H
#define FST_AGENT_PROGRAM_MEASURE_H

#include "agent/program/program.h"

/* The timer's callback; user: the program. */
void fst_measure_on_timer(void *user);
/* The session's first measure is due soon. */
void fst_measure_start(struct fst_program *program);

#endif
