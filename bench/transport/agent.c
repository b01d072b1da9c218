#include "bench/transport/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/steady.h"
#include "shared/proto/link.h"
#include "shared/trust/token.h"

enum { BATCH = 64 };
#define BATCH_NS INT64_C(20000000)
#define FIRST_PAUSE_NS INT64_C(50000000)

struct entry { /* a test that waits */
    uint64_t lease;
    char *id;
};

struct slot {
    struct bench_agent *agent;
    uint32_t number;
    bool up, draining, running;
    bool credited;
    int64_t credit_ns; /* of the CREDIT without a LEASE; 0: none */
    FST_VEC(struct entry) entries;
    size_t next;
    struct fst_timer *timer; /* the end of the test that runs */
    double took_s;
};

struct bench_agent {
    struct fst_loop *loop;
    struct fst_net *net;
    const struct bench_spec *spec;
    struct bench_tally *tally;
    const struct bench_events *events;
    void *user;
    struct fst_conn *conn;
    struct slot *slots;
    size_t n_slots;
    char name[32], nonce[FST_NONCE_HEX];
    unsigned random;
    struct fst_msg *batch;
    struct fst_timer *flush;
    struct fst_link link;
    uint64_t acked;
    FST_VEC(uint32_t) sent; /* results in each message, by seq - 1 */
    bool left;
    struct fst_timer *redial;
    int64_t pause_ns; /* before the next try */
};

static void send_and_free(struct bench_agent *agent, struct fst_msg *msg)
{
    struct fst_err err;
    int result = 0;
    if (agent->conn && fst_link_counts(msg->type)) {
        const struct fst_buf *frames = fst_link_send(&agent->link, msg, &err);
        fst_vec_add(&agent->sent, msg->type == FST_MSG_RESULTS
                                      ? (uint32_t)msg->results.n_results
                                      : 0);
        result = frames ? fst_conn_send_frames(agent->conn, frames->data,
                                               frames->len, &err)
                        : -1;
    } else if (agent->conn) {
        result = fst_conn_send(agent->conn, msg, &err);
    }
    if (result)
        fst_error("%s: %s", agent->name, err.msg);
    fst_msg_free(msg);
}

/* ---- results */

static void flush(void *user)
{
    struct bench_agent *agent = user;
    struct fst_msg *batch = agent->batch;
    if (!batch)
        return;
    agent->batch = NULL;
    fst_timer_clear(agent->flush);
    agent->tally->results += batch->results.n_results;
    agent->tally->batches++;
    send_and_free(agent, batch);
}

static void add_result(struct slot *slot, const struct entry *entry)
{
    struct bench_agent *agent = slot->agent;
    if (!agent->batch) {
        agent->batch = fst_msg_new(FST_MSG_RESULTS);
        agent->batch->results.results = fst_arena_array(
            &agent->batch->arena, BATCH, sizeof(struct fst_result));
        if (agent->spec->test_s > 0)
            fst_timer_set(agent->flush, BATCH_NS);
    }
    struct fst_results *to = &agent->batch->results;
    to->results[to->n_results++] = (struct fst_result){
        .lease = entry->lease,
        .slot = slot->number,
        .id = fst_arena_str(&agent->batch->arena, entry->id),
        .outcome = FST_PASSED,
        .setup_s = 0.000031,
        .call_s = slot->took_s,
        .teardown_s = 0.000027,
        .start_s = fst_steady_s() - slot->took_s,
        .pid = 4711,
    };
    if (to->n_results == BATCH)
        flush(agent);
}

/* ---- a slot's worker */

static void say_credit(struct slot *slot)
{
    if (slot->credited || slot->draining)
        return;
    flush(slot->agent);
    slot->credited = true;
    slot->credit_ns = fst_loop_now_ns(slot->agent->loop);
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = slot->number;
    send_and_free(slot->agent, msg);
}

/* The sender of BYE closes when its last result is kept. */
static void close_if_done(struct bench_agent *agent)
{
    if (!agent->left || agent->link.acked < agent->link.sent || !agent->conn)
        return;
    fst_conn_close(agent->conn);
    agent->conn = NULL;
    agent->events->on_gone(agent->user);
}

