/* shared/net's connections. What is sent arrives in order and late; where a
 * connection is lost, a part of it from the beginning, cut anywhere. */
#include "shared/net/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/proto/frame.h"
#include "tests/sim/net/world.h"

struct packet {
    struct packet *prev, *next;
    int64_t at;
    char *bytes; /* NULL: the end of what the peer says */
    size_t len;
};

struct fst_conn { /* one end */
    struct fst_conn *prev, *next;
    struct fst_net *net;
    struct fst_conn *peer; /* NULL: its end is on its way */
    struct agent *agent;   /* whose connection it is, on both ends */
    const struct fst_conn_events *events;
    void *user;
    struct fst_frames frames;
    struct packet *packets;   /* on the way to here */
    struct fst_timer *arrive; /* the first of them */
    int64_t last;             /* when the last of them does */
    struct fst_frames said;   /* what went out, for watch.c */
    bool deaf, dead, handling, heard;
};

struct fst_listener {
    struct fst_listener *prev, *next;
    struct fst_net *net;
    void (*on_conn)(void *user, struct fst_conn *conn);
    void *user;
};

struct dialer {
    struct dialer *prev, *next;
    struct fst_net *net;
    struct fst_timer *timer;
    int64_t delay;
    const struct fst_conn_events *events;
    void (*on_dialed)(void *user, struct fst_conn *conn,
                      const struct fst_err *why);
    void *user;
};

/* ---- what is under way */

static void arm(struct fst_conn *conn)
{
    const struct world *world = conn->net->process->world;
    if (conn->packets && conn->events)
        fst_timer_set(conn->arrive, conn->packets->at - world->now);
    else
        fst_timer_clear(conn->arrive);
}

static void drop_packet(struct fst_conn *conn, struct packet *packet)
{
    DL_DELETE(conn->packets, packet);
    free(packet->bytes);
    free(packet);
}

static void push(struct fst_conn *to, const char *bytes, size_t len,
                 int64_t delay)
{
    struct world *world = to->net->process->world;
    int64_t at = world->now + delay;
    if (to->agent->apart > world->now)
        at += to->agent->apart - world->now;
    if (to->deaf)
        return;
    to->last = at > to->last ? at : to->last + 1;
    struct packet *packet = fst_alloc(sizeof *packet);
    packet->at = to->last;
    packet->len = len;
    if (bytes) {
        packet->bytes = fst_alloc(len);
        memcpy(packet->bytes, bytes, len);
    }
    DL_APPEND(to->packets, packet);
    arm(to);
}

static void free_conn(struct fst_conn *conn)
{
    DL_DELETE(conn->net->conns, conn);
    if (conn->peer)
        conn->peer->peer = NULL;
    while (conn->packets)
        drop_packet(conn, conn->packets);
    fst_timer_free(conn->arrive);
    fst_frames_release(&conn->frames);
    fst_frames_release(&conn->said);
    free(conn);
}

static void lose(struct fst_conn *conn, const struct fst_err *why)
{
    if (conn->dead)
        return;
    conn->dead = true;
    world_trace(conn->net->process->world, "%s: %s: %s",
                conn->net->process->name, conn->agent->name, why->msg);
    conn->events->on_closed(conn->user, conn, why);
}

static void handle_messages(struct fst_conn *conn)
{
    struct process *process = conn->net->process;
    struct fst_msg *msg;
    struct fst_err err;
    while (!conn->dead && !process->dead) {
        int result = fst_frames_next(&conn->frames, &msg, &err);
        if (!result)
            return;
        if (result < 0) {
            judge_fail(&process->world->judge, "%s heard no message: %s",
                       process->name, err.msg);
            lose(conn, &err);
            return;
        }
        if (faults_dies_here(process)) {
            fst_msg_free(msg);
            return;
        }
        watch_heard(process, msg);
        conn->events->on_message(conn->user, conn, msg);
    }
}

static void on_arrive(void *user)
{
    struct fst_conn *conn = user;
    struct process *process = conn->net->process;
    struct packet *packet = conn->packets;
    if (process->dead)
        return;
    conn->handling = true;
    if (packet->bytes) {
        conn->heard = true;
        fst_frames_feed(&conn->frames, packet->bytes, packet->len);
        drop_packet(conn, packet);
        handle_messages(conn);
    } else {
        struct fst_err err;
        fst_fail(&err, FST_E_CLOSED, "the connection ended");
        lose(conn, &err);
    }
    conn->handling = false;
    if (conn->dead)
        free_conn(conn);
    else
        arm(conn);
}

/* ---- connections */

