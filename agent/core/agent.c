#include "agent/core/agent.h"

#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
/* An interrupted worker has so long to tear down, a draining one to finish. */
#define INTERRUPT_NS (10000 * MS)
#define DRAIN_NS (60000 * MS)
#define RESTART_FIRST_NS (50 * MS)
#define RESTART_LAST_NS (2000 * MS)

enum slot_state {
    SLOT_PAUSED,   /* no worker; one is started at `due_ns` */
    SLOT_STARTING, /* started, hasn't said STATE up */
    SLOT_UP,
    SLOT_DRAINING, /* asked to finish; its end is no crash */
    SLOT_RETIRED,
    SLOT_ENDED, /* drained for good */
};

struct slot {
    uint32_t number;
    enum slot_state state;
    bool virgin;      /* the worker has been given nothing yet */
    bool interrupted; /* SIGINT was sent: its end is no crash either */
    bool fatal;       /* it has said STATE fatal */
    int failures;     /* ends in a row for which no test is to blame */
    int64_t due_ns;   /* PAUSED: start; interrupted or DRAINING: kill */
    FST_VEC(struct fst_msg *)
    queue;                  /* leases and lists not yet given to a
                               worker */
    FST_VEC(uint64_t) held; /* leases that the worker may still have */
    char *last_id; /* of its last result: a result that was both flushed and
                      left in the page isn't blamed again */
};

struct fst_agent {
    struct slot *slots;
    size_t n_slots;
    bool ending; /* DRAIN, or leaving */
    bool cancelled;
    bool done;
};

static void put(struct fst_agent_effects *effects,
                enum fst_agent_effect_type type, const struct slot *slot,
                struct fst_msg *msg)
{
    fst_vec_add(&effects->list, ((struct fst_agent_effect){
                                    type, slot ? slot->number : 0, msg}));
}

static void start_worker(struct slot *slot, struct fst_agent_effects *effects)
{
    slot->state = SLOT_STARTING;
    slot->virgin = true;
    slot->interrupted = slot->fatal = false;
    slot->due_ns = INT64_MAX;
    put(effects, FST_AGENT_START, slot, NULL);
}

struct fst_agent *fst_agent_new(const uint32_t *slots, size_t n_slots,
                                struct fst_agent_effects *effects)
{
    struct fst_agent *agent = fst_alloc(sizeof *agent);
    agent->slots = fst_calloc(n_slots, sizeof *agent->slots);
    agent->n_slots = n_slots;
    for (size_t i = 0; i < n_slots; i++) {
        agent->slots[i].number = slots[i];
        start_worker(&agent->slots[i], effects);
    }
    return agent;
}

void fst_agent_free(struct fst_agent *agent)
{
    if (!agent)
        return;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        for (size_t k = 0; k < slot->queue.count; k++)
            fst_msg_free(slot->queue.items[k]);
        fst_vec_free(&slot->queue);
        fst_vec_free(&slot->held);
        free(slot->last_id);
    }
    free(agent->slots);
    free(agent);
}

static struct slot *find_slot(struct fst_agent *agent, uint32_t number)
{
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].number == number)
            return &agent->slots[i];
    return NULL;
}

static struct fst_msg *pop_queue(struct slot *slot)
{
    struct fst_msg *msg = slot->queue.items[0];
    slot->queue.count--;
    memmove(slot->queue.items, slot->queue.items + 1,
            slot->queue.count * sizeof *slot->queue.items);
    return msg;
}

static uint64_t lease_of(const struct fst_msg *msg)
{
    return msg->type == FST_MSG_LIST ? msg->list.lease : msg->lease.lease;
}

static void say_revoked(const struct slot *slot, uint64_t lease,
                        struct fst_agent_effects *effects)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    msg->revoked = (struct fst_revoked){
        .lease = lease, .slot = slot->number, .rest = true};
    put(effects, FST_AGENT_UPWARD, slot, msg);
}

static void drain_worker(struct slot *slot, int64_t now_ns,
                         struct fst_agent_effects *effects)
{
    slot->state = SLOT_DRAINING;
    slot->due_ns = now_ns + DRAIN_NS;
    put(effects, FST_AGENT_TO_WORKER, slot, fst_msg_new(FST_MSG_DRAIN));
}

