/* What an agent does at each event: starts, leases, results, crashes. */
#include "dialogue.h"

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
        "send down gw10; sweep; send bye");
    assert_string_equal(ack_all(&world), "over 0");
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
    ack(&world, 1000);
    assert_int_equal(world.result, -1);
    order(&world, fst_msg_new(FST_MSG_WELCOME));
    assert_int_equal(world.result, -1);
    assert_string_equal(lease(&world, 1, 10, false), "tell 0 lease 1");
    assert_int_equal(world.result, 0);
    free_world(&world);
}

/* ---- results */

static void a_lease_of_an_absolute_path_breaks_the_protocol(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    struct fst_msg *msg = fst_msg_new(FST_MSG_LEASE);
    msg->lease = (struct fst_lease){
        .lease = 1, .slot = 10, .file = "/etc/test_passwd.py"};
    assert_string_equal(order(&world, msg), "");
    assert_int_equal(world.result, -1);
    assert_int_equal(world.err.code, FST_E_PROTO);
    free_world(&world);
}

static void results_wait_but_go_before_what_their_slot_says_next(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    lease(&world, 1, 10, false);
    assert_string_equal(says_result(&world, 0, 1, "a", FST_PASSED), "");
    assert_int_equal(fst_agent_deadline(world.agent), world.now + 20 * MS);
    assert_string_equal(says_collected(&world, 0, 2),
                        "send results: a; send collected 2");
    says_result(&world, 0, 1, "b", FST_PASSED);
    world.now += 20 * MS;
    assert_string_equal(tick(&world), "send results: b");
    assert_string_equal(says_result(&world, 0, 1, "c", FST_FAILED),
                        "send results: c");
    free_world(&world);
}

static void workers_are_not_read_while_too_much_is_unacknowledged(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    uint64_t before = world.sent;
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
    assert_string_equal(ack(&world, before + 1), "");
    assert_string_equal(ack(&world, before + 3), "");
    assert_string_equal(ack(&world, before + 4), ""); /* a little over half */
    assert_string_equal(ack(&world, before + 5), "resume");
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
    assert_string_equal(says_bye(&world, 0), "send results: a");
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
        "send results: b!; send down gw10 (worker 'gw10' crashed while "
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
    msg->lease.file = "a.py";
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
                        "send results: a+; "
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
                        "send results: a+; send down gw10 (worker 'gw10' "
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
                        "send down gw10; sweep; send results: (worker 'gw10' "
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
        "send down gw10; sweep; send results: (a daemon); send bye");
    free_world(&world);
}

/* ---- tests that run too long: hang.h */

static const char *sees(struct world *world, const char *id, double start_s)
{
    const struct fst_worker_end seen = {.doing = FST_DOING_TESTING,
                                        .phase = 1,
                                        .lease = 1,
                                        .name = id,
                                        .start_s = start_s};
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_SEEN,
                                                .end = &seen});
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
    assert_string_equal(sees(&world, "a", 1), "");
    world.now += 20 * MS;
    assert_string_equal(tick(&world), "look 0");
    assert_string_equal(sees(&world, "a", 1), "ask 0");
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
                        "send results: a!; send down gw10; "
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
                        "send results: b; send results: a!; send down "
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
    sees(&world, "a", -9);
    assert_string_equal(sees(&world, "a", -9), "ask 0");
    assert_string_equal(ends(&world, 0, TESTING(1, "a")),
                        "send results: a+; send down gw10; spawn 0");
    free_world(&world);
}

static void the_same_test_of_another_lease_is_blamed(void **state)
{
    (void)state;
    struct world world = new_world(1, true);
    says_result(&world, 0, 1, "a", FST_FAILED);
    assert_non_null(strstr(ends(&world, 0, TESTING(2, "a")), "results: a!"));
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
        "ready: exited with status 1); sweep; send bye");
    assert_true(fst_agent_is_done(world.agent));
    assert_string_equal(ack_all(&world), "over 3 every slot was given up");
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

static void a_fatal_worker_gets_no_successor(void **state)
{
    (void)state;
    struct world world = new_world(1, false);
    lease(&world, 1, 10, false);
    assert_string_equal(says_state(&world, 0, FST_SLOT_FATAL),
                        "send fatal gw10");
    assert_string_equal(ends(&world, 0, DIES), "send revoked 1 rest");
    assert_int_equal(fst_agent_deadline(world.agent), INT64_MAX);
    assert_string_equal(drain(&world), "sweep; send bye");
    assert_string_equal(ack_all(&world), "over 0");
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
        cmocka_unit_test(a_lease_of_an_absolute_path_breaks_the_protocol),
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
        cmocka_unit_test(a_fatal_worker_gets_no_successor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
