/* An agent short of memory or processes: who waits, and what runs again. */
#include "dialogue.h"

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
    assert_non_null(strstr(ack_all(&world), "over 3"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_short_for_now_is_waited_for_while_others_run),
        cmocka_unit_test(what_is_short_for_all_ends_the_agent),
        cmocka_unit_test(near_the_bound_all_but_the_largest_wait),
        cmocka_unit_test(growth_that_was_seen_is_expected_of_the_others),
        cmocka_unit_test(one_that_runs_alone_is_never_paused_for_its_test),
        cmocka_unit_test(a_test_that_others_left_no_memory_runs_again_once),
        cmocka_unit_test(a_test_that_ran_out_of_memory_alone_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
