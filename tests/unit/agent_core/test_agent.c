/* What an agent does at each event, written as one line: effects are rendered
 * as words, so that a test reads as a dialogue. */
#include "agent/core/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/buf.h"
#include "shared/base/mem.h"

#define MS INT64_C(1000000)

struct world {
    struct fst_agent *agent;
    struct fst_agent_effects effects;
    struct fst_buf said;
    struct fst_err err;
    int64_t now;
    int result;
    const char *left; /* what a sweep finds, or NULL */
};

static void render_state(struct fst_buf *out, const struct fst_state *state)
{
    static const char *const names[] = {"up",   "down",   "retired", "fatal",
                                        "stop", "paused", "resumed"};
    fst_buf_addf(out, "%s gw%u", names[state->state], state->slot);
    if (state->lease)
        fst_buf_addf(out, " of %d", (int)state->lease);
    if (state->exit_code)
        fst_buf_addf(out, " %u", state->exit_code);
    if (state->text)
        fst_buf_addf(out, " (%s)", state->text);
}

static void render_msg(struct fst_buf *out, const struct fst_msg *msg)
{
    switch (msg->type) {
    case FST_MSG_LEASE:
        fst_buf_addf(out, "lease %d", (int)msg->lease.lease);
        break;
    case FST_MSG_LIST:
        fst_buf_addf(out, "list %d", (int)msg->list.lease);
        break;
    case FST_MSG_LISTED:
        fst_buf_addf(out, "listed %d", (int)msg->listed.lease);
        break;
    case FST_MSG_REVOKE:
        fst_buf_addf(out, "revoke %d", (int)msg->revoke.lease);
        break;
    case FST_MSG_REVOKED:
        fst_buf_addf(out, "revoked %d%s", (int)msg->revoked.lease,
                     msg->revoked.rest ? " rest" : "");
        break;
    case FST_MSG_COLLECTED:
        fst_buf_addf(out, "collected %d", (int)msg->collected.lease);
        break;
    case FST_MSG_RESULTS:
        fst_buf_addf(out, "results %d:", (int)msg->results.seq);
        for (size_t i = 0; i < msg->results.n_results; i++)
            fst_buf_addf(out, " %s%s%s", msg->results.results[i].id,
                         msg->results.results[i].crashed ? "!" : "",
                         msg->results.results[i].amend ? "+" : "");
        for (size_t i = 0; i < msg->results.n_warnings; i++)
            if (strlen(msg->results.warnings[i].message) < 100)
                fst_buf_addf(out, " (%s)", msg->results.warnings[i].message);
        break;
    case FST_MSG_STATE:
        render_state(out, &msg->state);
        break;
    case FST_MSG_CREDIT:
        fst_buf_addf(out, "credit gw%u", msg->credit.slot);
        break;
    default:
        fst_buf_adds(out, msg->type == FST_MSG_DRAIN ? "drain" : "bye");
    }
}

static void render_effect(struct fst_buf *out,
                          const struct fst_agent_effect *effect)
{
    static const char *const names[] = {
        [FST_AGENT_SEND] = "send",
        [FST_AGENT_SPAWN] = "spawn",
        [FST_AGENT_TELL] = "tell",
        [FST_AGENT_LOOK] = "look",
        [FST_AGENT_SWEEP] = "sweep",
        [FST_AGENT_ASK] = "ask",
        [FST_AGENT_TERMINATE] = "terminate",
        [FST_AGENT_INTERRUPT] = "interrupt",
        [FST_AGENT_KILL] = "kill",
        [FST_AGENT_KILL_STUCK] = "kill-stuck",
        [FST_AGENT_PAUSE] = "pause",
        [FST_AGENT_RESUME] = "resume",
        [FST_AGENT_OVER] = "over",
    };
    if (out->len)
        fst_buf_adds(out, "; ");
    fst_buf_adds(out, names[effect->type]);
    if (effect->type == FST_AGENT_OVER)
        fst_buf_addf(out, " %d%s%s", effect->exit_code, effect->why ? " " : "",
                     effect->why ? effect->why : "");
    else if (effect->type != FST_AGENT_SEND &&
             effect->type != FST_AGENT_SWEEP && effect->type < FST_AGENT_PAUSE)
        fst_buf_addf(out, " %zu", effect->slot);
    if (effect->msg) {
        fst_buf_addc(out, ' ');
        render_msg(out, effect->msg);
    }
}

/* The program answers at once; what it finds: world->left. */
static void answer_sweep(struct world *world)
{
    if (!strstr(fst_buf_str(&world->said), "sweep"))
        return;
    const struct fst_warning left = {.message = world->left, .category = "W"};
    struct fst_agent_event event = {
        .type = FST_AGENT_EV_SWEPT,
        .warnings = &left,
        .n_warnings = world->left != NULL,
    };
    fst_agent_step(world->agent, &event, world->now, &world->effects,
                   &world->err);
    for (size_t i = 0; i < world->effects.list.count; i++)
        render_effect(&world->said, &world->effects.list.items[i]);
    fst_agent_effects_clear(&world->effects);
}

