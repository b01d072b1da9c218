#include "agent/core/agent.h"

#include "agent/core/held.h"
#include "agent/core/step.h"

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
    agent->drain_ns = INT64_MAX;
    agent->host.nodes = fst_calloc(n_slots, sizeof *agent->host.nodes);
    for (size_t i = 0; i < n_slots; i++)
        fst_slot_init(&agent->slots[i], i, slots[i]);
    return agent;
}

void fst_agent_want_host(struct fst_agent *agent)
{
    agent->host.stage = FST_HOST_WANTED;
}

void fst_agent_keep(struct fst_agent *agent)
{
    for (size_t i = 0; i < agent->n_slots; i++)
        agent->slots[i].keeps = true;
}

void fst_agent_free(struct fst_agent *agent)
{
    if (!agent)
        return;
    for (size_t i = 0; i < agent->n_slots; i++) {
        fst_slot_release(&agent->slots[i]);
        free(agent->host.nodes[i].output);
    }
    free(agent->host.nodes);
    fst_batch_release(&agent->batch);
    fst_link_release(&agent->link);
    fst_memory_release(&agent->memory);
    free(agent->slots);
    free(agent);
}

void fst_agent_limit_tests(struct fst_agent *agent, int64_t limit_ns)
{
    agent->test_limit_ns = limit_ns;
}

void fst_agent_limit_drain(struct fst_agent *agent, int64_t limit_ns)
{
    agent->drain_limit_ns = limit_ns;
}

bool fst_agent_can_move(const struct fst_agent *agent)
{
    bool open = false;
    for (size_t i = 0; i < agent->n_slots; i++)
        open |=
            agent->slots[i].keeps && agent->slots[i].stage != FST_STAGE_CLOSED;
    return open && !agent->said_bye && (!agent->leaving || agent->told_leave);
}

uint64_t fst_agent_heard(const struct fst_agent *agent)
{
    return agent->link.heard;
}

bool fst_agent_is_done(const struct fst_agent *agent)
{
    return agent->said_bye;
}

bool fst_agent_owes(const struct fst_agent *agent)
{
    const struct fst_link_sent *sent;
    fst_vec_each (sent, &agent->link.kept) {
        if (sent->type == FST_MSG_RESULTS || sent->type == FST_MSG_HELD ||
            sent->type == FST_MSG_SUMMARY)
            return true;
    }
    return false;
}

static int take_ack(struct fst_step *step, uint64_t seq)
{
    struct fst_agent *agent = step->agent;
    if (fst_link_ack(&agent->link, seq, step->err))
        return -1;
    if (agent->paused && agent->link.bytes <= FST_AGENT_UNACKED_MAX / 2) {
        agent->paused = false;
        fst_step_effect(step, FST_AGENT_RESUME);
    }
    return 0;
}

/* ---- what the coordinator says */

static struct fst_slot *find_slot(struct fst_step *step, uint32_t number)
{
    struct fst_agent *agent = step->agent;
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].number == number)
            return &agent->slots[i];
    fst_fail(step->err, FST_E_PROTO, "gw%u is no slot of this agent", number);
    return NULL;
}

static int check_work(struct fst_step *step, const struct fst_slot *slot,
                      const struct fst_msg *msg)
{
    if (msg->type == FST_MSG_LEASE && *msg->lease.file == '/')
        return fst_fail(step->err, FST_E_PROTO,
                        "%s in a lease, no path below the root",
                        msg->lease.file);
    if (slot->held.count >= FST_AGENT_HELD_MAX)
        return fst_fail(step->err, FST_E_PROTO, "over %d leases for gw%u",
                        FST_AGENT_HELD_MAX, slot->number);
    return 0;
}

