/* Everything here runs on the loop thread. There is at most one receive and one
 * send under way on a connection, each with a letter of its own, so no lock is
 * needed beyond the inbox's: nng's operations are started and the stream is
 * closed by the loop thread only.
 *
 * A connection dies once (`dead`): its stream is closed, which completes
 * whatever is under way; when neither a receive nor a send nor a handshake is
 * out any more and no callback of ours is on the stack (`handling`), it is
 * freed.
 *
 * Over TLS bytes go through shared/trust between stream and frames. Each step
 * of a handshake is work for another thread, since it costs milliseconds, one
 * after the other; from when it waits for its turn (`shaking`) the session is
 * that thread's, and nothing is received.
 */
#include "shared/net/conn.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/base/mem.h"
#include "shared/net/parts.h"
#include "shared/proto/frame.h"

enum {
    READ_SIZE = 16 * 1024, /* one each: a thousand agents may be idle */
    /* More than the largest message may wait to be sent. */
    QUEUE_MAX = FST_MESSAGE_MAX + (64 << 20),
    /* A buffer that a burst needed is given back above this. */
    KEEP_MAX = 2 << 20,
    SHAKES_MOST = 256, /* steps of handshakes wait; who comes then waits in the
                          kernel */
    STEPS_MOST = 6,    /* that a handshake needs; more are a waste of time */
    ENCRYPT_MOST = 256 * 1024, /* at once: the loop has other things to do */
};
#define MS INT64_C(1000000)
#define LINGER_NS (2000 * MS)

struct fst_conn {
    struct fst_net *net;
    struct fst_conn *prev, *next; /* net->conns */
    nng_stream *stream;
    struct fst_operation read, write;
    bool reading, writing; /* an operation is under way */
    bool hung_up;          /* the peer has closed; its last bytes may wait */
    bool mute; /* a send has failed: the peer is gone, what is sent is lost */
    bool dead, closing, handling;
    bool parting; /* closing, once the peer has read why, or LINGER_NS */
    struct fst_timer *linger;
    char *chunk; /* READ_SIZE */
    struct fst_frames frames;
    struct fst_buf queued, sending;
    size_t taken; /* of `queued`, into the TLS session */
    size_t sent;  /* of `sending` */
    struct fst_tls *tls;
    struct fst_conn *next_shake;
    bool shaking, shaken; /* a step is under way; the handshake is done */
    bool heard;           /* bytes have come */
    unsigned steps;       /* of the handshake, that have begun */
    int shake_result;
    struct fst_err shake_err;
    const struct fst_conn_events *events;
    void *user;
};

static void start_read(struct fst_conn *conn)
{
    nng_iov iov = {conn->chunk, READ_SIZE};
    nng_aio_set_iov(conn->read.aio, 1, &iov);
    conn->reading = true;
    nng_stream_recv(conn->stream, conn->read.aio);
}

/* ---- what is to be sent */

static void forget(struct fst_buf *buf)
{
    if (buf->cap > KEEP_MAX)
        fst_buf_release(buf);
    else
        fst_buf_clear(buf);
}

static void swap(struct fst_buf *one, struct fst_buf *other)
{
    struct fst_buf kept = *one;
    *one = *other;
    *other = kept;
}

static void encrypt_some(struct fst_conn *conn)
{
    struct fst_err err;
    size_t len = conn->queued.len - conn->taken;
    if (len > ENCRYPT_MOST)
        len = ENCRYPT_MOST;
    if (fst_tls_write(conn->tls, conn->queued.data + conn->taken, len, &err)) {
        /* Whoever is sending isn't told from within, but by the receive. */
        conn->mute = true;
        nng_stream_close(conn->stream);
        return;
    }
    conn->taken += len;
    if (conn->taken == conn->queued.len) {
        forget(&conn->queued);
        conn->taken = 0;
    }
}

/* Into the empty `sending`. */
static void take_queued(struct fst_conn *conn)
{
    forget(&conn->sending);
    conn->sent = 0;
    if (!conn->tls) {
        swap(&conn->sending, &conn->queued);
    } else if (!conn->shaking) {
        if (conn->shaken && conn->queued.len)
            encrypt_some(conn);
        swap(&conn->sending, fst_tls_out(conn->tls));
    }
}