/* Gives the worker what waits for one. */
static void feed(struct slot *slot, int64_t now_ns,
                 struct fst_agent_effects *effects)
{
    while (slot->state == SLOT_UP && slot->queue.count) {
        const struct fst_msg *next = slot->queue.items[0];
        if (next->type == FST_MSG_LEASE && next->lease.fresh && !slot->virgin) {
            drain_worker(slot, now_ns, effects);
            return;
        }
        slot->virgin = false;
        fst_vec_add(&slot->held, lease_of(next));
        put(effects, FST_AGENT_TO_WORKER, slot, pop_queue(slot));
    }
}

static void give_back_queue(struct slot *slot,
                            struct fst_agent_effects *effects)
{
    while (slot->queue.count) {
        struct fst_msg *msg = pop_queue(slot);
        say_revoked(slot, lease_of(msg), effects);
        fst_msg_free(msg);
    }
}

static void give_back_held(struct slot *slot, struct fst_agent_effects *effects)
{
    for (size_t i = 0; i < slot->held.count; i++)
        say_revoked(slot, slot->held.items[i], effects);
    slot->held.count = 0;
}

static void check_done(struct fst_agent *agent,
                       struct fst_agent_effects *effects)
{
    if (!agent->ending || agent->done)
        return;
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].state != SLOT_ENDED &&
            agent->slots[i].state != SLOT_RETIRED)
            return;
    agent->done = true;
    put(effects, FST_AGENT_DONE, NULL, NULL);
}

/* Ends every slot: those with a worker by DRAIN, the others at once. */
static void end_slots(struct fst_agent *agent, int64_t now_ns,
                      struct fst_agent_effects *effects)
{
    agent->ending = true;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        give_back_queue(slot, effects);
        if (slot->state == SLOT_PAUSED)
            slot->state = SLOT_ENDED;
        else if (slot->state == SLOT_UP)
            drain_worker(slot, now_ns, effects);
        else if (slot->state == SLOT_STARTING && slot->virgin) {
            /* Nothing has run in it: there is nothing to tear down. */
            slot->state = SLOT_DRAINING;
            put(effects, FST_AGENT_KILL, slot, NULL);
        }
    }
    check_done(agent, effects);
}

static void cancel(struct fst_agent *agent, const struct fst_cancel *order,
                   int64_t now_ns, struct fst_agent_effects *effects)
{
    agent->cancelled = true;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        give_back_queue(slot, effects);
        if (slot->state != SLOT_UP && slot->state != SLOT_DRAINING)
            continue;
        if (order->now) {
            put(effects, FST_AGENT_KILL, slot, NULL);
        } else if (!slot->interrupted && slot->held.count) {
            slot->due_ns = now_ns + INTERRUPT_NS;
            put(effects, FST_AGENT_INTERRUPT, slot, NULL);
        }
        slot->interrupted = true;
    }
}

/* Of a lease that no worker has got yet: all of it can go back. */
static bool revoke_queued(struct slot *slot, uint64_t lease,
                          struct fst_agent_effects *effects)
{
    for (size_t i = 0; i < slot->queue.count; i++) {
        struct fst_msg *msg = slot->queue.items[i];
        if (lease_of(msg) != lease)
            continue;
        slot->queue.count--;
        memmove(slot->queue.items + i, slot->queue.items + i + 1,
                (slot->queue.count - i) * sizeof *slot->queue.items);
        fst_msg_free(msg);
        say_revoked(slot, lease, effects);
        return true;
    }
    return false;
}

static bool holds(const struct slot *slot, uint64_t lease)
{
    for (size_t i = 0; i < slot->held.count; i++)
        if (slot->held.items[i] == lease)
            return true;
    return false;
}

int fst_agent_on_coordinator(struct fst_agent *agent, struct fst_msg *msg,
                             int64_t now_ns, struct fst_agent_effects *effects)
{
    struct slot *slot = NULL;
    switch (msg->type) {
    case FST_MSG_LEASE:
    case FST_MSG_LIST:
        slot = find_slot(agent, msg->type == FST_MSG_LIST ? msg->list.slot
                                                          : msg->lease.slot);
        if (!slot)
            break;
        fst_vec_add(&slot->queue, msg);
        if (agent->ending || agent->cancelled || slot->state == SLOT_RETIRED)
            give_back_queue(slot, effects);
        feed(slot, now_ns, effects);
        return 0;
    case FST_MSG_REVOKE:
        slot = find_slot(agent, msg->revoke.slot);
        if (!slot)
            break;
        if (!revoke_queued(slot, msg->revoke.lease, effects) &&
            holds(slot, msg->revoke.lease) &&
            (slot->state == SLOT_UP || slot->state == SLOT_DRAINING)) {
            put(effects, FST_AGENT_TO_WORKER, slot, msg);
            return 0;
        }
        fst_msg_free(msg);
        return 0;
    case FST_MSG_CANCEL:
        cancel(agent, &msg->cancel, now_ns, effects);
        fst_msg_free(msg);
        return 0;
    case FST_MSG_DRAIN:
        end_slots(agent, now_ns, effects);
        fst_msg_free(msg);
        return 0;
    default:
        break;
    }
    fst_msg_free(msg);
    return -1;
}

