/* What conn.c and meet.c share: nng's operations and how their completions
 * come to the loop. nng's threads run fst_operation_done() alone, which posts
 * the letter that belongs to the operation; the rest is the loop thread's. */
#ifndef FST_NET_PARTS_H
#define FST_NET_PARTS_H

#include <nng/nng.h>

#include "shared/net/conn.h"

enum fst_letter_kind {
    FST_LETTER_READ,
    FST_LETTER_WRITTEN,
    FST_LETTER_ACCEPTED,
    FST_LETTER_DIALED
};

struct fst_operation {
    struct fst_letter base; /* first */
    enum fst_letter_kind kind;
    struct fst_net *net;
    void *owner;
    nng_aio *aio;
};

struct fst_net {
    struct fst_loop *loop;
    struct fst_inbox *inbox;
    struct fst_conn *conns;
    struct fst_listener *listeners;
    struct fst_dialer *dialers;
    /* Handshakes that wait for their next step, in order; one is made at a
     * time. Those that have begun come first: were all to go on at the same
     * pace, all would be late. */
    struct fst_shakes {
        struct fst_conn *first, **last;
    } begun, fresh;
    size_t n_shakes;
    bool shaking;
};

void fst_operation_init(struct fst_operation *operation, struct fst_net *net,
                        enum fst_letter_kind kind, void *owner);
void fst_operation_fini(struct fst_operation *operation);

/* A connection of the stream, which becomes its own. tls: or NULL. */
struct fst_conn *fst_conn_new(struct fst_net *net, nng_stream *stream,
                              const struct fst_tls_end *tls);
/* Ends it without a word to anybody. */
void fst_conn_kill(struct fst_conn *conn);
/* Calls on_conn; ends the connection unless that accepts it. */
void fst_conn_offer(struct fst_conn *conn,
                    void (*on_conn)(void *user, struct fst_conn *conn),
                    void *user);
void fst_conn_on_read(struct fst_conn *conn);
void fst_conn_on_written(struct fst_conn *conn);
struct fst_conn *fst_conn_next(const struct fst_conn *conn);

/* So many handshakes wait that no further connection is taken; and they don't
 * any more. */
bool fst_net_is_busy(const struct fst_net *net);
void fst_net_on_idle(struct fst_net *net);

#endif
