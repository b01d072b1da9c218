#include "coordinator/cli/farm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/buf.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/text.h"
#include "shared/net/url.h"
#include "shared/proto/link.h"
#include "shared/trust/token.h"

/* A peer that says nothing for so long is closed; one that compares files gets
 * longer. */
#define HANDSHAKE_NS INT64_C(5000000000)
#define COMPARE_NS INT64_C(60000000000)
#define SWEEP_NS INT64_C(250000000)
#define TELLING_NS INT64_C(1000000000)

enum {
    /* Who has not proven anything may not keep us from those who will: where
     * there are so many, the one that has said least for longest makes room. */
    UNPROVEN_MAX = 256,
    TOLD_MAX = 10,        /* lines about them in TELLING_NS; then a number */
    PINGS_A_LIFE = 3,     /* in the time that a silent agent has */
    AWAY_MAX = 64 << 20,  /* bytes that wait for one that is away */
    NAME_MAX_LEN = 255,   /* of an agent, bytes */
    SLOTS_MAX = 4096,     /* of an agent */
    NUMBER_MAX = 1 << 24, /* of a slot that a session comes with */
};

enum peer_state {
    PEER_SILENT,    /* waiting for HELLO */
    PEER_ASKED,     /* CHALLENGE went out, waiting for PROOF */
    PEER_PROVEN,    /* waits for the farm to open */
    PEER_COMPARING, /* CHECKOUT went out, waiting for the answer */
    PEER_UP,        /* welcomed */
    PEER_AWAY,      /* it was, and has no connection; the timer runs */
};

struct place { /* where agents come to */
    struct fst_farm *farm;
    struct place *next;
    struct fst_listener *listener;
    bool local;
    bool asks_token;
};

struct peer {
    struct fst_farm *farm;
    struct peer *next;
    struct fst_conn *conn; /* AWAY: NULL */
    struct fst_timer *timer;
    enum peer_state state;
    bool local, asks_token, left, dropped;
    bool allowed;          /* it may be another one than the coordinator */
    bool asked;            /* for files */
    char *mismatch;        /* so far, or NULL */
    struct fst_msg *proof; /* whose name and labels it is called by */
    char from[FST_PEER_TEXT];
    char *hello_nonce;
    char nonce[FST_NONCE_HEX];
    char *name, *boot_id;
    struct fst_agent_id id;
    uint32_t *slots;
    size_t n_slots;
    int64_t heard_ns, pinged_ns;
    struct fst_link link;
    bool untold;      /* what it has said is kept, and acknowledged, later */
    uint32_t *wanted; /* the numbers of the session that it comes with, or NULL:
                         n_slots of them */
};

struct fst_farm {
    struct fst_loop *loop;
    struct place *places;
    const struct fst_farm_spec *spec;
    const struct fst_farm_events *events;
    void *user;
    struct peer *peers;
    struct fst_admit *admit; /* NULL: not open yet */
    bool over;               /* nobody is welcomed any more */
    struct fst_timer *sweep;
    uint32_t last_id, epoch, next_slot;
    size_t told, untold; /* unproven peers that were dropped, of late */
    int64_t telling_ns;
};

static void remove_peer(struct peer *peer)
{
    struct peer **at = &peer->farm->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
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

/* For good: tells whoever knew the agent. */
static void lose_peer(struct peer *peer, const char *why)
{
    struct fst_farm *farm = peer->farm;
    struct fst_agent_id id = peer->id;
    bool known = peer->state >= PEER_UP;
    char *name = fst_strdup(peer->name);
    struct fst_farm_end end = {
        .why = why,
        .name = name,
        .local = peer->local,
        .left = peer->left,
        .dropped = peer->dropped,
    };
    remove_peer(peer);
    if (known)
        farm->events->on_down(farm->user, id, &end);
    free(name);
}

/* Anyone can make us say a line about an unproven peer: not too many. */
static void tell_dropped(const struct peer *peer, const char *what,
                         const char *why)
{
    struct fst_farm *farm = peer->farm;
    if (peer->state < PEER_PROVEN && farm->told++ >= TOLD_MAX)
        farm->untold++;
    else
        fst_warn("%s %s: %s", what, peer->from, why);
}

static void tell_number(struct fst_farm *farm, int64_t now)
{
    if (now - farm->telling_ns < TELLING_NS)
        return;
    if (farm->untold)
        fst_warn("dropped %zu more connections that had proven nothing",
                 farm->untold);
    farm->told = farm->untold = 0;
    farm->telling_ns = now;
}

static void drop_peer(struct peer *peer, const char *why)
{
    peer->dropped = true;
    tell_dropped(peer, "dropped", why);
    if (peer->conn)
        fst_conn_close(peer->conn);
    lose_peer(peer, why);
}

/* The connection has ended, or is ended here; the agent may come back. */
static void cut_peer(struct peer *peer, const char *why)
{
    struct fst_farm *farm = peer->farm;
    if (peer->state != PEER_UP || peer->local || peer->left ||
        farm->spec->grace_ns <= 0) {
        lose_peer(peer, why);
        return;
    }
    peer->conn = NULL;
    peer->state = PEER_AWAY;
    fst_timer_set(peer->timer, farm->spec->grace_ns);
    farm->events->on_cut(farm->user, peer->id, peer->name, why);
}

/* What isn't counted. */
static int send_to(struct peer *peer, const struct fst_msg *msg)
{
    struct fst_err err;
    if (!fst_conn_send(peer->conn, msg, &err))
        return 0;
    drop_peer(peer, err.msg);
    return -1;
}

static int send_counted(struct peer *peer, struct fst_msg *msg)
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
        drop_peer(peer, err.msg);
    return result;
}