static const char *step(struct world *world, struct fst_agent_event event)
{
    fst_buf_clear(&world->said);
    world->result = fst_agent_step(world->agent, &event, world->now,
                                   &world->effects, &world->err);
    for (size_t i = 0; i < world->effects.list.count; i++)
        render_effect(&world->said, &world->effects.list.items[i]);
    fst_agent_effects_clear(&world->effects);
    answer_sweep(world);
    return fst_buf_str(&world->said);
}

static const char *order(struct world *world, struct fst_msg *msg)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_ORDER,
                                                .msg = msg});
}

static const char *said(struct world *world, size_t slot, struct fst_msg *msg)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_SAID,
                                                .slot = slot,
                                                .msg = msg});
}

static const char *lease(struct world *world, uint64_t number, uint32_t slot,
                         bool fresh)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LEASE);
    msg->lease.lease = number;
    msg->lease.slot = slot;
    msg->lease.fresh = fresh;
    return order(world, msg);
}

static const char *start(struct world *world, uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_START);
    msg->start.slot = slot;
    return order(world, msg);
}

static const char *revoke(struct world *world, uint64_t number, uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKE);
    msg->revoke.lease = number;
    msg->revoke.slot = slot;
    return order(world, msg);
}

static const char *cancel(struct world *world, bool now)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CANCEL);
    msg->cancel.why = "interrupted";
    msg->cancel.now = now;
    return order(world, msg);
}

static const char *drain(struct world *world)
{
    return order(world, fst_msg_new(FST_MSG_DRAIN));
}

static const char *ack(struct world *world, uint64_t seq)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_ACK);
    msg->ack.seq = seq;
    return order(world, msg);
}

static const char *says_state(struct world *world, size_t slot,
                              enum fst_slot_state state)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state.slot = (uint32_t)slot + 10;
    msg->state.state = state;
    return said(world, slot, msg);
}

static const char *says_result(struct world *world, size_t slot, uint64_t of,
                               const char *id, enum fst_outcome outcome)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    msg->results.results =
        fst_arena_alloc(&msg->arena, sizeof *msg->results.results);
    msg->results.results[0] = (struct fst_result){
        .lease = of, .slot = (uint32_t)slot + 10, .id = id, .outcome = outcome};
    msg->results.n_results = 1;
    return said(world, slot, msg);
}

static const char *says_collected(struct world *world, size_t slot, uint64_t of)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    msg->collected.lease = of;
    msg->collected.slot = (uint32_t)slot + 10;
    return said(world, slot, msg);
}

static const char *says_bye(struct world *world, size_t slot)
{
    return said(world, slot, fst_msg_new(FST_MSG_BYE));
}

static const char *ends(struct world *world, size_t slot,
                        struct fst_worker_end end)
{
    if (!end.name)
        end.name = "";
    end.tail = "";
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_ENDED,
                                                .slot = slot,
                                                .end = &end});
}

static const char *tick(struct world *world)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_TICK});
}

static const char *leave(struct world *world)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_LEAVE});
}

/* Slots gw10, gw11, … at places 0, 1, …, all with a worker; up: they are
 * ready. */
static struct world new_world(size_t n_slots, bool up)
{
    static const uint32_t numbers[] = {10, 11, 12};
    struct world world = {.now = 1000 * MS};
    world.agent = fst_agent_new(numbers, n_slots);
    step(&world, (struct fst_agent_event){.type = FST_AGENT_EV_START});
    for (size_t i = 1; i < n_slots; i++)
        start(&world, numbers[i]);
    for (size_t i = 0; up && i < n_slots; i++)
        says_state(&world, i, FST_SLOT_UP);
    return world;
}

static void free_world(struct world *world)
{
    fst_agent_free(world->agent);
    fst_agent_effects_release(&world->effects);
    fst_buf_release(&world->said);
}

#define TESTING(of, id)                                                        \
    ((struct fst_worker_end){                                                  \
        .status = -9, .doing = FST_DOING_TESTING, .lease = of, .name = id})
#define DIES ((struct fst_worker_end){.status = 1})
#define ENDS ((struct fst_worker_end){.status = 0})

/* ---- starting */

static struct world world_with_one_worker(void)
{
    static const uint32_t numbers[] = {10, 11, 12};
    struct world world = {.agent = fst_agent_new(numbers, 3)};
    assert_string_equal(
        step(&world, (struct fst_agent_event){.type = FST_AGENT_EV_START}),
        "spawn 0");
    return world;
}

static void one_worker_starts_at_once_and_others_when_asked_for(void **state)
{
    (void)state;
    struct world world = world_with_one_worker();
    assert_string_equal(start(&world, 12), "spawn 2");
    assert_string_equal(start(&world, 12), "");
    assert_string_equal(start(&world, 10), "");
    start(&world, 13);
    assert_int_equal(world.result, -1);
    free_world(&world);
}

static void a_lease_starts_its_slots_worker(void **state)
{
    (void)state;
    struct world world = world_with_one_worker();
    assert_string_equal(lease(&world, 1, 11, true), "spawn 1; tell 1 lease 1");
    free_world(&world);
}