static struct fst_conn *new_conn(struct fst_net *net, struct agent *agent)
{
    struct fst_conn *conn = fst_alloc(sizeof *conn);
    conn->net = net;
    conn->agent = agent;
    fst_frames_init(&conn->frames, FST_FRAME_MAX_UNPROVEN,
                    FST_FRAME_MAX_UNPROVEN);
    fst_frames_init(&conn->said, FST_FRAME_MAX, FST_MESSAGE_MAX);
    bool coordinator = net->process != &agent->process;
    conn->arrive = fst_timer_new(coordinator ? &net->process->world->coord.loop
                                             : &agent->program.loop,
                                 on_arrive, conn);
    DL_APPEND(net->conns, conn);
    return conn;
}

void fst_conn_accept(struct fst_conn *conn,
                     const struct fst_conn_events *events, void *user)
{
    conn->events = events;
    conn->user = user;
    arm(conn);
}

void fst_conn_peer(const struct fst_conn *conn, char text[FST_PEER_TEXT])
{
    snprintf(text, FST_PEER_TEXT, "%s", conn->agent->name);
}

bool fst_conn_is_silent(const struct fst_conn *conn)
{
    return !conn->heard;
}

bool fst_conn_is_tls(const struct fst_conn *conn)
{
    (void)conn;
    return false;
}

void fst_conn_trust(struct fst_conn *conn)
{
    conn->frames.frame_max = FST_FRAME_MAX;
    conn->frames.message_max = FST_MESSAGE_MAX;
    conn->frames.whole.limit = FST_MESSAGE_MAX;
}

/* Now and then a message comes in two pieces. */
static void send_bytes(struct fst_conn *conn, const char *bytes, size_t len)
{
    struct process *process = conn->net->process;
    struct world *world = process->world;
    struct fst_msg *msg;
    size_t cut = rng_percent(&world->rng, 5)
                     ? (size_t)clock_random(world, (int64_t)len)
                     : 0;
    fst_frames_feed(&conn->said, bytes, len);
    while (fst_frames_next(&conn->said, &msg, NULL) == 1) {
        watch_said(process, msg);
        fst_msg_free(msg);
    }
    if (conn->peer && cut)
        push(conn->peer, bytes, cut, clock_random(world, world->latency));
    if (conn->peer)
        push(conn->peer, bytes + cut, len - cut,
             clock_random(world, world->latency));
}

int fst_conn_send(struct fst_conn *conn, const struct fst_msg *msg,
                  struct fst_err *err)
{
    struct fst_buf bytes = FST_BUF_INIT;
    if (conn->dead)
        return fst_fail(err, FST_E_CLOSED, "the connection has ended");
    if (conn->net->process->dead || faults_dies_here(conn->net->process))
        return 0;
    if (fst_frame_write(msg, true, &bytes, err))
        return -1;
    send_bytes(conn, bytes.data, bytes.len);
    fst_buf_release(&bytes);
    return 0;
}

int fst_conn_send_frames(struct fst_conn *conn, const char *frames, size_t len,
                         struct fst_err *err)
{
    if (conn->dead)
        return fst_fail(err, FST_E_CLOSED, "the connection has ended");
    if (!conn->net->process->dead && !faults_dies_here(conn->net->process))
        send_bytes(conn, frames, len);
    return 0;
}

/* A process that dies has its kernel say so. */
static void close_conn(struct fst_conn *conn)
{
    struct world *world = conn->net->process->world;
    conn->dead = true;
    if (conn->peer)
        push(conn->peer, NULL, 0, clock_random(world, world->latency));
    if (!conn->handling)
        free_conn(conn);
}

void fst_conn_close(struct fst_conn *conn)
{
    if (!conn->dead)
        close_conn(conn);
}

/* ---- listeners, dialing */

struct fst_listener *
fst_listen(struct fst_net *net, const char *url, const struct fst_tls_end *tls,
           void (*on_conn)(void *user, struct fst_conn *conn), void *user,
           struct fst_err *err)
{
    struct fst_listener *listener = fst_alloc(sizeof *listener);
    (void)url;
    (void)tls;
    (void)err;
    listener->net = net;
    listener->on_conn = on_conn;
    listener->user = user;
    DL_APPEND(net->listeners, listener);
    return listener;
}

int fst_listener_port(const struct fst_listener *listener)
{
    (void)listener;
    return 7000;
}

void fst_listener_close(struct fst_listener *listener)
{
    DL_DELETE(listener->net->listeners, listener);
    free(listener);
}

static void free_dialer(struct dialer *dialer)
{
    DL_DELETE(dialer->net->dialers, dialer);
    fst_timer_free(dialer->timer);
    free(dialer);
}

