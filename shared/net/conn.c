/* Who may touch what: everything in this file but the functions named
 * `*_done` runs on the loop thread. Those three run on nng's threads when an
 * operation has completed; all they do is to post the letter that belongs to
 * the operation. There is at most one receive and one send under way on a
 * connection, each with a letter of its own, so no lock is needed beyond the
 * inbox's: nng's operations are started and the stream is closed by the loop
 * thread only.
 *
 * A connection dies once (`dead`): its stream is closed, which completes
 * whatever is under way; when neither a receive nor a send is out any more and
 * no callback of ours is on the stack (`handling`), it is freed.
 *
 * Of tcp Nagle's algorithm is switched off (nng's streams have it on): a small
 * message behind another one would wait for the peer's delayed acknowledgement,
 * 40 ms and more.
 */
#include "shared/net/conn.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/net/url.h"
#include "shared/proto/frame.h"

enum {
    READ_SIZE = 64 * 1024,
    /* More than the largest message may wait to be sent. */
    QUEUE_MAX = FST_MESSAGE_MAX + (64 << 20),
    /* A buffer that a burst needed is given back above this. */
    KEEP_MAX = 2 << 20,
};
#define MS INT64_C(1000000)
#define LINGER_NS (2000 * MS)
#define DIAL_FIRST_NS (50 * MS)
#define DIAL_LAST_NS (2000 * MS)

enum letter_kind {
    LETTER_READ,
    LETTER_WRITTEN,
    LETTER_ACCEPTED,
    LETTER_DIALED
};

struct letter {
    struct fst_letter base; /* first */
    enum letter_kind kind;
    void *owner;
};

struct fst_conn {
    struct fst_net *net;
    struct fst_conn *next;
    nng_stream *stream;
    nng_aio *read_aio, *write_aio;
    struct letter read_letter, write_letter;
    bool reading, writing; /* an operation is under way */
    bool hung_up;          /* the peer has closed; its last bytes may wait */
    bool mute; /* a send has failed: the peer is gone, what is sent is lost */
    bool dead, closing, handling;
    struct fst_timer *linger;
    char *chunk; /* READ_SIZE */
    struct fst_frames frames;
    struct fst_buf queued, sending;
    size_t sent; /* of `sending` */
    const struct fst_conn_events *events;
    void *user;
};

struct fst_listener {
    struct fst_net *net;
    struct fst_listener *next;
    nng_stream_listener *nng;
    nng_aio *aio;
    struct letter letter;
    bool accepting, closed;
    struct fst_url url;
    struct fst_timer *pause;
    void (*on_conn)(void *user, struct fst_conn *conn);
    void *user;
};

struct dialer {
    struct fst_net *net;
    struct dialer *next;
    nng_stream_dialer *nng;
    nng_aio *aio;
    struct letter letter;
    struct fst_url url;
    bool dialing;
    struct fst_timer *pause;
    int64_t delay_ns, give_up_ns; /* give_up_ns < 0: never */
    const struct fst_conn_events *events;
    void (*on_dialed)(void *user, struct fst_conn *conn,
                      const struct fst_err *why); /* NULL: the net ends */
    void *user;
};

struct fst_net {
    struct fst_loop *loop;
    struct fst_inbox *inbox;
    struct fst_conn *conns;
    struct fst_listener *listeners;
    struct dialer *dialers;
};

static void operation_done(void *arg)
{
    struct letter *letter = arg;
    struct fst_net *net = letter->kind == LETTER_ACCEPTED
                              ? ((struct fst_listener *)letter->owner)->net
                          : letter->kind == LETTER_DIALED
                              ? ((struct dialer *)letter->owner)->net
                              : ((struct fst_conn *)letter->owner)->net;
    fst_inbox_post(net->inbox, &letter->base);
}

static void make_operation(nng_aio **aio, struct letter *letter,
                           enum letter_kind kind, void *owner)
{
    letter->kind = kind;
    letter->owner = owner;
    FST_ASSERT(!nng_aio_alloc(aio, operation_done, letter));
}

/* ---- connections */

static void start_read(struct fst_conn *conn)
{
    nng_iov iov = {conn->chunk, READ_SIZE};
    nng_aio_set_iov(conn->read_aio, 1, &iov);
    conn->reading = true;
    nng_stream_recv(conn->stream, conn->read_aio);
}