static void start_write(struct fst_conn *conn)
{
    if (conn->writing || conn->dead || conn->mute)
        return;
    if (conn->sent == conn->sending.len)
        take_queued(conn);
    if (!conn->sending.len || conn->mute)
        return;
    nng_iov iov = {conn->sending.data + conn->sent,
                   conn->sending.len - conn->sent};
    nng_aio_set_iov(conn->write.aio, 1, &iov);
    conn->writing = true;
    nng_stream_send(conn->stream, conn->write.aio);
}

/* ---- life */

struct fst_conn *fst_conn_new(struct fst_net *net, nng_stream *stream,
                              const struct fst_tls_end *tls)
{
    struct fst_conn *conn = fst_alloc(sizeof *conn);
    conn->net = net;
    DL_PREPEND(net->conns, conn);
    conn->stream = stream;
    conn->chunk = fst_alloc(READ_SIZE);
    conn->tls = tls ? fst_tls_new(tls) : NULL;
    fst_frames_init(&conn->frames, FST_FRAME_MAX_UNPROVEN,
                    FST_FRAME_MAX_UNPROVEN);
    fst_buf_init(&conn->queued, QUEUE_MAX);
    fst_buf_init(&conn->sending, QUEUE_MAX);
    fst_operation_init(&conn->read, net, FST_LETTER_READ, conn);
    fst_operation_init(&conn->write, net, FST_LETTER_WRITTEN, conn);
    return conn;
}

static void free_if_over(struct fst_conn *conn)
{
    if (!conn->dead || conn->reading || conn->writing || conn->shaking ||
        conn->handling)
        return;
    DL_DELETE(conn->net->conns, conn);
    fst_operation_fini(&conn->read);
    fst_operation_fini(&conn->write);
    nng_stream_free(conn->stream);
    fst_timer_free(conn->linger);
    fst_frames_release(&conn->frames);
    fst_buf_release(&conn->queued);
    fst_buf_release(&conn->sending);
    fst_tls_free(conn->tls);
    free(conn->chunk);
    free(conn);
}

void fst_conn_kill(struct fst_conn *conn)
{
    if (!conn->dead) {
        conn->dead = true;
        nng_stream_close(conn->stream);
    }
    free_if_over(conn);
}

static void on_linger(void *user)
{
    fst_conn_kill(user);
}

static void set_linger(struct fst_conn *conn)
{
    conn->linger = fst_timer_new(conn->net->loop, on_linger, conn);
    fst_timer_set(conn->linger, LINGER_NS);
}

/* Ends the connection and tells its user, unless that one has closed it. */
static void lose_conn(struct fst_conn *conn, const struct fst_err *why)
{
    if (conn->dead)
        return;
    bool tell = !conn->closing;
    conn->dead = true;
    nng_stream_close(conn->stream);
    if (tell)
        conn->events->on_closed(conn->user, conn, why);
}

/* The same of a handshake that has failed: the alert is the last word. Whoever
 * went to the trouble of a certificate gets time to read it: closed with bytes
 * unread, the socket could be reset before. */
static void refuse_conn(struct fst_conn *conn, const struct fst_err *why)
{
    conn->closing = true;
    start_write(conn);
    conn->parting = why->code == FST_E_REFUSED && conn->writing;
    conn->events->on_closed(conn->user, conn, why);
    if (conn->writing)
        set_linger(conn);
    else
        fst_conn_kill(conn);
}

/* ---- what has come */

static void handle_messages(struct fst_conn *conn)
{
    struct fst_err err;
    struct fst_msg *msg;
    int result = 1;
    while (!conn->dead && !conn->closing && result > 0) {
        result = fst_frames_next(&conn->frames, &msg, &err);
        if (result > 0)
            conn->events->on_message(conn->user, conn, msg);
        else if (result < 0)
            lose_conn(conn, &err);
    }
}

