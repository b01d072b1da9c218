/* What the core sends and may not go out yet: no item is leased by a list that
 * could be lost, since what agents hold has its place in the journal where
 * another coordinator goes on. A lease of such a file waits until the list is
 * kept, and what is behind it for the same agent; so does what asks items back,
 * where any list isn't kept. Loop thread only.
 */
#ifndef FST_CLI_OUTBOX_H
#define FST_CLI_OUTBOX_H

#include "coordinator/core/core.h"

struct fst_outbox;

/* send(user, agent, msg): it goes out now; msg stays the outbox's. */
struct fst_outbox *fst_outbox_new(void (*send)(void *user,
                                               struct fst_agent_id agent,
                                               struct fst_msg *msg),
                                  void *user);
void fst_outbox_free(struct fst_outbox *outbox); /* NULL is fine */

/* The file has got a list, which isn't kept yet. */
void fst_outbox_listed(struct fst_outbox *outbox, const char *file);
/* Now, or later; msg becomes the outbox's. */
void fst_outbox_send(struct fst_outbox *outbox, struct fst_agent_id agent,
                     struct fst_msg *msg);
bool fst_outbox_waits(const struct fst_outbox *outbox);
/* The lists so far are being written; and they are kept, or never will be. */
void fst_outbox_mark(struct fst_outbox *outbox);
void fst_outbox_kept(struct fst_outbox *outbox);

#endif
