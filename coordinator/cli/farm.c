#include "coordinator/cli/farm.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/log.h"
#include "shared/base/mem.h"

/* A peer that says nothing for so long is closed. */
#define HANDSHAKE_NS INT64_C(5000000000)

enum peer_state {
    PEER_SILENT, /* waiting for HELLO */
    PEER_ASKED,  /* CHALLENGE went out, waiting for PROOF */
    PEER_UP,     /* welcomed */
};

struct peer {
    struct fst_farm *farm;
    struct peer *next;
    struct fst_conn *conn;
    struct fst_timer *timer;
    enum peer_state state;
    struct fst_agent_id id;
    uint32_t *slots;
    size_t n_slots;
};

struct fst_farm {
    struct fst_loop *loop;
    struct fst_listener *listener;
    const struct fst_farm_spec *spec;
    const struct fst_farm_events *events;
    void *user;
    struct peer *peers;
    uint32_t last_id, epoch;
};

static void remove_peer(struct peer *peer)
{
    struct peer **at = &peer->farm->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    fst_timer_free(peer->timer);
    free(peer->slots);
    free(peer);
}

/* The connection has ended, or is ended here: tells whoever knew the agent. */
static void lose_peer(struct peer *peer, const char *why)
{
    struct fst_farm *farm = peer->farm;
    struct fst_agent_id id = peer->id;
    bool known = peer->state == PEER_UP;
    remove_peer(peer);
    if (known)
        farm->events->on_down(farm->user, id, why);
}

static void drop_peer(struct peer *peer, const char *why)
{
    fst_warn("dropped a peer: %s", why);
    fst_conn_close(peer->conn);
    lose_peer(peer, why);
}

static int send_to(struct peer *peer, const struct fst_msg *msg)
{
    struct fst_err err;
    if (!fst_conn_send(peer->conn, msg, &err))
        return 0;
    drop_peer(peer, err.msg);
    return -1;
}

static void on_hello(struct peer *peer, const struct fst_hello *hello)
{
    struct fst_msg *answer;
    if (hello->protocol != FST_PROTOCOL_VERSION) {
        answer = fst_msg_new(FST_MSG_REJECT);
        answer->reject.code = "protocol";
        answer->reject.text = fst_arena_printf(
            &answer->arena,
            "this coordinator speaks protocol %d, the agent %u: "
            "install the same version of fastest on both",
            FST_PROTOCOL_VERSION, hello->protocol);
    } else {
        answer = fst_msg_new(FST_MSG_CHALLENGE);
        answer->challenge.nonce = hello->nonce;
        answer->challenge.proof = "";
        peer->state = PEER_ASKED;
    }
    send_to(peer, answer);
    fst_msg_free(answer);
}

static void on_proof(struct peer *peer, const struct fst_proof *proof)
{
    struct fst_farm *farm = peer->farm;
    /* The one agent there is: when it is started again its slots are the same
     * places, so they keep their numbers. */
    if (proof->slots != farm->spec->local_slots) {
        drop_peer(peer, "an agent with another number of slots than asked for");
        return;
    }
    fst_timer_clear(peer->timer);
    fst_conn_trust(peer->conn);
    peer->state = PEER_UP;
    peer->id.v = ++farm->last_id;
    peer->n_slots = proof->slots;
    peer->slots = fst_calloc(proof->slots, sizeof *peer->slots);
    for (uint32_t i = 0; i < proof->slots; i++)
        peer->slots[i] = i;

    struct fst_msg *welcome = fst_msg_new(FST_MSG_WELCOME);
    welcome->welcome = (struct fst_welcome){
        .run = farm->spec->run,
        .epoch = ++farm->epoch,
        .slots = peer->slots,
        .n_slots = peer->n_slots,
        .agent = proof->name,
        .config = *farm->spec->config,
    };
    int sent = send_to(peer, welcome);
    fst_msg_free(welcome);
    if (!sent)
        farm->events->on_up(farm->user, peer->id, proof->name, peer->slots,
                            peer->n_slots);
}

static void on_message(void *user, struct fst_conn *conn, struct fst_msg *msg)
{
    struct peer *peer = user;
    struct fst_farm *farm = peer->farm;
    (void)conn;
    if (peer->state == PEER_SILENT && msg->type == FST_MSG_HELLO) {
        on_hello(peer, &msg->hello);
    } else if (peer->state == PEER_ASKED && msg->type == FST_MSG_PROOF) {
        on_proof(peer, &msg->proof);
    } else if (peer->state == PEER_UP) {
        struct fst_err err;
        if (farm->events->on_message(farm->user, peer->id, msg, &err))
            drop_peer(peer, err.msg);
    } else {
        drop_peer(peer, "a message out of turn during the handshake");
    }
    fst_msg_free(msg);
}

static void on_closed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    (void)conn;
    lose_peer(user, why->msg);
}

static void on_silence(void *user)
{
    drop_peer(user, "no handshake within 5 s");
}

static void on_conn(void *user, struct fst_conn *conn)
{
    static const struct fst_conn_events events = {on_message, on_closed};
    struct fst_farm *farm = user;
    struct peer *peer = fst_alloc(sizeof *peer);
    peer->farm = farm;
    peer->conn = conn;
    peer->next = farm->peers;
    farm->peers = peer;
    peer->timer = fst_timer_new(farm->loop, on_silence, peer);
    fst_timer_set(peer->timer, HANDSHAKE_NS);
    fst_conn_accept(conn, &events, peer);
}

struct fst_farm *fst_farm_new(struct fst_net *net, struct fst_loop *loop,
                              const char *url, const struct fst_farm_spec *spec,
                              const struct fst_farm_events *events, void *user,
                              struct fst_err *err)
{
    struct fst_farm *farm = fst_alloc(sizeof *farm);
    farm->loop = loop;
    farm->spec = spec;
    farm->events = events;
    farm->user = user;
    farm->listener = fst_listen(net, url, on_conn, farm, err);
    if (!farm->listener) {
        free(farm);
        return NULL;
    }
    return farm;
}

void fst_farm_free(struct fst_farm *farm)
{
    if (!farm)
        return;
    fst_listener_close(farm->listener);
    while (farm->peers) {
        fst_conn_close(farm->peers->conn);
        remove_peer(farm->peers);
    }
    free(farm);
}

void fst_farm_send(struct fst_farm *farm, struct fst_agent_id agent,
                   const struct fst_msg *msg)
{
    for (struct peer *peer = farm->peers; peer; peer = peer->next) {
        if (peer->state == PEER_UP && peer->id.v == agent.v) {
            send_to(peer, msg);
            return;
        }
    }
}
