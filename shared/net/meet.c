/* Listeners and dialers, and what they and connections belong to.
 *
 * Of tcp Nagle's algorithm is switched off (nng's streams have it on): a small
 * message behind another one would wait for the peer's delayed acknowledgement,
 * 40 ms and more. */
#include <nng/nng.h>

#include <nng/supplemental/util/platform.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/net/parts.h"
#include "shared/net/url.h"

#define MS INT64_C(1000000)
#define DIAL_FIRST_NS (50 * MS)
#define DIAL_LAST_NS (2000 * MS)

struct fst_listener {
    struct fst_net *net;
    struct fst_listener *next;
    nng_stream_listener *nng;
    struct fst_operation accept;
    bool accepting, closed;
    bool held; /* until handshakes don't wait any more */
    struct fst_url url;
    const struct fst_tls_end *tls;
    struct fst_timer *pause;
    void (*on_conn)(void *user, struct fst_conn *conn);
    void *user;
};

struct fst_dialer {
    struct fst_net *net;
    struct fst_dialer *next;
    nng_stream_dialer *nng;
    struct fst_operation dial;
    struct fst_url url;
    const struct fst_tls_end *tls;
    bool dialing, told;
    char *text; /* the URL */
    struct fst_timer *pause;
    int64_t delay_ns, give_up_ns; /* give_up_ns < 0: never */
    const struct fst_conn_events *events;
    void (*on_dialed)(void *user, struct fst_conn *conn,
                      const struct fst_err *why); /* NULL: the net ends */
    void *user;
};

static void operation_done(void *arg) /* a thread of nng's */
{
    struct fst_operation *operation = arg;
    fst_inbox_post(operation->net->inbox, &operation->base);
}

void fst_operation_init(struct fst_operation *operation, struct fst_net *net,
                        enum fst_letter_kind kind, void *owner)
{
    operation->kind = kind;
    operation->net = net;
    operation->owner = owner;
    FST_ASSERT(!nng_aio_alloc(&operation->aio, operation_done, operation));
}

void fst_operation_fini(struct fst_operation *operation)
{
    nng_aio_free(operation->aio);
}

/* What nng is given: TLS is ours. */
static const char *without_tls(const char *url)
{
    static const char prefix[] = "tls+";
    size_t len = sizeof prefix - 1;
    return strncmp(url, prefix, len) ? url : url + len;
}

/* nng's words, or plainer ones. */
static const char *say(int result)
{
    switch (result) {
    case NNG_EADDRINVAL:
        return "no such host or address";
    case NNG_ENOENT:
        return "no such folder or file";
    default:
        return nng_strerror(result);
    }
}

/* ---- listeners */

/* nng would remove whatever lies at the path. */
static bool is_in_the_way(const char *url)
{
    struct stat info;
    return !lstat(url + strlen("ipc://"), &info) && !S_ISSOCK(info.st_mode);
}

static void start_accept(void *user)
{
    struct fst_listener *listener = user;
    listener->accepting = true;
    nng_stream_listener_accept(listener->nng, listener->accept.aio);
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
    fst_operation_fini(&listener->accept);
    nng_stream_listener_free(listener->nng);
    fst_timer_free(listener->pause);
    free(listener);
}

static void on_accepted(struct fst_listener *listener)
{
    int result = nng_aio_result(listener->accept.aio);
    listener->accepting = false;
    if (!result) {
        nng_stream *stream = nng_aio_get_output(listener->accept.aio, 0);
        struct fst_conn *conn =
            fst_conn_new(listener->net, stream, listener->tls);
        bool welcome = is_welcome(stream, &listener->url);
        if (!welcome)
            fst_warn("refused a connection of another user");
        if (!welcome || listener->closed)
            fst_conn_kill(conn);
        else
            fst_conn_offer(conn, listener->on_conn, listener->user);
    }
    if (listener->closed || result == NNG_ECLOSED)
        free_listener(listener);
    else if (!result && listener->tls && fst_net_is_busy(listener->net))
        listener->held = true;
    else if (result)
        fst_timer_set(listener->pause,
                      50 * MS + (int64_t)(nng_random() % 50) * MS);
    else
        start_accept(listener);
}