static void say_bye_if_done(struct bench_agent *agent)
{
    for (size_t i = 0; i < agent->n_slots; i++)
        if (!agent->slots[i].draining || agent->slots[i].running)
            return;
    if (agent->left)
        return;
    agent->left = true;
    flush(agent);
    send_and_free(agent, fst_msg_new(FST_MSG_BYE));
    close_if_done(agent);
}

static void forget_entries(struct slot *slot)
{
    for (size_t i = slot->next; i < slot->entries.count; i++)
        free(slot->entries.items[i].id);
    slot->entries.count = slot->next = 0;
}

/* Begins the next test; as a worker does, asks for more when the last one
 * begins. */
static void run_next(struct slot *slot)
{
    struct bench_agent *agent = slot->agent;
    if (slot->running)
        return;
    if (slot->next + 1 >= slot->entries.count)
        say_credit(slot);
    if (slot->next == slot->entries.count) {
        forget_entries(slot);
        say_bye_if_done(agent);
        return;
    }
    slot->running = true;
    slot->took_s =
        agent->spec->test_s * (0.5 + (double)rand_r(&agent->random) / RAND_MAX);
    fst_timer_set(slot->timer, (int64_t)(slot->took_s * 1e9));
}

static void on_test_end(void *user)
{
    struct slot *slot = user;
    struct entry entry = slot->entries.items[slot->next++];
    slot->running = false;
    add_result(slot, &entry);
    free(entry.id);
    run_next(slot);
}

static void run_all(struct slot *slot)
{
    slot->took_s = 0.00001;
    for (; slot->next < slot->entries.count; slot->next++) {
        add_result(slot, &slot->entries.items[slot->next]);
        free(slot->entries.items[slot->next].id);
    }
    forget_entries(slot);
    say_credit(slot);
}

static struct slot *find_slot(struct bench_agent *agent, uint32_t number)
{
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].number == number)
            return &agent->slots[i];
    fst_error("%s: an order for gw%u, which it hasn't got", agent->name,
              number);
    exit(1);
}

static void start_slot(struct slot *slot)
{
    if (slot->up)
        return;
    slot->up = true;
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){
        .slot = slot->number,
        .state = FST_SLOT_UP,
        .pid = 4711,
        .python = "3.11.2",
        .pytest = "7.2.1",
        .rootdir = "/bench",
        .start_s = 0.2,
    };
    send_and_free(slot->agent, msg);
    say_credit(slot);
}

/* ---- what the coordinator says */

static void say_list(struct bench_agent *agent, const struct fst_lease *lease)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    struct fst_collected *list = &msg->collected;
    list->lease = lease->lease;
    list->slot = lease->slot;
    list->file = lease->file;
    list->digest = lease->file;
    list->same = lease->digest && !strcmp(lease->digest, list->digest);
    if (!list->same) {
        list->n_items = agent->spec->tests;
        list->items =
            fst_arena_array(&msg->arena, list->n_items, sizeof *list->items);
        for (uint32_t i = 0; i < agent->spec->tests; i++)
            list->items[i] = (struct fst_item){
                .id = fst_arena_printf(&msg->arena, "%s::test_%u", lease->file,
                                       i)};
    }
    send_and_free(agent, msg);
}

static void take_lease(struct bench_agent *agent, const struct fst_lease *lease)
{
    struct slot *slot = find_slot(agent, lease->slot);
    int64_t now = fst_loop_now_ns(agent->loop);
    if (!agent->tally->first_lease_ns)
        agent->tally->first_lease_ns = now;
    if (slot->credit_ns > agent->tally->first_lease_ns)
        fst_vec_add(&agent->tally->waits_ns, now - slot->credit_ns);
    slot->credit_ns = 0;
    slot->credited = false;
    flush(agent);
    say_list(agent, lease);
    size_t count = lease->whole ? agent->spec->tests : lease->n_units;
    if (lease->kind == FST_LEASE_COLLECT)
        count = 0;
    for (size_t i = 0; i < count; i++) {
        char *id = lease->whole ? fst_printf("%s::test_%zu", lease->file, i)
                                : fst_strdup(lease->units[i].id);
        fst_vec_add(&slot->entries, ((struct entry){lease->lease, id}));
    }
    if (agent->spec->test_s > 0)
        run_next(slot);
    else
        run_all(slot);
}

