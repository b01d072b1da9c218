/* Answers CHECKOUT: reads the directories that the coordinator names, a few at
 * a time, so that the loop goes on meanwhile. Loop thread only. */
#ifndef FST_AGENT_PROGRAM_COMPARE_H
#define FST_AGENT_PROGRAM_COMPARE_H

#include "agent/program/program.h"

/* msg is taken. -1: it is out of turn. */
int fst_compare_take(struct fst_program *program, struct fst_msg *msg);
/* With the session. */
void fst_compare_free(struct fst_compare *compare);

#endif