static void a_slot_that_was_never_started_holds_nothing_up(void **state)
{
    (void)state;
    struct world world = world_with_one_worker();
    says_state(&world, 0, FST_SLOT_UP);
    assert_string_equal(order(&world, fst_msg_new(FST_MSG_DRAIN)),
                        "tell 0 drain");
    assert_string_equal(start(&world, 11), "");
    said(&world, 0, fst_msg_new(FST_MSG_BYE));
    const struct fst_worker_end end = {.status = 0};
    assert_string_equal(
        step(&world,
             (struct fst_agent_event){.type = FST_AGENT_EV_ENDED, .end = &end}),
        "send down gw10; sweep; send bye; over 0");
    free_world(&world);
}

static void a_worker_that_is_up_is_told_with_how_long_it_took(void **state)
{
    (void)state;
    struct world world = world_with_one_worker();
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    struct fst_agent_event event = {.type = FST_AGENT_EV_SAID, .msg = msg};
    msg->state.slot = 10;
    world.now += 250 * MS;
    assert_int_equal(fst_agent_step(world.agent, &event, world.now,
                                    &world.effects, &world.err),
                     0);
    assert_int_equal(world.effects.list.count, 1);
    double took = world.effects.list.items[0].msg->state.start_s;
    assert_true(took > 0.249 && took < 0.251);
    free_world(&world);
}

static void leases_are_told_at_once_in_order_of_arrival(void **state)
{
    (void)state;
    struct world world = new_world(2, false);
    assert_string_equal(lease(&world, 1, 11, false), "tell 1 lease 1");
    assert_string_equal(says_state(&world, 1, FST_SLOT_UP), "send up gw11");
    assert_string_equal(lease(&world, 2, 11, false), "tell 1 lease 2");
    assert_string_equal(lease(&world, 3, 10, false), "tell 0 lease 3");
    free_world(&world);
}

static void an_order_for_a_foreign_slot_breaks_the_protocol(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 99, false);
    assert_int_equal(world.result, -1);
    assert_int_equal(world.err.code, FST_E_PROTO);
    revoke(&world, 1, 99);
    assert_int_equal(world.result, -1);
    ack(&world, 1);
    assert_int_equal(world.result, -1);
    order(&world, fst_msg_new(FST_MSG_WELCOME));
    assert_int_equal(world.result, -1);
    assert_string_equal(lease(&world, 1, 10, false), "tell 0 lease 1");
    assert_int_equal(world.result, 0);
    free_world(&world);
}

/* ---- results */

static void results_wait_but_go_before_what_their_slot_says_next(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    assert_string_equal(says_result(&world, 0, 1, "a", FST_PASSED), "");
    assert_int_equal(fst_agent_deadline(world.agent), world.now + 20 * MS);
    assert_string_equal(says_collected(&world, 0, 2),
                        "send results 1: a; send collected 2");
    says_result(&world, 0, 1, "b", FST_PASSED);
    world.now += 20 * MS;
    assert_string_equal(tick(&world), "send results 2: b");
    assert_string_equal(says_result(&world, 0, 1, "c", FST_FAILED),
                        "send results 3: c");
    free_world(&world);
}

static void workers_are_not_read_while_too_much_is_unacknowledged(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    size_t size = 8 << 20;
    char *text = fst_alloc(size + 1);
    memset(text, 'x', size);
    int n = 0;
    const char *got = "";
    while (!strstr(got, "pause") && n < 100) {
        struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
        msg->results.warnings =
            fst_arena_alloc(&msg->arena, sizeof *msg->results.warnings);
        msg->results.warnings[0] =
            (struct fst_warning){.message = text, .category = "W"};
        msg->results.n_warnings = 1;
        got = said(&world, 0, msg);
        n++;
    }
    assert_int_equal(n, 8);
    assert_string_equal(ack(&world, 1), "");
    assert_string_equal(ack(&world, 4), ""); /* a little over half */
    assert_string_equal(ack(&world, 5), "resume");
    free(text);
    free_world(&world);
}

static void a_worker_that_speaks_for_another_slot_is_killed(void **state)
{
    (void)state;
    struct world world = new_world(2, true);
    assert_string_equal(says_result(&world, 0, 1, "a", FST_PASSED), "");
    struct fst_msg *credit = fst_msg_new(FST_MSG_CREDIT);
    credit->credit.slot = 11;
    assert_string_equal(said(&world, 0, credit), "kill 0");
    assert_string_equal(said(&world, 0, fst_msg_new(FST_MSG_DRAIN)), "kill 0");
    assert_string_equal(says_state(&world, 0, FST_SLOT_RETIRED), "kill 0");
    free_world(&world);
}

/* ---- fresh workers */

static void a_fresh_lease_waits_for_a_worker_of_its_own(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    assert_string_equal(lease(&world, 1, 10, true), "tell 0 lease 1");
    assert_string_equal(lease(&world, 2, 10, true), "tell 0 drain");
    assert_string_equal(lease(&world, 3, 10, false), "");
    says_result(&world, 0, 1, "a", FST_PASSED);
    assert_string_equal(says_bye(&world, 0), "send results 1: a");
    assert_string_equal(ends(&world, 0, ENDS),
                        "send down gw10; send revoked 1 rest; spawn 0; "
                        "tell 0 lease 2; tell 0 lease 3");
    free_world(&world);
}

