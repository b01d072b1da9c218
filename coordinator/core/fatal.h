/* Agents none of whose workers can start: pytest refuses an option there, a
 * plugin is missing, a conftest file raises. Private to coordinator/core.
 *
 * Every worker would fail alike, unless another agent has one that is
 * configured: then it is that machine's own fault, and the agent is out
 * (FST_EF_OUT). As long as another agent may yet show that, the run waits; the
 * local agent's word counts at once. */
#ifndef FST_CORE_FATAL_H
#define FST_CORE_FATAL_H

#include "coordinator/core/state.h"

/* text: pytest's; the first that an agent says counts. */
void fst_fatal_on_state(struct agent *agent, const char *text, int exit_code);
/* A worker of it is configured, for its run. */
void fst_fatal_up(const struct agent *agent);
/* Ends the run, or puts agents out, where that is due. */
void fst_fatal_serve(struct run *run);

#endif
