/* What agents say to the coordinator once they are proven, and when they come
 * and go: into a real core and a report. Whatever that was, the core's
 * invariants hold after each step, what it sends can be sent, and an honest
 * agent that comes at last finishes the run; no verdict is told twice.
 *
 * An agent that breaks the protocol is dropped, as the program does. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/core.h"
#include "coordinator/report/report.h"
#include "shared/base/mem.h"
#include "tests/fuzz/fuzz.h"

enum { AGENTS = 3, SLOTS = 2, HONEST = AGENTS, MOST_STEPS = 20000 };

static const char *const words[] = {
    "a.py",         "b.py",     "c/d.py",   "a.py::t0",   "a.py::t1",
    "a.py::T::m",   "b.py::t0", "b.py::t1", "b.py::T::m", "c/d.py::t0",
    "c/d.py::t1",   "c",        "",         "x",          "a.py::t9",
    "line\nline\n", "\x1b[2J",  "\xc3\xa9", "e.py",       "e.py::t0",
};
static const char *const names[] = {"t0", "t1", "T::m"};

struct order { /* a message of the core's */
    struct fst_msg *msg;
    uint32_t agent;
};

struct world {
    struct fuzz_input input;
    struct fst_core *core;
    struct fst_report *report;
    struct fst_run_id run;
    struct fst_effects effects;
    int64_t now;
    uint32_t ids[AGENTS + 1], last_id; /* 0: not there */
    uint64_t last_lease;
    FST_VEC(struct order) orders; /* that were ever sent */
    size_t answered;              /* of them, by the honest agent */
    FST_VEC(const char *) ended;  /* ids with a verdict */
    size_t endings;
    int exit_code;
};

static uint32_t first_slot(uint32_t agent)
{
    return agent * SLOTS;
}

/* ---- what the core says */

/* By address: an agent may give items of two files the same name. */
static void note_verdict(struct world *world, const char *id)
{
    for (size_t i = 0; i < world->ended.count; i++)
        FST_ASSERT(world->ended.items[i] != id);
    fst_vec_add(&world->ended, id);
}

static void carry_out(struct world *world)
{
    for (size_t i = 0; i < world->effects.list.count; i++) {
        struct fst_effect *effect = &world->effects.list.items[i];
        struct fst_counts counts;
        if (effect->type == FST_EF_SEND) {
            struct fst_msg *msg = effect->msg;
            fuzz_check_sendable(msg);
            if (msg->type == FST_MSG_LEASE || msg->type == FST_MSG_LIST)
                world->last_lease = msg->type == FST_MSG_LEASE
                                        ? msg->lease.lease
                                        : msg->list.lease;
            fst_vec_add(&world->orders, ((struct order){msg, effect->agent.v}));
            effect->msg = NULL;
            continue;
        }
        if (effect->type == FST_EF_OUTCOME || effect->type == FST_EF_NOT_RUN)
            note_verdict(world, effect->id);
        if (effect->type == FST_EF_ENDED) {
            world->endings++;
            world->exit_code = effect->exit_code;
        }
        fst_core_counts(world->core, world->run, &counts);
        fst_report_effect(world->report, effect, &counts);
    }
    fst_effects_clear(&world->effects);
    fst_core_check(world->core);
    FST_ASSERT(world->endings <= 1);
}

static int step(struct world *world, const struct fst_event *event)
{
    struct fst_err err = {0};
    int result =
        fst_core_step(world->core, event, world->now, &world->effects, &err);
    carry_out(world);
    fst_report_flush(world->report);
    return result;
}

static void lose_agent(struct world *world, uint32_t agent, bool dropped)
{
    struct fst_event event = {.type = FST_EV_AGENT_DOWN,
                              .agent = {world->ids[agent]},
                              .why = "gone",
                              .dropped = dropped};
    if (!world->ids[agent])
        return;
    world->ids[agent] = 0;
    fst_report_agent(world->report, event.agent.v, NULL, 0, true, NULL);
    step(world, &event);
}

