/* The agent's end of the connection: dials, proves itself, makes a session of
 * the WELCOME, and passes on what the coordinator says. */
#ifndef FST_AGENT_PROGRAM_DIALOG_H
#define FST_AGENT_PROGRAM_DIALOG_H

#include "agent/program/program.h"
#include "shared/base/err.h"

/* As the settings say; what comes of it is told by the session. */
int fst_program_dial(struct fst_program *program, struct fst_err *err);
/* Has its interpreter say its versions, once a session. FST_E_USAGE: it can't
 * be used. */
int fst_program_ask_versions(struct fst_program *program, struct fst_err *err);
/* To the coordinator, if it is there; msg stays the caller's. */
void fst_program_send(struct fst_program *program, const struct fst_msg *msg);
/* The same of an FST_AGENT_SEND. */
void fst_program_send_effect(struct fst_program *program,
                             const struct fst_agent_effect *effect);
/* The `silence` timer: is the coordinator still there? */
void fst_program_on_silence(void *user);
/* BYE was said, and there is no connection: it is waited for another one, or
 * not. Then the `parting` timer: for no longer. */
void fst_program_part(struct fst_program *program);
void fst_program_on_parting(void *user);
/* The session is of no use any more: its `end` timer fires. The first status
 * counts. */
void fst_program_end_session(struct fst_program *program, int status);

#endif