/* What comes often and alone waits for more. */
static bool wants_ack(enum fst_msg_type type)
{
    return type != FST_MSG_CREDIT && type != FST_MSG_REVOKED;
}

static int acknowledge(struct peer *peer)
{
    peer->untold = false;
    if (!fst_link_owes(&peer->link))
        return 0;
    struct fst_msg *ack = fst_link_tell(&peer->link);
    int result = send_to(peer, ack);
    fst_msg_free(ack);
    return result;
}

/* Says why, and closes; text is the agent's user's. */
static void reject(struct peer *peer, const char *code, const char *text)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REJECT);
    msg->reject = (struct fst_reject){code, text};
    if (!send_to(peer, msg)) {
        fst_conn_close(peer->conn);
        lose_peer(peer, text);
    }
    fst_msg_free(msg);
}

/* ---- handshake */

static void on_hello(struct peer *peer, const struct fst_hello *hello)
{
    char text[200], proof[FST_PROOF_HEX] = "";
    if (hello->protocol != FST_PROTOCOL_VERSION) {
        snprintf(text, sizeof text,
                 "this coordinator speaks protocol %d, the agent %u: install "
                 "the same version of fastest on both",
                 FST_PROTOCOL_VERSION, hello->protocol);
        reject(peer, "protocol", text);
        return;
    }
    fst_nonce_make(peer->nonce);
    peer->hello_nonce = fst_strdup(hello->nonce);
    if (peer->asks_token)
        fst_token_prove(peer->farm->spec->token, FST_TOKEN_COORDINATOR,
                        hello->nonce, peer->nonce, proof);
    peer->state = PEER_ASKED;
    struct fst_msg *answer = fst_msg_new(FST_MSG_CHALLENGE);
    answer->challenge.nonce = peer->nonce;
    answer->challenge.proof = proof;
    answer->challenge.versions = !peer->local;
    send_to(peer, answer);
    fst_msg_free(answer);
}

static uint32_t slots_up(const struct fst_farm *farm)
{
    uint32_t count = farm->spec->local_slots;
    for (const struct peer *peer = farm->peers; peer; peer = peer->next)
        if (peer->state >= PEER_UP && !peer->local)
            count += (uint32_t)peer->n_slots;
    return count;
}

/* Numbers that nobody has: those of its session, or the next ones. */
static void number_slots(struct peer *peer)
{
    struct fst_farm *farm = peer->farm;
    uint32_t first = peer->local ? 0 : farm->next_slot;
    peer->slots = peer->wanted;
    peer->wanted = NULL;
    if (!peer->slots) {
        peer->slots = fst_calloc(peer->n_slots, sizeof *peer->slots);
        for (uint32_t i = 0; i < peer->n_slots; i++)
            peer->slots[i] = first + i;
    }
    for (size_t i = 0; i < peer->n_slots && !peer->local; i++)
        if (peer->slots[i] >= farm->next_slot)
            farm->next_slot = peer->slots[i] + 1;
}

static int say_welcome(struct peer *peer, bool resumed, bool adopted)
{
    struct fst_farm *farm = peer->farm;
    struct fst_msg *msg = fst_msg_new(FST_MSG_WELCOME);
    msg->welcome = (struct fst_welcome){
        .run = farm->spec->run,
        .epoch = ++farm->epoch,
        .slots = peer->slots,
        .n_slots = peer->n_slots,
        .agent = peer->name,
        .mismatch = peer->mismatch,
        .config = *farm->spec->config,
        .grace_s = peer->local ? 0 : (double)farm->spec->grace_ns / 1e9,
        .resumed = resumed,
        .heard = peer->untold ? peer->link.told : peer->link.heard,
        .adopted = adopted,
    };
    msg->welcome.config.slot_count = slots_up(farm);
    int sent = send_to(peer, msg);
    fst_msg_free(msg);
    return sent;
}

