/* A coordinator's process from its start to its end, again and again: what
 * turn.c and ledger.c of the coordinator do, with a model journal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/net/world.h"

static void set_tick(struct coord *coord)
{
    int64_t deadline = fst_core_deadline(coord->core);
    if (deadline == INT64_MAX)
        fst_timer_clear(coord->tick);
    else
        fst_timer_set(coord->tick, deadline - coord->process.world->now);
}

/* A run without a journal isn't gone on with. */
static bool may_crash(const struct coord *coord)
{
    const struct world *world = coord->process.world;
    return coord->process.net && !coord->process.dead && !world->judge.ended &&
           !world->suite->collect_only;
}

/* ---- a turn */

static void watch_order(struct coord *coord, const struct fst_msg *msg)
{
    struct world *world = coord->process.world;
    const struct suite *suite = world->suite;
    struct judge *judge = &world->judge;
    if (msg->type == FST_MSG_LEASE && judge->cancelled)
        judge_fail(judge, "a lease after the cancel");
    if (msg->type == FST_MSG_LEASE)
        watch_lease(world, &msg->lease);
    if (msg->type != FST_MSG_CANCEL)
        return;
    bool missing = false;
    for (size_t i = 0; i < suite->n_files; i++)
        missing = missing || suite->files[i].missing;
    judge->cancelled = judge->stopped = true;
    if (!missing && !suite->maxfail && !suite->stops && !world->exited &&
        suite->max_worker_restart > 1000)
        judge_fail(judge, "stopped for \"%s\"", msg->cancel.why);
}

static void send_msg(void *user, struct fst_agent_id agent, struct fst_msg *msg)
{
    struct coord *coord = user;
    if (!coord->process.dead)
        fst_farm_send(coord->farm, agent, msg);
}

/* As fst_turn_carry_out(). */
static void carry_out(struct coord *coord)
{
    struct fst_effect *effect;
    fst_vec_each (effect, &coord->effects.list) {
        if (effect->type == FST_EF_SEND)
            continue;
        keep_add(&coord->unkept, effect);
        coord->ended |= effect->type == FST_EF_ENDED;
        if (effect->type == FST_EF_LIST && !effect->past)
            fst_outbox_listed(coord->outbox, effect->list->file);
    }
    fst_vec_each (effect, &coord->effects.list) {
        if (effect->type != FST_EF_SEND || coord->process.dead)
            continue;
        watch_order(coord, effect->msg);
        if (effect->msg->type == FST_MSG_DRAIN)
            fst_farm_close(coord->farm);
        fst_outbox_send(coord->outbox, effect->agent, effect->msg);
        effect->msg = NULL;
    }
    fst_effects_clear(&coord->effects);
    fst_core_check(coord->core);
}

static int turn(struct coord *coord, const struct fst_event *event,
                struct fst_err *err)
{
    struct world *world = coord->process.world;
    struct fst_err ignored;
    if (coord->process.dead || world->judge.ended)
        return 0;
    coord->stepping = true;
    int result =
        fst_core_step(coord->core, event, world->now, &coord->effects, err);
    if (result && err->code != FST_E_CLOSED)
        judge_fail(&world->judge, "refused: %s", err->msg);
    carry_out(coord);
    while (coord->lost.count) {
        struct lost lost = coord->lost.items[--coord->lost.count];
        struct fst_event down = {.type = FST_EV_AGENT_DOWN,
                                 .agent = lost.id,
                                 .dropped = lost.dropped,
                                 .why = "lost"};
        fst_core_step(coord->core, &down, world->now, &coord->effects,
                      &ignored);
        carry_out(coord);
    }
    coord->stepping = false;
    set_tick(coord);
    return result;
}

/* As fst_turn_keep() and fst_turn_on_kept(): one transaction for all that was
 * heard when the one before was kept. */
static void give(struct coord *coord)
{
    struct world *world = coord->process.world;
    struct unkept empty = coord->given;
    coord->given = coord->unkept;
    coord->given_farm = coord->known_farm;
    coord->unkept = empty;
    fst_outbox_mark(coord->outbox);
    fst_farm_mark(coord->farm);
    fst_timer_set(coord->keep, clock_random(world, world->keep));
    coord->keeps = true;
    coord->more = false;
}

static void commit(struct coord *coord)
{
    keep_commit(&coord->given, coord->process.world);
    coord->kept = coord->given_farm;
}

static void on_keep(void *user)
{
    struct coord *coord = user;
    bool dies = coord->next_commit != COMMITS && may_crash(coord);
    bool early = coord->next_commit == DIES_BEFORE_COMMIT;
    coord->keeps = false;
    coord->next_commit = COMMITS;
    if (coord->process.dead)
        return;
    if (!dies || !early)
        commit(coord);
    if (dies)
        coord_crash(coord);
    fst_outbox_kept(coord->outbox);
    fst_farm_tell(coord->farm);
    if (!coord->process.dead && !coord->keeps && coord->more)
        give(coord);
}

static void keep(struct coord *coord)
{
    coord->more = true;
    if (!coord->process.dead && !coord->keeps)
        give(coord);
}

