/* What the agent shows the coordinator, and what it asks of it. */
#ifndef FST_AGENT_PROGRAM_TRUST_H
#define FST_AGENT_PROGRAM_TRUST_H

#include "agent/program/program.h"
#include "shared/base/err.h"

/* As --connect's place wants it: fills token, identity and tls. */
int fst_program_open_trust(struct fst_program *program, struct fst_err *err);
/* When the net is gone. */
void fst_program_close_trust(struct fst_program *program);

#endif
