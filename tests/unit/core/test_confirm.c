/* Bad news that is not yet a verdict. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan files[] = {{.path = "a.py"},
                                             {.path = "b.py"}};
static const struct fst_run_spec one_file = {
    .files = files, .n_files = 1, .confirm = true, .max_worker_restart = -1};

/* a::1 ends in gw0's first worker, which dies; a::2 and a::3 are leased to its
 * second. */
static struct sent start_apart(struct drive *drive,
                               const struct fst_run_spec *spec)
{
    drive_start(drive, spec);
    drive_agent(drive, 1, 0, 1);
    struct sent lease = drive_last_lease(drive);
    drive_collected(drive, &lease, "d", "a::1 a::2 a::3 a::4");
    drive_result(drive, &lease, "a::1", FST_PASSED);
    drive_slot_down(drive, 1, 0, "killed", 0);
    drive_revoked(drive, &lease, "", true);
    drive_slot_up(drive, 1, 0);
    lease = drive_last_lease(drive);
    assert_string_equal(lease.units, "a::2 a::3 a::4");
    return lease;
}

static struct sent fail_apart(struct drive *drive)
{
    struct sent lease = start_apart(drive, &one_file);
    drive_result(drive, &lease, "a::2", FST_PASSED);
    drive_result(drive, &lease, "a::3", FST_FAILED);
    assert_null(drive_said(drive, FST_EF_OUTCOME, "a::3"));
    drive_result(drive, &lease, "a::4", FST_PASSED);
    struct sent confirm = drive_last_lease(drive);
    assert_int_equal(confirm.kind, FST_LEASE_CONFIRM);
    assert_true(confirm.fresh);
    assert_string_equal(confirm.target, "a::3");
    assert_string_equal(confirm.units, "a::1 a::2 a::3");
    return confirm;
}

static void
a_failure_whose_predecessors_ran_elsewhere_is_tried_in_order(void **state)
{
    struct drive drive;
    (void)state;
    struct sent confirm = fail_apart(&drive);
    drive_slot_down(&drive, 1, 0, NULL, 0);
    drive_slot_up(&drive, 1, 0);
    drive_result(&drive, &confirm, "a::2", FST_FAILED); /* counts nothing */
    drive_result(&drive, &confirm, "a::3", FST_PASSED);
    const struct said *outcome = drive_said(&drive, FST_EF_OUTCOME, "a::3");
    assert_int_equal(outcome->outcome, FST_PASSED);
    assert_int_equal(outcome->attempt, 2);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::2")->outcome,
                     FST_PASSED);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    drive_end(&drive);
}

static void a_later_failure_follows_in_the_worker_that_confirmed(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease = start_apart(&drive, &one_file);
    drive_result(&drive, &lease, "a::2", FST_PASSED);
    drive_result(&drive, &lease, "a::3", FST_FAILED);
    drive_result(&drive, &lease, "a::4", FST_FAILED);
    struct sent confirm = drive_sent_confirm(&drive, "a::3");
    assert_true(confirm.fresh);
    drive_slot_down(&drive, 1, 0, NULL, 0);
    drive_slot_up(&drive, 1, 0);
    drive_result(&drive, &confirm, "a::3", FST_FAILED);
    confirm = drive_sent_confirm(&drive, "a::4");
    assert_false(confirm.fresh);
    assert_string_equal(confirm.units, "a::4");
    drive_result(&drive, &confirm, "a::4", FST_PASSED);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::4")->outcome,
                     FST_PASSED);
    drive_end(&drive);
}

static void a_failure_that_is_confirmed_stands(void **state)
{
    struct drive drive;
    (void)state;
    struct sent confirm = fail_apart(&drive);
    drive_result(&drive, &confirm, "a::3", FST_ERROR);
    const struct said *outcome = drive_said(&drive, FST_EF_OUTCOME, "a::3");
    assert_int_equal(outcome->outcome, FST_ERROR);
    assert_int_equal(outcome->attempt, 2);
    drive_end(&drive);
}

static void
a_confirmation_whose_worker_dies_lets_the_first_result_stand(void **state)
{
    struct drive drive;
    (void)state;
    struct sent confirm = fail_apart(&drive);
    drive_slot_down(&drive, 1, 0, NULL, 0);
    drive_slot_up(&drive, 1, 0);
    drive_collected(&drive, &confirm, "d", "a::1 a::2 a::3 a::4");
    drive_crash(&drive, &confirm, "a::1");
    drive_slot_down(&drive, 1, 0, "killed", 0);
    drive_revoked(&drive, &confirm, "", true);
    const struct said *outcome = drive_said(&drive, FST_EF_OUTCOME, "a::3");
    assert_int_equal(outcome->outcome, FST_FAILED);
    assert_int_equal(outcome->attempt, 1);
    drive_end(&drive);
}