void fst_net_on_idle(struct fst_net *net)
{
    for (struct fst_listener *at = net->listeners; at; at = at->next) {
        if (at->held && !at->closed) {
            at->held = false;
            start_accept(at);
        }
    }
}

struct fst_listener *
fst_listen(struct fst_net *net, const char *url, const struct fst_tls_end *tls,
           void (*on_conn)(void *user, struct fst_conn *conn), void *user,
           struct fst_err *err)
{
    nng_stream_listener *nng = NULL;
    struct fst_url place;
    if (fst_url_read(url, &place, err))
        return NULL;
    FST_ASSERT((place.kind == FST_URL_TLS) == (tls != NULL));
    if (place.kind == FST_URL_IPC && is_in_the_way(url)) {
        fst_fail(err, FST_E_IO, "%s: there is something, and it is no socket",
                 url);
        return NULL;
    }
    int result = nng_stream_listener_alloc(&nng, without_tls(url));
    if (!result && place.kind == FST_URL_IPC)
        result =
            nng_stream_listener_set_int(nng, NNG_OPT_IPC_PERMISSIONS, 0600);
    if (!result && place.kind != FST_URL_IPC)
        result = nng_stream_listener_set_bool(nng, NNG_OPT_TCP_NODELAY, true);
    if (!result)
        result = nng_stream_listener_listen(nng);
    if (result) {
        fst_fail(err, FST_E_IO, "%s: %s", url, say(result));
        nng_stream_listener_free(nng);
        return NULL;
    }
    struct fst_listener *listener = fst_alloc(sizeof *listener);
    listener->net = net;
    listener->next = net->listeners;
    net->listeners = listener;
    listener->nng = nng;
    listener->url = place;
    listener->tls = tls;
    listener->on_conn = on_conn;
    listener->user = user;
    listener->pause = fst_timer_new(net->loop, start_accept, listener);
    fst_operation_init(&listener->accept, net, FST_LETTER_ACCEPTED, listener);
    start_accept(listener);
    return listener;
}

int fst_listener_port(const struct fst_listener *listener)
{
    int port;
    bool known = listener->url.kind != FST_URL_IPC &&
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
    struct fst_dialer *dialer = user;
    dialer->dialing = true;
    nng_stream_dialer_dial(dialer->nng, dialer->dial.aio);
}

static void free_dialer(struct fst_dialer *dialer)
{
    struct fst_dialer **at = &dialer->net->dialers;
    while (*at != dialer)
        at = &(*at)->next;
    *at = dialer->next;
    fst_operation_fini(&dialer->dial);
    nng_stream_dialer_free(dialer->nng);
    fst_timer_free(dialer->pause);
    free(dialer->text);
    free(dialer);
}

static void take_stream(struct fst_dialer *dialer, nng_stream *stream)
{
    struct fst_conn *conn = fst_conn_new(dialer->net, stream, dialer->tls);
    bool welcome = is_welcome(stream, &dialer->url);
    if (!dialer->on_dialed || !welcome)
        fst_conn_kill(conn);
    if (dialer->on_dialed && !welcome) {
        struct fst_err why;
        fst_fail(&why, FST_E_REFUSED, "the socket is another user's");
        dialer->on_dialed(dialer->user, NULL, &why);
    } else if (dialer->on_dialed) {
        fst_conn_accept(conn, dialer->events, dialer->user);
        dialer->on_dialed(dialer->user, conn, NULL);
    }
}

/* By up to a quarter, so that many don't come at once. */
static int64_t shorten(int64_t delay)
{
    return delay - delay / 4 * (int64_t)(nng_random() % 1000) / 1000;
}

