/* One side of a session between a coordinator and an agent, which outlives its
 * connections: numbers what is sent, keeps it until the other side has
 * acknowledged it, and sends the rest again over the next connection.
 *
 * Both sides count what is said after WELCOME, but for PING and ACK
 * (fst_link_counts()): msg->seq is 1, 2, … each way. When a connection is made
 * anew, each side says how much it has heard (PROOF, WELCOME), and the other
 * one resends what is behind that. So every message is taken once and in order,
 * whatever becomes of connections, as long as both processes live. Pure; one
 * owner at a time.
 */
#ifndef FST_PROTO_LINK_H
#define FST_PROTO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/base/vec.h"
#include "shared/proto/frame.h"
#include "shared/proto/msg.h"

enum {
    FST_LINK_TELL = 64, /* heard so many: an ACK is due */
    /* With so many bytes waiting for one, no more is sent. */
    FST_LINK_KEPT_MAX = FST_MESSAGE_MAX + (256 << 20),
};

struct fst_link_sent {
    enum fst_msg_type type;
    struct fst_buf frames; /* as they went out */
};

struct fst_link {                       /* zeroed is new */
    uint64_t sent, acked;               /* ours: the last number given, kept */
    uint64_t heard, told;               /* theirs: taken, and said to be */
    FST_VEC(struct fst_link_sent) kept; /* of acked + 1 … sent */
    size_t bytes;                       /* of `kept` */
};

void fst_link_release(struct fst_link *link);
bool fst_link_counts(enum fst_msg_type type);

/* Numbers the message and keeps its frames. They stand until the link is used
 * again; NULL: it is too large, or too much isn't acknowledged (FST_E_LIMIT),
 * and was not counted. */
const struct fst_buf *fst_link_send(struct fst_link *link, struct fst_msg *msg,
                                    struct fst_err *err);
/* Of what came: 1: it is new, or isn't counted; 0: it was heard before; -1: not
 * the next one (FST_E_PROTO). */
int fst_link_hear(struct fst_link *link, const struct fst_msg *msg,
                  struct fst_err *err);
/* The other side has what we sent up to seq: it isn't kept any more.
 * FST_E_PROTO where it was never sent. */
int fst_link_ack(struct fst_link *link, uint64_t seq, struct fst_err *err);

/* What was heard and is not yet told. */
bool fst_link_owes(const struct fst_link *link);
/* The ACK that tells it; the caller's, to be sent now. */
struct fst_msg *fst_link_tell(struct fst_link *link);

/* A new connection: the other side has heard so much, as fst_link_ack(). What
 * is left in `kept` is to be sent again. */
int fst_link_resume(struct fst_link *link, uint64_t heard, struct fst_err *err);

/* A decoded copy of kept message i; the caller's. */
struct fst_msg *fst_link_copy(const struct fst_link *link, size_t i);

#endif
