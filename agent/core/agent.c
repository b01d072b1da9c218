#include "agent/core/agent.h"

#include <string.h>

#include "agent/core/batch.h"
#include "agent/core/slot.h"

struct fst_agent {
    struct fst_slot *slots;
    size_t n_slots;
    struct fst_batch batch;
    bool ever_up; /* a worker was: the interpreter and the options are good */
    bool leaving; /* no worker is started any more, no lease taken */
    bool told_leave;
    bool paused, said_bye, over;
    int exit_code;
    const char *why;
};

/* What a step works on. */
struct step {
    struct fst_agent *agent;
    int64_t now_ns;
    struct fst_agent_effects *out;
    struct fst_err *err;
};

static void clear_messages(struct fst_agent_effects *effects)
{
    struct fst_agent_effect *effect;
    fst_vec_each (effect, &effects->list) {
        fst_msg_free(effect->msg);
    }
    fst_arena_release(&effects->arena);
}

void fst_agent_effects_clear(struct fst_agent_effects *effects)
{
    clear_messages(effects);
    effects->list.count = 0;
}

void fst_agent_effects_release(struct fst_agent_effects *effects)
{
    clear_messages(effects);
    fst_vec_free(&effects->list);
}

struct fst_agent *fst_agent_new(const uint32_t *slots, size_t n_slots)
{
    FST_ASSERT(n_slots > 0);
    struct fst_agent *agent = fst_alloc(sizeof *agent);
    agent->slots = fst_calloc(n_slots, sizeof *agent->slots);
    agent->n_slots = n_slots;
    for (size_t i = 0; i < n_slots; i++)
        fst_slot_init(&agent->slots[i], i, slots[i]);
    return agent;
}

void fst_agent_free(struct fst_agent *agent)
{
    if (!agent)
        return;
    for (size_t i = 0; i < agent->n_slots; i++)
        fst_slot_release(&agent->slots[i]);
    fst_batch_release(&agent->batch);
    free(agent->slots);
    free(agent);
}

bool fst_agent_is_done(const struct fst_agent *agent)
{
    return agent->said_bye;
}

static void send_msg(struct step *step, struct fst_msg *msg)
{
    fst_vec_add(&step->out->list, ((struct fst_agent_effect){
                                      .type = FST_AGENT_SEND, .msg = msg}));
}

static void add_effect(struct step *step, enum fst_agent_effect_type type)
{
    fst_vec_add(&step->out->list, ((struct fst_agent_effect){.type = type}));
}

/* ---- results */

static void flush_results(struct step *step)
{
    struct fst_agent *agent = step->agent;
    struct fst_msg *msg = fst_batch_take(&agent->batch);
    if (!msg)
        return;
    send_msg(step, msg);
    if (!agent->paused && agent->batch.unacked_bytes > FST_AGENT_UNACKED_MAX) {
        agent->paused = true;
        add_effect(step, FST_AGENT_PAUSE);
    }
}

static void add_result(struct step *step, const struct fst_result *result)
{
    fst_batch_add(&step->agent->batch, result, step->now_ns);
    if (fst_batch_due(&step->agent->batch, step->now_ns))
        flush_results(step);
}

static void take_results(struct step *step, struct fst_slot *slot,
                         const struct fst_results *results)
{
    for (size_t i = 0; i < results->n_warnings; i++)
        fst_batch_warn(&step->agent->batch, &results->warnings[i],
                       step->now_ns);
    for (size_t i = 0; i < results->n_results; i++) {
        const struct fst_result *result = &results->results[i];
        add_result(step, result);
        if (result->amend || result->outcome == FST_ABSENT)
            continue;
        slot->failures = 0;
        fst_slot_reached(slot, result->lease);
        free(slot->last_id);
        slot->last_id = fst_strdup(result->id);
        slot->last_lease = result->lease;
    }
    if (fst_batch_due(&step->agent->batch, step->now_ns))
        flush_results(step);
}

