#include "coordinator/cli/farm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "coordinator/cli/greet.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/net/url.h"

/* A peer that has proven nothing in so long is closed; once it has begun with
 * TLS, that is: a thousand may do so at once, and it is done one after the
 * other. */
#define HANDSHAKE_NS INT64_C(5000000000)
#define HANDSHAKES_NS INT64_C(30000000000)
#define MOMENT_NS INT64_C(1000000000)
#define SWEEP_NS INT64_C(250000000)

enum {
    /* Who has not proven anything may not keep us from those who will: where
     * there are so many, the one that has said least for longest makes room.
     * They take at most one in four of the files that may be open. */
    UNPROVEN_MAX = 1024,
    FILES_A_PEER = 4,
    PINGS_A_LIFE = 3, /* in the time that a silent agent has */
};

struct place { /* where agents come to */
    struct fst_farm *farm;
    struct place *next;
    struct fst_listener *listener;
    bool local;
    bool asks_token;
};

/* ---- what is heard */

/* What is shown before the core has judged it. */
static bool speaks_for_itself(const struct peer *peer,
                              const struct fst_msg *msg)
{
    uint32_t slot =
        msg->type == FST_MSG_OUTPUT ? msg->output.slot : msg->state.slot;
    bool own = msg->type != FST_MSG_OUTPUT && msg->type != FST_MSG_STATE;
    for (size_t i = 0; i < peer->n_slots && !own; i++)
        own = peer->slots[i] == slot;
    return own;
}

/* From its clock to Unix time, by ours; nothing has begun after we heard of it.
 */
static void set_starts(const struct peer *peer, struct fst_result *results,
                       size_t count)
{
    double now_s = (double)fst_loop_now_ns(peer->farm->loop) / 1e9;
    for (size_t i = 0; i < count; i++) {
        double start_s = fst_skew_ours(&peer->skew, results[i].start_s);
        if (results[i].start_s > 0)
            results[i].start_s =
                peer->farm->spec->epoch_s + (start_s < now_s ? start_s : now_s);
    }
}

static void on_news(struct peer *peer, struct fst_msg *msg)
{
    struct fst_farm *farm = peer->farm;
    struct fst_err err;
    struct fst_agent_id id = peer->id;
    int news = fst_link_hear(&peer->link, msg, &err);
    if (news < 0 || (msg->type == FST_MSG_ACK &&
                     fst_link_ack(&peer->link, msg->ack.seq, &err))) {
        fst_peer_drop(peer, err.msg);
        return;
    }
    if (!news || msg->type == FST_MSG_ACK ||
        (msg->type == FST_MSG_PING && peer->left))
        return;
    if (!speaks_for_itself(peer, msg)) {
        fst_peer_drop(peer, "it speaks for a slot that is none of its own");
        return;
    }
    peer->left |= msg->type == FST_MSG_BYE;
    if (msg->type == FST_MSG_RESULTS)
        set_starts(peer, msg->results.results, msg->results.n_results);
    else if (msg->type == FST_MSG_HELD)
        set_starts(peer, msg->held.results, msg->held.n_results);
    int result = farm->events->on_message(farm->user, peer->id, msg, &err);
    peer = fst_peer_find(farm, id);
    if (peer && result < 0)
        fst_peer_drop(peer, err.msg);
    else if (peer && fst_peer_wants_ack(peer, msg->type) &&
             (result > 0 || peer->untold))
        peer->untold = peer->link.heard;
    else if (peer && peer->state == PEER_UP &&
             fst_peer_wants_ack(peer, msg->type))
        fst_peer_acknowledge(peer, peer->link.heard);
}

static void on_message(void *user, struct fst_conn *conn, struct fst_msg *msg)
{
    struct peer *peer = user;
    (void)conn;
    peer->heard_ns = fst_loop_now_ns(peer->farm->loop);
    if (peer->state == PEER_ASKED && msg->type == FST_MSG_PROOF) {
        fst_greet_proof(peer, msg); /* keeps it */
        return;
    }
    if (peer->state >= PEER_PROVEN && msg->type == FST_MSG_PING &&
        !fst_peer_answered(peer, &msg->ping)) {
        fst_msg_free(msg);
        return;
    }
    if (peer->state == PEER_SILENT && msg->type == FST_MSG_HELLO)
        fst_greet_hello(peer, &msg->hello);
    else if (peer->state == PEER_COMPARING && msg->type == FST_MSG_CHECKOUT)
        fst_greet_compared(peer, &msg->checkout);
    else if (peer->state == PEER_UP)
        on_news(peer, msg);
    else if (peer->state < PEER_PROVEN || msg->type != FST_MSG_PING)
        fst_peer_drop(peer, "a message out of turn during the handshake");
    fst_msg_free(msg);
}