static void start_write(struct fst_conn *conn)
{
    if (conn->writing || conn->dead || conn->mute)
        return;
    if (conn->sent == conn->sending.len) {
        struct fst_buf done = conn->sending;
        conn->sending = conn->queued;
        conn->queued = done;
        if (conn->queued.cap > KEEP_MAX)
            fst_buf_release(&conn->queued);
        else
            fst_buf_clear(&conn->queued);
        conn->sent = 0;
        if (!conn->sending.len)
            return;
    }
    nng_iov iov = {conn->sending.data + conn->sent,
                   conn->sending.len - conn->sent};
    nng_aio_set_iov(conn->write_aio, 1, &iov);
    conn->writing = true;
    nng_stream_send(conn->stream, conn->write_aio);
}

static struct fst_conn *new_conn(struct fst_net *net, nng_stream *stream)
{
    struct fst_conn *conn = fst_alloc(sizeof *conn);
    conn->net = net;
    conn->next = net->conns;
    net->conns = conn;
    conn->stream = stream;
    conn->chunk = fst_alloc(READ_SIZE);
    fst_frames_init(&conn->frames, FST_FRAME_MAX_UNPROVEN,
                    FST_FRAME_MAX_UNPROVEN);
    fst_buf_init(&conn->queued, QUEUE_MAX);
    fst_buf_init(&conn->sending, QUEUE_MAX);
    make_operation(&conn->read_aio, &conn->read_letter, LETTER_READ, conn);
    make_operation(&conn->write_aio, &conn->write_letter, LETTER_WRITTEN, conn);
    return conn;
}

static void free_if_over(struct fst_conn *conn)
{
    if (!conn->dead || conn->reading || conn->writing || conn->handling)
        return;
    struct fst_conn **at = &conn->net->conns;
    while (*at != conn)
        at = &(*at)->next;
    *at = conn->next;
    nng_aio_free(conn->read_aio);
    nng_aio_free(conn->write_aio);
    nng_stream_free(conn->stream);
    fst_timer_free(conn->linger);
    fst_frames_release(&conn->frames);
    fst_buf_release(&conn->queued);
    fst_buf_release(&conn->sending);
    free(conn->chunk);
    free(conn);
}

static void kill_conn(struct fst_conn *conn)
{
    if (!conn->dead) {
        conn->dead = true;
        nng_stream_close(conn->stream);
    }
    free_if_over(conn);
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

static void on_read(struct fst_conn *conn)
{
    struct fst_err err;
    int result = nng_aio_result(conn->read_aio);
    size_t len = nng_aio_count(conn->read_aio);
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
            fst_frames_feed(&conn->frames, conn->chunk, len);
            handle_messages(conn);
        }
        if (!conn->dead)
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

static void on_written(struct fst_conn *conn)
{
    struct fst_err err;
    int result = nng_aio_result(conn->write_aio);
    conn->writing = false;
    conn->handling = true;
    if (!conn->dead && is_end(result) && !conn->closing) {
        /* The receive that is under way sees the end too, after what the peer
         * said last. */
        conn->mute = true;
        fst_buf_release(&conn->queued);
    } else if (!conn->dead && result) {
        fst_fail(&err, FST_E_CLOSED, "the connection ended (%s)",
                 nng_strerror(result));
        lose_conn(conn, &err);
    } else if (!conn->dead) {
        conn->sent += nng_aio_count(conn->write_aio);
        start_write(conn);
        if (conn->closing && !conn->writing)
            kill_conn(conn);
    }
    conn->handling = false;
    free_if_over(conn);
}

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
    start_read(conn);
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

void fst_conn_trust(struct fst_conn *conn)
{
    conn->frames.frame_max = FST_FRAME_MAX;
    conn->frames.message_max = FST_MESSAGE_MAX;
    conn->frames.whole.limit = FST_MESSAGE_MAX;
}

static void on_linger(void *user)
{
    kill_conn(user);
}

void fst_conn_close(struct fst_conn *conn)
{
    if (conn->dead || conn->closing)
        return;
    conn->closing = true;
    if (!conn->writing) {
        kill_conn(conn);
        return;
    }
    conn->linger = fst_timer_new(conn->net->loop, on_linger, conn);
    fst_timer_set(conn->linger, LINGER_NS);
}

/* ---- listeners */

static void start_accept(void *user)
{
    struct fst_listener *listener = user;
    listener->accepting = true;
    nng_stream_listener_accept(listener->nng, listener->aio);
}

/* Over ipc: a process of the same user. */
static bool is_ours(nng_stream *stream)
{
    uint64_t uid;
    return !nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_UID, &uid) &&
           uid == geteuid();
}

static bool is_welcome(nng_stream *stream, const struct fst_url *url)
{
    return url->kind != FST_URL_IPC || is_ours(stream);
}

