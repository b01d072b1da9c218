/* The processes that the agent's workers are forked from, and whether one pays;
 * docs/worker.md, "The zygote". */
#ifndef FST_AGENT_PROGRAM_ZYGOTES_H
#define FST_AGENT_PROGRAM_ZYGOTES_H

#include "agent/program/program.h"

/* At the start of the program, when nothing is known of a run: it imports while
 * the coordinator looks for tests. */
void fst_zygotes_start_first(struct fst_program *program);
/* The zygote to fork a worker for the place from, or NULL: it had better be
 * started in the ordinary way. */
struct fst_zygote *fst_zygotes_find(struct fst_place *place);
/* All but the last `kept`. */
void fst_zygotes_free(struct fst_program *program, size_t kept);

#endif
