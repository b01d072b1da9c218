/* Workers and agents that die at random, and what may differ from plain
 * pytest because of it. */
#include "tests/sim/world.h"

#include <stdlib.h>
#include <utlist.h>

static void excuse_file(struct farm *farm, const struct model_file *file)
{
    judge_excuse(&farm->judge, file->path, FST_ERROR);
    for (size_t i = 0; i < file->n_tests; i++) {
        char id[128];
        suite_id(file, i, 0, id, sizeof id);
        judge_excuse(&farm->judge, id, FST_ERROR);
    }
}

/* What is lost with a worker or agent that the simulation ends. */
void sim_excuse_slot(struct farm *farm, const struct slot *slot)
{
    for (size_t i = 0; i < slot->model.amends.count; i++) {
        for (int k = 0; k < FST_OUTCOMES; k++)
            judge_excuse(&farm->judge, slot->model.amends.items[i].id,
                         (enum fst_outcome)k);
    }
    const struct lease *lease;
    DL_FOREACH2(slot->model.leases, lease, next_lease)
    {
        const struct fst_lease *from = &lease->msg->lease;
        if (lease->msg->type != FST_MSG_LEASE ||
            from->kind != FST_LEASE_CONFIRM)
            continue;
        judge_excuse(&farm->judge, from->target, FST_FAILED);
        judge_excuse(&farm->judge, from->target, FST_ERROR);
    }
}

static struct agent *random_agent(struct farm *farm)
{
    struct agent *agent = farm->agents, *found = NULL;
    uint32_t seen = 0;
    for (; agent; agent = agent->next) {
        if (agent->alive && !agent->draining && !rng_below(&farm->rng, ++seen))
            found = agent;
    }
    return found;
}

/* Nothing that it would say after `cut` is heard. */
static void end_agent(struct farm *farm, struct agent *agent, int64_t cut)
{
    agent->alive = false;
    agent->cut = cut;
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        sim_excuse_slot(farm, &agent->slots[i]);
        agent->slots[i].epoch++;
        agent->slots[i].state = GONE;
    }
}

/* A tear-down error that was to come later may not come. */
static void excuse_amends(struct farm *farm)
{
    for (size_t i = 0; i < farm->suite->n_files; i++) {
        const struct model_file *file = &farm->suite->files[i];
        for (size_t k = 0; k < file->n_tests; k++) {
            char id[128];
            suite_id(file, k, 0, id, sizeof id);
            if (!file->tests[k].amends)
                continue;
            judge_excuse(&farm->judge, id, file->tests[k].outcome);
            judge_excuse(&farm->judge, id, FST_FAILED);
        }
    }
}

/* Results under way may be lost; whatever it ran has to run again, three
 * times at most. */
void sim_kill_agent(struct farm *farm)
{
    struct agent *agent = random_agent(farm);
    if (!agent)
        return;
    end_agent(farm, agent, farm->now + rng_below(&farm->rng, 20000000));
    excuse_amends(farm);
    farm->agent_kills++;
    for (size_t i = 0; i < farm->suite->n_files && farm->agent_kills >= 3; i++)
        excuse_file(farm, &farm->suite->files[i]);
    sim_add_event(farm, agent->cut + 1,
                  (struct event){.type = AGENT_GONE, .agent = agent});
}

void sim_end_agents(struct farm *farm)
{
    for (struct agent *agent = farm->agents; agent; agent = agent->next) {
        if (agent->alive || agent->draining)
            sim_add_event(
                farm, farm->now + rng_below(&farm->rng, 1000) * SECOND / 1000,
                (struct event){.type = AGENT_COMES,
                               .epoch = agent->slots[0].model.slot});
        end_agent(farm, agent, -1);
    }
    excuse_amends(farm);
}

/* It failed by that, and those that need it can't be confirmed. */
static void excuse_killed(struct farm *farm, const struct model_file *file,
                          size_t killed)
{
    for (size_t i = 0; i < file->n_tests; i++) {
        char id[128];
        suite_id(file, i, 0, id, sizeof id);
        if (i == killed || file->tests[i].needs == (int)killed)
            judge_excuse(&farm->judge, id, FST_FAILED);
    }
}

void sim_kill_worker(struct farm *farm)
{
    struct agent *agent = random_agent(farm);
    if (!agent)
        return;
    struct slot *slot = &agent->slots[rng_below(&farm->rng, agent->n_slots)];
    struct lease *lease = slot->model.leases;
    if (slot->state == NONE || slot->state == GONE || slot->state == STARTING)
        return;
    if (slot->state == RUNNING) {
        excuse_killed(farm, lease->file, lease->tests[lease->next]);
    } else if (slot->state == OPENING && lease->file) {
        if (++lease->file->kills >= 2)
            excuse_file(farm, lease->file);
    }
    slot->epoch++;
    sim_worker_die(farm, slot);
}

/* One slot of an agent that has another one is given up. */
void sim_retire_slot(struct farm *farm)
{
    struct agent *agent = random_agent(farm);
    if (!agent || agent->n_slots < 2 || agent->retiring)
        return;
    struct slot *slot = &agent->slots[rng_below(&farm->rng, agent->n_slots)];
    if (slot->state != STARTING)
        return;
    agent->retiring = true;
    slot->state = GONE;
    slot->epoch++;
    sim_say_state(farm, slot,
                  &(struct fst_state){.state = FST_SLOT_RETIRED,
                                      .text = "five crashes in a row"});
    sim_give_back(farm, slot);
}