static struct fst_conn *connect_to(struct fst_listener *listener,
                                   struct agent *agent)
{
    struct fst_conn *there = new_conn(listener->net, agent);
    struct fst_conn *here = new_conn(agent->process.net, agent);
    there->peer = here;
    here->peer = there;
    there->handling = true;
    listener->on_conn(listener->user, there);
    there->handling = false;
    if (!there->events)
        close_conn(there);
    else if (there->dead)
        free_conn(there);
    return here;
}

static void on_dial(void *user)
{
    struct dialer *dialer = user;
    struct agent *agent = (struct agent *)dialer->net->process;
    struct world *world = agent->process.world;
    struct coord *coord = &world->coord;
    bool there = !coord->process.dead && coord->process.net &&
                 coord->process.net->listeners &&
                 coord->process.frozen <= world->now;
    if (!there || agent->apart > world->now) {
        fst_timer_set(dialer->timer, dialer->delay);
        dialer->delay = dialer->delay < SECOND ? dialer->delay * 2 : 2 * SECOND;
        return;
    }
    struct fst_conn *conn = connect_to(coord->process.net->listeners, agent);
    fst_conn_accept(conn, dialer->events, dialer->user);
    world_trace(world, "%s connects", agent->name);
    dialer->on_dialed(dialer->user, conn, NULL);
    free_dialer(dialer);
}

int fst_dial(struct fst_net *net, const struct fst_dial_spec *spec,
             struct fst_err *err)
{
    struct agent *agent = (struct agent *)net->process;
    struct dialer *dialer = fst_alloc(sizeof *dialer);
    (void)err;
    dialer->net = net;
    dialer->delay = 50 * MS;
    dialer->events = spec->events;
    dialer->on_dialed = spec->on_dialed;
    dialer->user = spec->user;
    dialer->timer = fst_timer_new(&agent->program.loop, on_dial, dialer);
    fst_timer_set(dialer->timer,
                  spec->wait_ns + clock_random(net->process->world, 20 * MS));
    DL_APPEND(net->dialers, dialer);
    return 0;
}

/* ---- faults */

void net_die(struct process *process)
{
    struct fst_conn *conn, *next;
    DL_FOREACH_SAFE(process->net->conns, conn, next)
    {
        if (!conn->dead)
            close_conn(conn);
    }
    while (process->net->dialers)
        free_dialer(process->net->dialers);
}

void net_free(struct fst_net *net)
{
    while (net->conns)
        free_conn(net->conns);
    while (net->dialers)
        free_dialer(net->dialers);
    while (net->listeners)
        fst_listener_close(net->listeners);
    free(net);
}

/* What arrives here no more: all behind a moment, and of one message maybe
 * the beginning. Mostly the end is told soon, else never. */
static void cut_end(struct world *world, struct fst_conn *conn)
{
    int64_t until = world->now + clock_random(world, world->latency);
    struct packet *packet = conn->packets;
    while (packet && packet->at <= until)
        packet = packet->next;
    if (packet && packet->bytes) {
        packet->len = (size_t)clock_random(world, (int64_t)packet->len);
        packet = packet->len ? packet->next : packet;
    }
    while (packet) {
        struct packet *next = packet->next;
        drop_packet(conn, packet);
        packet = next;
    }
    if (rng_percent(&world->rng, 70))
        push(conn, NULL, 0, world->latency + clock_random(world, 200 * MS));
    conn->deaf = true;
    conn->peer = NULL;
    arm(conn);
}

static struct fst_conn *find_conn(struct agent *agent)
{
    struct fst_conn *conn, *found = NULL;
    DL_FOREACH(agent->process.net->conns, conn)
    {
        found = conn->dead || !conn->peer ? found : conn;
    }
    return found;
}

void net_cut(struct agent *agent)
{
    struct world *world = agent->process.world;
    struct fst_conn *here = agent->process.net ? find_conn(agent) : NULL;
    if (!here)
        return;
    struct fst_conn *there = here->peer;
    cut_end(world, here);
    cut_end(world, there);
}

void net_deafen(struct agent *agent, bool coordinator)
{
    struct fst_conn *conn = agent->process.net ? find_conn(agent) : NULL;
    if (conn)
        (coordinator ? conn->peer : conn)->deaf = true;
}

static void delay_end(struct fst_conn *conn, int64_t until)
{
    struct packet *packet;
    DL_FOREACH(conn->packets, packet)
    {
        if (packet->at < until)
            packet->at = until;
    }
    conn->last = conn->packets && conn->last < until ? until : conn->last;
    arm(conn);
}

void net_delay(struct agent *agent)
{
    struct fst_conn *conn;
    if (!agent->process.net)
        return;
    DL_FOREACH(agent->process.net->conns, conn)
    {
        delay_end(conn, agent->apart);
        if (conn->peer)
            delay_end(conn->peer, agent->apart);
    }
}
