#include "agent/core/host.h"

#include "agent/core/step.h"

static void add_effect(struct fst_step *step, enum fst_agent_effect_type type,
                       struct fst_msg *msg)
{
    struct fst_agent_effect effect = {
        .type = type, .slot = step->agent->n_slots, .msg = msg};
    fst_vec_add(&step->out->list, effect);
}

static struct fst_msg *new_node(const struct fst_slot *slot,
                                enum fst_node_event event, const char *data,
                                const char *error)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_NODE);
    msg->node = (struct fst_node){
        .slot = slot->number,
        .event = event,
        .data = data ? fst_arena_str(&msg->arena, data) : NULL,
        .error = error ? fst_arena_str(&msg->arena, error) : NULL,
    };
    return msg;
}

static void tell(struct fst_step *step, const struct fst_slot *slot,
                 enum fst_node_event event)
{
    add_effect(step, FST_AGENT_TELL, new_node(slot, event, NULL, NULL));
}

static void ask(struct fst_step *step, size_t slot)
{
    step->agent->host.nodes[slot].asked++;
    tell(step, &step->agent->slots[slot], FST_NODE_CONFIGURE);
}

/* Its worker goes on; how long it waited is not what a worker's start costs. */
static void answer(struct fst_step *step, size_t index, const char *data)
{
    struct fst_host_node *node = &step->agent->host.nodes[index];
    struct fst_slot *slot = &step->agent->slots[index];
    node->waits = false;
    node->configured = true;
    if (node->wanted_ns)
        slot->spawn_ns += step->now_ns - node->wanted_ns;
    fst_slot_effect(slot, FST_AGENT_TELL,
                    new_node(slot, FST_NODE_CONFIGURE, data, NULL), step->out);
}

/* ---- workers */

void fst_host_start(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    struct fst_host *host = &agent->host;
    if (host->stage != FST_HOST_WANTED)
        return;
    for (size_t i = 0; i < agent->n_slots; i++)
        if (host->nodes[i].before)
            return;
    if (agent->leaving) { /* no host comes: what waits for it has not begun */
        for (size_t i = 0; i < agent->n_slots; i++)
            if (host->nodes[i].waits)
                fst_slot_interrupt(&agent->slots[i], step->now_ns, step->out);
        return;
    }
    host->stage = FST_HOST_STARTING;
    add_effect(step, FST_AGENT_SPAWN, NULL);
}

/* Workers but `slot`'s end first. */
static void wish(struct fst_step *step, const struct fst_slot *slot)
{
    struct fst_agent *agent = step->agent;
    agent->host.stage = FST_HOST_WANTED;
    for (size_t i = 0; i < agent->n_slots; i++) {
        if (&agent->slots[i] == slot)
            continue;
        agent->host.nodes[i].before = fst_slot_has_worker(&agent->slots[i]);
        fst_slot_drain(&agent->slots[i], step->now_ns, step->out);
    }
}

void fst_host_on_wanted(struct fst_step *step, struct fst_slot *slot)
{
    struct fst_host *host = &step->agent->host;
    struct fst_host_node *node = &host->nodes[slot->index];
    if (node->configured)
        return; /* the answer is on its way */
    node->wanted_ns = step->now_ns;
    if (node->waits)
        return;
    if (host->stage == FST_HOST_NONE && !step->agent->leaving)
        wish(step, slot);
    node->before = false;
    node->waits = true;
    if (host->stage == FST_HOST_UP)
        ask(step, slot->index);
    else if (host->stage == FST_HOST_WANTED)
        fst_host_start(step);
    else if (host->stage != FST_HOST_STARTING)
        answer(step, slot->index, NULL);
}

void fst_host_want(struct fst_step *step, struct fst_slot *slot)
{
    step->agent->ever_up = true;
    slot->stage = FST_STAGE_UP;
    if (step->agent->host.stage == FST_HOST_NONE)
        wish(step, NULL); /* else it is ending */
}

bool fst_host_on_spawn(struct fst_step *step, size_t slot)
{
    struct fst_host *host = &step->agent->host;
    struct fst_host_node *node = &host->nodes[slot];
    node->waits = host->stage == FST_HOST_WANTED ||
                  host->stage == FST_HOST_STARTING ||
                  host->stage == FST_HOST_UP;
    if (host->stage == FST_HOST_UP)
        ask(step, slot);
    return node->waits;
}

void fst_host_on_up(struct fst_step *step, const struct fst_slot *slot)
{
    const struct fst_host *host = &step->agent->host;
    if (host->stage == FST_HOST_UP && host->nodes[slot->index].configured)
        tell(step, slot, FST_NODE_READY);
}

void fst_host_on_output(struct fst_step *step, const struct fst_slot *slot,
                        const struct fst_node *output)
{
    struct fst_host_node *node = &step->agent->host.nodes[slot->index];
    free(node->output);
    node->output = fst_strdup(output->data);
}

/* xdist's words, and more. */
static const char *end_text(struct fst_step *step,
                            const struct fst_worker_end *end)
{
    return fst_arena_printf(&step->out->arena, "Not properly terminated (%s)",
                            fst_crash_how(&step->out->arena, end));
}

