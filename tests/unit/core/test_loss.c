/* Workers that die, agents that are lost. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan a = {.path = "a.py"};
static const struct fst_run_spec one_file = {
    .files = &a, .n_files = 1, .confirm = true, .max_worker_restart = -1};

static void
the_test_that_ran_when_its_worker_died_failed_and_the_rest_goes_on(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1 a::2 a::3");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    drive_crash(&drive, &lease, "a::2");
    drive_slot_down(&drive, 1, 0, "killed by SIGSEGV", 0);
    drive_revoked(&drive, &lease, "", true);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::2")->outcome,
                     FST_FAILED);
    drive_slot_up(&drive, 1, 0);
    struct sent rest = drive_last_lease(&drive);
    assert_string_equal(rest.units, "a::3");
    assert_false(rest.whole);
    drive_end(&drive);
}

static void a_name_cut_by_the_page_is_the_test_that_was_running(void **state)
{
    static char id[5001], list[5100];
    struct drive drive;
    (void)state;
    memset(id, 'x', sizeof id - 1);
    memcpy(id, "a::", 3);
    snprintf(list, sizeof list, "a::1 %s", id);
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", list);
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    id[4032] = '\0';
    assert_int_equal(drive_crash(&drive, &lease, id), 0);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 2);
    drive_end(&drive);
}

static void a_file_that_kills_two_workers_is_an_error(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent first = drive_last_lease(&drive);
    drive_slot_down(&drive, 1, 0, "exited with status 3", first.lease);
    drive_revoked(&drive, &first, "", true);
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py"));
    drive_slot_up(&drive, 1, 0);
    struct sent second = drive_last_lease(&drive);
    assert_int_not_equal(second.lease, first.lease);
    assert_true(second.fresh);
    drive_slot_down(&drive, 1, 0, "exited with status 3", second.lease);
    drive_revoked(&drive, &second, "", true);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a.py")->outcome,
                     FST_ERROR);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 1);
    drive_end(&drive);
}

static void
what_a_lost_agent_ran_is_dispatched_three_times_then_an_error(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1 a::2");
    for (uint32_t agent = 1; agent <= 3; agent++) {
        assert_null(drive_said(&drive, FST_EF_OUTCOME, "a::1"));
        drive_down(&drive, agent);
        drive_agent(&drive, agent + 1, 0, 1);
    }
    const struct said *attempt = drive_said(&drive, FST_EF_ATTEMPT, "a::1");
    assert_int_equal(attempt->kind, FST_ATTEMPT_AGAIN);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::1")->outcome,
                     FST_ERROR);
    struct sent rest = drive_last_lease(&drive);
    assert_string_equal(rest.units, "a::2");
    drive_result(&drive, &rest, "a::2", FST_PASSED);
    assert_int_equal(drive_said(&drive, FST_EF_ATTEMPT, "a::2")->kind,
                     FST_ATTEMPT_FIRST);
    drive_end(&drive);
}

static void a_file_whose_opening_loses_three_agents_is_an_error(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    for (uint32_t agent = 1; agent <= 3; agent++) {
        assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py"));
        drive_agent(&drive, agent, 0, 1);
        drive_down(&drive, agent);
    }
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a.py")->outcome,
                     FST_ERROR);
    assert_non_null(drive_said(&drive, FST_EF_ENDED, NULL));
    drive_end(&drive);
}

static void an_agent_that_says_bye_loses_nothing(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    for (uint32_t agent = 1; agent <= 5; agent++) {
        drive_agent(&drive, agent, 0, 1);
        drive_bye(&drive, agent);
        drive_down(&drive, agent); /* its connection ends: no news */
    }
    drive_agent(&drive, 6, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    assert_true(lease.whole);
    assert_int_equal(lease.agent, 6);
    drive_end(&drive);
}

static void an_agent_that_is_leaving_is_given_nothing(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_message(&drive, 1, fst_msg_new(FST_MSG_DRAIN));
    drive_revoked(&drive, &lease, "", true);
    drive_slot_up(&drive, 1, 0); /* it had begun to start */
    drive_message(&drive, 1, fst_msg_new(FST_MSG_CREDIT)); /* of gw0 */
    assert_int_equal(drive_last_lease(&drive).lease, lease.lease);
    drive_agent(&drive, 2, 1, 1);
    assert_int_equal(drive_last_lease(&drive).slot, 1);
    drive_end(&drive);
}