static void on_closed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct peer *peer = user;
    (void)conn;
    if (why->code == FST_E_CLOSED) {
        fst_peer_cut(peer, why->msg);
        return;
    }
    peer->conn = NULL;
    if (why->code == FST_E_REFUSED) {
        fst_warn("refused %s: %s", peer->from, why->msg);
        fst_peer_lose(peer, why->msg);
        return;
    }
    fst_peer_drop(peer, why->msg);
}

static void on_silence(void *user)
{
    struct peer *peer = user;
    char why[64];
    if (peer->state == PEER_AWAY) {
        snprintf(why, sizeof why, "it did not come back within %g s",
                 (double)peer->farm->spec->grace_ns / 1e9);
        fst_peer_lose(peer, why);
        return;
    }
    bool comparing = peer->state == PEER_COMPARING;
    bool shakes = !peer->patient && !comparing && fst_conn_is_tls(peer->conn) &&
                  !fst_conn_is_silent(peer->conn);
    if (shakes) {
        peer->patient = true;
        fst_timer_set(peer->timer, HANDSHAKES_NS - HANDSHAKE_NS);
        return;
    }
    snprintf(why, sizeof why, "no handshake within %d s",
             peer->patient ? 30 : 5);
    fst_peer_drop(peer,
                  comparing ? "it didn't compare its files within 60 s" : why);
}

/* Rises with what it has said. Who has just come gets a moment to speak. */
static int progress(const struct peer *peer, int64_t now_ns)
{
    bool new = now_ns - peer->came_ns < MOMENT_NS;
    return 2 * ((int)peer->state + (new ? PEER_PROVEN : 0)) +
           !fst_conn_is_silent(peer->conn);
}

static void make_room(struct fst_farm *farm)
{
    size_t count = 0;
    int64_t now_ns = fst_loop_now_ns(farm->loop);
    struct peer *first = NULL;
    for (struct peer *peer = farm->peers; peer; peer = peer->next) {
        if (peer->state >= PEER_PROVEN || peer->local)
            continue;
        count++;
        if (!first || progress(peer, now_ns) <= progress(first, now_ns))
            first = peer;
    }
    if (count >= farm->unproven_max)
        fst_peer_drop(first, "it had proven nothing yet, and others came");
}

static void on_conn(void *user, struct fst_conn *conn)
{
    static const struct fst_conn_events events = {on_message, on_closed};
    const struct place *place = user;
    struct fst_farm *farm = place->farm;
    if (!place->local)
        make_room(farm);
    struct peer *peer = fst_alloc(sizeof *peer);
    peer->farm = farm;
    peer->conn = conn;
    peer->came_ns = fst_loop_now_ns(farm->loop);
    peer->local = place->local;
    peer->asks_token = place->asks_token;
    fst_conn_peer(conn, peer->from);
    DL_PREPEND(farm->peers, peer);
    peer->timer = fst_timer_new(farm->loop, on_silence, peer);
    fst_timer_set(peer->timer, HANDSHAKE_NS);
    fst_conn_accept(conn, &events, peer);
}

/* ---- life */

/* 0, or -1: the peer is gone. */
static int look_after(struct peer *peer, int64_t now)
{
    int64_t dead = peer->farm->spec->dead_after_ns;
    bool there = peer->state >= PEER_PROVEN && peer->state != PEER_AWAY;
    if (!there || peer->local || dead <= 0)
        return 0;
    if (now - peer->heard_ns >= dead) {
        char why[64];
        snprintf(why, sizeof why, "it was silent for %g s", (double)dead / 1e9);
        fst_conn_close(peer->conn);
        fst_peer_cut(peer, why);
        return -1;
    }
    if (now - peer->pinged_ns < dead / PINGS_A_LIFE)
        return 0;
    return fst_peer_ping(peer);
}