static void a_list_leaves_a_worker_fresh(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    struct fst_msg *list = fst_msg_new(FST_MSG_LIST);
    list->list.lease = 1;
    list->list.slot = 10;
    assert_string_equal(order(&world, list), "tell 0 list 1");
    assert_string_equal(lease(&world, 2, 10, true), "tell 0 lease 2");
    free_world(&world);
}

/* ---- giving back */

static void a_revoke_goes_to_the_worker_that_was_told(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    lease(&world, 2, 10, true); /* waits: the worker is draining */
    assert_string_equal(revoke(&world, 1, 10), "tell 0 revoke 1");
    assert_string_equal(revoke(&world, 2, 10), "send revoked 2 rest");
    assert_string_equal(revoke(&world, 9, 10), "send revoked 9 rest");
    free_world(&world);
}

static void what_is_over_is_not_given_back(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    for (uint64_t i = 1; i <= 6; i++)
        lease(&world, i, 10, false);
    struct fst_msg *revoked = fst_msg_new(FST_MSG_REVOKED);
    revoked->revoked =
        (struct fst_revoked){.lease = 2, .slot = 10, .rest = true};
    said(&world, 0, revoked);
    says_result(&world, 0, 4, "a", FST_PASSED);
    /* Said while an earlier lease may still run. */
    says_result(&world, 0, 6, "gone", FST_ABSENT);
    tick(&world);
    world.now += 20 * MS;
    tick(&world);
    assert_string_equal(
        ends(&world, 0, TESTING(5, "b")),
        "send results 2: b!; send down gw10 (worker 'gw10' crashed while "
        "running 'b': killed by SIGKILL during setup); send revoked 4 rest; "
        "send revoked 5 rest; send revoked 6 rest; spawn 0");
    free_world(&world);
}

static void collecting_only_is_over_with_the_list(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    struct fst_msg *msg = fst_msg_new(FST_MSG_LEASE);
    msg->lease.lease = 1;
    msg->lease.slot = 10;
    msg->lease.kind = FST_LEASE_COLLECT;
    order(&world, msg);
    says_collected(&world, 0, 1);
    assert_string_equal(revoke(&world, 1, 10), "send revoked 1 rest");
    lease(&world, 2, 10, false);
    says_collected(&world, 0, 2);
    assert_string_equal(revoke(&world, 2, 10), "tell 0 revoke 2");
    free_world(&world);
}

/* ---- crashes */

static void what_is_torn_down_after_a_result_amends_it(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    says_result(&world, 0, 1, "a", FST_FAILED);
    assert_string_equal(ends(&world, 0, TESTING(1, "a")),
                        "send results 2: a+; "
                        "send down gw10 (worker 'gw10' crashed after 'a': "
                        "killed by SIGKILL); send revoked 1 rest");
    assert_int_equal(fst_agent_deadline(world.agent), world.now + 50 * MS);
    free_world(&world);
}

static void a_session_that_dies_at_its_end_amends_the_last_test(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    says_result(&world, 0, 1, "a", FST_FAILED);
    drain(&world);
    struct fst_worker_end end = {.status = -11, .doing = FST_DOING_FINISHING};
    assert_string_equal(ends(&world, 0, end),
                        "send results 2: a+; send down gw10 (worker 'gw10' "
                        "crashed while its session ended: killed by SIGSEGV); "
                        "send revoked 1 rest; sweep; send bye");
    free_world(&world);
}

static void a_worker_that_dies_after_its_bye_is_a_warning(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    says_result(&world, 0, 1, "a", FST_FAILED);
    drain(&world);
    says_bye(&world, 0);
    struct fst_worker_end end = {.status = -11, .doing = FST_DOING_FINISHING};
    assert_string_equal(ends(&world, 0, end),
                        "send down gw10; sweep; send results 2: (worker 'gw10' "
                        "ended badly after its "
                        "session: killed by SIGSEGV); send bye");
    free_world(&world);
}

static void what_is_left_running_is_told_before_the_bye(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    world.left = "a daemon";
    drain(&world);
    says_bye(&world, 0);
    assert_string_equal(
        ends(&world, 0, ENDS),
        "send down gw10; sweep; send results 1: (a daemon); send bye");
    free_world(&world);
}

/* ---- tests that run too long: hang.h */

static const char *sees(struct world *world, const char *id, double start_s,
                        double unix_s)
{
    const struct fst_worker_end seen = {.doing = FST_DOING_TESTING,
                                        .phase = 1,
                                        .lease = 1,
                                        .name = id,
                                        .start_s = start_s};
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_SEEN,
                                                .end = &seen,
                                                .unix_s = unix_s});
}