static int take_work(struct fst_step *step, struct fst_msg *msg)
{
    bool list = msg->type == FST_MSG_LIST;
    struct fst_slot *slot =
        find_slot(step, list ? msg->list.slot : msg->lease.slot);
    if (!slot || check_work(step, slot, msg)) {
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
    fst_slot_start(slot, step->now_ns, step->out);
    fst_slot_feed(slot, step->now_ns, step->out);
    return 0;
}

static int take_start(struct fst_step *step, uint32_t number)
{
    struct fst_slot *slot = find_slot(step, number);
    if (!slot)
        return -1;
    if (!step->agent->leaving)
        fst_slot_start(slot, step->now_ns, step->out);
    return 0;
}

static int take_revoke(struct fst_step *step, struct fst_msg *msg)
{
    struct fst_slot *slot = find_slot(step, msg->revoke.slot);
    if (slot) {
        fst_slot_revoke(slot, msg, step->out);
        return 0;
    }
    fst_msg_free(msg);
    return -1;
}

static void kill_slot(struct fst_step *step, struct fst_slot *slot)
{
    if (!fst_slot_has_worker(slot))
        return;
    slot->interrupted = true;
    slot->kill_ns = INT64_MAX;
    fst_slot_effect(slot, FST_AGENT_KILL, NULL, step->out);
}

/* Every slot loses what it wasn't told; one without a worker gets none. */
static void start_leaving(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    agent->leaving = true;
    agent->exit_code = 0;
    agent->why = NULL;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct fst_slot *slot = &agent->slots[i];
        fst_slot_give_back(slot, false, step->out);
        if (!fst_slot_has_worker(slot))
            fst_step_close(step, slot);
    }
}

static void take_drain(struct fst_step *step)
{
    start_leaving(step);
    for (size_t i = 0; i < step->agent->n_slots; i++)
        fst_slot_drain(&step->agent->slots[i], step->now_ns, step->out);
}

static void take_cancel(struct fst_step *step, bool now)
{
    start_leaving(step);
    if (now)
        fst_host_kill(step);
    for (size_t i = 0; i < step->agent->n_slots; i++) {
        if (now)
            kill_slot(step, &step->agent->slots[i]);
        else
            fst_slot_interrupt(&step->agent->slots[i], step->now_ns, step->out);
    }
}

static int carry_order(struct fst_step *step, struct fst_msg *msg)
{
    int result = 0;
    if (step->agent->said_bye && msg->type != FST_MSG_ACK) {
        fst_msg_free(msg); /* it crossed the BYE, which gives all back */
        return 0;
    }
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
        step->agent->failures = msg->drain.failures;
        take_drain(step);
        break;
    case FST_MSG_ACK:
        result = take_ack(step, msg->ack.seq);
        break;
    case FST_MSG_START:
        result = take_start(step, msg->start.slot);
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

/* Once, and in order. */
static int take_order(struct fst_step *step, struct fst_msg *msg)
{
    struct fst_link *link = &step->agent->link;
    int news = fst_link_hear(link, msg, step->err);
    if (news <= 0) {
        fst_msg_free(msg);
        return news;
    }
    msg->seq = 0; /* some are passed on to a worker */
    int result = carry_order(step, msg);
    if (link->heard - link->told >= FST_LINK_TELL)
        fst_step_send(step, fst_link_tell(link));
    return result;
}

static int take_resumed(struct fst_step *step, uint64_t heard)
{
    struct fst_link *link = &step->agent->link;
    if (fst_link_resume(link, heard, step->err))
        return -1;
    const struct fst_link_sent *sent;
    fst_vec_each (sent, &link->kept) {
        struct fst_agent_effect again = {.type = FST_AGENT_SEND,
                                         .frames = sent->frames.data,
                                         .frames_len = sent->frames.len};
        fst_vec_add(&step->out->list, again);
    }
    return 0;
}

/* ---- leaving, time */

/* A REVOKE without items asks for everything that has not started. */
static void ask_back(struct fst_step *step, struct fst_slot *slot)
{
    struct fst_slot_lease *held;
    fst_vec_each (held, &slot->held) {
        struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKE);
        msg->revoke =
            (struct fst_revoke){.lease = held->lease, .slot = slot->number};
        fst_slot_effect(slot, FST_AGENT_TELL, msg, step->out);
    }
}