/* What the session holds; `chunk` is free to be used. */
static void handle_encrypted(struct fst_conn *conn)
{
    struct fst_err err;
    size_t len;
    int result = 1;
    while (!conn->dead && !conn->closing && result > 0) {
        result = fst_tls_read(conn->tls, conn->chunk, READ_SIZE, &len, &err);
        if (result > 0) {
            fst_frames_feed(&conn->frames, conn->chunk, len);
            handle_messages(conn);
        } else if (result < 0) {
            lose_conn(conn, &err);
        }
    }
    start_write(conn); /* an alert */
}

static void shake(void *user) /* another thread */
{
    struct fst_conn *conn = user;
    conn->shake_result = fst_tls_shake(conn->tls, &conn->shake_err);
}

static void take_step(struct fst_conn *conn)
{
    conn->shaken = conn->shake_result > 0;
    if (conn->shake_result < 0)
        refuse_conn(conn, &conn->shake_err);
    start_write(conn);
    if (conn->shaken)
        handle_encrypted(conn);
    if (!conn->dead)
        start_read(conn);
}

static void start_next_shake(struct fst_net *net);

static void on_shaken(void *user)
{
    struct fst_conn *conn = user;
    struct fst_net *net = conn->net;
    net->shaking = false;
    conn->shaking = false;
    conn->handling = true;
    if (!conn->dead && conn->closing)
        fst_conn_kill(conn);
    else if (!conn->dead)
        take_step(conn);
    conn->handling = false;
    free_if_over(conn);
    start_next_shake(net);
}

static void add_shake(struct fst_shakes *shakes, struct fst_conn *conn)
{
    conn->next_shake = NULL;
    *(shakes->first ? shakes->last : &shakes->first) = conn;
    shakes->last = &conn->next_shake;
}

static struct fst_conn *take_shake(struct fst_net *net)
{
    struct fst_shakes *from = net->begun.first ? &net->begun : &net->fresh;
    struct fst_conn *conn = from->first;
    if (conn) {
        from->first = conn->next_shake;
        net->n_shakes--;
    }
    return conn;
}

static void start_next_shake(struct fst_net *net)
{
    bool busy = fst_net_is_busy(net);
    struct fst_conn *conn;
    while (!net->shaking && (conn = take_shake(net))) {
        if (conn->dead) {
            conn->shaking = false;
            free_if_over(conn);
        } else {
            net->shaking = true;
            fst_work_start(net->loop, shake, on_shaken, conn);
        }
    }
    if (busy && !fst_net_is_busy(net))
        fst_net_on_idle(net);
}

static void start_shake(struct fst_conn *conn)
{
    struct fst_net *net = conn->net;
    bool begun = conn->steps && conn->steps < STEPS_MOST;
    conn->shaking = true;
    conn->steps++;
    add_shake(begun ? &net->begun : &net->fresh, conn);
    net->n_shakes++;
    start_next_shake(net);
}

static void handle_bytes(struct fst_conn *conn, size_t len)
{
    if (!conn->tls) {
        fst_frames_feed(&conn->frames, conn->chunk, len);
        handle_messages(conn);
        return;
    }
    fst_tls_feed(conn->tls, conn->chunk, len);
    if (conn->shaken)
        handle_encrypted(conn);
    else
        start_shake(conn);
}

void fst_conn_on_read(struct fst_conn *conn)
{
    struct fst_err err;
    int result = nng_aio_result(conn->read.aio);
    size_t len = nng_aio_count(conn->read.aio);
    conn->reading = false;
    conn->handling = true;
    if (!conn->dead) {
        if (result == NNG_ECONNSHUT && !conn->hung_up) {
            /* nng fails a receive as soon as the peer has closed, whatever
             * still waits in the socket; the receives after it get that. */
            conn->hung_up = true;
        } else if (result || !len) {
            fst_fail(&err, FST_E_CLOSED, "the connection ended (%s)",
                     result ? nng_strerror(result) : "closed");
            lose_conn(conn, &err);
        } else if (!conn->closing) {
            conn->heard = true;
            handle_bytes(conn, len);
        }
        if (!conn->dead && !conn->shaking)
            start_read(conn);
    }
    conn->handling = false;
    free_if_over(conn);
}

static bool is_end(int result)
{
    return result == NNG_ECLOSED || result == NNG_ECONNSHUT ||
           result == NNG_ECONNRESET;
}