static void keep_now(struct coord *coord)
{
    keep(coord);
    while (!coord->process.dead && coord->keeps) {
        fst_timer_clear(coord->keep);
        on_keep(coord);
    }
}

/* Of an event that the core can't refuse. */
static void step(struct coord *coord, const struct fst_event *event)
{
    struct fst_err err;
    turn(coord, event, &err);
    if (coord->ended)
        keep_now(coord);
    else
        keep(coord);
}

static void on_tick(void *user)
{
    step(user, &(struct fst_event){.type = FST_EV_TICK});
}

/* ---- what gather.c does: those that took part before are waited for */

static void begin(struct coord *coord)
{
    coord->returning = 0;
    fst_timer_clear(coord->patience);
    step(coord, &(struct fst_event){.type = FST_EV_BEGIN, .run = coord->run});
}

static void begin_if_complete(struct coord *coord)
{
    const struct known *known;
    bool unheard = false;
    fst_vec_each (known, &coord->known) {
        unheard |= known->unheard && !known->down;
    }
    if (coord->returning && !unheard &&
        coord->known_farm.agents >= coord->returning)
        begin(coord);
}

static void on_patience(void *user)
{
    begin(user);
}

bool coord_awaits(const struct coord *coord, const struct agent *agent)
{
    const struct world *world = coord->process.world;
    const struct known *known, *last = NULL;
    fst_vec_each (known, &coord->known) {
        last = known->agent == agent ? known : last;
    }
    return last && !last->down && !coord->process.dead && !world->judge.ended;
}

/* ---- what the farm says */

static struct known *find_known(struct coord *coord, struct fst_agent_id id)
{
    size_t i = 0;
    while (i < coord->known.count && coord->known.items[i].id.v != id.v)
        i++;
    FST_ASSERT(i < coord->known.count); /* else it has not come */
    return &coord->known.items[i];
}

static void on_up(void *user, const struct fst_farm_agent *up)
{
    struct coord *coord = user;
    struct world *world = coord->process.world;
    for (uint32_t i = 0; i < world->n_agents; i++) {
        if (!strcmp(world->agents[i].name, up->name))
            fst_vec_add(&coord->known,
                        ((struct known){.id = up->id,
                                        .agent = &world->agents[i],
                                        .unheard = up->adopted}));
    }
    world_trace(world, "%s is number %u, from gw%u on", up->name, up->id.v,
                up->slots[0]);
    coord->known_farm.agents++;
    if (up->slots[0] + up->n_slots > coord->known_farm.slots)
        coord->known_farm.slots = up->slots[0] + (uint32_t)up->n_slots;
    keep_now(coord);
    step(coord, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                    .agent = up->id,
                                    .slots = up->slots,
                                    .n_slots = up->n_slots});
    begin_if_complete(coord);
}

static int on_message(void *user, struct fst_agent_id id,
                      const struct fst_msg *msg, struct fst_err *err)
{
    struct coord *coord = user;
    struct world *world = coord->process.world;
    struct known *known = find_known(coord, id);
    if (msg->type != FST_MSG_PING && msg->seq != ++known->heard)
        judge_fail(&world->judge, "%s: message %llu instead of %llu",
                   known->agent->name, (unsigned long long)msg->seq,
                   (unsigned long long)known->heard);
    if (msg->type == FST_MSG_OUTPUT)
        return 0; /* shown, not kept */
    int result = turn(
        coord,
        &(struct fst_event){.type = FST_EV_MESSAGE, .agent = id, .msg = msg},
        err);
    if (result)
        return -1;
    if (msg->type == FST_MSG_RESULTS || msg->type == FST_MSG_HELD)
        keep_results(&coord->unkept, known->agent, msg);
    if (msg->type == FST_MSG_HELD) {
        find_known(coord, id)->unheard = false;
        begin_if_complete(coord);
    }
    if (coord->ended)
        keep_now(coord);
    else
        keep(coord);
    return 1;
}

static void on_cut(void *user, struct fst_agent_id id, const char *name,
                   const char *why)
{
    const struct coord *coord = user;
    world_trace(coord->process.world, "number %u, %s, is %s", id.v, name,
                why ? "away" : "back");
}

static void on_down(void *user, struct fst_agent_id id,
                    const struct fst_farm_end *end)
{
    struct coord *coord = user;
    struct world *world = coord->process.world;
    world_trace(world, "number %u is lost: %s", id.v, end->why);
    coord->known_farm.agents--;
    find_known(coord, id)->unheard = false;
    find_known(coord, id)->down = true;
    if (world->judge.ended || end->left)
        return;
    watch_down(find_known(coord, id)->agent);
    if (coord->stepping) {
        fst_vec_add(&coord->lost, ((struct lost){id, end->dropped}));
        return;
    }
    step(coord, &(struct fst_event){.type = FST_EV_AGENT_DOWN,
                                    .agent = id,
                                    .dropped = end->dropped,
                                    .why = end->why});
}

/* ---- life */