static bool names(const struct fst_revoke *revoke, const struct entry *entry)
{
    bool found = !revoke->items.count;
    for (size_t i = 0; i < revoke->items.count && !found; i++)
        found = !strcmp(revoke->items.items[i], entry->id);
    return entry->lease == revoke->lease && found;
}

static void take_revoke(struct bench_agent *agent,
                        const struct fst_revoke *revoke)
{
    struct slot *slot = find_slot(agent, revoke->slot);
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    size_t first = slot->next + slot->running, kept = first;
    msg->revoked.lease = revoke->lease;
    msg->revoked.slot = revoke->slot;
    msg->revoked.items.items = fst_arena_array(
        &msg->arena, slot->entries.count, sizeof *msg->revoked.items.items);
    for (size_t i = first; i < slot->entries.count; i++) {
        struct entry entry = slot->entries.items[i];
        if (names(revoke, &entry)) {
            msg->revoked.items.items[msg->revoked.items.count++] =
                fst_arena_str(&msg->arena, entry.id);
            free(entry.id);
        } else {
            slot->entries.items[kept++] = entry;
        }
    }
    slot->entries.count = kept;
    flush(agent);
    send_and_free(agent, msg);
}

static void take_drain(struct bench_agent *agent)
{
    agent->events->on_drain(agent->user);
    for (size_t i = 0; i < agent->n_slots; i++)
        agent->slots[i].draining = true;
    say_bye_if_done(agent);
}

static void take_ack(struct bench_agent *agent, uint64_t seq)
{
    struct fst_err err;
    if (fst_link_ack(&agent->link, seq, &err))
        fst_error("%s: %s", agent->name, err.msg);
    while (agent->acked < seq && agent->acked < agent->sent.count)
        agent->tally->acked += agent->sent.items[agent->acked++];
    agent->tally->last_ack_ns = fst_loop_now_ns(agent->loop);
    agent->events->on_ack(agent->user);
    close_if_done(agent);
}

static void take_challenge(struct bench_agent *agent,
                           const struct fst_challenge *challenge)
{
    char boot_id[FST_NONCE_HEX], proof[FST_PROOF_HEX] = "";
    fst_nonce_make(boot_id);
    if (agent->spec->token)
        fst_token_prove(agent->spec->token, FST_TOKEN_AGENT, agent->nonce,
                        challenge->nonce, proof);
    struct fst_msg *msg = fst_msg_new(FST_MSG_PROOF);
    msg->proof = (struct fst_proof){
        .proof = proof,
        .name = agent->name,
        .boot_id = boot_id,
        .slots = agent->spec->slots,
        .python = "3.11.2",
        .pytest = "7.2.1",
    };
    fst_conn_trust(agent->conn);
    send_and_free(agent, msg);
}

static void take_welcome(struct bench_agent *agent,
                         const struct fst_welcome *welcome)
{
    agent->n_slots = welcome->n_slots;
    agent->slots = fst_calloc(agent->n_slots, sizeof *agent->slots);
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        slot->agent = agent;
        slot->number = welcome->slots[i];
        slot->timer = fst_timer_new(agent->loop, on_test_end, slot);
    }
    agent->tally->welcomed++;
    start_slot(&agent->slots[0]);
    agent->events->on_welcome(agent->user);
}

/* It has the same files. */
static void take_checkout(struct bench_agent *agent,
                          const struct fst_checkout *checkout)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CHECKOUT);
    msg->checkout.digest = checkout->digest;
    send_and_free(agent, msg);
}

static void answer_ping(struct bench_agent *agent)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_PING);
    msg->ping.answer = true;
    msg->ping.clock_s = fst_steady_s();
    send_and_free(agent, msg);
}