/* A worker runs its leases in order: what stands before this one is over. */
static void forget_before(struct slot *slot, uint64_t lease)
{
    for (size_t i = 0; i < slot->held.count; i++) {
        if (slot->held.items[i] != lease)
            continue;
        slot->held.count -= i;
        memmove(slot->held.items, slot->held.items + i,
                slot->held.count * sizeof *slot->held.items);
        return;
    }
}

static void note_results(struct slot *slot, const struct fst_results *results)
{
    if (!results->n_results)
        return;
    const struct fst_result *last = &results->results[results->n_results - 1];
    slot->failures = 0;
    free(slot->last_id);
    slot->last_id = fst_strdup(last->id);
    if (!last->amend)
        forget_before(slot, last->lease);
}

int fst_agent_on_worker(struct fst_agent *agent, uint32_t number,
                        struct fst_msg *msg, struct fst_agent_effects *effects)
{
    struct slot *slot = find_slot(agent, number);
    switch (msg->type) {
    case FST_MSG_STATE:
        if (msg->state.state == FST_SLOT_UP && slot->state == SLOT_STARTING)
            slot->state = SLOT_UP;
        slot->fatal |= msg->state.state == FST_SLOT_FATAL;
        put(effects, FST_AGENT_UPWARD, slot, msg);
        feed(slot, 0, effects);
        return 0;
    case FST_MSG_RESULTS:
        note_results(slot, &msg->results);
        put(effects, FST_AGENT_UPWARD, slot, msg);
        return 0;
    case FST_MSG_COLLECTED:
        forget_before(slot, msg->collected.lease);
        put(effects, FST_AGENT_UPWARD, slot, msg);
        return 0;
    case FST_MSG_LISTED:
    case FST_MSG_REVOKED:
    case FST_MSG_CREDIT:
        put(effects, FST_AGENT_UPWARD, slot, msg);
        return 0;
    case FST_MSG_BYE: /* its process ends now */
        if (slot->state == SLOT_UP)
            slot->state = SLOT_DRAINING;
        fst_msg_free(msg);
        return 0;
    default:
        fst_msg_free(msg);
        return -1;
    }
}

/* ---- a worker's end */

static void say_down(const struct slot *slot, const struct fst_worker_end *end,
                     bool crashed, struct fst_agent_effects *effects)
{
    enum { PAGE_COLLECTING = 1 };
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){
        .slot = slot->number, .state = FST_SLOT_DOWN, .pid = end->pid};
    if (crashed) {
        bool collecting = end->state == PAGE_COLLECTING;
        msg->state.lease = collecting ? end->lease : 0;
        msg->state.text = fst_arena_printf(
            &msg->arena, "worker 'gw%u' crashed%s%s%s: %s%s%s", slot->number,
            collecting ? " while collecting '" : "",
            collecting ? end->name : "", collecting ? "'" : "", end->how,
            *end->log ? "\n" : "", end->log);
    }
    put(effects, FST_AGENT_UPWARD, slot, msg);
}

/* The test that was running when its worker died. */
static void say_crashed(const struct slot *slot,
                        const struct fst_worker_end *end,
                        struct fst_agent_effects *effects)
{
    static const char *const phases[] = {"setup", "call", "teardown"};
    const char *phase = phases[end->phase < 3 ? end->phase : 1];
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    struct fst_arena *arena = &msg->arena;
    struct fst_result *result = fst_arena_alloc(arena, sizeof *result);
    const char *head = fst_arena_printf(
        arena, "worker 'gw%u' crashed while running '%s': %s during %s",
        slot->number, end->name, end->how, phase);
    struct fst_phase *said = fst_arena_alloc(arena, sizeof *said);
    *said = (struct fst_phase){
        .when = phase,
        .outcome = FST_FAILED,
        .title = fst_arena_str(arena, end->name),
        .longrepr = *end->log
                        ? fst_arena_printf(arena, "%s\n%s", head, end->log)
                        : head,
        .message = head,
    };
    *result = (struct fst_result){
        .lease = end->lease,
        .slot = slot->number,
        .id = said->title,
        .outcome = FST_FAILED,
        .crashed = true,
        .start_s = end->start_s,
        .pid = end->pid,
        .phases = said,
        .n_phases = 1,
    };
    msg->results.results = result;
    msg->results.n_results = 1;
    put(effects, FST_AGENT_UPWARD, slot, msg);
}