static void add_run(struct coord *coord)
{
    struct world *world = coord->process.world;
    struct fst_recalled recalled = journal_recall(&world->journal);
    struct fst_run_spec spec = suite_spec(world->suite);
    spec.times = world->times;
    spec.held = coord->returning > 0;
    spec.recalled = coord->life > 1 ? &recalled : NULL;
    coord->run =
        fst_core_add_run(coord->core, &spec, world->now, &coord->effects);
    free((void *)spec.files);
    carry_out(coord);
    keep_commit(&coord->unkept, world);
    coord->kept = coord->known_farm;
    set_tick(coord);
}

/* The tree is read. */
static void on_open(void *user)
{
    struct coord *coord = user;
    fst_farm_open(coord->farm, &coord->admit);
    if (coord->returning)
        fst_timer_set(coord->patience, coord->spec.grace_ns + 2 * SECOND);
}

static void free_coord(struct coord *coord)
{
    fst_farm_free(coord->farm);
    coord->farm = NULL;
    net_die(&coord->process);
    net_free(coord->process.net);
    coord->process.net = NULL;
    fst_core_free(coord->core);
    coord->core = NULL;
    fst_timer_free(coord->tick);
    fst_timer_free(coord->open);
    fst_timer_free(coord->keep);
    fst_timer_free(coord->patience);
    coord->tick = coord->open = coord->keep = coord->patience = NULL;
    coord->keeps = coord->more = false;
    keep_forget(&coord->unkept);
    keep_forget(&coord->given);
    fst_outbox_free(coord->outbox);
    coord->outbox = NULL;
    coord->known.count = coord->lost.count = 0;
}

/* It has died, and another one goes on. */
static void on_again(void *user)
{
    struct coord *coord = user;
    struct world *world = coord->process.world;
    if (coord->process.net) {
        free_coord(coord);
        fst_timer_set(coord->again, clock_random(world, 3 * SECOND));
        return;
    }
    coord_start(coord);
}

void coord_init(struct coord *coord, struct world *world)
{
    static const char *args[] = {"tests"};
    coord->process = (struct process){.world = world, .name = "coordinator"};
    coord->loop.uv.data = &coord->process;
    coord->config = (struct fst_config){
        .args = {args, 1}, .root = "/", .cwd = ".", .hash_seed = "0"};
    coord->spec = (struct fst_farm_spec){
        .run = "run",
        .config = &coord->config,
        .token = "the token of this farm",
        .dead_after_ns = 15 * SECOND,
        .grace_ns = world->grace,
    };
    coord->again = fst_timer_new(&world->outside_loop, on_again, coord);
    fst_timer_set(coord->again, 0);
}

void coord_start(struct coord *coord)
{
    static const struct fst_farm_events events = {on_up, on_message, on_cut,
                                                  on_down};
    struct world *world = coord->process.world;
    struct fst_err err;
    world_trace(world, "a coordinator starts");
    coord->life++;
    coord->known_farm = (struct farm_size){0, coord->kept.slots};
    coord->returning = coord->kept.agents;
    if (world->hasty && coord->returning)
        coord->returning = 1; /* as with --agents 1 */
    coord->process.dead = false;
    coord->process.net = fst_alloc(sizeof *coord->process.net);
    coord->process.net->process = &coord->process;
    coord->core = fst_core_new();
    coord->outbox = fst_outbox_new(send_msg, coord);
    coord->ended = false;
    if (coord->life > 1)
        fst_core_number_leases(coord->core, coord->life);
    coord->farm = fst_farm_new(&coord->loop, &coord->spec, &events, coord);
    fst_farm_reserve(coord->farm, coord->kept.slots);
    coord->tick = fst_timer_new(&coord->loop, on_tick, coord);
    coord->open = fst_timer_new(&coord->loop, on_open, coord);
    coord->keep = fst_timer_new(&coord->loop, on_keep, coord);
    coord->patience = fst_timer_new(&coord->loop, on_patience, coord);
    FST_ASSERT(fst_farm_listen(coord->farm, coord->process.net,
                               "tcp://127.0.0.1:7000", false, &err) >= 0);
    if (coord->life > 1)
        judge_restart(&world->judge);
    add_run(coord);
    if (coord->life > 1)
        judge_kept(&world->judge);
    watch_restart(world);
    fst_timer_set(coord->open, clock_random(world, SECOND / 4));
}

void coord_crash(struct coord *coord)
{
    if (!may_crash(coord))
        return;
    world_trace(coord->process.world, "the coordinator dies");
    coord->process.dead = true;
    fst_timer_set(coord->again, 0);
}

void coord_stop(struct coord *coord)
{
    struct judge *judge = &coord->process.world->judge;
    if (!coord->core || coord->process.dead)
        return;
    judge->stopped = true;
    step(coord, &(struct fst_event){.type = FST_EV_STOP,
                                    .run = coord->run,
                                    .why = "interrupted",
                                    .exit_code = 2});
}

void coord_release(struct coord *coord)
{
    coord->process.dead = true;
    if (coord->process.net)
        free_coord(coord);
    fst_timer_free(coord->again);
    fst_effects_release(&coord->effects);
    keep_release(&coord->unkept);
    keep_release(&coord->given);
    fst_vec_free(&coord->known);
    fst_vec_free(&coord->lost);
}