static int take_ack(struct step *step, uint64_t seq)
{
    struct fst_agent *agent = step->agent;
    if (fst_batch_ack(&agent->batch, seq, step->err))
        return -1;
    if (agent->paused &&
        agent->batch.unacked_bytes <= FST_AGENT_UNACKED_MAX / 2) {
        agent->paused = false;
        add_effect(step, FST_AGENT_RESUME);
    }
    return 0;
}

/* ---- states */

static struct fst_msg *new_state(const struct fst_slot *slot,
                                 enum fst_slot_state state, const char *text)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){
        .slot = slot->number,
        .state = state,
        .text = fst_arena_str(&msg->arena, text),
    };
    return msg;
}

/* text: how it died, or NULL; lease: for which it was collecting, or 0. */
static void send_down(struct step *step, const struct fst_slot *slot,
                      const char *text, int64_t pid, uint64_t lease)
{
    struct fst_msg *msg = new_state(slot, FST_SLOT_DOWN, text);
    msg->state.pid = pid;
    msg->state.lease = lease;
    send_msg(step, msg);
}

/* No worker will come any more; whatever the slot holds goes back. */
static void close_slot(struct step *step, struct fst_slot *slot)
{
    slot->stage = FST_STAGE_CLOSED;
    slot->start_ns = slot->kill_ns = INT64_MAX;
    fst_slot_give_back(slot, true, step->out);
}

/* The next worker, at once; none where the agent leaves. */
static void replace_worker(struct step *step, struct fst_slot *slot)
{
    slot->failures = 0;
    if (step->agent->leaving) {
        close_slot(step, slot);
        return;
    }
    fst_slot_spawn(slot, step->out);
    fst_slot_feed(slot, step->now_ns, step->out);
}

/* One more failed start or crash in a row. */
static void count_failure(struct step *step, struct fst_slot *slot,
                          const char *text)
{
    struct fst_agent *agent = step->agent;
    slot->failures++;
    if (agent->leaving) {
        close_slot(step, slot);
    } else if (slot->failures < FST_AGENT_FAILURES) {
        int64_t delay = FST_AGENT_BACKOFF_NS << (slot->failures - 1);
        slot->stage = FST_STAGE_NONE;
        slot->start_ns = step->now_ns + (delay < FST_AGENT_BACKOFF_MAX_NS
                                             ? delay
                                             : FST_AGENT_BACKOFF_MAX_NS);
    } else {
        const char *why = fst_arena_printf(
            &step->out->arena,
            "%d failed starts or crashes in a row, the last: %s",
            FST_AGENT_FAILURES, text);
        send_msg(step, new_state(slot, FST_SLOT_RETIRED, why));
        close_slot(step, slot);
        agent->exit_code = 3;
        agent->why = "every slot was given up";
    }
}

static void take_not_started(struct step *step, struct fst_slot *slot,
                             const char *why)
{
    if (step->agent->ever_up) {
        send_down(step, slot, why, 0, 0);
        fst_slot_give_back(slot, true, step->out);
        count_failure(step, slot, why);
        return;
    }
    struct fst_msg *msg = new_state(slot, FST_SLOT_FATAL, why);
    msg->state.exit_code = 4;
    send_msg(step, msg);
    close_slot(step, slot);
}

/* The worker died: tells how, blames the test that was running. A crash that
 * has a test to blame is a result: how many there may be is the coordinator's
 * to bound. */
static void report_crash(struct step *step, struct fst_slot *slot,
                         const struct fst_worker_end *end)
{
    struct fst_arena *arena = &step->out->arena;
    bool up = slot->stage == FST_STAGE_UP;
    bool testing = up && end->doing == FST_DOING_TESTING;
    bool between = testing && slot->last_id && slot->last_lease == end->lease &&
                   !strcmp(slot->last_id, end->name);
    const char *head = fst_crash_head(arena, slot->number, end, up, between);
    if (testing && !between) {
        struct fst_result result;
        fst_crash_result(arena, slot->number, end, &result);
        add_result(step, &result);
    }
    send_down(step, slot, head, end->pid,
              up && end->doing == FST_DOING_COLLECTING ? end->lease : 0);
    fst_slot_give_back(slot, true, step->out);
    if (!testing || between)
        count_failure(step, slot, fst_crash_text(arena, head, end));
    else
        replace_worker(step, slot);
}