/* One slot whose test "a" has run too long and is asked for its stacks. */
static struct world new_hanging_world(void)
{
    static const uint32_t numbers[] = {10};
    struct world world = {.now = 1000 * MS};
    world.agent = fst_agent_new(numbers, 1);
    fst_agent_limit_tests(world.agent, 5000 * MS);
    step(&world, (struct fst_agent_event){.type = FST_AGENT_EV_START});
    assert_int_equal(fst_agent_deadline(world.agent), INT64_MAX);
    says_state(&world, 0, FST_SLOT_UP);
    lease(&world, 1, 10, false);
    assert_int_equal(fst_agent_deadline(world.agent), 6000 * MS);
    world.now = 6000 * MS;
    assert_string_equal(tick(&world), "look 0");
    assert_string_equal(sees(&world, "a", 100, 106), "");
    world.now += 20 * MS;
    assert_string_equal(tick(&world), "look 0");
    assert_string_equal(sees(&world, "a", 100, 106), "ask 0");
    return world;
}

static void a_test_that_runs_too_long_is_ended_and_blamed(void **state)
{
    (void)state;
    struct world world = new_hanging_world();
    step(&world, (struct fst_agent_event){.type = FST_AGENT_EV_WROTE});
    world.now += 200 * MS;
    assert_string_equal(tick(&world), "terminate 0");
    world.now += 2000 * MS;
    assert_string_equal(tick(&world), "kill 0");
    assert_string_equal(ends(&world, 0, TESTING(1, "a")),
                        "send results 1: a!; send down gw10; "
                        "send revoked 1 rest; spawn 0");
    assert_int_equal(fst_agent_deadline(world.agent), INT64_MAX);
    free_world(&world);
}

static void a_test_that_ends_while_it_is_ended_ran_too_long_too(void **state)
{
    (void)state;
    struct world world = new_hanging_world();
    assert_string_equal(says_result(&world, 0, 1, "a", FST_PASSED), "");
    says_result(&world, 0, 1, "b", FST_PASSED);
    assert_string_equal(ends(&world, 0, TESTING(1, "c")),
                        "send results 1: b; send results 2: a!; send down "
                        "gw10; send revoked 1 rest; spawn 0");
    free_world(&world);
}

static void a_test_with_a_result_hangs_in_what_is_torn_down(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    fst_agent_limit_tests(world.agent, 5000 * MS);
    says_state(&world, 0, FST_SLOT_UP);
    says_result(&world, 0, 1, "a", FST_FAILED);
    sees(&world, "a", 100, 106);
    assert_string_equal(sees(&world, "a", 100, 106), "ask 0");
    assert_string_equal(ends(&world, 0, TESTING(1, "a")),
                        "send results 2: a+; send down gw10; spawn 0");
    free_world(&world);
}

static void the_same_test_of_another_lease_is_blamed(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    says_result(&world, 0, 1, "a", FST_FAILED);
    assert_non_null(strstr(ends(&world, 0, TESTING(2, "a")), "results 2: a!"));
    free_world(&world);
}

static void a_crash_while_collecting_names_the_lease(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    assert_string_equal(
        ends(&world, 0,
             ((struct fst_worker_end){.status = -6,
                                      .doing = FST_DOING_COLLECTING,
                                      .lease = 1,
                                      .name = "a.py"})),
        "send down gw10 of 1 (worker 'gw10' crashed while collecting 'a.py': "
        "killed by SIGABRT); send revoked 1 rest");
    free_world(&world);
}

static void a_bye_that_nobody_asked_for_is_a_crash(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    says_bye(&world, 0);
    assert_string_equal(ends(&world, 0, ENDS),
                        "send down gw10 (worker 'gw10' crashed while it was "
                        "idle: exited with status 0); send revoked 1 rest");
    free_world(&world);
}

static void a_bye_after_stop_is_none(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    assert_string_equal(says_state(&world, 0, FST_SLOT_STOP), "send stop gw10");
    says_bye(&world, 0);
    assert_string_equal(ends(&world, 0, ENDS), "send down gw10; spawn 0");
    free_world(&world);
}

static void failed_starts_back_off_and_then_retire_the_slot(void **state)
{
    (void)state;
    static const int64_t delays_ms[] = {50, 100, 200, 400};
    struct world world = new_world(1, false);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(ends(&world, 0, DIES),
                            "send down gw10 (worker 'gw10' ended before it was "
                            "ready: exited with status 1)");
        assert_int_equal(fst_agent_deadline(world.agent),
                         world.now + delays_ms[i] * MS);
        assert_string_equal(tick(&world), "");
        world.now += delays_ms[i] * MS;
        assert_string_equal(tick(&world), "spawn 0");
    }
    lease(&world, 1, 10, false);
    assert_string_equal(
        ends(&world, 0, DIES),
        "send down gw10 (worker 'gw10' ended before it was ready: exited with "
        "status 1); send revoked 1 rest; send retired gw10 (5 failed starts "
        "or crashes in a row, the last: worker 'gw10' ended before it was "
        "ready: exited with status 1); sweep; send bye; over 3 every slot was "
        "given "
        "up");
    assert_true(fst_agent_is_done(world.agent));
    free_world(&world);
}

