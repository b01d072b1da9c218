/* The usual life of a run, and its ends. */
#include "tests/unit/core/drive.h"

static const char *const two[] = {"a.py::one", "a.py::two"};
static const struct fst_file_plan a_and_b[] = {
    {.path = "a.py", .functions = two, .n_functions = 2},
    {.path = "b.py"},
};
static const struct fst_run_spec plain = {
    .files = a_and_b, .n_files = 2, .confirm = true, .max_worker_restart = -1};

static void run_both_files_to_the_end(struct drive *drive)
{
    const struct sent *a, *b;
    drive_start(drive, &plain);
    drive_agent(drive, 1, 0, 2);
    a = drive_lease(drive, "a.py", 0);
    b = drive_lease(drive, "b.py", 0);
    assert_non_null(a);
    assert_non_null(b);
    struct sent for_a = *a, for_b = *b;
    assert_true(for_a.whole && for_b.whole);
    drive_collected(drive, &for_a, "d1", "a.py::one a.py::two[1] a.py::two[2]");
    drive_collected(drive, &for_b, "d2", "b.py::new");
    drive_result(drive, &for_a, "a.py::one", FST_PASSED);
    drive_result(drive, &for_a, "a.py::two[1]", FST_SKIPPED);
    drive_result(drive, &for_b, "b.py::new", FST_XFAILED);
    drive_result(drive, &for_a, "a.py::two[2]", FST_PASSED);
}

static void each_item_ends_once_and_the_run_ends_with_0(void **state)
{
    struct drive drive;
    struct fst_counts counts;
    (void)state;
    run_both_files_to_the_end(&drive);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 4);
    assert_null(drive_said(&drive, FST_EF_ENDED, NULL));
    assert_non_null(drive_sent(&drive, FST_MSG_DRAIN, 0));
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    assert_int_equal(drive_count(&drive, FST_EF_NOT_RUN), 0);
    fst_core_counts(drive.core, drive.run, &counts);
    assert_int_equal(counts.ended, 4);
    assert_int_equal(counts.expected, 4);
    assert_int_equal(counts.files_listed, 2);
    assert_int_equal(counts.running_slots, 0);
    drive_end(&drive);
}

static void a_late_tear_down_error_amends_the_verdict(void **state)
{
    struct drive drive;
    (void)state;
    run_both_files_to_the_end(&drive);
    struct sent lease = *drive_lease(&drive, "b.py", 0);
    drive_full_result(&drive, &lease,
                      &(struct fst_result){.id = "b.py::new",
                                           .outcome = FST_ERROR,
                                           .amend = true});
    const struct said *amend = drive_said(&drive, FST_EF_AMEND, "b.py::new");
    assert_int_equal(amend->outcome, FST_ERROR);
    assert_int_equal(amend->attempt, 1);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 1);
    drive_end(&drive);
}

static void the_same_result_twice_is_a_duplicate(void **state)
{
    struct drive drive;
    (void)state;
    run_both_files_to_the_end(&drive);
    struct sent lease = *drive_lease(&drive, "b.py", 0);
    drive_result(&drive, &lease, "b.py::new", FST_FAILED);
    const struct said *last = &drive.said.items[drive.said.count - 1];
    assert_int_equal(last->kind, FST_ATTEMPT_DUPLICATE);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    drive_end(&drive);
}

static void an_empty_selection_ends_at_once_with_5(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &(struct fst_run_spec){0});
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 5);
    drive_end(&drive);
}

static void a_file_without_items_ends_with_5(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive,
                &(struct fst_run_spec){.files = a_and_b + 1, .n_files = 1});
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = *drive_lease(&drive, "b.py", 0);
    drive_collected(&drive, &lease, "d", "");
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 5);
    drive_end(&drive);
}

static void
maxfail_cancels_in_the_same_step_and_names_what_did_not_run(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.maxfail = 1;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = *drive_lease(&drive, "a.py", 0);
    drive_collected(&drive, &lease, "d", "a.py::one a.py::two");
    drive_result(&drive, &lease, "a.py::one", FST_FAILED);
    assert_non_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
    size_t leases = drive.sent.count;
    drive_revoked(&drive, &lease, "", true);
    assert_int_equal(drive.sent.count, leases);
    drive_bye(&drive, 1);
    assert_non_null(drive_said(&drive, FST_EF_NOT_RUN, "a.py::two"));
    assert_non_null(drive_said(&drive, FST_EF_NOT_RUN, "b.py"));
    const struct said *ended = drive_said(&drive, FST_EF_ENDED, NULL);
    assert_int_equal(ended->exit_code, 1);
    assert_string_equal(ended->text, "stopping after 1 failures");
    drive_end(&drive);
}

static void an_interrupt_ends_with_2_and_a_second_one_kills(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 1);
    struct fst_event stop = {.type = FST_EV_STOP,
                             .run = drive.run,
                             .why = "interrupted",
                             .exit_code = 2};
    drive_step(&drive, &stop);
    assert_false(drive_sent(&drive, FST_MSG_CANCEL, 0)->now);
    stop.now = true;
    drive_step(&drive, &stop);
    assert_true(drive_sent(&drive, FST_MSG_CANCEL, 1)->now);
    drive_down(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 2);
    assert_int_equal(drive_count(&drive, FST_EF_NOT_RUN), 3);
    drive_end(&drive);
}

static void no_agents_ends_with_3(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_step(&drive, &(struct fst_event){.type = FST_EV_NO_AGENTS,
                                           .run = drive.run,
                                           .why = "the agent won't stay"});
    const struct said *ended = drive_said(&drive, FST_EF_ENDED, NULL);
    assert_int_equal(ended->exit_code, 3);
    assert_string_equal(ended->text, "the agent won't stay");
    drive_end(&drive);
}