static void greet_agent(struct world *world, uint32_t agent)
{
    uint32_t slots[SLOTS];
    if (world->ids[agent])
        return;
    for (uint32_t i = 0; i < SLOTS; i++)
        slots[i] = first_slot(agent) + i;
    world->ids[agent] = ++world->last_id;
    fst_report_agent(world->report, world->last_id, "agent", SLOTS, false,
                     NULL);
    FST_ASSERT(!step(world, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                                .agent = {world->ids[agent]},
                                                .slots = slots,
                                                .n_slots = SLOTS}));
}

/* Takes msg. As the program: the report hears some of it beside the core. */
static int hear(struct world *world, uint32_t agent, struct fst_msg *msg)
{
    struct fst_event event = {
        .type = FST_EV_MESSAGE, .agent = {world->ids[agent]}, .msg = msg};
    int result = step(world, &event);
    if (!result && msg->type == FST_MSG_STATE)
        fst_report_worker(world->report, event.agent.v, &msg->state);
    if (!result && msg->type == FST_MSG_STATE &&
        msg->state.state == FST_SLOT_UP)
        fst_report_session(world->report, &msg->state, -1);
    if (!result && msg->type == FST_MSG_RESULTS)
        for (size_t i = 0; i < msg->results.n_warnings; i++)
            fst_report_warning(world->report, &msg->results.warnings[i]);
    if (!result && msg->type == FST_MSG_SUMMARY && msg->summary.text)
        fst_report_sections(world->report, msg->summary.text);
    if (msg->type == FST_MSG_BYE)
        world->ids[agent] = 0;
    fst_msg_free(msg);
    return result;
}

/* ---- hostile agents */

/* Of an order that this agent was given: lease, slot and file fit. */
static void fit(struct world *world, uint32_t agent, struct fst_msg *msg)
{
    size_t back = fuzz_byte(&world->input);
    const struct fst_lease *lease = NULL;
    for (size_t i = world->orders.count; i-- > 0 && !lease;) {
        const struct order *order = &world->orders.items[i];
        if (order->agent == world->ids[agent] &&
            order->msg->type == FST_MSG_LEASE && !back--)
            lease = &order->msg->lease;
    }
    if (!lease)
        return;
    if (msg->type == FST_MSG_COLLECTED) {
        msg->collected.lease = lease->lease;
        msg->collected.slot = lease->slot;
        msg->collected.file = fst_arena_str(&msg->arena, lease->file);
    } else if (msg->type == FST_MSG_REVOKED) {
        msg->revoked.lease = lease->lease;
        msg->revoked.slot = lease->slot;
    } else if (msg->type == FST_MSG_RESULTS) {
        for (size_t i = 0; i < msg->results.n_results; i++) {
            msg->results.results[i].lease = lease->lease;
            msg->results.results[i].slot = lease->slot;
        }
    }
}

static void say_anything(struct world *world, uint32_t agent)
{
    static const enum fst_msg_type types[] = {
        FST_MSG_CREDIT,  FST_MSG_STATE,   FST_MSG_COLLECTED, FST_MSG_LISTED,
        FST_MSG_RESULTS, FST_MSG_REVOKED, FST_MSG_SUMMARY,   FST_MSG_DRAIN,
        FST_MSG_BYE,     FST_MSG_LEASE,
    };
    const struct fuzz_words known = {words, sizeof words / sizeof *words};
    uint8_t choice = fuzz_byte(&world->input);
    if (!world->ids[agent])
        return;
    enum fst_msg_type type =
        choice % 128 == 127 ? FST_MSG_HELD : types[choice % 10];
    struct fst_msg *msg = fuzz_message(&world->input, type, &known,
                                       world->last_lease, SLOTS * AGENTS);
    if (choice & 0x80)
        fit(world, agent, msg);
    if (hear(world, agent, msg))
        lose_agent(world, agent, true);
}

