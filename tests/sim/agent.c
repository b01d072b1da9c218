/* What model agents do with what the core sends them. */
#include "tests/sim/world.h"

#include <stdlib.h>

void sim_agent_check_done(struct farm *farm, struct agent *agent)
{
    if (!agent->draining || !agent->alive)
        return;
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        if (agent->slots[i].state != GONE)
            return;
    }
    agent->alive = false;
    sim_say(farm, agent, fst_msg_new(FST_MSG_BYE));
}

static struct slot *find_slot(struct agent *agent, uint32_t number)
{
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        if (agent->slots[i].model.slot == number)
            return &agent->slots[i];
    }
    return NULL;
}

static void on_start(struct farm *farm, struct slot *slot)
{
    if (slot->state != NONE)
        judge_fail(&farm->judge, "gw%u is started twice", slot->model.slot);
    else if (!slot->agent->draining)
        sim_worker_start(farm, slot);
}

static void on_lease(struct farm *farm, struct slot *slot, struct fst_msg *msg)
{
    if (slot->state == NONE)
        judge_fail(&farm->judge, "gw%u has a lease and no worker",
                   slot->model.slot);
    model_take(&slot->model, msg);
    slot->credit = false;
    if (slot->state == GONE || slot->agent->draining)
        sim_give_back(farm, slot);
    else if (slot->state == IDLE)
        sim_worker_go(farm, slot);
}

/* A lease that hasn't been opened: by name, or all of it. */
static struct fst_msg *revoke_unopened(struct farm *farm, struct slot *slot,
                                       struct lease *lease,
                                       const struct fst_revoke *what)
{
    bool opening = lease == slot->model.leases && slot->state == OPENING;
    if (what->items.count)
        return model_revoke_named(&slot->model, lease, what);
    bool rest = !opening && rng_percent(&farm->rng, 80);
    if (rest)
        model_drop(&slot->model, lease);
    return model_revoked(&slot->model, what->lease, rest);
}

static void on_revoke(struct farm *farm, struct slot *slot,
                      const struct fst_revoke *what)
{
    struct model *model = &slot->model;
    struct lease *lease = model_find(model, what->lease);
    struct fst_msg *answer;
    if (!lease)
        answer = model_revoked(model, what->lease, false);
    else if (lease->opened)
        answer = model_revoke_opened(model, lease, what,
                                     lease == model->leases &&
                                         slot->state == RUNNING);
    else
        answer = revoke_unopened(farm, slot, lease, what);
    sim_say_of_slot(farm, slot, answer);
}

static void on_cancel(struct farm *farm, struct agent *agent)
{
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        if (slot->state == GONE)
            continue;
        sim_give_back(farm, slot);
        sim_worker_end(farm, slot);
    }
}

static void on_drain(struct farm *farm, struct agent *agent)
{
    agent->draining = true;
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        if (slot->state == NONE || slot->state == IDLE ||
            slot->state == STARTING)
            sim_worker_end(farm, slot);
    }
    sim_agent_check_done(farm, agent);
}

void sim_agent_hear(struct farm *farm, struct agent *agent, struct fst_msg *msg)
{
    if (!agent->alive) {
        fst_msg_free(msg);
        return;
    }
    switch (msg->type) {
    case FST_MSG_LEASE:
        on_lease(farm, find_slot(agent, msg->lease.slot), msg);
        return;
    case FST_MSG_LIST:
        on_lease(farm, find_slot(agent, msg->list.slot), msg);
        return;
    case FST_MSG_START:
        on_start(farm, find_slot(agent, msg->start.slot));
        break;
    case FST_MSG_REVOKE:
        on_revoke(farm, find_slot(agent, msg->revoke.slot), &msg->revoke);
        break;
    case FST_MSG_CANCEL:
        on_cancel(farm, agent);
        break;
    case FST_MSG_DRAIN:
        on_drain(farm, agent);
        break;
    default:
        judge_fail(&farm->judge, "an agent got message %d", msg->type);
    }
    fst_msg_free(msg);
}

void sim_agent_comes(struct farm *farm, uint32_t first_slot)
{
    struct agent *agent = calloc(1, sizeof *agent);
    uint32_t numbers[16];
    agent->id = ++farm->last_agent;
    agent->n_slots = farm->spec->slots;
    agent->alive = true;
    agent->cut = INT64_MAX;
    agent->next = farm->agents;
    farm->agents = agent;
    agent->slots = calloc(agent->n_slots, sizeof *agent->slots);
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        slot->agent = agent;
        numbers[i] = first_slot + i;
        model_init(&slot->model, farm->suite, numbers[i]);
    }
    sim_step(farm, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                       .agent = {agent->id},
                                       .slots = numbers,
                                       .n_slots = agent->n_slots});
    sim_worker_start(farm, &agent->slots[0]);
}

void sim_agents_free(struct farm *farm)
{
    while (farm->agents) {
        struct agent *agent = farm->agents;
        farm->agents = agent->next;
        for (uint32_t i = 0; i < agent->n_slots; i++)
            model_release(&agent->slots[i].model);
        free(agent->slots);
        free(agent);
    }
}
