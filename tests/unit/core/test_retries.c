/* Failures that are tried again, alone, in another worker. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan files[] = {{.path = "a.py"},
                                             {.path = "b.py"}};
static const struct fst_run_spec twice = {.files = files,
                                          .n_files = 1,
                                          .confirm = true,
                                          .retries = 2,
                                          .max_worker_restart = -1};

/* a::1 has failed in gw0, which has nothing else to do. */
static struct sent fail_first(struct drive *drive,
                              const struct fst_run_spec *spec, uint32_t slots)
{
    drive_start(drive, spec);
    drive_agent(drive, 1, 0, slots);
    struct sent lease = drive_last_lease(drive);
    drive_collected(drive, &lease, "d", "a::1 a::2");
    drive_result(drive, &lease, "a::1", FST_FAILED);
    drive_result(drive, &lease, "a::2", FST_PASSED);
    drive_message(drive, 1, fst_msg_new(FST_MSG_CREDIT));
    return lease;
}

static int end_code(struct drive *drive)
{
    drive_bye(drive, 1);
    int code = drive_said(drive, FST_EF_ENDED, NULL)->exit_code;
    drive_end(drive);
    return code;
}

static void a_failure_is_tried_alone_by_another_slot(void **state)
{
    struct drive drive;
    (void)state;
    struct sent first = fail_first(&drive, &twice, 2);
    struct sent retry = drive_last_lease(&drive);
    assert_int_equal(retry.kind, FST_LEASE_RETRY);
    assert_int_equal(retry.attempt, 2);
    assert_string_equal(retry.units, "a::1");
    assert_string_equal(retry.target, "a::1");
    assert_true(retry.slot != first.slot);
    assert_false(retry.fresh);
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a::1"));
    drive_result(&drive, &retry, "a::1", FST_PASSED);
    const struct said *outcome = drive_said(&drive, FST_EF_OUTCOME, "a::1");
    assert_int_equal(outcome->outcome, FST_PASSED);
    assert_int_equal(outcome->attempt, 2);
    assert_int_equal(end_code(&drive), 0);
}

static void the_only_slot_gets_it_with_a_fresh_worker(void **state)
{
    struct drive drive;
    (void)state;
    fail_first(&drive, &twice, 1);
    struct sent retry = drive_last_lease(&drive);
    assert_int_equal(retry.kind, FST_LEASE_RETRY);
    assert_true(retry.fresh);
    drive_end(&drive);
}

static void what_fails_in_every_retry_has_failed(void **state)
{
    struct drive drive;
    (void)state;
    fail_first(&drive, &twice, 2);
    struct sent retry = drive_last_lease(&drive);
    drive_result(&drive, &retry, "a::1", FST_ERROR);
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a::1"));
    struct sent second = drive_last_lease(&drive);
    assert_int_equal(second.attempt, 3);
    assert_true(second.slot != retry.slot);
    drive_result(&drive, &second, "a::1", FST_FAILED);
    const struct said *outcome = drive_said(&drive, FST_EF_OUTCOME, "a::1");
    assert_int_equal(outcome->outcome, FST_FAILED);
    assert_int_equal(outcome->attempt, 3);
    assert_int_equal(end_code(&drive), 1);
}

static void a_flaky_test_can_fail_the_run(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = twice;
    (void)state;
    spec.fail_flaky = true;
    fail_first(&drive, &spec, 2);
    struct sent retry = drive_last_lease(&drive);
    drive_result(&drive, &retry, "a::1", FST_PASSED);
    assert_int_equal(end_code(&drive), 1);
}

static void maxfail_counts_only_what_no_retry_saved(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = twice;
    (void)state;
    spec.maxfail = 1;
    fail_first(&drive, &spec, 2);
    for (int i = 0; i < 2; i++) {
        assert_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
        struct sent retry = drive_last_lease(&drive);
        drive_result(&drive, &retry, "a::1", FST_FAILED);
    }
    assert_non_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
    drive_end(&drive);
}

static void a_crash_is_a_try(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = twice;
    (void)state;
    spec.retries = 1;
    fail_first(&drive, &spec, 1);
    struct sent retry = drive_last_lease(&drive);
    drive_slot_down(&drive, 1, 0, NULL, 0);
    drive_slot_up(&drive, 1, 0);
    drive_collected(&drive, &retry, "d", "a::1 a::2");
    drive_crash(&drive, &retry, "a::1");
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::1")->attempt, 2);
    drive_end(&drive);
}

static void a_confirmation_comes_first_and_is_no_retry(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = twice;
    (void)state;
    spec.retries = 1;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1 a::2");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    drive_slot_down(&drive, 1, 0, "killed", 0);
    drive_revoked(&drive, &lease, "", true);
    drive_slot_up(&drive, 1, 0);
    lease = drive_last_lease(&drive);
    drive_result(&drive, &lease, "a::2", FST_FAILED);
    struct sent confirm = drive_last_lease(&drive);
    assert_int_equal(confirm.kind, FST_LEASE_CONFIRM);
    drive_slot_down(&drive, 1, 0, NULL, 0);
    drive_slot_up(&drive, 1, 0);
    drive_result(&drive, &confirm, "a::2", FST_FAILED);
    struct sent retry = drive_last_lease(&drive);
    assert_int_equal(retry.kind, FST_LEASE_RETRY);
    assert_int_equal(retry.attempt, 3);
    drive_end(&drive);
}

static void
a_retry_that_its_worker_can_not_find_goes_to_a_fresh_one(void **state)
{
    struct drive drive;
    (void)state;
    fail_first(&drive, &twice, 2);
    struct sent retry = drive_last_lease(&drive);
    drive_report(&drive, &retry, FST_ERROR);
    struct sent again = drive_last_lease(&drive);
    assert_int_equal(again.kind, FST_LEASE_RETRY);
    assert_int_equal(again.attempt, 2);
    assert_true(again.fresh);
    drive_end(&drive);
}

static void a_run_that_is_stopped_keeps_the_failure(void **state)
{
    struct drive drive;
    (void)state;
    fail_first(&drive, &twice, 2);
    drive_step(&drive, &(struct fst_event){.type = FST_EV_STOP,
                                           .run = drive.run,
                                           .why = "interrupted",
                                           .exit_code = 2});
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::1")->outcome,
                     FST_FAILED);
    assert_null(drive_said(&drive, FST_EF_NOT_RUN, NULL));
    drive_end(&drive);
}

static void skips_and_xfails_are_no_failures(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &twice);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1 a::2 a::3");
    drive_result(&drive, &lease, "a::1", FST_SKIPPED);
    drive_result(&drive, &lease, "a::2", FST_XFAILED);
    drive_result(&drive, &lease, "a::3", FST_XPASSED);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 3);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_tried_alone_by_another_slot),
        cmocka_unit_test(the_only_slot_gets_it_with_a_fresh_worker),
        cmocka_unit_test(what_fails_in_every_retry_has_failed),
        cmocka_unit_test(a_flaky_test_can_fail_the_run),
        cmocka_unit_test(maxfail_counts_only_what_no_retry_saved),
        cmocka_unit_test(a_crash_is_a_try),
        cmocka_unit_test(a_confirmation_comes_first_and_is_no_retry),
        cmocka_unit_test(
            a_retry_that_its_worker_can_not_find_goes_to_a_fresh_one),
        cmocka_unit_test(a_run_that_is_stopped_keeps_the_failure),
        cmocka_unit_test(skips_and_xfails_are_no_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