static void a_result_ends_a_row_of_failures(void **state)
{
    (void)state;
    struct world world = new_world(2, true);
    for (int i = 0; i < 9; i++) {
        if (i % 3 == 0)
            says_result(&world, 0, 1, "a", FST_PASSED);
        assert_null(strstr(ends(&world, 0, DIES), "retired"));
        world.now += 5000 * MS;
        assert_non_null(strstr(tick(&world), "spawn 0"));
        says_state(&world, 0, FST_SLOT_UP);
    }
    free_world(&world);
}

static void tests_that_crash_do_not_retire_a_slot(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    for (int i = 0; i < 9; i++) {
        const char *got = ends(&world, 0, TESTING(1, "a"));
        assert_non_null(strstr(got, "a!"));
        assert_non_null(strstr(got, "spawn 0"));
        says_state(&world, 0, FST_SLOT_UP);
    }
    free_world(&world);
}

static void work_waits_for_a_worker_that_is_held_back(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    ends(&world, 0, DIES);
    assert_string_equal(lease(&world, 1, 10, false), "");
    world.now += 50 * MS;
    assert_string_equal(tick(&world), "spawn 0; tell 0 lease 1");
    free_world(&world);
}

static void an_interpreter_that_can_not_be_started_is_fatal(void **state)
{
    (void)state;
    struct world world = new_world(2, false);
    const struct fst_agent_event event = {
        .type = FST_AGENT_EV_NOT_STARTED, .slot = 0, .why = "no such file"};
    assert_string_equal(step(&world, event),
                        "send fatal gw10 4 (no such file)");
    assert_string_equal(lease(&world, 1, 10, false), "send revoked 1 rest");
    /* Once a worker has been up it is bad luck. */
    says_state(&world, 1, FST_SLOT_UP);
    ends(&world, 1, DIES);
    world.now += 50 * MS;
    assert_string_equal(tick(&world), "spawn 1");
    assert_string_equal(
        step(&world, (struct fst_agent_event){.type = FST_AGENT_EV_NOT_STARTED,
                                              .slot = 1,
                                              .why = "no memory"}),
        "send down gw11 (no memory)");
    free_world(&world);
}

static void what_is_short_for_now_is_waited_for_while_others_run(void **state)
{
    (void)state;
    struct world world = new_world(2, false);
    const struct fst_agent_event event = {.type = FST_AGENT_EV_NOT_STARTED,
                                          .slot = 1,
                                          .why = "fork",
                                          .lacking = true};
    says_state(&world, 0, FST_SLOT_UP);
    start(&world, 11);
    assert_string_equal(step(&world, event),
                        "send paused gw11 (gw11 can't be started now (fork); "
                        "the run goes on with fewer workers)");
    for (int i = 0; i < 20; i++) {
        world.now += 3000 * MS;
        assert_string_equal(tick(&world), "spawn 1");
        assert_string_equal(step(&world, event), "");
    }
    free_world(&world);
}

static void what_is_short_for_all_ends_the_agent(void **state)
{
    (void)state;
    struct world world = new_world(1, false);
    const struct fst_agent_event event = {
        .type = FST_AGENT_EV_NOT_STARTED, .why = "fork", .lacking = true};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(step(&world, event), "");
        world.now += 3000 * MS;
        assert_string_equal(tick(&world), "spawn 0");
    }
    const char *said = step(&world, event);
    assert_non_null(strstr(said, "send retired gw10 (5 failed starts"));
    assert_non_null(strstr(said, "over 3"));
    free_world(&world);
}

/* Readings: sizes in MiB of two slots' workers that test. */
static const char *measured(struct world *world, int64_t bound, int64_t a,
                            int64_t b, const char *test)
{
    const int64_t sizes[] = {a << 20, b << 20};
    const uint32_t doing[] = {FST_DOING_TESTING, FST_DOING_TESTING};
    const char *const names[] = {test, "small"};
    const struct fst_memory_reading reading = {.bound = bound << 20,
                                               .total = (a + b) << 20,
                                               .sizes = sizes,
                                               .doing = doing,
                                               .names = names};
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_MEMORY,
                                                .reading = &reading});
}

static void near_the_bound_all_but_the_largest_wait(void **state)
{
    (void)state;
    struct world world = new_world(2, false);
    says_state(&world, 0, FST_SLOT_UP);
    start(&world, 11);
    says_state(&world, 1, FST_SLOT_UP);
    assert_string_equal(measured(&world, 500, 40, 40, "big"), "");
    assert_string_equal(
        measured(&world, 500, 440, 40, "big"),
        "send paused gw11 (memory is short: gw11 waits (the workers have 480 "
        "MiB of 500 MiB); worker 'gw10' grew by 400 MiB while running 'big')");
    assert_string_equal(measured(&world, 500, 440, 40, "big"), "");
    /* There is room, but not for one more such test. */
    assert_string_equal(measured(&world, 500, 40, 40, "next"), "");
    assert_string_equal(measured(&world, 1000, 40, 40, "next"),
                        "send resumed gw11");
    free_world(&world);
}