static void begin_session(struct peer *peer)
{
    peer->state = PEER_UP;
    peer->heard_ns = peer->pinged_ns = fst_loop_now_ns(peer->farm->loop);
    fst_timer_clear(peer->timer);
}

static void welcome(struct peer *peer)
{
    struct fst_farm *farm = peer->farm;
    bool adopted = peer->wanted;
    number_slots(peer);
    begin_session(peer);
    peer->id.v = ++farm->last_id;
    if (say_welcome(peer, false, adopted))
        return;
    const struct fst_farm_agent agent = {
        .id = peer->id,
        .name = peer->name,
        .slots = peer->slots,
        .n_slots = peer->n_slots,
        .local = peer->local,
        .labels = peer->proof->proof.labels,
        .mismatch = peer->mismatch,
    };
    farm->events->on_up(farm->user, &agent);
}

/* ---- sessions that go on */

static struct peer *find_session(struct fst_farm *farm, const char *boot_id)
{
    struct peer *peer = farm->peers;
    while (peer && (peer->state < PEER_UP || peer->local || peer->left ||
                    strcmp(peer->boot_id, boot_id) != 0))
        peer = peer->next;
    return peer;
}

/* Its connection is the session's now. */
static void take_over(struct peer *peer, struct peer *session)
{
    if (session->conn)
        fst_conn_close(session->conn); /* half open */
    peer->name = session->name;
    peer->boot_id = session->boot_id;
    peer->id = session->id;
    peer->slots = session->slots;
    peer->n_slots = session->n_slots;
    peer->link = session->link;
    peer->untold = session->untold;
    session->name = session->boot_id = NULL;
    session->slots = NULL;
    session->link = (struct fst_link){0};
    remove_peer(session);
}

static void resume(struct peer *peer, struct peer *session, uint64_t heard)
{
    struct fst_farm *farm = peer->farm;
    struct fst_err err;
    uint64_t told = session->link.told;
    if (fst_link_resume(&session->link, heard, &err)) {
        drop_peer(peer, err.msg);
        return;
    }
    if (session->untold)
        session->link.told = told;
    take_over(peer, session);
    begin_session(peer);
    if (say_welcome(peer, true, false))
        return;
    const struct fst_link_sent *sent;
    fst_vec_each (sent, &peer->link.kept) {
        if (fst_conn_send_frames(peer->conn, sent->frames.data,
                                 sent->frames.len, &err)) {
            drop_peer(peer, err.msg);
            return;
        }
    }
    farm->events->on_cut(farm->user, peer->id, peer->name, NULL);
}

static bool is_taken(const struct fst_farm *farm, uint32_t number)
{
    bool taken = number < farm->spec->local_slots || number >= NUMBER_MAX;
    for (const struct peer *peer = farm->peers; peer; peer = peer->next) {
        const uint32_t *has = peer->slots ? peer->slots : peer->wanted;
        for (size_t i = 0; has && i < peer->n_slots; i++)
            taken |= has[i] == number;
    }
    return taken;
}

/* Of a session that nobody here knows. */
static bool can_adopt(const struct fst_farm *farm,
                      const struct fst_proof *proof)
{
    bool good = proof->run && !strcmp(proof->run, farm->spec->run) &&
                proof->n_numbers == proof->slots;
    for (size_t i = 0; good && i < proof->n_numbers; i++) {
        good = !is_taken(farm, proof->numbers[i]);
        for (size_t k = 0; k < i; k++)
            good &= proof->numbers[k] != proof->numbers[i];
    }
    return good;
}

/* ---- files and versions */

/* It differs: 0 where that is allowed, else the peer is gone. */
static int mind(struct peer *peer, const char *code, const char *why)
{
    if (!peer->allowed) {
        fst_warn("refused agent %s (%s): %s", peer->name, peer->from, why);
        char *text = fst_printf("%s; --allow-mismatch joins all the same", why);
        reject(peer, code, text);
        free(text);
        return -1;
    }
    char *before = peer->mismatch;
    peer->mismatch =
        before ? fst_printf("%s; %s", before, why) : fst_strdup(why);
    free(before);
    return 0;
}

