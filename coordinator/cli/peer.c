#include "coordinator/cli/peer.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/log.h"
#include "shared/base/mem.h"

#define TELLING_NS INT64_C(1000000000)

static const double good_exact_s = 0.02;

enum {
    TOLD_MAX = 10,       /* lines about unproven peers in TELLING_NS */
    AWAY_MAX = 64 << 20, /* bytes that wait for one that is away */
    DROPPED_MAX = 1000,  /* sessions that are remembered */
    AGAIN_MAX = 3,       /* PINGs in search of a short round trip */
};

void fst_peer_enter(struct peer *peer)
{
    struct fst_farm *farm = peer->farm;
    peer->state = PEER_UP;
    HASH_ADD(by_id, farm->agents, id, sizeof peer->id, peer);
    if (!peer->local)
        HASH_ADD_KEYPTR(by_boot_id, farm->sessions, peer->boot_id,
                        strlen(peer->boot_id), peer);
}

void fst_peer_remove(struct peer *peer)
{
    struct fst_farm *farm = peer->farm;
    DL_DELETE(farm->peers, peer);
    if (peer->state >= PEER_UP) {
        HASH_DELETE(by_id, farm->agents, peer);
        if (!peer->local)
            HASH_DELETE(by_boot_id, farm->sessions, peer);
    }
    fst_timer_free(peer->timer);
    free(peer->hello_nonce);
    free(peer->name);
    free(peer->boot_id);
    free(peer->slots);
    free(peer->wanted);
    fst_link_release(&peer->link);
    free(peer->mismatch);
    fst_msg_free(peer->proof);
    free(peer);
}

/* stays: whoever hears of it may end the peer all the same. */
static void tell_down(struct peer *peer, const char *why, bool stays)
{
    struct fst_farm *farm = peer->farm;
    struct fst_agent_id id = peer->id;
    bool known = peer->state >= PEER_UP && !peer->gone;
    char *name = fst_strdup(peer->name);
    struct fst_farm_end end = {
        .why = why,
        .name = name,
        .local = peer->local,
        .left = peer->left,
        .dropped = peer->dropped,
        .out = peer->out,
    };
    if (known && peer->dropped && farm->dropped.count < DROPPED_MAX)
        fst_strings_add(&farm->dropped, peer->boot_id);
    peer->gone = true;
    if (!stays)
        fst_peer_remove(peer);
    if (known)
        farm->events->on_down(farm->user, id, &end);
    free(name);
}

void fst_peer_lose(struct peer *peer, const char *why)
{
    tell_down(peer, why, false);
}

void fst_peer_tell(const struct peer *peer, const char *what, const char *why)
{
    struct fst_farm *farm = peer->farm;
    if (peer->state < PEER_PROVEN && farm->told++ >= TOLD_MAX)
        farm->untold++;
    else
        fst_warn("%s %s: %s", what, peer->from, why);
}

void fst_peer_tell_number(struct fst_farm *farm, int64_t now)
{
    if (now - farm->telling_ns < TELLING_NS)
        return;
    if (farm->untold)
        fst_warn("dropped %zu more connections that had proven nothing",
                 farm->untold);
    farm->told = farm->untold = 0;
    farm->telling_ns = now;
}

void fst_peer_drop(struct peer *peer, const char *why)
{
    peer->dropped = true;
    fst_peer_tell(peer, "dropped", why);
    if (peer->conn)
        fst_conn_close(peer->conn);
    fst_peer_lose(peer, why);
}

void fst_peer_cut(struct peer *peer, const char *why)
{
    struct fst_farm *farm = peer->farm;
    if (peer->state != PEER_UP || peer->local || farm->spec->grace_ns <= 0) {
        fst_peer_lose(peer, why);
        return;
    }
    peer->conn = NULL;
    peer->state = PEER_AWAY;
    /* Nobody waits for one that has left: it may notice as late as it likes. */
    fst_timer_set(peer->timer,
                  farm->spec->grace_ns +
                      (peer->left ? farm->spec->dead_after_ns : 0));
    if (peer->left)
        tell_down(peer, why, true);
    else
        farm->events->on_cut(farm->user, peer->id, peer->name, why);
}

int fst_peer_say(struct peer *peer, const struct fst_msg *msg)
{
    struct fst_err err;
    if (!fst_conn_send(peer->conn, msg, &err))
        return 0;
    fst_peer_drop(peer, err.msg);
    return -1;
}

int fst_peer_send(struct peer *peer, struct fst_msg *msg)
{
    struct fst_err err;
    const struct fst_buf *frames = fst_link_send(&peer->link, msg, &err);
    int result = frames ? 0 : -1;
    if (frames && peer->conn)
        result =
            fst_conn_send_frames(peer->conn, frames->data, frames->len, &err);
    else if (frames && peer->link.bytes > AWAY_MAX)
        result = fst_fail(&err, FST_E_LIMIT, "too much waits for it");
    if (result)
        fst_peer_drop(peer, err.msg);
    return result;
}

int fst_peer_ping(struct peer *peer)
{
    struct fst_msg *ping = fst_msg_new(FST_MSG_PING);
    peer->pinged_ns = fst_loop_now_ns(peer->farm->loop);
    peer->n_pings++;
    int result = fst_peer_say(peer, ping);
    fst_msg_free(ping);
    return result;
}

/* Answers come in order: the last one is to the last PING. */
bool fst_peer_answered(struct peer *peer, const struct fst_ping *ping)
{
    if (!ping->answer || !peer->n_pings)
        return false;
    if (--peer->n_pings)
        return true;
    fst_skew_measure(&peer->skew, (double)peer->pinged_ns / 1e9,
                     (double)fst_loop_now_ns(peer->farm->loop) / 1e9,
                     ping->clock_s);
    /* Somebody was busy, or stopped; what follows is not to be told by it. */
    if (peer->skew.exact_s <= good_exact_s || peer->n_again == AGAIN_MAX)
        return true;
    peer->n_again++;
    return !fst_peer_ping(peer);
}

bool fst_peer_wants_ack(const struct peer *peer, enum fst_msg_type type)
{
    bool waits = type == FST_MSG_CREDIT || type == FST_MSG_REVOKED;
    return type != FST_MSG_PING &&
           (!waits || peer->link.heard - peer->link.told >= FST_LINK_TELL);
}

int fst_peer_acknowledge(struct peer *peer, uint64_t seq)
{
    if (seq >= peer->untold)
        peer->untold = 0;
    if (seq <= peer->link.told)
        return 0;
    struct fst_msg *ack = fst_msg_new(FST_MSG_ACK);
    ack->ack.seq = peer->link.told = seq;
    int result = peer->conn ? fst_peer_say(peer, ack) : 0;
    fst_msg_free(ack);
    return result;
}

void fst_peer_reject(struct peer *peer, const char *code, const char *text)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REJECT);
    msg->reject = (struct fst_reject){code, text};
    if (!fst_peer_say(peer, msg)) {
        fst_conn_close(peer->conn);
        fst_peer_lose(peer, text);
    }
    fst_msg_free(msg);
}

struct peer *fst_peer_find(const struct fst_farm *farm, struct fst_agent_id id)
{
    struct peer *peer;
    HASH_FIND(by_id, farm->agents, &id, sizeof id, peer);
    return peer;
}

struct peer *fst_peer_find_session(const struct fst_farm *farm,
                                   const char *boot_id)
{
    struct peer *peer;
    HASH_FIND(by_boot_id, farm->sessions, boot_id, strlen(boot_id), peer);
    return peer;
}