static void take_end(struct step *step, struct fst_slot *slot,
                     const struct fst_worker_end *end)
{
    flush_results(step);
    slot->kill_ns = INT64_MAX;
    bool asked = slot->draining || slot->stopped;
    if (!(slot->ended_well && asked) && !slot->fatal && !slot->interrupted) {
        report_crash(step, slot, end);
    } else if (slot->fatal) {
        close_slot(step, slot);
    } else {
        /* What it had been told it has answered, or never will. */
        send_down(step, slot, NULL, end->pid, 0);
        while (slot->held.count && !slot->held.items[0].msg) {
            uint64_t lease = slot->held.items[0].lease;
            fst_slot_send_over(slot, lease, step->out);
            fst_slot_forget(slot, lease);
        }
        replace_worker(step, slot);
    }
}

/* ---- what a worker says */

/* Its own slot's number in everything it says; a test can write there too. */
static bool speaks_for(const struct fst_slot *slot, const struct fst_msg *msg)
{
    switch (msg->type) {
    case FST_MSG_CREDIT:
        return msg->credit.slot == slot->number;
    case FST_MSG_COLLECTED:
        return msg->collected.slot == slot->number;
    case FST_MSG_LISTED:
        return msg->listed.slot == slot->number;
    case FST_MSG_REVOKED:
        return msg->revoked.slot == slot->number;
    case FST_MSG_STATE:
        return msg->state.slot == slot->number &&
               msg->state.state != FST_SLOT_DOWN &&
               msg->state.state != FST_SLOT_RETIRED;
    case FST_MSG_RESULTS:
        for (size_t i = 0; i < msg->results.n_results; i++)
            if (msg->results.results[i].slot != slot->number)
                return false;
        return true;
    default:
        return msg->type == FST_MSG_BYE;
    }
}

static void take_state(struct step *step, struct fst_slot *slot,
                       struct fst_msg *msg)
{
    if (msg->state.state == FST_SLOT_UP) {
        slot->stage = FST_STAGE_UP;
        step->agent->ever_up = true;
    } else if (slot->interrupted) {
        /* That is how it tells of our own signal. */
        fst_msg_free(msg);
        return;
    } else if (msg->state.state == FST_SLOT_FATAL) {
        slot->fatal = true;
    } else {
        slot->stopped = true;
    }
    send_msg(step, msg);
}

static void kill_speaker(struct step *step, struct fst_slot *slot)
{
    struct fst_agent_effect effect = {
        .type = FST_AGENT_KILL,
        .slot = slot->index,
        .why = "it sent a message that is not its own",
    };
    fst_vec_add(&step->out->list, effect);
}

static void take_said(struct step *step, struct fst_slot *slot,
                      struct fst_msg *msg)
{
    if (!speaks_for(slot, msg)) {
        kill_speaker(step, slot);
        fst_msg_free(msg);
        return;
    }
    if (msg->type == FST_MSG_RESULTS) {
        take_results(step, slot, &msg->results);
        fst_msg_free(msg);
        return;
    }
    flush_results(step);
    switch (msg->type) {
    case FST_MSG_STATE:
        take_state(step, slot, msg);
        return;
    case FST_MSG_BYE:
        slot->ended_well = true;
        fst_msg_free(msg);
        return;
    case FST_MSG_CREDIT:
        if (slot->draining || slot->interrupted) {
            fst_msg_free(msg);
            return;
        }
        break;
    case FST_MSG_COLLECTED:
        fst_slot_opened(slot, msg->collected.lease);
        break;
    case FST_MSG_LISTED:
        fst_slot_forget(slot, msg->listed.lease);
        break;
    case FST_MSG_REVOKED:
        if (msg->revoked.rest)
            fst_slot_forget(slot, msg->revoked.lease);
        break;
    default:
        break;
    }
    send_msg(step, msg);
}