static void retire(struct slot *slot, const struct fst_worker_end *end,
                   struct fst_agent_effects *effects)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    slot->state = SLOT_RETIRED;
    msg->state = (struct fst_state){
        .slot = slot->number,
        .state = FST_SLOT_RETIRED,
        .text = fst_arena_printf(
            &msg->arena,
            "gw%u: given up after %d crashes in a row, the last: %s%s%s",
            slot->number, FST_FAILURES_IN_A_ROW, end->how,
            *end->log ? "\n" : "", end->log),
    };
    give_back_queue(slot, effects);
    put(effects, FST_AGENT_UPWARD, slot, msg);
}

/* An interpreter that can't be executed: every slot would fail alike. */
static void say_fatal(const struct slot *slot, const char *why,
                      struct fst_agent_effects *effects)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){
        .slot = slot->number,
        .state = FST_SLOT_FATAL,
        .exit_code = 4,
        .text = fst_arena_printf(
            &msg->arena,
            "ERROR: %s: name an interpreter that has pytest with --python",
            why),
    };
    put(effects, FST_AGENT_UPWARD, slot, msg);
}

static int64_t restart_delay(const struct slot *slot)
{
    int64_t delay = RESTART_FIRST_NS;
    if (slot->failures < 2)
        return 0;
    for (int i = 2; i < slot->failures && delay < RESTART_LAST_NS; i++)
        delay *= 2;
    return delay < RESTART_LAST_NS ? delay : RESTART_LAST_NS;
}

static void after_end(struct fst_agent *agent, struct slot *slot,
                      int64_t now_ns, struct fst_agent_effects *effects)
{
    if (agent->ending || agent->cancelled || slot->fatal) {
        slot->state = SLOT_ENDED;
        give_back_queue(slot, effects);
        return;
    }
    int64_t delay = restart_delay(slot);
    slot->state = SLOT_PAUSED;
    slot->due_ns = now_ns + delay;
    if (!delay)
        start_worker(slot, effects);
}

void fst_agent_on_end(struct fst_agent *agent, uint32_t number,
                      const struct fst_worker_end *end, int64_t now_ns,
                      struct fst_agent_effects *effects)
{
    enum { PAGE_TESTING = 2 };
    struct slot *slot = find_slot(agent, number);
    bool crashed =
        slot->state != SLOT_DRAINING && !slot->interrupted && !slot->fatal;
    bool drained = slot->state == SLOT_DRAINING && end->status == 0;
    if (end->never && !slot->fatal) {
        slot->fatal = true;
        say_fatal(slot, end->never, effects);
    } else if (!slot->fatal) {
        bool blame = !slot->interrupted && end->state == PAGE_TESTING &&
                     !(slot->last_id && !strcmp(slot->last_id, end->name));
        if (blame)
            say_crashed(slot, end, effects);
        else if (crashed)
            slot->failures++;
        say_down(slot, end, !drained && !slot->interrupted && !blame, effects);
    }
    give_back_held(slot, effects);
    free(slot->last_id);
    slot->last_id = NULL;
    if (slot->failures >= FST_FAILURES_IN_A_ROW && !agent->ending)
        retire(slot, end, effects);
    else
        after_end(agent, slot, now_ns, effects);
    check_done(agent, effects);
}

void fst_agent_leave(struct fst_agent *agent, int64_t now_ns,
                     struct fst_agent_effects *effects)
{
    end_slots(agent, now_ns, effects);
}

void fst_agent_on_time(struct fst_agent *agent, int64_t now_ns,
                       struct fst_agent_effects *effects)
{
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        if (slot->due_ns > now_ns)
            continue;
        slot->due_ns = INT64_MAX;
        if (slot->state == SLOT_PAUSED)
            start_worker(slot, effects);
        else if (slot->state == SLOT_UP || slot->state == SLOT_DRAINING)
            put(effects, FST_AGENT_KILL, slot, NULL);
    }
}

int64_t fst_agent_deadline(const struct fst_agent *agent)
{
    int64_t deadline = INT64_MAX;
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].due_ns < deadline)
            deadline = agent->slots[i].due_ns;
    return deadline;
}

bool fst_agent_useless(const struct fst_agent *agent)
{
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].state != SLOT_RETIRED)
            return false;
    return true;
}