static void free_listener(struct fst_listener *listener)
{
    struct fst_listener **at = &listener->net->listeners;
    while (*at != listener)
        at = &(*at)->next;
    *at = listener->next;
    nng_aio_free(listener->aio);
    nng_stream_listener_free(listener->nng);
    fst_timer_free(listener->pause);
    free(listener);
}

static void on_accepted(struct fst_listener *listener)
{
    int result = nng_aio_result(listener->aio);
    listener->accepting = false;
    if (!result) {
        nng_stream *stream = nng_aio_get_output(listener->aio, 0);
        struct fst_conn *conn = new_conn(listener->net, stream);
        bool welcome = is_welcome(stream, &listener->url);
        if (!welcome)
            fst_warn("refused a connection of another user");
        if (!welcome || listener->closed) {
            kill_conn(conn);
        } else {
            conn->handling = true;
            listener->on_conn(listener->user, conn);
            conn->handling = false;
            if (!conn->events)
                kill_conn(conn);
            else
                free_if_over(conn);
        }
    }
    if (listener->closed || result == NNG_ECLOSED)
        free_listener(listener);
    else if (result)
        fst_timer_set(listener->pause,
                      50 * MS + (int64_t)(nng_random() % 50) * MS);
    else
        start_accept(listener);
}

struct fst_listener *fst_listen(struct fst_net *net, const char *url,
                                void (*on_conn)(void *user,
                                                struct fst_conn *conn),
                                void *user, struct fst_err *err)
{
    nng_stream_listener *nng = NULL;
    struct fst_url place;
    if (fst_url_read(url, &place, err))
        return NULL;
    int result = nng_stream_listener_alloc(&nng, url);
    if (!result && place.kind == FST_URL_IPC)
        result =
            nng_stream_listener_set_int(nng, NNG_OPT_IPC_PERMISSIONS, 0600);
    if (!result && place.kind != FST_URL_IPC)
        result = nng_stream_listener_set_bool(nng, NNG_OPT_TCP_NODELAY, true);
    if (!result)
        result = nng_stream_listener_listen(nng);
    if (result) {
        fst_fail(err, FST_E_IO, "%s: %s", url, nng_strerror(result));
        nng_stream_listener_free(nng);
        return NULL;
    }
    struct fst_listener *listener = fst_alloc(sizeof *listener);
    listener->net = net;
    listener->next = net->listeners;
    net->listeners = listener;
    listener->nng = nng;
    listener->url = place;
    listener->on_conn = on_conn;
    listener->user = user;
    listener->pause = fst_timer_new(net->loop, start_accept, listener);
    make_operation(&listener->aio, &listener->letter, LETTER_ACCEPTED,
                   listener);
    start_accept(listener);
    return listener;
}

int fst_listener_port(const struct fst_listener *listener)
{
    int port;
    bool known = listener->url.kind == FST_URL_TCP &&
                 !nng_stream_listener_get_int(listener->nng,
                                              NNG_OPT_TCP_BOUND_PORT, &port);
    return known ? port : -1;
}

void fst_listener_close(struct fst_listener *listener)
{
    if (!listener || listener->closed)
        return;
    listener->closed = true;
    nng_stream_listener_close(listener->nng);
    if (!listener->accepting)
        free_listener(listener);
}

/* ---- dialing */

static void start_dial(void *user)
{
    struct dialer *dialer = user;
    dialer->dialing = true;
    nng_stream_dialer_dial(dialer->nng, dialer->aio);
}

static void free_dialer(struct dialer *dialer)
{
    struct dialer **at = &dialer->net->dialers;
    while (*at != dialer)
        at = &(*at)->next;
    *at = dialer->next;
    nng_aio_free(dialer->aio);
    nng_stream_dialer_free(dialer->nng);
    fst_timer_free(dialer->pause);
    free(dialer);
}

static void take_stream(struct dialer *dialer, nng_stream *stream)
{
    struct fst_conn *conn = new_conn(dialer->net, stream);
    bool welcome = is_welcome(stream, &dialer->url);
    if (!dialer->on_dialed || !welcome)
        kill_conn(conn);
    if (dialer->on_dialed && !welcome) {
        struct fst_err why;
        fst_fail(&why, FST_E_REFUSED, "the socket is another user's");
        dialer->on_dialed(dialer->user, NULL, &why);
    } else if (dialer->on_dialed) {
        fst_conn_accept(conn, dialer->events, dialer->user);
        dialer->on_dialed(dialer->user, conn, NULL);
    }
}