/* Proven, and the farm is open. */
static void compare(struct peer *peer)
{
    struct fst_admit *admit = peer->farm->admit;
    struct fst_buf why = FST_BUF_INIT;
    const char *code = fst_admit_versions(admit, &peer->proof->proof, &why);
    if (!code || !mind(peer, code, fst_buf_str(&why))) {
        peer->state = PEER_COMPARING;
        fst_timer_set(peer->timer, COMPARE_NS);
        struct fst_msg *msg = fst_admit_offer(admit);
        send_to(peer, msg);
        fst_msg_free(msg);
    }
    fst_buf_release(&why);
}

static struct peer *find_peer(struct fst_farm *farm, struct fst_agent_id id)
{
    struct peer *peer = farm->peers;
    while (peer && (peer->state < PEER_UP || peer->id.v != id.v))
        peer = peer->next;
    return peer;
}

static void on_compared(struct peer *peer, const struct fst_checkout *answer)
{
    struct fst_buf why = FST_BUF_INIT;
    struct fst_msg *reply = NULL;
    enum fst_admit_says says =
        fst_admit_answer(peer->farm->admit, answer, &reply, &why);
    if (says == FST_ADMIT_BREACH || (says == FST_ADMIT_ASKS && peer->asked)) {
        drop_peer(peer, "an answer to CHECKOUT that is none");
    } else if (says == FST_ADMIT_ASKS) {
        peer->asked = true;
        send_to(peer, reply);
    } else if (says == FST_ADMIT_SAME ||
               !mind(peer, "checkout", fst_buf_str(&why))) {
        peer->state = PEER_PROVEN;
        if (!peer->farm->over)
            welcome(peer);
    }
    fst_msg_free(reply);
    fst_buf_release(&why);
}

/* As the agent's settings have it, too: it goes to terminals. */
static bool is_presentable(const struct fst_proof *proof)
{
    bool fine = *proof->name && strlen(proof->name) <= NAME_MAX_LEN &&
                fst_text_is_line(proof->name);
    for (size_t i = 0; i < proof->labels.count; i++)
        fine = fine && fst_text_is_line(proof->labels.items[i]);
    return fine;
}

static void on_proof(struct peer *peer, struct fst_msg *msg)
{
    struct fst_farm *farm = peer->farm;
    const struct fst_proof *proof = &msg->proof;
    peer->proof = msg;
    if (peer->asks_token &&
        !fst_token_is_proof(farm->spec->token, FST_TOKEN_AGENT,
                            peer->hello_nonce, peer->nonce, proof->proof)) {
        tell_dropped(peer, "refused", "it doesn't know the token");
        reject(peer, "token", "the token is not this farm's");
        return;
    }
    /* The local agent's: when it is started again its slots are the same
     * places, so they keep their numbers. */
    if (!proof->slots || proof->slots > SLOTS_MAX ||
        (peer->local && proof->slots != farm->spec->local_slots)) {
        drop_peer(peer, "an agent with another number of slots than asked for");
        return;
    }
    if (!is_presentable(proof)) {
        drop_peer(peer, "its name or labels can't be shown");
        return;
    }
    fst_conn_trust(peer->conn);
    fst_timer_clear(peer->timer);
    peer->pinged_ns = fst_loop_now_ns(farm->loop);
    struct peer *session =
        peer->local ? NULL : find_session(farm, proof->boot_id);
    if (session) {
        resume(peer, session, proof->heard);
        return;
    }
    if (proof->n_numbers && !can_adopt(farm, proof)) {
        reject(peer, "session", "the run that it served is over");
        return;
    }
    if (proof->n_numbers) {
        size_t size = proof->n_numbers * sizeof *peer->wanted;
        peer->wanted = fst_alloc(size);
        memcpy(peer->wanted, proof->numbers, size);
    }
    peer->n_slots = proof->slots;
    peer->name = fst_strdup(proof->name);
    peer->boot_id = fst_strdup(proof->boot_id);
    peer->allowed = proof->allow_mismatch;
    peer->state = PEER_PROVEN;
    if (peer->local)
        welcome(peer);
    else if (farm->admit && !farm->over)
        compare(peer);
}

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

