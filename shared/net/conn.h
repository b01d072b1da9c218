/* Connections that carry messages, over nng's streams; tls+tcp's are nng's of
 * tcp with TLS of shared/trust on them. The only place that includes <nng/...>.
 *
 * Threads: nng's own threads only take a completion, post it to the loop's
 * inbox and wake the loop; all callbacks below run on the loop thread. Receive
 * is re-armed only while less than 512 KiB waits to be handled (back-pressure).
 * A connection is freed on the loop thread after both of its completions have
 * run (WIRE's connection rules).
 */
#ifndef FST_NET_CONN_H
#define FST_NET_CONN_H

#include "shared/base/err.h"
#include "shared/loop/loop.h"
#include "shared/proto/msg.h"
#include "shared/trust/tls.h"

struct fst_net;      /* nng with a loop: one a process */
struct fst_conn;     /* one connection */
struct fst_listener; /* a place where they arrive */

struct fst_net *fst_net_new(struct fst_loop *loop);
/* Closes every connection (as fst_conn_close() does) and listener, waits for
 * nng's completions: turns the loop until then, so that callbacks of other
 * handles may run. Not from a callback. */
void fst_net_free(struct fst_net *net);

struct fst_conn_events {
    /* The message is the callee's to free. */
    void (*on_message)(void *user, struct fst_conn *conn, struct fst_msg *msg);
    /* Once, and last: the peer closed, broke the protocol, or sent too much;
     * why says it. FST_E_REFUSED: one side doesn't accept the other's
     * certificate. The connection is freed behind it. Not called for
     * fst_conn_close(). */
    void (*on_closed)(void *user, struct fst_conn *conn,
                      const struct fst_err *why);
};

/* url: as url.h's. Of ipc the socket file is made with mode 0600 and removed at
 * the end; peers of another uid are closed before on_conn. tcp's port 0: any.
 * tls: for tls+tcp, else NULL; stays the caller's, and outlives the net.
 * on_conn: a peer is there; answer by fst_conn_accept() before returning, or it
 * is closed. Over tls+tcp it has not shown any certificate yet: it has when its
 * first message comes. */
struct fst_listener *
fst_listen(struct fst_net *net, const char *url, const struct fst_tls_end *tls,
           void (*on_conn)(void *user, struct fst_conn *conn), void *user,
           struct fst_err *err);
/* The port that it has got; -1: ipc. */
int fst_listener_port(const struct fst_listener *listener);
void fst_listener_close(struct fst_listener *listener);
void fst_conn_accept(struct fst_conn *conn,
                     const struct fst_conn_events *events, void *user);

struct fst_dial_spec {
    const char *url;
    const struct fst_tls_end *tls; /* as of fst_listen() */
    int64_t wait_ns;  /* before the first try; up to a quarter less */
    int64_t retry_ns; /* keep trying so long, with 50 ms … 2 s between tries;
                         < 0: for ever; the first failure is logged */
    const struct fst_conn_events *events; /* the connection's, from the start */
    /* A connection, or NULL and why: nobody answered in time. */
    void (*on_dialed)(void *user, struct fst_conn *conn,
                      const struct fst_err *why);
    void *user; /* of both */
};
/* -1: the URL can't be used (FST_E_USAGE). The spec's strings are copied, its
 * events stay the caller's. */
int fst_dial(struct fst_net *net, const struct fst_dial_spec *spec,
             struct fst_err *err);

/* Queues the message (which stays the caller's). -1: it is too large or too
 * much waits to be sent already (FST_E_LIMIT), or the connection has ended
 * (FST_E_CLOSED). 0 doesn't say that it arrives: of a peer that has just gone
 * on_closed tells, after its last messages. */
int fst_conn_send(struct fst_conn *conn, const struct fst_msg *msg,
                  struct fst_err *err);
/* The same of a message that is encoded already: its frames. */
int fst_conn_send_frames(struct fst_conn *conn, const char *frames, size_t len,
                         struct fst_err *err);
/* Who is at the other end, for logs: "192.0.2.7 port 40123". */
enum { FST_PEER_TEXT = 80 };
void fst_conn_peer(const struct fst_conn *conn, char text[FST_PEER_TEXT]);
/* It has said nothing at all. */
bool fst_conn_is_silent(const struct fst_conn *conn);
/* Over TLS: what it says may wait for the handshakes of others. */
bool fst_conn_is_tls(const struct fst_conn *conn);
/* Ceiling of a frame: FST_FRAME_MAX_UNPROVEN until this is called. */
void fst_conn_trust(struct fst_conn *conn);
/* Sends what is queued (at most 2 s), then closes and frees. No callback
 * follows. */
void fst_conn_close(struct fst_conn *conn);

#endif
