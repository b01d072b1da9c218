/* Results on their way to the coordinator: gathered to at most 64 or 20 ms,
 * whichever comes first, bad news at once, numbered, and counted until they are
 * acknowledged. Loop thread only. */
#ifndef FST_AGENT_POOL_UPLINK_H
#define FST_AGENT_POOL_UPLINK_H

#include <stdbool.h>

#include "shared/loop/loop.h"
#include "shared/proto/msg.h"

struct fst_uplink;

/* send: a whole message for the coordinator; it stays the uplink's. */
struct fst_uplink *
fst_uplink_new(struct fst_loop *loop,
               void (*send)(void *user, const struct fst_msg *msg), void *user);
void fst_uplink_free(struct fst_uplink *uplink);
/* Takes msg; messages leave in the order in which they came. */
void fst_uplink_put(struct fst_uplink *uplink, struct fst_msg *msg);
void fst_uplink_flush(struct fst_uplink *uplink);
void fst_uplink_acked(struct fst_uplink *uplink, uint64_t seq);
/* So much is not acknowledged that workers should wait. */
bool fst_uplink_full(const struct fst_uplink *uplink);
/* Nothing is gathered and everything sent was acknowledged. */
bool fst_uplink_empty(const struct fst_uplink *uplink);

#endif