static void on_news(struct peer *peer, const struct fst_msg *msg)
{
    struct fst_farm *farm = peer->farm;
    struct fst_err err;
    struct fst_agent_id id = peer->id;
    int news = fst_link_hear(&peer->link, msg, &err);
    if (news < 0 || (msg->type == FST_MSG_ACK &&
                     fst_link_ack(&peer->link, msg->ack.seq, &err))) {
        drop_peer(peer, err.msg);
        return;
    }
    if (!news || msg->type == FST_MSG_PING || msg->type == FST_MSG_ACK)
        return;
    if (!speaks_for_itself(peer, msg)) {
        drop_peer(peer, "it speaks for a slot that is none of its own");
        return;
    }
    peer->left |= msg->type == FST_MSG_BYE;
    int result = farm->events->on_message(farm->user, peer->id, msg, &err);
    peer = find_peer(farm, id);
    if (peer && result < 0)
        drop_peer(peer, err.msg);
    else if (peer && wants_ack(msg->type) && (result > 0 || peer->untold))
        peer->untold = true;
    else if (peer && peer->state == PEER_UP && wants_ack(msg->type))
        acknowledge(peer);
}

static void on_message(void *user, struct fst_conn *conn, struct fst_msg *msg)
{
    struct peer *peer = user;
    (void)conn;
    peer->heard_ns = fst_loop_now_ns(peer->farm->loop);
    if (peer->state == PEER_ASKED && msg->type == FST_MSG_PROOF) {
        on_proof(peer, msg); /* keeps it */
        return;
    }
    if (peer->state == PEER_SILENT && msg->type == FST_MSG_HELLO)
        on_hello(peer, &msg->hello);
    else if (peer->state == PEER_COMPARING && msg->type == FST_MSG_CHECKOUT)
        on_compared(peer, &msg->checkout);
    else if (peer->state == PEER_UP)
        on_news(peer, msg);
    else if (peer->state < PEER_PROVEN || msg->type != FST_MSG_PING)
        drop_peer(peer, "a message out of turn during the handshake");
    fst_msg_free(msg);
}

static void on_closed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct peer *peer = user;
    (void)conn;
    if (why->code == FST_E_CLOSED) {
        cut_peer(peer, why->msg);
        return;
    }
    peer->conn = NULL;
    if (why->code == FST_E_REFUSED) {
        fst_warn("refused %s: %s", peer->from, why->msg);
        lose_peer(peer, why->msg);
        return;
    }
    drop_peer(peer, why->msg);
}

static void on_silence(void *user)
{
    struct peer *peer = user;
    char why[64];
    if (peer->state == PEER_AWAY) {
        snprintf(why, sizeof why, "it did not come back within %g s",
                 (double)peer->farm->spec->grace_ns / 1e9);
        lose_peer(peer, why);
        return;
    }
    drop_peer(peer, peer->state == PEER_COMPARING
                        ? "it didn't compare its files within 60 s"
                        : "no handshake within 5 s");
}

/* The newest stand first. */
static void make_room(struct fst_farm *farm)
{
    size_t count = 0;
    struct peer *first = NULL;
    for (struct peer *peer = farm->peers; peer; peer = peer->next) {
        if (peer->state >= PEER_PROVEN || peer->local)
            continue;
        count++;
        if (!first || peer->state <= first->state)
            first = peer;
    }
    if (count >= UNPROVEN_MAX)
        drop_peer(first, "it had proven nothing yet, and others came");
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
    peer->local = place->local;
    peer->asks_token = place->asks_token;
    fst_conn_peer(conn, peer->from);
    peer->next = farm->peers;
    farm->peers = peer;
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
        cut_peer(peer, why);
        return -1;
    }
    if (now - peer->pinged_ns < dead / PINGS_A_LIFE)
        return 0;
    peer->pinged_ns = now;
    struct fst_msg *ping = fst_msg_new(FST_MSG_PING);
    int result = send_to(peer, ping);
    fst_msg_free(ping);
    return result;
}

static void on_sweep(void *user)
{
    struct fst_farm *farm = user;
    int64_t now = fst_loop_now_ns(farm->loop);
    struct peer *peer = farm->peers;
    while (peer) /* from the beginning again: whoever hears of it may act */
        peer = look_after(peer, now) ? farm->peers : peer->next;
    tell_number(farm, now);
    fst_timer_set(farm->sweep, SWEEP_NS);
}

/* ---- the farm */

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
            compare(peer);
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
        remove_peer(farm->peers);
    }
    fst_timer_free(farm->sweep);
    free(farm);
}

void fst_farm_send(struct fst_farm *farm, struct fst_agent_id agent,
                   struct fst_msg *msg)
{
    farm->over |= msg->type == FST_MSG_DRAIN;
    struct peer *peer = find_peer(farm, agent);
    if (peer)
        send_counted(peer, msg);
}

void fst_farm_tell(struct fst_farm *farm)
{
    struct peer *peer = farm->peers;
    while (peer) { /* from the beginning again: whoever hears of it may act */
        bool untold = peer->untold && peer->state == PEER_UP;
        peer = untold && acknowledge(peer) ? farm->peers : peer->next;
    }
}