static void
a_confirmation_lost_with_its_agent_is_tried_three_times_more(void **state)
{
    struct drive drive;
    (void)state;
    fail_apart(&drive);
    for (uint32_t agent = 1; agent < 4; agent++) {
        drive_down(&drive, agent);
        assert_null(drive_said(&drive, FST_EF_OUTCOME, "a::3"));
        drive_agent(&drive, agent + 1, 0, 1);
        assert_int_equal(drive_last_lease(&drive).kind, FST_LEASE_CONFIRM);
    }
    drive_down(&drive, 4);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::3")->attempt, 1);
    drive_end(&drive);
}

static void a_worker_with_another_list_can_not_confirm(void **state)
{
    struct drive drive;
    (void)state;
    struct sent confirm = fail_apart(&drive);
    drive_collected(&drive, &confirm, "other", "a::x a::y a::z a::4");
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::3")->attempt, 1);
    drive_end(&drive);
}

static void what_crashed_a_worker_is_left_out_and_is_not_confirmed(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease = start_apart(&drive, &one_file);
    drive_crash(&drive, &lease, "a::2");
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::2")->outcome,
                     FST_FAILED);
    drive_slot_down(&drive, 1, 0, "killed", 0);
    drive_revoked(&drive, &lease, "", true);
    drive_slot_up(&drive, 1, 0);
    lease = drive_last_lease(&drive);
    drive_result(&drive, &lease, "a::3", FST_FAILED);
    drive_result(&drive, &lease, "a::4", FST_PASSED);
    assert_string_equal(drive_last_lease(&drive).units, "a::1 a::3");
    drive_end(&drive);
}

static void a_failure_in_pytests_own_order_counts_at_once(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1 a::2");
    drive_result(&drive, &lease, "a::1", FST_FAILED);
    drive_result(&drive, &lease, "a::2", FST_FAILED);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 2);
    drive_end(&drive);
}

static void without_confirmation_the_first_result_counts(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = one_file;
    (void)state;
    spec.confirm = false;
    struct sent lease = start_apart(&drive, &spec);
    drive_result(&drive, &lease, "a::3", FST_FAILED);
    assert_non_null(drive_said(&drive, FST_EF_OUTCOME, "a::3"));
    drive_end(&drive);
}

static void maxfail_waits_for_the_confirmation(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = one_file;
    (void)state;
    spec.maxfail = 1;
    struct sent lease = start_apart(&drive, &spec);
    drive_result(&drive, &lease, "a::2", FST_FAILED);
    assert_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
    drive_message(&drive, 1, fst_msg_new(FST_MSG_CREDIT));
    struct sent confirm = drive_last_lease(&drive);
    assert_int_equal(confirm.kind, FST_LEASE_CONFIRM);
    drive_result(&drive, &confirm, "a::2", FST_FAILED);
    assert_non_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
    drive_end(&drive);
}

static void
a_file_that_a_used_worker_can_not_open_goes_to_a_fresh_one(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = one_file;
    (void)state;
    spec.n_files = 2;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    lease = drive_last_lease(&drive);
    assert_string_equal(lease.file, "b.py");
    assert_false(lease.fresh);
    drive_report(&drive, &lease, FST_ERROR);
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "b.py"));
    lease = drive_last_lease(&drive);
    assert_string_equal(lease.file, "b.py");
    assert_true(lease.fresh);
    drive_slot_down(&drive, 1, 0, NULL, 0);
    drive_slot_up(&drive, 1, 0);
    drive_report(&drive, &lease, FST_ERROR);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "b.py")->outcome,
                     FST_ERROR);
    drive_end(&drive);
}

static void a_file_that_skips_itself_in_a_used_worker_is_skipped(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = one_file;
    (void)state;
    spec.n_files = 2;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    lease = drive_last_lease(&drive);
    drive_report(&drive, &lease, FST_SKIPPED);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "b.py")->outcome,
                     FST_SKIPPED);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_failure_whose_predecessors_ran_elsewhere_is_tried_in_order),
        cmocka_unit_test(a_later_failure_follows_in_the_worker_that_confirmed),
        cmocka_unit_test(a_failure_that_is_confirmed_stands),
        cmocka_unit_test(
            a_confirmation_whose_worker_dies_lets_the_first_result_stand),
        cmocka_unit_test(
            a_confirmation_lost_with_its_agent_is_tried_three_times_more),
        cmocka_unit_test(a_worker_with_another_list_can_not_confirm),
        cmocka_unit_test(
            what_crashed_a_worker_is_left_out_and_is_not_confirmed),
        cmocka_unit_test(a_failure_in_pytests_own_order_counts_at_once),
        cmocka_unit_test(without_confirmation_the_first_result_counts),
        cmocka_unit_test(maxfail_waits_for_the_confirmation),
        cmocka_unit_test(
            a_file_that_a_used_worker_can_not_open_goes_to_a_fresh_one),
        cmocka_unit_test(a_file_that_skips_itself_in_a_used_worker_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
