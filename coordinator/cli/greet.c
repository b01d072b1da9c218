#include "coordinator/cli/greet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/buf.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/text.h"

/* One that compares files gets so long. */
#define COMPARE_NS INT64_C(60000000000)

enum {
    NAME_MAX_LEN = 255,   /* of an agent, bytes */
    SLOTS_MAX = 4096,     /* of an agent */
    NUMBER_MAX = 1 << 24, /* of a slot that a session comes with */
};

/* ---- handshake */

void fst_greet_hello(struct peer *peer, const struct fst_hello *hello)
{
    char text[200], proof[FST_PROOF_HEX] = "";
    if (hello->protocol != FST_PROTOCOL_VERSION) {
        snprintf(text, sizeof text,
                 "this coordinator speaks protocol %d, the agent %u: install "
                 "the same version of fastest on both",
                 FST_PROTOCOL_VERSION, hello->protocol);
        fst_peer_reject(peer, "protocol", text);
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
    fst_peer_say(peer, answer);
    fst_msg_free(answer);
}

static uint32_t slots_up(const struct fst_farm *farm)
{
    uint32_t count = farm->spec->local_slots;
    for (const struct peer *peer = farm->peers; peer; peer = peer->next)
        if (peer->state >= PEER_UP && !peer->local && !peer->gone)
            count += (uint32_t)peer->n_slots;
    return count;
}

/* Numbers that nobody has: those of its session, which it had from its proof
 * on, or the next ones. */
static void number_slots(struct peer *peer)
{
    struct fst_farm *farm = peer->farm;
    peer->slots = peer->wanted;
    peer->wanted = NULL;
    if (peer->slots)
        return;
    peer->slots = fst_calloc(peer->n_slots, sizeof *peer->slots);
    for (uint32_t i = 0; i < peer->n_slots; i++)
        peer->slots[i] = peer->local ? i : farm->next_slot++;
}

static void want_numbers(struct peer *peer, const struct fst_proof *proof)
{
    size_t size = proof->n_numbers * sizeof *peer->wanted;
    peer->wanted = fst_alloc(size);
    memcpy(peer->wanted, proof->numbers, size);
    for (size_t i = 0; i < proof->n_numbers; i++)
        if (peer->wanted[i] >= peer->farm->next_slot)
            peer->farm->next_slot = peer->wanted[i] + 1;
}

static int say_welcome(struct peer *peer, bool resumed, bool adopted)
{
    struct fst_farm *farm = peer->farm;
    struct fst_msg *msg = fst_msg_new(FST_MSG_WELCOME);
    msg->welcome = (struct fst_welcome){
        .run = farm->spec->run,
        .slots = peer->slots,
        .n_slots = peer->n_slots,
        .agent = peer->name,
        .mismatch = peer->mismatch,
        .config = *farm->spec->config,
        .session = peer->session,
        .grace_s = peer->local ? 0 : (double)farm->spec->grace_ns / 1e9,
        .resumed = resumed,
        .heard = peer->untold ? peer->link.told : peer->link.heard,
        .adopted = adopted,
    };
    msg->welcome.config.slot_count = slots_up(farm);
    int sent = fst_peer_say(peer, msg);
    fst_msg_free(msg);
    return sent;
}

static void begin_session(struct peer *peer)
{
    fst_peer_enter(peer);
    peer->heard_ns = fst_loop_now_ns(peer->farm->loop);
    fst_timer_clear(peer->timer);
}

static void welcome(struct peer *peer)
{
    struct fst_farm *farm = peer->farm;
    bool adopted = peer->wanted;
    number_slots(peer);
    fst_nonce_make(peer->session);
    peer->id.v = ++farm->last_id;
    begin_session(peer);
    if (say_welcome(peer, false, adopted))
        return;
    const struct fst_farm_agent agent = {
        .id = peer->id,
        .name = peer->name,
        .slots = peer->slots,
        .n_slots = peer->n_slots,
        .local = peer->local,
        .adopted = adopted,
        .labels = peer->proof->proof.labels,
        .mismatch = peer->mismatch,
    };
    farm->events->on_up(farm->user, &agent);
}

/* ---- sessions that go on */

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
    memcpy(peer->session, session->session, sizeof peer->session);
    peer->untold = session->untold;
    peer->left = session->left;
    peer->gone = session->gone;
    peer->out = session->out;
    peer->marked = session->marked;
    session->name = session->boot_id = NULL;
    session->slots = NULL;
    session->link = (struct fst_link){0};
    fst_peer_remove(session);
}

/* An adoption whose WELCOME was not heard: nothing has been said in it, and the
 * agent counts as with the coordinator before. */
static bool is_adopted_again(const struct peer *session,
                             const struct fst_proof *proof)
{
    return !proof->session || strcmp(session->session, proof->session) != 0;
}