/* ---- what the coordinator says */

static struct fst_slot *find_slot(struct step *step, uint32_t number)
{
    struct fst_agent *agent = step->agent;
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].number == number)
            return &agent->slots[i];
    fst_fail(step->err, FST_E_PROTO, "gw%u is no slot of this agent", number);
    return NULL;
}

static int take_work(struct step *step, struct fst_msg *msg)
{
    bool list = msg->type == FST_MSG_LIST;
    struct fst_slot *slot =
        find_slot(step, list ? msg->list.slot : msg->lease.slot);
    if (!slot) {
        fst_msg_free(msg);
        return -1;
    }
    if (step->agent->leaving || slot->stage == FST_STAGE_CLOSED) {
        fst_slot_send_over(slot, list ? msg->list.lease : msg->lease.lease,
                           step->out);
        fst_msg_free(msg);
        return 0;
    }
    fst_slot_hold(slot, msg);
    fst_slot_feed(slot, step->now_ns, step->out);
    return 0;
}

static int take_revoke(struct step *step, struct fst_msg *msg)
{
    struct fst_slot *slot = find_slot(step, msg->revoke.slot);
    if (slot) {
        fst_slot_revoke(slot, msg, step->out);
        return 0;
    }
    fst_msg_free(msg);
    return -1;
}

static void kill_slot(struct step *step, struct fst_slot *slot)
{
    if (!fst_slot_has_worker(slot))
        return;
    slot->interrupted = true;
    slot->kill_ns = INT64_MAX;
    fst_slot_effect(slot, FST_AGENT_KILL, NULL, step->out);
}

/* Every slot loses what it wasn't told; one without a worker gets none. */
static void start_leaving(struct step *step)
{
    struct fst_agent *agent = step->agent;
    agent->leaving = true;
    agent->exit_code = 0;
    agent->why = NULL;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct fst_slot *slot = &agent->slots[i];
        fst_slot_give_back(slot, false, step->out);
        if (!fst_slot_has_worker(slot))
            close_slot(step, slot);
    }
}

static void take_drain(struct step *step)
{
    start_leaving(step);
    for (size_t i = 0; i < step->agent->n_slots; i++)
        fst_slot_drain(&step->agent->slots[i], step->now_ns, step->out);
}

static void take_cancel(struct step *step, bool now)
{
    start_leaving(step);
    for (size_t i = 0; i < step->agent->n_slots; i++) {
        if (now)
            kill_slot(step, &step->agent->slots[i]);
        else
            fst_slot_interrupt(&step->agent->slots[i], step->now_ns, step->out);
    }
}

static int take_order(struct step *step, struct fst_msg *msg)
{
    int result = 0;
    switch (msg->type) {
    case FST_MSG_LEASE:
    case FST_MSG_LIST:
        return take_work(step, msg);
    case FST_MSG_REVOKE:
        return take_revoke(step, msg);
    case FST_MSG_CANCEL:
        take_cancel(step, msg->cancel.now);
        break;
    case FST_MSG_DRAIN:
        take_drain(step);
        break;
    case FST_MSG_ACK:
        result = take_ack(step, msg->ack.seq);
        break;
    case FST_MSG_BYE:
        break;
    default:
        result = fst_fail(step->err, FST_E_PROTO,
                          "a message of type %d from the coordinator",
                          (int)msg->type);
    }
    fst_msg_free(msg);
    return result;
}

/* ---- leaving, time */

/* A REVOKE without items asks for everything that has not started. */
static void ask_back(struct step *step, struct fst_slot *slot)
{
    struct fst_held *held;
    fst_vec_each (held, &slot->held) {
        struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKE);
        msg->revoke =
            (struct fst_revoke){.lease = held->lease, .slot = slot->number};
        fst_slot_effect(slot, FST_AGENT_TELL, msg, step->out);
    }
}