void fst_host_on_end(struct fst_step *step, const struct fst_slot *slot,
                     const struct fst_worker_end *end)
{
    struct fst_host *host = &step->agent->host;
    struct fst_host_node *node = &host->nodes[slot->index];
    bool known = node->waits ? node->asked : node->configured;
    node->before = node->waits = node->configured = false;
    node->wanted_ns = 0;
    if (host->stage == FST_HOST_UP && known) {
        const char *error = slot->ended_well ? NULL : end_text(step, end);
        struct fst_msg *msg =
            new_node(slot, FST_NODE_DOWN, node->output, error);
        msg->node.unused = !slot->used;
        add_effect(step, FST_AGENT_TELL, msg);
    }
    free(node->output);
    node->output = NULL;
    fst_host_start(step);
}

/* ---- the host */

static void take_node(struct fst_step *step, const struct fst_node *said)
{
    struct fst_agent *agent = step->agent;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct fst_host_node *node = &agent->host.nodes[i];
        if (agent->slots[i].number != said->slot)
            continue;
        /* Not the last question's: that worker has ended meanwhile. */
        if (++node->answered == node->asked && node->waits)
            answer(step, i, said->data);
    }
}

static void take_state(struct fst_step *step, struct fst_msg *msg)
{
    struct fst_host *host = &step->agent->host;
    if (msg->state.state == FST_SLOT_UP) {
        fst_msg_free(msg);
        host->stage = FST_HOST_UP;
        for (size_t i = 0; i < step->agent->n_slots; i++)
            if (host->nodes[i].waits)
                ask(step, i);
        return;
    }
    host->quiet = true;
    fst_step_send(step, msg);
}

static void take_said(struct fst_step *step, struct fst_msg *msg)
{
    struct fst_host *host = &step->agent->host;
    switch (msg->type) {
    case FST_MSG_STATE:
        take_state(step, msg);
        return;
    case FST_MSG_NODE:
        take_node(step, &msg->node);
        break;
    case FST_MSG_SUMMARY:
        fst_step_flush(step);
        fst_step_send(step, msg);
        return;
    case FST_MSG_RESULTS:
        for (size_t i = 0; i < msg->results.n_warnings; i++)
            fst_batch_warn(&step->agent->batch, &msg->results.warnings[i],
                           step->now_ns);
        break;
    case FST_MSG_BYE:
        host->ended_well = true;
        break;
    default:
        add_effect(step, FST_AGENT_KILL, NULL);
    }
    fst_msg_free(msg);
}

static void go_on_without(struct fst_step *step, const char *problem)
{
    struct fst_host *host = &step->agent->host;
    bool well = host->ended_well && host->stage == FST_HOST_FINISHING;
    host->stage = FST_HOST_ENDED;
    if (well || host->quiet)
        return;
    struct fst_msg *msg = fst_msg_new(FST_MSG_SUMMARY);
    msg->summary.problem = fst_arena_printf(
        &msg->arena, "the host of xdist's controller hooks %s", problem);
    fst_step_send(step, msg);
    for (size_t i = 0; i < step->agent->n_slots; i++)
        if (host->nodes[i].waits)
            answer(step, i, NULL);
}

static void take_end(struct fst_step *step, const struct fst_worker_end *end)
{
    struct fst_arena *arena = &step->out->arena;
    const char *tail = end->tail && *end->tail ? end->tail : "(no output)";
    fst_step_flush(step);
    go_on_without(step, fst_arena_printf(arena, "ended too early (%s):\n%s",
                                         fst_crash_how(arena, end), tail));
}

void fst_host_step(struct fst_step *step, const struct fst_agent_event *event)
{
    struct fst_arena *arena = &step->out->arena;
    switch (event->type) {
    case FST_AGENT_EV_SAID:
        take_said(step, event->msg);
        break;
    case FST_AGENT_EV_ENDED:
        take_end(step, event->end);
        break;
    case FST_AGENT_EV_NOT_STARTED:
        go_on_without(
            step, fst_arena_printf(arena, "can't be started: %s", event->why));
        break;
    default:
        break; /* what it writes, how long it takes: nobody watches that */
    }
}

bool fst_host_finish(struct fst_step *step)
{
    struct fst_host *host = &step->agent->host;
    struct fst_msg *msg;
    switch (host->stage) {
    case FST_HOST_UP:
        msg = fst_msg_new(FST_MSG_DRAIN);
        msg->drain.failures = step->agent->failures;
        add_effect(step, FST_AGENT_TELL, msg);
        host->stage = FST_HOST_FINISHING;
        return false;
    case FST_HOST_STARTING:
        /* There were no workers for it: nobody waits for what it would say. */
        fst_host_kill(step);
        host->stage = FST_HOST_FINISHING;
        return false;
    case FST_HOST_FINISHING:
        return false;
    default:
        return true;
    }
}

void fst_host_kill(struct fst_step *step)
{
    struct fst_host *host = &step->agent->host;
    if (host->stage < FST_HOST_STARTING || host->stage > FST_HOST_FINISHING)
        return;
    host->quiet = true;
    add_effect(step, FST_AGENT_KILL, NULL);
}