static void resume(struct peer *peer, struct peer *session,
                   const struct fst_proof *proof)
{
    struct fst_farm *farm = peer->farm;
    struct fst_err err;
    bool again = is_adopted_again(session, proof);
    uint64_t told = session->link.told;
    if (again && !proof->run) {
        fst_peer_reject(peer, "session", "nothing of it can go on");
        return;
    }
    if (fst_link_resume(&session->link, again ? 0 : proof->heard, &err)) {
        fst_peer_drop(peer, err.msg);
        return;
    }
    if (session->untold)
        session->link.told = told;
    take_over(peer, session);
    begin_session(peer);
    if (say_welcome(peer, !again, again))
        return;
    const struct fst_link_sent *sent;
    fst_vec_each (sent, &peer->link.kept) {
        if (fst_conn_send_frames(peer->conn, sent->frames.data,
                                 sent->frames.len, &err)) {
            fst_peer_drop(peer, err.msg);
            return;
        }
    }
    if (!peer->left)
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

/* Of a session that nobody here knows, but for one that was dropped: what it
 * had may be what was wrong with it. */
static bool can_adopt(const struct fst_farm *farm,
                      const struct fst_proof *proof)
{
    for (size_t i = 0; i < farm->dropped.count; i++)
        if (!strcmp(farm->dropped.items[i], proof->boot_id))
            return false;
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
        fst_peer_reject(peer, code, text);
        free(text);
        return -1;
    }
    char *before = peer->mismatch;
    peer->mismatch =
        before ? fst_printf("%s; %s", before, why) : fst_strdup(why);
    free(before);
    return 0;
}

void fst_greet_compare(struct peer *peer)
{
    struct fst_admit *admit = peer->farm->admit;
    struct fst_buf why = FST_BUF_INIT;
    const char *code = fst_admit_versions(admit, &peer->proof->proof, &why);
    if (!code || !mind(peer, code, fst_buf_str(&why))) {
        peer->state = PEER_COMPARING;
        fst_timer_set(peer->timer, COMPARE_NS);
        struct fst_msg *msg = fst_admit_offer(admit);
        fst_peer_say(peer, msg);
        fst_msg_free(msg);
    }
    fst_buf_release(&why);
}

void fst_greet_compared(struct peer *peer, const struct fst_checkout *answer)
{
    struct fst_buf why = FST_BUF_INIT;
    struct fst_msg *reply = NULL;
    enum fst_admit_says says =
        fst_admit_answer(peer->farm->admit, answer, &reply, &why);
    if (says == FST_ADMIT_BREACH || (says == FST_ADMIT_ASKS && peer->asked)) {
        fst_peer_drop(peer, "an answer to CHECKOUT that is none");
    } else if (says == FST_ADMIT_ASKS) {
        peer->asked = true;
        fst_peer_say(peer, reply);
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

/* It waits for another run. */
static bool is_out(const struct fst_farm *farm, const char *name)
{
    bool out = false;
    for (size_t i = 0; i < farm->out.count; i++)
        out |= !strcmp(farm->out.items[i], name);
    return out;
}

void fst_greet_proof(struct peer *peer, struct fst_msg *msg)
{
    struct fst_farm *farm = peer->farm;
    const struct fst_proof *proof = &msg->proof;
    peer->proof = msg;
    if (peer->asks_token &&
        !fst_token_is_proof(farm->spec->token, FST_TOKEN_AGENT,
                            peer->hello_nonce, peer->nonce, proof->proof)) {
        fst_peer_tell(peer, "refused", "it doesn't know the token");
        fst_peer_reject(peer, "token", "the token is not this farm's");
        return;
    }
    /* The local agent's: when it is started again its slots are the same
     * places, so they keep their numbers. */
    if (!proof->slots || proof->slots > SLOTS_MAX ||
        (peer->local && proof->slots != farm->spec->local_slots)) {
        fst_peer_drop(peer,
                      "an agent with another number of slots than asked for");
        return;
    }
    if (!is_presentable(proof)) {
        fst_peer_drop(peer, "its name or labels can't be shown");
        return;
    }
    fst_conn_trust(peer->conn);
    fst_timer_clear(peer->timer);
    if (!peer->local && farm->spec->dead_after_ns > 0 && fst_peer_ping(peer))
        return;
    struct peer *session =
        peer->local ? NULL : fst_peer_find_session(farm, proof->boot_id);
    if (session) {
        resume(peer, session, proof);
        return;
    }
    if (proof->n_numbers && !can_adopt(farm, proof)) {
        fst_peer_reject(
            peer, "session",
            "the run that it served is over, or goes on without it");
        return;
    }
    if (proof->n_numbers)
        want_numbers(peer, proof);
    peer->n_slots = proof->slots;
    peer->name = fst_strdup(proof->name);
    peer->boot_id = fst_strdup(proof->boot_id);
    peer->allowed = proof->allow_mismatch;
    peer->state = PEER_PROVEN;
    if (peer->local)
        welcome(peer);
    else if (farm->admit && !farm->over && !is_out(farm, peer->name))
        fst_greet_compare(peer);
}
