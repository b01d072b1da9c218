/* An agent's end: draining, cancelling, leaving. */
#include "dialogue.h"

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
    /* What had been on its way isn't answered any more. */
    assert_string_equal(lease(&world, 3, 10, false), "");
    assert_string_equal(ack_all(&world), "over 0");
    free_world(&world);
}

static void what_crosses_the_last_word_has_no_answer(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    drain(&world);
    says_bye(&world, 0);
    assert_string_equal(ends(&world, 0, ENDS),
                        "send down gw10; sweep; send bye");
    assert_string_equal(lease(&world, 1, 10, false), "");
    assert_string_equal(drain(&world), "");
    assert_string_equal(leave(&world), "");
    assert_string_equal(ack_all(&world), "over 0");
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
        "send down gw10 (worker 'gw10' was killed: it hung); sweep; send bye");
    assert_string_equal(ack_all(&world), "over 0");
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
                        "send down gw10; send revoked 1 rest; sweep; send bye");
    assert_string_equal(ack_all(&world), "over 0");
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
    assert_string_equal(leave(&world), "send bye; over 0");
    free_world(&world);
}

static void
what_still_runs_when_the_time_to_leave_is_over_goes_back(void **state)
{
    (void)state;
    struct world world = new_world(2, true);
    fst_agent_limit_drain(world.agent, 5000 * MS);
    lease(&world, 1, 10, false);
    leave(&world);
    ends(&world, 1, ENDS);
    assert_int_equal(fst_agent_deadline(world.agent), world.now + 5000 * MS);
    world.now += 5000 * MS;
    assert_string_equal(tick(&world), "interrupt 0");
    assert_string_equal(tick(&world), "");
    world.now += FST_AGENT_INTERRUPT_NS;
    assert_string_equal(tick(&world), "kill 0");
    assert_string_equal(ends(&world, 0, TESTING(1, "a")),
                        "send down gw10; send revoked 1 rest; sweep; send bye");
    assert_string_equal(ack_all(&world), "over 0");
    free_world(&world);
}

static void results_are_owed_until_they_are_acknowledged(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    says_collected(&world, 0, 1);
    assert_false(fst_agent_owes(world.agent));
    says_result(&world, 0, 1, "a", FST_FAILED);
    uint64_t result = world.sent;
    drain(&world);
    says_bye(&world, 0);
    ends(&world, 0, ENDS);
    assert_true(fst_agent_is_done(world.agent));
    assert_true(fst_agent_owes(world.agent));
    resumed(&world, result - 1);
    assert_true(fst_agent_owes(world.agent));
    resumed(&world, result);
    assert_false(fst_agent_owes(world.agent));
    assert_string_equal(resumed(&world, world.sent), "over 0");
    free_world(&world);
}

static void what_was_not_heard_is_said_again_and_nothing_else(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    uint64_t before = world.sent;
    lease(&world, 1, 10, false);
    says_collected(&world, 0, 1);
    says_result(&world, 0, 1, "a", FST_FAILED);
    ack(&world, before + 1);
    uint64_t all = world.sent;
    assert_int_equal(all, before + 2);
    assert_string_equal(resumed(&world, before + 1), "send");
    assert_string_equal(resumed(&world, before + 2), "");
    resumed(&world, before + 1);
    assert_int_equal(world.result, -1);
    assert_int_equal(fst_agent_heard(world.agent), 1);
    free_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            drain_ends_workers_and_leaves_when_all_is_acknowledged),
        cmocka_unit_test(what_crosses_the_last_word_has_no_answer),
        cmocka_unit_test(a_worker_that_does_not_finish_is_looked_at_again),
        cmocka_unit_test(cancel_interrupts_and_kills_what_does_not_end),
        cmocka_unit_test(what_an_interrupted_worker_says_of_it_is_kept_back),
        cmocka_unit_test(cancel_now_kills_also_after_an_interrupt),
        cmocka_unit_test(leaving_asks_everything_back_that_has_not_started),
        cmocka_unit_test(results_are_owed_until_they_are_acknowledged),
        cmocka_unit_test(
            what_still_runs_when_the_time_to_leave_is_over_goes_back),
        cmocka_unit_test(what_was_not_heard_is_said_again_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