static void on_sweep(void *user)
{
    struct fst_farm *farm = user;
    int64_t now = fst_loop_now_ns(farm->loop);
    struct peer *peer = farm->peers;
    while (peer) /* from the beginning again: whoever hears of it may act */
        peer = look_after(peer, now) ? farm->peers : peer->next;
    fst_peer_tell_number(farm, now);
    fst_timer_set(farm->sweep, SWEEP_NS);
}

/* ---- the farm */

static size_t most_unproven(void)
{
    struct rlimit files;
    size_t most = UNPROVEN_MAX;
    if (!getrlimit(RLIMIT_NOFILE, &files) &&
        files.rlim_cur / FILES_A_PEER < most)
        most = (size_t)files.rlim_cur / FILES_A_PEER;
    return most;
}

struct fst_farm *fst_farm_new(struct fst_loop *loop,
                              const struct fst_farm_spec *spec,
                              const struct fst_farm_events *events, void *user)
{
    struct fst_farm *farm = fst_alloc(sizeof *farm);
    farm->loop = loop;
    farm->spec = spec;
    farm->events = events;
    farm->user = user;
    farm->next_slot = spec->local_slots;
    farm->unproven_max = most_unproven();
    farm->sweep = fst_timer_new(loop, on_sweep, farm);
    return farm;
}

int fst_farm_listen(struct fst_farm *farm, struct fst_net *net, const char *url,
                    bool local, struct fst_err *err)
{
    const struct fst_farm_spec *spec = farm->spec;
    struct fst_url read;
    if (fst_url_read(url, &read, err))
        return -1;
    bool tls = read.kind == FST_URL_TLS;
    struct place *place = fst_alloc(sizeof *place);
    place->farm = farm;
    place->local = local;
    place->asks_token = tls ? spec->tls_token : read.kind == FST_URL_TCP;
    place->listener =
        fst_listen(net, url, tls ? spec->tls : NULL, on_conn, place, err);
    if (!place->listener) {
        free(place);
        return -1;
    }
    place->next = farm->places;
    farm->places = place;
    if (!local)
        fst_timer_set(farm->sweep, SWEEP_NS);
    int port = fst_listener_port(place->listener);
    return port < 0 ? 0 : port;
}

void fst_farm_open(struct fst_farm *farm, struct fst_admit *admit)
{
    struct peer *peer, *next;
    farm->admit = admit;
    fst_timer_set(farm->sweep, SWEEP_NS);
    for (peer = farm->peers; peer; peer = next) {
        next = peer->next;
        if (peer->state == PEER_PROVEN)
            fst_greet_compare(peer);
    }
}

void fst_farm_reserve(struct fst_farm *farm, uint32_t first_free)
{
    if (first_free > farm->next_slot)
        farm->next_slot = first_free;
}

void fst_farm_free(struct fst_farm *farm)
{
    struct place *place, *next;
    if (!farm)
        return;
    for (place = farm->places; place; place = next) {
        next = place->next;
        fst_listener_close(place->listener);
        free(place);
    }
    while (farm->peers) {
        if (farm->peers->conn)
            fst_conn_close(farm->peers->conn);
        fst_peer_remove(farm->peers);
    }
    fst_timer_free(farm->sweep);
    fst_strings_clear(&farm->dropped);
    fst_strings_clear(&farm->out);
    free(farm);
}

void fst_farm_close(struct fst_farm *farm)
{
    farm->over = true;
}

void fst_farm_send(struct fst_farm *farm, struct fst_agent_id agent,
                   struct fst_msg *msg)
{
    struct peer *peer = fst_peer_find(farm, agent);
    if (peer)
        fst_peer_send(peer, msg);
}

const char *fst_farm_put_out(struct fst_farm *farm, struct fst_agent_id agent)
{
    struct peer *peer = fst_peer_find(farm, agent);
    if (!peer)
        return NULL;
    peer->out = true;
    fst_strings_add(&farm->out, peer->name);
    return peer->name;
}

void fst_farm_mark(struct fst_farm *farm)
{
    for (struct peer *peer = farm->peers; peer; peer = peer->next)
        peer->marked = peer->link.heard;
}

void fst_farm_tell(struct fst_farm *farm)
{
    struct peer *peer = farm->peers;
    while (peer) { /* from the beginning again: whoever hears of it may act */
        bool untold = peer->untold && peer->state >= PEER_UP;
        peer = untold && fst_peer_acknowledge(peer, peer->marked) ? farm->peers
                                                                  : peer->next;
    }
}