static void
an_agent_that_is_dropped_for_what_it_said_is_no_tests_fault(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    for (uint32_t agent = 1; agent <= 20; agent++) {
        drive_agent(&drive, agent, 0, 1);
        drive_step(&drive, &(struct fst_event){.type = FST_EV_AGENT_DOWN,
                                               .agent = {agent},
                                               .dropped = true});
    }
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py"));
    for (uint32_t agent = 21; agent <= 23; agent++) { /* it has an end */
        assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py"));
        drive_agent(&drive, agent, 0, 1);
        drive_step(&drive, &(struct fst_event){.type = FST_EV_AGENT_DOWN,
                                               .agent = {agent},
                                               .dropped = true});
    }
    assert_non_null(drive_said(&drive, FST_EF_OUTCOME, "a.py"));
    drive_end(&drive);
}

static void too_many_crashes_end_the_run_in_xdists_words(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = one_file;
    (void)state;
    spec.max_worker_restart = 1;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    drive_slot_down(&drive, 1, 0, "died", 0);
    assert_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
    drive_slot_up(&drive, 1, 0);
    drive_slot_down(&drive, 1, 0, NULL, 0); /* not a crash */
    drive_slot_up(&drive, 1, 0);
    drive_slot_down(&drive, 1, 0, "died", 0);
    assert_non_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
    drive_bye(&drive, 1);
    const struct said *ended = drive_said(&drive, FST_EF_ENDED, NULL);
    assert_int_equal(ended->exit_code, 1);
    assert_string_equal(ended->text, "maximum crashed workers reached: 1");
    drive_end(&drive);
}

static void a_retired_slot_gives_its_work_to_the_others(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 2);
    struct sent lease = drive_last_lease(&drive);
    drive_state(&drive, 1,
                &(struct fst_state){.slot = lease.slot,
                                    .state = FST_SLOT_RETIRED,
                                    .text = "five crashes in a row"});
    struct sent again = drive_last_lease(&drive);
    assert_int_not_equal(again.slot, lease.slot);
    assert_non_null(drive_said(&drive, FST_EF_NOTE, NULL));
    drive_revoked(&drive, &lease, "", true); /* late: no news */
    drive_end(&drive);
}

static void an_agent_that_leaves_gets_nothing_more(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1 a::2 a::3");
    drive_message(&drive, 1, fst_msg_new(FST_MSG_DRAIN));
    drive_revoked(&drive, &lease, "a::3", false);
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    drive_state(&drive, 1, &(struct fst_state){.state = FST_SLOT_RESUMED});
    drive_revoked(&drive, &lease, "", true);
    assert_int_equal(drive_last_lease(&drive).lease, lease.lease);
    drive_bye(&drive, 1);
    drive_agent(&drive, 2, 1, 1);
    struct sent rest = drive_last_lease(&drive);
    assert_int_equal(rest.agent, 2);
    assert_string_equal(rest.units, "a::2 a::3");
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_test_that_ran_when_its_worker_died_failed_and_the_rest_goes_on),
        cmocka_unit_test(a_name_cut_by_the_page_is_the_test_that_was_running),
        cmocka_unit_test(a_file_that_kills_two_workers_is_an_error),
        cmocka_unit_test(
            what_a_lost_agent_ran_is_dispatched_three_times_then_an_error),
        cmocka_unit_test(a_file_whose_opening_loses_three_agents_is_an_error),
        cmocka_unit_test(an_agent_that_says_bye_loses_nothing),
        cmocka_unit_test(an_agent_that_is_leaving_is_given_nothing),
        cmocka_unit_test(
            an_agent_that_is_dropped_for_what_it_said_is_no_tests_fault),
        cmocka_unit_test(too_many_crashes_end_the_run_in_xdists_words),
        cmocka_unit_test(an_agent_that_leaves_gets_nothing_more),
        cmocka_unit_test(a_retired_slot_gives_its_work_to_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