void fst_conn_on_written(struct fst_conn *conn)
{
    struct fst_err err;
    int result = nng_aio_result(conn->write.aio);
    conn->writing = false;
    conn->handling = true;
    if (!conn->dead && is_end(result) && !conn->closing) {
        /* The receive that is under way sees the end too, after what the peer
         * said last. */
        conn->mute = true;
        fst_buf_release(&conn->queued);
        conn->taken = 0;
    } else if (!conn->dead && result) {
        fst_fail(&err, FST_E_CLOSED, "the connection ended (%s)",
                 nng_strerror(result));
        lose_conn(conn, &err);
    } else if (!conn->dead) {
        conn->sent += nng_aio_count(conn->write.aio);
        start_write(conn);
        if (conn->closing && !conn->writing && !conn->parting)
            fst_conn_kill(conn);
    }
    conn->handling = false;
    free_if_over(conn);
}

/* ---- for its user */

void fst_conn_peer(const struct fst_conn *conn, char text[FST_PEER_TEXT])
{
    nng_sockaddr address;
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    snprintf(text, FST_PEER_TEXT, "a process of this machine");
    if (nng_stream_get_addr(conn->stream, NNG_OPT_REMADDR, &address))
        return;
    if (address.s_family == NNG_AF_INET) {
        inet_ntop(AF_INET, &address.s_in.sa_addr, host, sizeof host);
        port = ntohs(address.s_in.sa_port);
    } else if (address.s_family == NNG_AF_INET6) {
        inet_ntop(AF_INET6, address.s_in6.sa_addr, host, sizeof host);
        port = ntohs(address.s_in6.sa_port);
    }
    if (port)
        snprintf(text, FST_PEER_TEXT, "%s port %u", host, port);
}

void fst_conn_accept(struct fst_conn *conn,
                     const struct fst_conn_events *events, void *user)
{
    conn->events = events;
    conn->user = user;
    if (conn->tls && fst_tls_speaks_first(conn->tls))
        start_shake(conn);
    else
        start_read(conn);
}

void fst_conn_offer(struct fst_conn *conn,
                    void (*on_conn)(void *user, struct fst_conn *conn),
                    void *user)
{
    conn->handling = true;
    on_conn(user, conn);
    conn->handling = false;
    if (!conn->events)
        fst_conn_kill(conn);
    else
        free_if_over(conn);
}

int fst_conn_send(struct fst_conn *conn, const struct fst_msg *msg,
                  struct fst_err *err)
{
    if (conn->dead || conn->closing)
        return fst_fail(err, FST_E_CLOSED, "the connection has ended");
    if (conn->mute)
        return 0;
    if (fst_frame_write(msg, true, &conn->queued, err))
        return -1;
    start_write(conn);
    return 0;
}

int fst_conn_send_frames(struct fst_conn *conn, const char *frames, size_t len,
                         struct fst_err *err)
{
    if (conn->dead || conn->closing)
        return fst_fail(err, FST_E_CLOSED, "the connection has ended");
    if (conn->mute)
        return 0;
    if (fst_buf_add(&conn->queued, frames, len))
        return fst_fail(err, FST_E_LIMIT, "over %d bytes to send", QUEUE_MAX);
    start_write(conn);
    return 0;
}

bool fst_conn_is_silent(const struct fst_conn *conn)
{
    return !conn->heard;
}

bool fst_conn_is_tls(const struct fst_conn *conn)
{
    return conn->tls;
}

void fst_conn_trust(struct fst_conn *conn)
{
    conn->frames.frame_max = FST_FRAME_MAX;
    conn->frames.message_max = FST_MESSAGE_MAX;
    conn->frames.whole.limit = FST_MESSAGE_MAX;
}

void fst_conn_close(struct fst_conn *conn)
{
    if (conn->dead || conn->closing)
        return;
    conn->closing = true;
    if (conn->writing)
        set_linger(conn);
    else
        fst_conn_kill(conn);
}

bool fst_net_is_busy(const struct fst_net *net)
{
    return net->n_shakes >= SHAKES_MOST;
}

struct fst_conn *fst_conn_next(const struct fst_conn *conn)
{
    return conn->next;
}