static void send_over(struct fst_step *step, int exit_code, const char *why)
{
    struct fst_agent_effect over = {
        .type = FST_AGENT_OVER, .exit_code = exit_code, .why = why};
    step->agent->over = true;
    fst_vec_add(&step->out->list, over);
}

static void take_leave(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    if (agent->told_leave) {
        fst_step_flush(step);
        if (!agent->said_bye)
            fst_step_send(step, fst_msg_new(FST_MSG_BYE));
        agent->said_bye = true;
        send_over(step, 0, NULL);
        return;
    }
    agent->told_leave = true;
    if (agent->said_bye)
        return;
    if (agent->drain_limit_ns)
        agent->drain_ns = step->now_ns + agent->drain_limit_ns;
    fst_step_send(step, fst_msg_new(FST_MSG_DRAIN));
    start_leaving(step);
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct fst_slot *slot = &agent->slots[i];
        if (!fst_slot_has_worker(slot) || slot->interrupted)
            continue;
        ask_back(step, slot);
        fst_slot_drain(slot, step->now_ns, step->out);
    }
}

static void tick_hang(struct fst_step *step, struct fst_slot *slot)
{
    if (slot->interrupted) /* its end is on its way */
        fst_hang_stop(&slot->hang);
    if (slot->hang.at_ns > step->now_ns)
        return;
    switch (fst_hang_tick(&slot->hang, step->now_ns)) {
    case FST_HANG_TERMINATED:
        fst_slot_effect(slot, FST_AGENT_TERMINATE, NULL, step->out);
        break;
    case FST_HANG_KILLED:
        fst_slot_effect(slot, FST_AGENT_KILL, NULL, step->out);
        break;
    default:
        fst_slot_effect(slot, FST_AGENT_LOOK, NULL, step->out);
    }
}

static void take_seen(struct fst_step *step, struct fst_slot *slot,
                      const struct fst_agent_event *event)
{
    if (fst_hang_seen(&slot->hang, event->end, step->now_ns))
        fst_slot_effect(slot, FST_AGENT_ASK, NULL, step->out);
}