static void growth_that_was_seen_is_expected_of_the_others(void **state)
{
    (void)state;
    struct world world = new_world(2, false);
    says_state(&world, 0, FST_SLOT_UP);
    start(&world, 11);
    says_state(&world, 1, FST_SLOT_UP);
    measured(&world, 500, 40, 40, "big");
    assert_string_equal(measured(&world, 500, 200, 40, "big"), "");
    assert_non_null(
        strstr(measured(&world, 500, 260, 40, "big"), "send paused gw11"));
    free_world(&world);
}

static void one_that_runs_alone_is_never_paused_for_its_test(void **state)
{
    (void)state;
    struct world world = new_world(1, false);
    says_state(&world, 0, FST_SLOT_UP);
    measured(&world, 100, 40, 0, "big");
    assert_string_equal(measured(&world, 100, 400, 0, "big"), "");
    assert_string_equal(measured(&world, 100, 500, 0, "big"), "");
    free_world(&world);
}

static const struct fst_worker_end out_of_memory = {
    .status = -9,
    .doing = FST_DOING_TESTING,
    .name = "big",
    .lease = 1,
    .oom = "out of memory",
};

static void a_test_that_others_left_no_memory_runs_again_once(void **state)
{
    (void)state;
    struct world world = new_world(2, false);
    says_state(&world, 0, FST_SLOT_UP);
    start(&world, 11);
    says_state(&world, 1, FST_SLOT_UP);
    measured(&world, 500, 40, 40, "big");
    lease(&world, 1, 10, false);
    const char *done = ends(&world, 0, out_of_memory);
    assert_non_null(strstr(done, "runs again, with fewer beside it"));
    assert_non_null(strstr(done, "send revoked 1 rest; spawn 0"));
    assert_null(strstr(done, "send results"));
    says_state(&world, 0, FST_SLOT_UP);
    assert_non_null(
        strstr(measured(&world, 500, 40, 40, "big"), "send paused"));
    lease(&world, 1, 10, false);
    assert_non_null(strstr(ends(&world, 0, out_of_memory), "send results"));
    free_world(&world);
}

static void a_test_that_ran_out_of_memory_alone_fails(void **state)
{
    (void)state;
    struct world world = new_world(1, false);
    says_state(&world, 0, FST_SLOT_UP);
    measured(&world, 500, 40, 0, "big");
    lease(&world, 1, 10, false);
    assert_non_null(strstr(ends(&world, 0, out_of_memory), "send results"));
    free_world(&world);
}

static void a_fatal_worker_gets_no_successor(void **state)
{
    (void)state;
    struct world world = new_world(1, false);
    lease(&world, 1, 10, false);
    assert_string_equal(says_state(&world, 0, FST_SLOT_FATAL),
                        "send fatal gw10");
    assert_string_equal(ends(&world, 0, DIES), "send revoked 1 rest");
    assert_int_equal(fst_agent_deadline(world.agent), INT64_MAX);
    assert_string_equal(drain(&world), "sweep; send bye; over 0");
    free_world(&world);
}

/* ---- the end */

static void drain_ends_workers_and_leaves_when_all_is_acknowledged(void **state)
{
    (void)state;
    struct world world = new_world(3, false);
    says_state(&world, 0, FST_SLOT_UP);
    lease(&world, 1, 10, false);
    ends(&world, 1, DIES);
    /* gw12 has only begun to start: nothing to finish. */
    assert_string_equal(drain(&world), "tell 0 drain; interrupt 2");
    assert_string_equal(lease(&world, 2, 11, false), "send revoked 2 rest");
    says_result(&world, 0, 1, "a", FST_PASSED);
    says_bye(&world, 0);
    ends(&world, 0, ENDS);
    assert_false(fst_agent_is_done(world.agent));
    assert_string_equal(ends(&world, 2, DIES),
                        "send down gw12; sweep; send bye");
    assert_true(fst_agent_is_done(world.agent));
    assert_string_equal(ack(&world, 1), "over 0");
    free_world(&world);
}

static void a_worker_that_does_not_finish_is_looked_at_again(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    drain(&world);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fst_agent_deadline(world.agent),
                         world.now + FST_AGENT_FINISH_NS);
        world.now += FST_AGENT_FINISH_NS;
        assert_string_equal(tick(&world), "kill-stuck 0");
    }
    assert_string_equal(
        ends(&world, 0,
             ((struct fst_worker_end){.status = -9, .why = "it hung"})),
        "send down gw10 (worker 'gw10' was killed: it hung); sweep; send bye; "
        "over 0");
    free_world(&world);
}

static void cancel_interrupts_and_kills_what_does_not_end(void **state)
{
    (void)state;
    struct world world = new_world(2, true);
    lease(&world, 1, 10, false);
    lease(&world, 2, 10, true);
    assert_string_equal(cancel(&world, false),
                        "send revoked 2 rest; interrupt 0; interrupt 1");
    assert_string_equal(drain(&world), "");
    assert_string_equal(ends(&world, 1, DIES), "send down gw11");
    world.now += FST_AGENT_INTERRUPT_NS;
    assert_string_equal(tick(&world), "kill 0");
    /* It was running a test: that one was not run, not failed. */
    assert_string_equal(ends(&world, 0, TESTING(1, "a")),
                        "send down gw10; send revoked 1 rest; sweep; send bye; "
                        "over 0");
    free_world(&world);
}