static void happen(struct world *world)
{
    uint8_t what = fuzz_byte(&world->input);
    uint32_t agent = what / 16 % AGENTS;
    world->now += fuzz_byte(&world->input) * INT64_C(10000000);
    switch (what % 16) {
    case 0:
        greet_agent(world, agent);
        break;
    case 1:
        lose_agent(world, agent, false);
        break;
    case 2:
        world->now = fst_core_deadline(world->core) < INT64_MAX
                         ? fst_core_deadline(world->core)
                         : world->now;
        step(world, &(struct fst_event){.type = FST_EV_TICK});
        break;
    case 3:
        if (what == 0x33)
            step(world, &(struct fst_event){.type = FST_EV_STOP,
                                            .run = world->run,
                                            .why = "interrupted",
                                            .exit_code = 2});
        else
            step(world,
                 &(struct fst_event){.type = FST_EV_BEGIN, .run = world->run});
        break;
    case 4: /* what any agent does first */
    case 5: {
        struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
        msg->state.slot = first_slot(agent) + what % 16 % SLOTS;
        if (world->ids[agent])
            FST_ASSERT(!hear(world, agent, msg));
        else
            fst_msg_free(msg);
        break;
    }
    default:
        say_anything(world, agent);
    }
}

/* ---- the honest one */

static void answer(struct world *world, struct fst_msg *msg)
{
    FST_ASSERT(!hear(world, HONEST, msg));
}

static void say_state(struct world *world, uint32_t slot,
                      enum fst_slot_state state)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state.slot = slot;
    msg->state.state = state;
    answer(world, msg);
}

static void say_credit(struct world *world, uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = slot;
    answer(world, msg);
}

/* Its list of any file: three tests. */
static void say_collected(struct world *world, const struct fst_lease *lease)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    struct fst_collected *to = &msg->collected;
    *to = (struct fst_collected){.lease = lease->lease,
                                 .slot = lease->slot,
                                 .file = lease->file,
                                 .digest = "honest"};
    to->same = lease->digest && !strcmp(lease->digest, "honest");
    if (!to->same) {
        to->items = fst_arena_array(&msg->arena, 3, sizeof *to->items);
        for (; to->n_items < 3; to->n_items++)
            to->items[to->n_items].id = fst_arena_printf(
                &msg->arena, "%s::%s", lease->file, names[to->n_items]);
    }
    answer(world, msg);
}

static void say_result(struct world *world, const struct fst_lease *lease,
                       const char *id)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    bool known = false;
    for (size_t i = 0; i < 3; i++)
        known |= !strcmp(
            id, fst_arena_printf(&msg->arena, "%s::%s", lease->file, names[i]));
    msg->results.results =
        fst_arena_array(&msg->arena, 1, sizeof *msg->results.results);
    msg->results.n_results = 1;
    msg->results.results[0] =
        (struct fst_result){.lease = lease->lease,
                            .slot = lease->slot,
                            .id = fst_arena_str(&msg->arena, id),
                            .outcome = known ? FST_PASSED : FST_ABSENT};
    answer(world, msg);
}

static void run_lease(struct world *world, const struct fst_lease *lease)
{
    struct fst_arena arena = {0};
    if (lease->fresh) {
        say_state(world, lease->slot, FST_SLOT_DOWN);
        say_state(world, lease->slot, FST_SLOT_UP);
    }
    say_collected(world, lease);
    if (lease->target)
        say_result(world, lease, lease->target);
    else if (lease->whole)
        for (size_t i = 0; i < 3; i++)
            say_result(
                world, lease,
                fst_arena_printf(&arena, "%s::%s", lease->file, names[i]));
    else
        for (size_t i = 0; i < lease->n_units; i++)
            say_result(world, lease, lease->units[i].id);
    say_credit(world, lease->slot);
    fst_arena_release(&arena);
}

static void say_listed(struct world *world, const struct fst_list *list)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LISTED);
    msg->listed = (struct fst_listed){
        .lease = list->lease,
        .slot = list->slot,
        .files = {fst_arena_array(&msg->arena, 3, sizeof(char *)), 3}};
    memcpy(msg->listed.files.items, words, 3 * sizeof *words);
    answer(world, msg);
    say_credit(world, list->slot);
}

static void say_over(struct world *world, const struct fst_revoke *revoke)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    msg->revoked = (struct fst_revoked){
        .lease = revoke->lease, .slot = revoke->slot, .rest = true};
    answer(world, msg);
}