static void take_tick(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    if (agent->drain_ns <= step->now_ns) {
        agent->drain_ns = INT64_MAX;
        take_cancel(step, false);
    }
    if (fst_batch_due(&agent->batch, step->now_ns))
        fst_step_flush(step);
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct fst_slot *slot = &agent->slots[i];
        if (slot->stage == FST_STAGE_NONE && slot->start_ns <= step->now_ns) {
            fst_slot_spawn(slot, step->now_ns, step->out);
            fst_slot_feed(slot, step->now_ns, step->out);
        }
        tick_hang(step, slot);
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

/* Says BYE when no worker will come any more. A run that is fatal is ended by
 * the coordinator, who has heard why. */
static void say_bye_if_done(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    bool retired = agent->exit_code == 3;
    for (size_t i = 0; i < agent->n_slots; i++)
        if (agent->slots[i].stage != FST_STAGE_CLOSED)
            return;
    if (agent->over || (!agent->leaving && !retired) || !fst_host_finish(step))
        return;
    if (!agent->told_sweep)
        fst_step_effect(step, FST_AGENT_SWEEP);
    agent->told_sweep = true;
    if (!agent->swept || agent->said_bye)
        return;
    fst_step_flush(step);
    fst_step_send(step, fst_msg_new(FST_MSG_BYE));
    agent->said_bye = true;
}

static void end_if_acknowledged(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    if (agent->said_bye && !agent->over && !agent->link.kept.count)
        send_over(step, agent->exit_code, agent->why);
}

/* ---- what is sent */

static void pause_if_full(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    if (agent->paused || agent->link.bytes <= FST_AGENT_UNACKED_MAX)
        return;
    agent->paused = true;
    fst_step_effect(step, FST_AGENT_PAUSE);
}

/* What the step sends is numbered, and kept. */
static void number(struct fst_step *step, size_t first)
{
    struct fst_err err;
    for (size_t i = first; i < step->out->list.count; i++) {
        struct fst_agent_effect *effect = &step->out->list.items[i];
        if (effect->type != FST_AGENT_SEND || effect->frames ||
            !fst_link_counts(effect->msg->type))
            continue;
        const struct fst_buf *frames =
            fst_link_send(&step->agent->link, effect->msg, &err);
        if (!frames) {
            send_over(step, 3, fst_arena_str(&step->out->arena, err.msg));
            return;
        }
        effect->frames = frames->data;
        effect->frames_len = frames->len;
    }
}

/* Workers that are started while there is a host wait for it. */
static void look_for_spawns(struct fst_step *step, size_t first)
{
    const size_t n = step->out->list.count;
    for (size_t i = first; i < n; i++) {
        const struct fst_agent_effect *effect = &step->out->list.items[i];
        size_t slot = effect->slot;
        if (effect->type != FST_AGENT_SPAWN || slot == step->agent->n_slots)
            continue;
        bool waits = fst_host_on_spawn(step, slot);
        step->out->list.items[i].waits = waits;
    }
}

static int take_event(struct fst_step *step,
                      const struct fst_agent_event *event)
{
    struct fst_agent *agent = step->agent;
    FST_ASSERT(event->slot < agent->n_slots);
    struct fst_slot *slot = &agent->slots[event->slot];
    int result = 0;
    switch (event->type) {
    case FST_AGENT_EV_START:
        fst_host_start(step);
        fst_slot_start(&agent->slots[0], step->now_ns, step->out);
        break;
    case FST_AGENT_EV_ORDER:
        result = take_order(step, event->msg);
        break;
    case FST_AGENT_EV_RESUMED:
        result = take_resumed(step, event->heard);
        break;
    case FST_AGENT_EV_ADOPTED:
        fst_held_move(step);
        break;
    case FST_AGENT_EV_SAID:
        fst_step_said(step, slot, event->msg);
        break;
    case FST_AGENT_EV_LINES:
        fst_step_lines(step, slot, event->text);
        break;
    case FST_AGENT_EV_NOT_STARTED:
        fst_step_not_started(step, slot, event);
        break;
    case FST_AGENT_EV_ENDED:
        fst_step_ended(step, slot, event->end);
        break;
    case FST_AGENT_EV_SEEN:
        take_seen(step, slot, event);
        break;
    case FST_AGENT_EV_WROTE:
        fst_hang_wrote(&slot->hang, step->now_ns);
        break;
    case FST_AGENT_EV_SWEPT:
        agent->swept = true;
        for (size_t i = 0; i < event->n_warnings; i++)
            fst_batch_warn(&agent->batch, &event->warnings[i], step->now_ns);
        break;
    case FST_AGENT_EV_LEAVE:
        take_leave(step);
        break;
    case FST_AGENT_EV_MEMORY:
        fst_memory_take(step, event->reading);
        break;
    case FST_AGENT_EV_TICK:
        take_tick(step);
        break;
    }
    return result;
}

int fst_agent_step(struct fst_agent *agent, const struct fst_agent_event *event,
                   int64_t now_ns, struct fst_agent_effects *effects,
                   struct fst_err *err)
{
    struct fst_step step = {agent, now_ns, effects, err};
    size_t first = effects->list.count;
    int result = 0;
    if (event->slot == agent->n_slots)
        fst_host_step(&step, event);
    else
        result = take_event(&step, event);
    look_for_spawns(&step, first);
    say_bye_if_done(&step);
    number(&step, first);
    pause_if_full(&step);
    end_if_acknowledged(&step);
    return result;
}

int64_t fst_agent_deadline(const struct fst_agent *agent)
{
    int64_t deadline = fst_batch_deadline(&agent->batch);
    if (agent->drain_ns < deadline)
        deadline = agent->drain_ns;
    for (size_t i = 0; i < agent->n_slots; i++) {
        const struct fst_slot *slot = &agent->slots[i];
        if (slot->start_ns < deadline)
            deadline = slot->start_ns;
        if (slot->kill_ns < deadline)
            deadline = slot->kill_ns;
        if (slot->hang.at_ns < deadline)
            deadline = slot->hang.at_ns;
    }
    return deadline;
}
