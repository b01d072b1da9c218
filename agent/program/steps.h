/* Drives the pure agent: events in, effects carried out. */
#ifndef FST_AGENT_PROGRAM_STEPS_H
#define FST_AGENT_PROGRAM_STEPS_H

#include "agent/program/program.h"

/* One step of the session's agent, all that follows from it, and the tick that
 * it needs next. The event's message is freed where the session is over. */
void fst_program_step(struct fst_program *program,
                      const struct fst_agent_event *event);

#endif
