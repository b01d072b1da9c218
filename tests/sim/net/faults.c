/* What goes wrong in a world, and when. */
#include <stdlib.h>

#include "tests/sim/net/world.h"

static struct agent *any_agent(struct world *world)
{
    return &world->agents[rng_below(&world->rng, world->n_agents)];
}

/* ---- the network */

static void cut(struct world *world)
{
    struct agent *agent = any_agent(world);
    world_trace(world, "the connection of %s is cut", agent->name);
    net_cut(agent);
}

static void deafen(struct world *world)
{
    struct agent *agent = any_agent(world);
    bool coordinator = rng_percent(&world->rng, 50);
    world_trace(world, "%s hears nothing of the other any more",
                coordinator ? "the coordinator" : agent->name);
    net_deafen(agent, coordinator);
}

/* Mostly for less than anyone would notice. */
static void part(struct world *world)
{
    struct agent *agent = any_agent(world);
    int64_t most = rng_percent(&world->rng, 70) ? 2 * SECOND : 40 * SECOND;
    agent->apart = world->now + clock_random(world, most);
    world_trace(world, "%s is apart until %.4f", agent->name,
                (double)agent->apart / 1e9);
    net_delay(agent);
}

/* ---- processes */

static void freeze(struct process *process)
{
    struct world *world = process->world;
    int64_t most = rng_percent(&world->rng, 70) ? 2 * SECOND : 40 * SECOND;
    process->frozen = world->now + clock_random(world, most);
    world_trace(world, "%s is stopped until %.4f", process->name,
                (double)process->frozen / 1e9);
}

static void freeze_agent(struct world *world)
{
    freeze(&any_agent(world)->process);
}

static void freeze_coord(struct world *world)
{
    freeze(&world->coord.process);
}

static void kill_agent(struct world *world)
{
    any_agent(world)->process.crash_in = 1 + rng_below(&world->rng, 3);
}

/* It finishes what runs, hands back the rest, and comes again. */
static void send_away(struct world *world)
{
    agent_leave(any_agent(world));
}

static void kill_coord(struct world *world)
{
    world->coord.process.crash_in = 1 + rng_below(&world->rng, 3);
}

static void kill_coord_at_commit(struct world *world)
{
    if (!world->coord.process.dead)
        world->coord.next_commit = rng_percent(&world->rng, 50)
                                       ? DIES_BEFORE_COMMIT
                                       : DIES_AFTER_COMMIT;
}

static void kill_worker(struct world *world)
{
    proc_kill_one(world, any_agent(world));
}

static void still_worker(struct world *world)
{
    proc_still_one(world, any_agent(world));
}

static void stop(struct world *world)
{
    coord_stop(&world->coord);
}

bool faults_dies_here(struct process *process)
{
    if (!process->crash_in || --process->crash_in || process->dead)
        return process->dead;
    if (process == &process->world->coord.process)
        coord_crash(&process->world->coord);
    else
        agent_crash((struct agent *)process);
    return process->dead;
}

static void cut_parting(struct world *world)
{
    world_trace(world, "the connection of %s is cut, behind its BYE",
                world->parts->name);
    net_cut(world->parts);
}

void faults_part(struct agent *agent)
{
    struct world *world = agent->process.world;
    if (!world->partings.state || !rng_percent(&world->partings, 60))
        return;
    world->parts = agent;
    fst_timer_set(
        world->parting.timer,
        (int64_t)rng_below(&world->partings, (uint32_t)(3 * world->latency)));
}

/* ---- the plan */

static void on_fault(void *user)
{
    struct fault *fault = user;
    fault->happen(fault->world);
}

static void add(struct world *world, int64_t at,
                void (*happen)(struct world *world))
{
    struct fault *fault = &world->faults[world->n_faults++];
    FST_ASSERT(world->n_faults <= MOST_FAULTS);
    *fault = (struct fault){
        .world = world,
        .timer = fst_timer_new(&world->outside_loop, on_fault, fault),
        .happen = happen};
    fst_timer_set(fault->timer, at);
}

void faults_plan(struct world *world)
{
    static void (*const network[])(struct world *) = {cut, cut, deafen, part,
                                                      part};
    static void (*const processes[])(struct world *) = {
        freeze_agent, freeze_coord, kill_agent,           send_away,
        kill_coord,   kill_coord,   kill_coord_at_commit, kill_worker,
        kill_worker,  still_worker};
    struct rng *rng = &world->rng;
    uint32_t kind = rng_below(rng, 10);
    uint32_t n_network = kind < 2 ? 0 : rng_below(rng, 6);
    uint32_t n_processes = kind < 5 ? 0 : rng_below(rng, 6);
    for (uint32_t i = 0; i < n_network; i++)
        add(world, clock_random(world, 5 * SECOND), network[rng_below(rng, 5)]);
    for (uint32_t i = 0; i < n_processes; i++)
        add(world, clock_random(world, 5 * SECOND),
            processes[rng_below(rng, 10)]);
    world->parting = (struct fault){
        .world = world,
        .timer = fst_timer_new(&world->outside_loop, on_fault, &world->parting),
        .happen = cut_parting};
    if (world->n_faults)
        world->partings.state = world->seed ^ UINT64_C(0x6c62272e);
    world->suite->faults = false; /* until one costs something */
    if (world->suite->stops)
        add(world, clock_random(world, 3 * SECOND), stop);
}

void faults_release(struct world *world)
{
    for (size_t i = 0; i < world->n_faults; i++)
        fst_timer_free(world->faults[i].timer);
    fst_timer_free(world->parting.timer);
}