static void
a_fatal_worker_ends_the_run_even_if_it_spoke_before_the_run_came(void **state)
{
    struct drive drive = {.core = fst_core_new(), .now = 1};
    (void)state;
    uint32_t slot = 0;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                           .agent = {1},
                                           .slots = &slot,
                                           .n_slots = 1});
    drive_state(&drive, 1,
                &(struct fst_state){.state = FST_SLOT_FATAL,
                                    .text = "conftest is broken",
                                    .exit_code = 4});
    fst_core_add_run(drive.core, &plain, drive.now, &drive.effects);
    keep_effects(&drive);
    drive_bye(&drive, 1);
    const struct said *ended = drive_said(&drive, FST_EF_ENDED, NULL);
    assert_int_equal(ended->exit_code, 4);
    assert_string_equal(ended->text, "conftest is broken");
    drive_end(&drive);
}

static void
a_draining_agent_that_says_nothing_is_not_waited_for_for_ever(void **state)
{
    struct drive drive;
    (void)state;
    run_both_files_to_the_end(&drive);
    drive.now = fst_core_deadline(drive.core);
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    drive_end(&drive);
}

static void a_broken_protocol_is_refused_and_changes_nothing(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = *drive_lease(&drive, "a.py", 0), wrong = lease;
    wrong.lease = 77;
    assert_int_equal(drive_collected(&drive, &wrong, "d", "x"), -1);
    assert_int_equal(drive_revoked(&drive, &wrong, "", true), -1);
    assert_int_equal(drive_result(&drive, &wrong, "x", FST_PASSED), -1);
    wrong = lease;
    wrong.slot = 9;
    assert_int_equal(drive_collected(&drive, &wrong, "d", "x"), -1);
    snprintf(wrong.file, sizeof wrong.file, "other.py");
    wrong.slot = lease.slot;
    assert_int_equal(drive_collected(&drive, &wrong, "d", "x"), -1);
    drive_collected(&drive, &lease, "d", "a.py::one");
    assert_int_equal(drive_result(&drive, &lease, "nobody", FST_PASSED), -1);
    assert_int_equal(drive_message(&drive, 1, fst_msg_new(FST_MSG_LEASE)), -1);
    assert_int_equal(drive_bye(&drive, 5), -1);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 0);
    assert_int_equal(drive_result(&drive, &lease, "a.py::one", FST_PASSED), 0);
    drive_end(&drive);
}

/* Collectors that failed have an outcome, and so has each phase. */
static void news_without_an_outcome_is_refused(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = *drive_lease(&drive, "a.py", 0);
    assert_int_equal(drive_report(&drive, &lease, FST_ABSENT), -1);
    drive_collected(&drive, &lease, "d", "a.py::one");
    struct fst_phase phase = {.when = "call", .outcome = FST_ABSENT};
    assert_int_equal(
        drive_full_result(&drive, &lease,
                          &(struct fst_result){.id = "a.py::one",
                                               .outcome = FST_FAILED,
                                               .phases = &phase,
                                               .n_phases = 1}),
        -1);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 0);
    drive_end(&drive);
}

static void the_same_result_a_thousand_times_is_no_news(void **state)
{
    struct drive drive;
    (void)state;
    run_both_files_to_the_end(&drive);
    struct sent lease = *drive_lease(&drive, "b.py", 0);
    for (int i = 0; i < 1500; i++)
        drive_result(&drive, &lease, "b.py::new", FST_FAILED);
    size_t duplicates = 0;
    for (size_t i = 0; i < drive.said.count; i++)
        duplicates += drive.said.items[i].kind == FST_ATTEMPT_DUPLICATE;
    assert_int_equal(duplicates, 999);
    drive_end(&drive);
}

static void two_runs_are_served_one_after_the_other(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    struct fst_run_id second = fst_core_add_run(
        drive.core, &(struct fst_run_spec){.files = a_and_b + 1, .n_files = 1},
        drive.now, &drive.effects);
    keep_effects(&drive);
    assert_int_not_equal(second.v, drive.run.v);
    drive_agent(&drive, 1, 0, 1);
    assert_non_null(drive_lease(&drive, "a.py", 0));
    assert_null(drive_lease(&drive, "b.py", 0));
    drive_step(&drive, &(struct fst_event){.type = FST_EV_STOP,
                                           .run = drive.run,
                                           .exit_code = 2});
    drive_bye(&drive, 1);
    drive_agent(&drive, 2, 0, 1);
    assert_int_equal(drive_lease(&drive, "b.py", 0)->agent, 2);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_ends_once_and_the_run_ends_with_0),
        cmocka_unit_test(a_late_tear_down_error_amends_the_verdict),
        cmocka_unit_test(the_same_result_twice_is_a_duplicate),
        cmocka_unit_test(an_empty_selection_ends_at_once_with_5),
        cmocka_unit_test(a_file_without_items_ends_with_5),
        cmocka_unit_test(
            maxfail_cancels_in_the_same_step_and_names_what_did_not_run),
        cmocka_unit_test(an_interrupt_ends_with_2_and_a_second_one_kills),
        cmocka_unit_test(no_agents_ends_with_3),
        cmocka_unit_test(
            a_fatal_worker_ends_the_run_even_if_it_spoke_before_the_run_came),
        cmocka_unit_test(
            a_draining_agent_that_says_nothing_is_not_waited_for_for_ever),
        cmocka_unit_test(a_broken_protocol_is_refused_and_changes_nothing),
        cmocka_unit_test(news_without_an_outcome_is_refused),
        cmocka_unit_test(the_same_result_a_thousand_times_is_no_news),
        cmocka_unit_test(two_runs_are_served_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