static void take_leave(struct step *step)
{
    struct fst_agent *agent = step->agent;
    if (agent->told_leave) {
        agent->over = true;
        add_effect(step, FST_AGENT_OVER);
        return;
    }
    agent->told_leave = true;
    send_msg(step, fst_msg_new(FST_MSG_DRAIN));
    start_leaving(step);
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct fst_slot *slot = &agent->slots[i];
        if (!fst_slot_has_worker(slot) || slot->interrupted)
            continue;
        ask_back(step, slot);
        fst_slot_drain(slot, step->now_ns, step->out);
    }
}

static void take_tick(struct step *step)
{
    struct fst_agent *agent = step->agent;
    if (fst_batch_due(&agent->batch, step->now_ns))
        flush_results(step);
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct fst_slot *slot = &agent->slots[i];
        if (slot->stage == FST_STAGE_NONE && slot->start_ns <= step->now_ns) {
            fst_slot_spawn(slot, step->out);
            fst_slot_feed(slot, step->now_ns, step->out);
        }
        if (slot->kill_ns > step->now_ns)
            continue;
        if (slot->interrupted) {
            kill_slot(step, slot);
        } else {
            slot->kill_ns = step->now_ns + FST_AGENT_FINISH_NS;
            fst_slot_effect(slot, FST_AGENT_KILL_STUCK, NULL, step->out);
        }
    }
}

/* Says BYE when no worker will come any more, ends when all is acknowledged. A
 * run that is fatal is ended by the coordinator, who has heard why. */
static void end_if_done(struct step *step)
{
    struct fst_agent *agent = step->agent;
    bool retired = agent->exit_code == 3;
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].stage != FST_STAGE_CLOSED)
            return;
    if (agent->over || (!agent->leaving && !retired))
        return;
    flush_results(step);
    if (!agent->said_bye)
        send_msg(step, fst_msg_new(FST_MSG_BYE));
    agent->said_bye = true;
    if (agent->batch.unacked.count)
        return;
    agent->over = true;
    struct fst_agent_effect over = {.type = FST_AGENT_OVER,
                                    .exit_code = agent->exit_code,
                                    .why = agent->why};
    fst_vec_add(&step->out->list, over);
}

int fst_agent_step(struct fst_agent *agent, const struct fst_agent_event *event,
                   int64_t now_ns, struct fst_agent_effects *effects,
                   struct fst_err *err)
{
    struct step step = {agent, now_ns, effects, err};
    FST_ASSERT(event->slot < agent->n_slots);
    struct fst_slot *slot = &agent->slots[event->slot];
    int result = 0;
    switch (event->type) {
    case FST_AGENT_EV_START:
        for (size_t i = 0; i < agent->n_slots; i++)
            fst_slot_spawn(&agent->slots[i], effects);
        break;
    case FST_AGENT_EV_ORDER:
        result = take_order(&step, event->msg);
        break;
    case FST_AGENT_EV_SAID:
        take_said(&step, slot, event->msg);
        break;
    case FST_AGENT_EV_NOT_STARTED:
        take_not_started(&step, slot, event->why);
        break;
    case FST_AGENT_EV_ENDED:
        take_end(&step, slot, event->end);
        break;
    case FST_AGENT_EV_LEAVE:
        take_leave(&step);
        break;
    case FST_AGENT_EV_TICK:
        take_tick(&step);
        break;
    }
    end_if_done(&step);
    return result;
}

int64_t fst_agent_deadline(const struct fst_agent *agent)
{
    int64_t deadline = fst_batch_deadline(&agent->batch);
    for (size_t i = 0; i < agent->n_slots; i++) {
        const struct fst_slot *slot = &agent->slots[i];
        if (slot->start_ns < deadline)
            deadline = slot->start_ns;
        if (slot->kill_ns < deadline)
            deadline = slot->kill_ns;
    }
    return deadline;
}