static void on_message(void *user, struct fst_conn *conn, struct fst_msg *msg)
{
    struct bench_agent *agent = user;
    struct fst_err err;
    (void)conn;
    if (fst_link_hear(&agent->link, msg, &err) != 1) {
        fst_error("%s: %s", agent->name, err.msg);
        exit(1);
    }
    if (agent->link.heard - agent->link.told >= FST_LINK_TELL)
        send_and_free(agent, fst_link_tell(&agent->link));
    switch (msg->type) {
    case FST_MSG_CHALLENGE:
        take_challenge(agent, &msg->challenge);
        break;
    case FST_MSG_CHECKOUT:
        take_checkout(agent, &msg->checkout);
        break;
    case FST_MSG_PING:
        answer_ping(agent);
        break;
    case FST_MSG_WELCOME:
        take_welcome(agent, &msg->welcome);
        break;
    case FST_MSG_START:
        start_slot(find_slot(agent, msg->start.slot));
        break;
    case FST_MSG_LEASE:
        take_lease(agent, &msg->lease);
        break;
    case FST_MSG_REVOKE:
        take_revoke(agent, &msg->revoke);
        break;
    case FST_MSG_ACK:
        take_ack(agent, msg->ack.seq);
        break;
    case FST_MSG_DRAIN:
        take_drain(agent);
        break;
    case FST_MSG_REJECT:
        fst_error("%s: refused: %s", agent->name, msg->reject.text);
        break;
    default:
        fst_error("%s: an order that the bench doesn't know: %d", agent->name,
                  (int)msg->type);
    }
    fst_msg_free(msg);
}

static void end(struct bench_agent *agent)
{
    agent->conn = NULL;
    agent->tally->lost += !agent->left;
    agent->events->on_gone(agent->user);
}

static void on_closed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct bench_agent *agent = user;
    (void)conn;
    agent->conn = NULL;
    if (!agent->n_slots) { /* the farm is busy with others that come */
        agent->pause_ns =
            agent->pause_ns ? 2 * agent->pause_ns : FIRST_PAUSE_NS;
        fst_timer_set(agent->redial,
                      agent->pause_ns / 2 +
                          agent->pause_ns / RAND_MAX * rand_r(&agent->random));
        return;
    }
    if (!agent->left)
        fst_error("%s: %s", agent->name, why->msg);
    end(agent);
}

static void on_dialed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct bench_agent *agent = user;
    agent->conn = conn;
    if (!conn) {
        fst_error("%s: %s", agent->name, why->msg);
        end(agent);
        return;
    }
    struct fst_msg *hello = fst_msg_new(FST_MSG_HELLO);
    fst_nonce_make(agent->nonce);
    hello->hello = (struct fst_hello){FST_PROTOCOL_VERSION, agent->nonce};
    send_and_free(agent, hello);
}

/* ---- life */

static void dial(void *user)
{
    static const struct fst_conn_events conn_events = {on_message, on_closed};
    struct bench_agent *agent = user;
    struct fst_err err;
    const struct fst_dial_spec spec = {
        .url = agent->spec->url,
        .tls = agent->spec->tls,
        .retry_ns = INT64_C(60000000000),
        .events = &conn_events,
        .on_dialed = on_dialed,
        .user = agent,
    };
    if (!fst_dial(agent->net, &spec, &err))
        return;
    fprintf(stderr, "transport_swarm: %s\n", err.msg);
    exit(1);
}

struct bench_agent *bench_agent_new(struct fst_loop *loop, struct fst_net *net,
                                    const struct bench_spec *spec,
                                    uint32_t number, struct bench_tally *tally,
                                    const struct bench_events *events,
                                    void *user)
{
    struct bench_agent *agent = fst_alloc(sizeof *agent);
    agent->loop = loop;
    agent->net = net;
    agent->spec = spec;
    agent->tally = tally;
    agent->events = events;
    agent->user = user;
    agent->random = number;
    snprintf(agent->name, sizeof agent->name, "bench%u", number);
    agent->flush = fst_timer_new(loop, flush, agent);
    agent->redial = fst_timer_new(loop, dial, agent);
    dial(agent);
    return agent;
}

void bench_agent_free(struct bench_agent *agent)
{
    if (agent->conn)
        fst_conn_close(agent->conn);
    for (size_t i = 0; i < agent->n_slots; i++) {
        fst_timer_free(agent->slots[i].timer);
        forget_entries(&agent->slots[i]);
        fst_vec_free(&agent->slots[i].entries);
    }
    fst_timer_free(agent->flush);
    fst_timer_free(agent->redial);
    fst_link_release(&agent->link);
    fst_msg_free(agent->batch);
    fst_vec_free(&agent->sent);
    free(agent->slots);
    free(agent);
}