static void dial_later(struct dialer *dialer, int64_t now)
{
    int64_t delay = dialer->delay_ns;
    dialer->delay_ns = delay * 2 < DIAL_LAST_NS ? delay * 2 : DIAL_LAST_NS;
    delay -= delay / 4 * (int64_t)(nng_random() % 1000) / 1000;
    if (dialer->give_up_ns >= 0 && now + delay > dialer->give_up_ns)
        delay = dialer->give_up_ns - now;
    fst_timer_set(dialer->pause, delay);
}

static void on_dialed(struct dialer *dialer)
{
    int result = nng_aio_result(dialer->aio);
    int64_t now = fst_loop_now_ns(dialer->net->loop);
    dialer->dialing = false;
    if (!result) {
        take_stream(dialer, nng_aio_get_output(dialer->aio, 0));
        free_dialer(dialer);
    } else if (!dialer->on_dialed) {
        free_dialer(dialer);
    } else if (dialer->give_up_ns >= 0 && now >= dialer->give_up_ns) {
        struct fst_err why;
        fst_fail(&why, FST_E_CLOSED, "nobody answers (%s)",
                 nng_strerror(result));
        dialer->on_dialed(dialer->user, NULL, &why);
        free_dialer(dialer);
    } else {
        dial_later(dialer, now);
    }
}

int fst_dial(struct fst_net *net, const struct fst_dial_spec *spec,
             struct fst_err *err)
{
    nng_stream_dialer *nng = NULL;
    struct fst_url place;
    if (fst_url_read(spec->url, &place, err))
        return -1;
    int result = nng_stream_dialer_alloc(&nng, spec->url);
    if (!result && place.kind != FST_URL_IPC)
        result = nng_stream_dialer_set_bool(nng, NNG_OPT_TCP_NODELAY, true);
    if (result) {
        nng_stream_dialer_free(nng);
        return fst_fail(err, FST_E_USAGE, "%s: %s", spec->url,
                        nng_strerror(result));
    }
    struct dialer *dialer = fst_alloc(sizeof *dialer);
    dialer->net = net;
    dialer->next = net->dialers;
    net->dialers = dialer;
    dialer->nng = nng;
    dialer->url = place;
    dialer->delay_ns = DIAL_FIRST_NS;
    dialer->give_up_ns =
        spec->retry_ns < 0 ? -1 : fst_loop_now_ns(net->loop) + spec->retry_ns;
    dialer->events = spec->events;
    dialer->on_dialed = spec->on_dialed;
    dialer->user = spec->user;
    dialer->pause = fst_timer_new(net->loop, start_dial, dialer);
    make_operation(&dialer->aio, &dialer->letter, LETTER_DIALED, dialer);
    start_dial(dialer);
    return 0;
}

/* ---- net */

static void on_letter(void *user, struct fst_letter *base)
{
    struct letter *letter = (struct letter *)base;
    (void)user;
    switch (letter->kind) {
    case LETTER_READ:
        on_read(letter->owner);
        break;
    case LETTER_WRITTEN:
        on_written(letter->owner);
        break;
    case LETTER_ACCEPTED:
        on_accepted(letter->owner);
        break;
    case LETTER_DIALED:
        on_dialed(letter->owner);
        break;
    }
}

struct fst_net *fst_net_new(struct fst_loop *loop)
{
    struct fst_net *net = fst_alloc(sizeof *net);
    net->loop = loop;
    net->inbox = fst_inbox_new(loop, on_letter, net);
    nng_msleep(0); /* starts nng's threads now, under the caller's mask */
    return net;
}

void fst_net_free(struct fst_net *net)
{
    if (!net)
        return;
    struct fst_listener *next_listener;
    for (struct fst_listener *at = net->listeners; at; at = next_listener) {
        next_listener = at->next;
        fst_listener_close(at);
    }
    struct dialer *next_dialer;
    for (struct dialer *dialer = net->dialers; dialer; dialer = next_dialer) {
        next_dialer = dialer->next;
        dialer->on_dialed = NULL;
        if (dialer->dialing)
            nng_stream_dialer_close(dialer->nng);
        else
            free_dialer(dialer);
    }
    struct fst_conn *next;
    for (struct fst_conn *conn = net->conns; conn; conn = next) {
        next = conn->next;
        fst_conn_close(conn);
    }
    while (net->conns || net->listeners || net->dialers)
        uv_run(&net->loop->uv, UV_RUN_ONCE);
    fst_inbox_free(net->inbox);
    free(net);
}