static void what_an_interrupted_worker_says_of_it_is_kept_back(void **state)
{
    (void)state;
    struct world world = new_world(2, false);
    says_state(&world, 0, FST_SLOT_UP);
    cancel(&world, false);
    assert_string_equal(says_state(&world, 0, FST_SLOT_STOP), "");
    assert_string_equal(says_state(&world, 1, FST_SLOT_FATAL), "");
    free_world(&world);
}

static void cancel_now_kills_also_after_an_interrupt(void **state)
{
    (void)state;
    struct world world = new_world(2, true);
    cancel(&world, false);
    ends(&world, 1, DIES);
    assert_string_equal(cancel(&world, true), "kill 0");
    free_world(&world);
}

static void leaving_asks_everything_back_that_has_not_started(void **state)
{
    (void)state;
    struct world world = new_world(2, true);
    lease(&world, 1, 10, false);
    lease(&world, 2, 10, false);
    lease(&world, 3, 10, true);
    lease(&world, 4, 11, false);
    assert_string_equal(leave(&world),
                        "send drain; send revoked 3 rest; tell 0 revoke 1; "
                        "tell 0 revoke 2; tell 1 revoke 4; tell 1 drain");
    assert_string_equal(lease(&world, 5, 11, false), "send revoked 5 rest");
    assert_string_equal(leave(&world), "over 0");
    free_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_starts_at_once_and_others_when_asked_for),
        cmocka_unit_test(a_lease_starts_its_slots_worker),
        cmocka_unit_test(a_slot_that_was_never_started_holds_nothing_up),
        cmocka_unit_test(a_worker_that_is_up_is_told_with_how_long_it_took),
        cmocka_unit_test(leases_are_told_at_once_in_order_of_arrival),
        cmocka_unit_test(an_order_for_a_foreign_slot_breaks_the_protocol),
        cmocka_unit_test(results_wait_but_go_before_what_their_slot_says_next),
        cmocka_unit_test(workers_are_not_read_while_too_much_is_unacknowledged),
        cmocka_unit_test(a_worker_that_speaks_for_another_slot_is_killed),
        cmocka_unit_test(a_fresh_lease_waits_for_a_worker_of_its_own),
        cmocka_unit_test(a_list_leaves_a_worker_fresh),
        cmocka_unit_test(a_revoke_goes_to_the_worker_that_was_told),
        cmocka_unit_test(what_is_over_is_not_given_back),
        cmocka_unit_test(collecting_only_is_over_with_the_list),
        cmocka_unit_test(what_is_torn_down_after_a_result_amends_it),
        cmocka_unit_test(a_session_that_dies_at_its_end_amends_the_last_test),
        cmocka_unit_test(a_worker_that_dies_after_its_bye_is_a_warning),
        cmocka_unit_test(what_is_left_running_is_told_before_the_bye),
        cmocka_unit_test(a_test_that_runs_too_long_is_ended_and_blamed),
        cmocka_unit_test(a_test_that_ends_while_it_is_ended_ran_too_long_too),
        cmocka_unit_test(a_test_with_a_result_hangs_in_what_is_torn_down),
        cmocka_unit_test(the_same_test_of_another_lease_is_blamed),
        cmocka_unit_test(a_crash_while_collecting_names_the_lease),
        cmocka_unit_test(a_bye_that_nobody_asked_for_is_a_crash),
        cmocka_unit_test(a_bye_after_stop_is_none),
        cmocka_unit_test(failed_starts_back_off_and_then_retire_the_slot),
        cmocka_unit_test(a_result_ends_a_row_of_failures),
        cmocka_unit_test(tests_that_crash_do_not_retire_a_slot),
        cmocka_unit_test(work_waits_for_a_worker_that_is_held_back),
        cmocka_unit_test(an_interpreter_that_can_not_be_started_is_fatal),
        cmocka_unit_test(what_is_short_for_now_is_waited_for_while_others_run),
        cmocka_unit_test(what_is_short_for_all_ends_the_agent),
        cmocka_unit_test(near_the_bound_all_but_the_largest_wait),
        cmocka_unit_test(growth_that_was_seen_is_expected_of_the_others),
        cmocka_unit_test(one_that_runs_alone_is_never_paused_for_its_test),
        cmocka_unit_test(a_test_that_others_left_no_memory_runs_again_once),
        cmocka_unit_test(a_test_that_ran_out_of_memory_alone_fails),
        cmocka_unit_test(a_fatal_worker_gets_no_successor),
        cmocka_unit_test(
            drain_ends_workers_and_leaves_when_all_is_acknowledged),
        cmocka_unit_test(a_worker_that_does_not_finish_is_looked_at_again),
        cmocka_unit_test(cancel_interrupts_and_kills_what_does_not_end),
        cmocka_unit_test(what_an_interrupted_worker_says_of_it_is_kept_back),
        cmocka_unit_test(cancel_now_kills_also_after_an_interrupt),
        cmocka_unit_test(leaving_asks_everything_back_that_has_not_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
