/* The workers of a session's places: their start, what they say, their end and
 * what they leave behind. All news goes to the agent (steps.h). */
#ifndef FST_AGENT_PROGRAM_WORKERS_H
#define FST_AGENT_PROGRAM_WORKERS_H

#include "agent/program/program.h"
#include "shared/base/arena.h"
#include "shared/loop/leftovers.h"

/* Starts the place's worker; where that fails the place knows why. waits: for
 * its NODE. */
void fst_workers_start(struct fst_place *place, bool waits);
/* For the answer to a PING. */
void fst_workers_tell_busy(const struct fst_session *session,
                           struct fst_arena *arena, struct fst_ping *ping);
/* Ends every child of ours but the zygotes; leftovers.h. */
void fst_workers_end_leftovers(const struct fst_program *program,
                               struct fst_arena *arena,
                               struct fst_leftovers *found);

#endif