static void dial_later(struct fst_dialer *dialer, int64_t now)
{
    int64_t delay = dialer->delay_ns;
    dialer->delay_ns = delay * 2 < DIAL_LAST_NS ? delay * 2 : DIAL_LAST_NS;
    delay = shorten(delay);
    if (dialer->give_up_ns >= 0 && now + delay > dialer->give_up_ns)
        delay = dialer->give_up_ns - now;
    fst_timer_set(dialer->pause, delay);
}

static void on_dialed(struct fst_dialer *dialer)
{
    int result = nng_aio_result(dialer->dial.aio);
    int64_t now = fst_loop_now_ns(dialer->net->loop);
    dialer->dialing = false;
    if (!result) {
        take_stream(dialer, nng_aio_get_output(dialer->dial.aio, 0));
        free_dialer(dialer);
    } else if (!dialer->on_dialed) {
        free_dialer(dialer);
    } else if (dialer->give_up_ns >= 0 && now >= dialer->give_up_ns) {
        struct fst_err why;
        fst_fail(&why, FST_E_CLOSED, "nobody answers (%s)", say(result));
        dialer->on_dialed(dialer->user, NULL, &why);
        free_dialer(dialer);
    } else {
        if (!dialer->told)
            fst_warn("%s: nobody answers yet (%s); trying again", dialer->text,
                     say(result));
        dialer->told = true;
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
    FST_ASSERT((place.kind == FST_URL_TLS) == (spec->tls != NULL));
    int result = nng_stream_dialer_alloc(&nng, without_tls(spec->url));
    if (!result && place.kind != FST_URL_IPC)
        result = nng_stream_dialer_set_bool(nng, NNG_OPT_TCP_NODELAY, true);
    if (result) {
        nng_stream_dialer_free(nng);
        return fst_fail(err, FST_E_USAGE, "%s: %s", spec->url, say(result));
    }
    struct fst_dialer *dialer = fst_alloc(sizeof *dialer);
    dialer->net = net;
    dialer->next = net->dialers;
    net->dialers = dialer;
    dialer->nng = nng;
    dialer->url = place;
    dialer->text = fst_strdup(spec->url);
    dialer->tls = spec->tls;
    dialer->delay_ns = DIAL_FIRST_NS;
    dialer->give_up_ns =
        spec->retry_ns < 0 ? -1 : fst_loop_now_ns(net->loop) + spec->retry_ns;
    dialer->events = spec->events;
    dialer->on_dialed = spec->on_dialed;
    dialer->user = spec->user;
    dialer->pause = fst_timer_new(net->loop, start_dial, dialer);
    fst_operation_init(&dialer->dial, net, FST_LETTER_DIALED, dialer);
    if (spec->wait_ns > 0)
        fst_timer_set(dialer->pause, shorten(spec->wait_ns));
    else
        start_dial(dialer);
    return 0;
}

/* ---- net */

static void on_letter(void *user, struct fst_letter *base)
{
    struct fst_operation *operation = (struct fst_operation *)base;
    (void)user;
    switch (operation->kind) {
    case FST_LETTER_READ:
        fst_conn_on_read(operation->owner);
        break;
    case FST_LETTER_WRITTEN:
        fst_conn_on_written(operation->owner);
        break;
    case FST_LETTER_ACCEPTED:
        on_accepted(operation->owner);
        break;
    case FST_LETTER_DIALED:
        on_dialed(operation->owner);
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
    struct fst_dialer *next_dialer;
    for (struct fst_dialer *dialer = net->dialers; dialer;
         dialer = next_dialer) {
        next_dialer = dialer->next;
        dialer->on_dialed = NULL;
        if (dialer->dialing)
            nng_stream_dialer_close(dialer->nng);
        else
            free_dialer(dialer);
    }
    struct fst_conn *next;
    for (struct fst_conn *conn = net->conns; conn; conn = next) {
        next = fst_conn_next(conn);
        fst_conn_close(conn);
    }
    while (net->conns || net->listeners || net->dialers)
        uv_run(&net->loop->uv, UV_RUN_ONCE);
    fst_inbox_free(net->inbox);
    free(net);
}