static void obey(struct world *world, const struct fst_msg *order)
{
    switch (order->type) {
    case FST_MSG_START:
        say_state(world, order->start.slot, FST_SLOT_UP);
        say_credit(world, order->start.slot);
        break;
    case FST_MSG_LEASE:
        run_lease(world, &order->lease);
        break;
    case FST_MSG_LIST:
        say_listed(world, &order->list);
        break;
    case FST_MSG_REVOKE:
        say_over(world, &order->revoke);
        break;
    case FST_MSG_CANCEL:
    case FST_MSG_DRAIN:
        answer(world, fst_msg_new(FST_MSG_BYE));
        break;
    default:
        abort(); /* no order that agents know */
    }
}

/* All that is left, by an agent that does as it should. */
static void finish(struct world *world)
{
    uint32_t slot = first_slot(HONEST);
    for (uint32_t i = 0; i < AGENTS && !world->endings; i++)
        lose_agent(world, i, false);
    if (world->endings)
        return;
    step(world, &(struct fst_event){.type = FST_EV_BEGIN, .run = world->run});
    if (!world->endings) {
        greet_agent(world, HONEST);
        say_state(world, slot, FST_SLOT_UP);
        say_credit(world, slot);
    }
    for (int steps = 0; !world->endings; steps++) {
        FST_ASSERT(steps < MOST_STEPS);
        if (world->answered < world->orders.count) {
            const struct order *order = &world->orders.items[world->answered++];
            if (world->ids[HONEST] && order->agent == world->ids[HONEST])
                obey(world, order->msg);
            continue;
        }
        int64_t deadline = fst_core_deadline(world->core);
        FST_ASSERT(deadline < INT64_MAX); /* else it never ends */
        world->now = deadline > world->now ? deadline : world->now;
        step(world, &(struct fst_event){.type = FST_EV_TICK});
    }
}

/* ---- the run */

static void start(struct world *world)
{
    static const char *const functions[] = {"a.py::t0", "a.py::t1",
                                            "a.py::T::m"};
    static const char *const dirs[] = {"."};
    struct fst_file_plan files[3] = {
        {.path = "a.py", .functions = functions, .n_functions = 3},
        {.path = "b.py"},
        {.path = "c/d.py"}};
    uint8_t how = fuzz_byte(&world->input), more = fuzz_byte(&world->input);
    struct fst_run_spec spec = {
        .files = files,
        .n_files = 1 + how % 3u,
        .roots = dirs,
        .n_roots = more & 1,
        .list_dirs = dirs,
        .n_list_dirs = more >> 1 & 1,
        .confirm = how & 4,
        .retries = how >> 3 & 1,
        .keep_files = how & 16,
        .given_order = how & 32,
        .one_worker = (how & 192) == 64,
        .collect_only = (how & 192) == 128,
        .maxfail = (how & 192) == 192,
        .held = more & 4,
        .full = (enum fst_core_full)((more >> 3 & 3) % 3),
        .max_worker_restart = more & 32 ? -1 : more >> 6,
    };
    files[0].learned = more & 128;
    files[1].verify = more & 64;
    static int nowhere = -1;
    if (nowhere < 0)
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct fst_report_spec report = {
        .fd = nowhere,
        .color = more & 1,
        .verbosity = how % 4 - 1,
        .screen = {80, 80, 24},
        .chars = "A",
        .run = "run",
        .durations = 3,
    };
    world->report = fst_report_new(&report);
    world->now = 1;
    world->core = fst_core_new();
    world->run =
        fst_core_add_run(world->core, &spec, world->now, &world->effects);
    carry_out(world);
    fst_report_session(world->report, &(struct fst_state){0}, -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct world world = {.input = {bytes, len}};
    struct fst_strings problems = {0};
    start(&world);
    while (world.input.left && !world.endings)
        happen(&world);
    finish(&world);
    fst_report_end(world.report, world.exit_code, 1, &problems);
    fst_strings_clear(&problems);
    fst_report_free(world.report);
    fst_core_free(world.core);
    fst_effects_release(&world.effects);
    for (size_t i = 0; i < world.orders.count; i++)
        fst_msg_free(world.orders.items[i].msg);
    fst_vec_free(&world.orders);
    fst_vec_free(&world.ended);
    return 0;
}
