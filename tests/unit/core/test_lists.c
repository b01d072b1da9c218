/* What is in the files: lists that differ, selectors, LIST, collect-only. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan files[] = {
    {.path = "a.py"}, {.path = "b.py"}, {.path = "c.py"}};
static const struct fst_run_spec plain = {
    .files = files, .n_files = 1, .confirm = true, .max_worker_restart = -1};

static void a_function_whose_instances_are_all_leased_is_one_unit(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d",
                    "a.py::f[1] a.py::f[2] a.py::g[1] a.py::g[2] a.py::h");
    drive_result(&drive, &lease, "a.py::f[1]", FST_PASSED);
    drive_slot_down(&drive, 1, 0, "killed", 0);
    drive_revoked(&drive, &lease, "", true);
    drive_slot_up(&drive, 1, 0);
    assert_string_equal(drive_last_lease(&drive).units,
                        "a.py::f[2] a.py::g a.py::h");
    drive_end(&drive);
}

static void an_id_that_stands_twice_has_one_verdict_the_worse(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1 a::1 a::2");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    drive_result(&drive, &lease, "a::1", FST_FAILED);
    drive_result(&drive, &lease, "a::2", FST_PASSED);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 2);
    assert_int_equal(drive_said(&drive, FST_EF_AMEND, "a::1")->outcome,
                     FST_FAILED);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 1);
    drive_end(&drive);
}

static void ids_that_differ_stay_with_the_worker_whose_list_stands(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 2);
    struct sent home = drive_last_lease(&drive);
    uint32_t other = 1 - home.slot;
    drive_collected(&drive, &home, "d", "a::x1 a::x2 a::x3 a::x4");
    drive.now += 1000000000;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    struct sent revoke = *drive_sent(&drive, FST_MSG_REVOKE, 0);
    drive_revoked(&drive, &revoke, "a::x3 a::x4", false);
    struct sent lease = drive_last_lease(&drive);
    assert_int_equal(lease.slot, other);
    drive_collected(&drive, &lease, "other", "a::y1 a::y2 a::y3 a::y4");
    size_t before = drive.sent.count;
    drive_result(&drive, &lease, "a::x3", FST_ABSENT);
    drive_result(&drive, &lease, "a::x4", FST_ABSENT);
    assert_int_equal(drive.sent.count, before); /* not to the other again */
    drive_result(&drive, &home, "a::x1", FST_PASSED);
    drive_result(&drive, &home, "a::x2", FST_PASSED);
    lease = drive_last_lease(&drive);
    assert_int_equal(lease.slot, home.slot);
    assert_string_equal(lease.units, "a::x3 a::x4");
    drive_end(&drive);
}

static void where_that_worker_is_gone_another_list_replaces_it(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::x1 a::x2 a::same");
    drive_result(&drive, &lease, "a::x1", FST_PASSED);
    drive_slot_down(&drive, 1, 0, "killed", 0);
    drive_revoked(&drive, &lease, "", true);
    drive_slot_up(&drive, 1, 0);
    lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "other", "a::y1 a::y2 a::same");
    drive_result(&drive, &lease, "a::same", FST_PASSED);
    lease = drive_last_lease(&drive);
    assert_int_equal(lease.kind, FST_LEASE_COLLECT);
    drive_collected(&drive, &lease, "other", "a::y1 a::y2 a::same");
    lease = drive_last_lease(&drive);
    assert_string_equal(lease.units, "a::y2");
    drive_result(&drive, &lease, "a::y2", FST_PASSED);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 3);
    drive_bye(&drive, 1);
    assert_int_equal(drive_count(&drive, FST_EF_NOT_RUN), 0);
    drive_end(&drive);
}

static void where_that_worker_is_paused_another_list_replaces_it(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 2);
    struct sent home = drive_last_lease(&drive);
    drive_collected(&drive, &home, "d", "a::x1 a::x2 a::x3 a::x4");
    drive.now += 1000000000;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    struct sent revoke = *drive_sent(&drive, FST_MSG_REVOKE, 0);
    drive_revoked(&drive, &revoke, "a::x3 a::x4", false);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "other", "a::y1 a::y2 a::y3 a::y4");
    drive_state(
        &drive, 1,
        &(struct fst_state){.slot = home.slot, .state = FST_SLOT_PAUSED});
    drive_result(&drive, &home, "a::x1", FST_PASSED);
    drive_result(&drive, &home, "a::x2", FST_PASSED);
    drive_result(&drive, &lease, "a::x3", FST_ABSENT);
    drive_result(&drive, &lease, "a::x4", FST_ABSENT);
    struct sent again = drive_last_lease(&drive);
    assert_int_equal(again.slot, lease.slot);
    assert_int_equal(again.kind, FST_LEASE_COLLECT);
    drive_end(&drive);
}

static void an_item_that_nobody_finds_again_is_an_error(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &plain);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a::1");
    for (int i = 0; i < 3; i++) {
        lease = drive_last_lease(&drive);
        drive_result(&drive, &lease, "a::1", FST_ABSENT);
    }
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a::1")->outcome,
                     FST_ERROR);
    drive_end(&drive);
}

static void a_selector_that_may_match_nothing_is_looked_up_first(void **state)
{
    static const struct fst_file_plan selected[] = {
        {.path = "a.py"}, {.path = "b.py", .verify = true}};
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.files = selected;
    spec.n_files = 2;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 2);
    assert_null(drive_lease(&drive, "a.py", 0));
    struct sent lease = *drive_lease(&drive, "b.py", 0);
    assert_int_equal(lease.kind, FST_LEASE_COLLECT);
    drive_collected(&drive, &lease, "d", "b::1");
    assert_non_null(drive_lease(&drive, "a.py", 0));
    assert_string_equal(drive_lease(&drive, "b.py", 1)->units, "b::1");
    drive_end(&drive);
}

static void a_selector_that_matches_nothing_ends_the_run_with_4(void **state)
{
    static const struct fst_file_plan selected[] = {
        {.path = "a.py"}, {.path = "b.py", .verify = true}};
    static const char *nothing[] = {"nothing"};
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.files = selected;
    spec.n_files = 2;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    msg->collected.lease = lease.lease;
    msg->collected.file = "b.py";
    msg->collected.missing = (struct fst_strs){nothing, 1};
    msg->collected.missing_text = "ERROR: not found: b.py::nothing";
    drive_message(&drive, 1, msg);
    drive_bye(&drive, 1);
    const struct said *ended = drive_said(&drive, FST_EF_ENDED, NULL);
    assert_int_equal(ended->exit_code, 4);
    assert_string_equal(ended->text, "ERROR: not found: b.py::nothing");
    assert_null(drive_lease(&drive, "a.py", 0));
    drive_end(&drive);
}

static void held_files_wait_for_pytests_answer_and_new_ones_join(void **state)
{
    static const struct fst_file_plan held[] = {
        {.path = "a.py"},
        {.path = "d/b.py", .held = true},
        {.path = "d/c.py", .held = true}};
    static const char *const dirs[] = {"d"};
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.files = held;
    spec.n_files = 3;
    spec.list_dirs = dirs;
    spec.n_list_dirs = 1;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent list = *drive_sent(&drive, FST_MSG_LIST, 0);
    drive_listed(&drive, &list, "d/c.py d/new.yaml");
    drive_agent(&drive, 2, 1, 4);
    assert_non_null(drive_lease(&drive, "a.py", 0));
    assert_non_null(drive_lease(&drive, "d/c.py", 0));
    assert_non_null(drive_lease(&drive, "d/new.yaml", 0));
    assert_null(drive_lease(&drive, "d/b.py", 0));
    drive_end(&drive);
}

static void a_list_lost_with_its_worker_goes_to_the_next(void **state)
{
    static const char *const dirs[] = {"."};
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.list_dirs = dirs;
    spec.n_list_dirs = 1;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    drive_down(&drive, 1);
    drive_agent(&drive, 2, 0, 1);
    struct sent list = *drive_sent(&drive, FST_MSG_LIST, 1);
    assert_int_equal(list.agent, 2);
    assert_int_equal(drive_listed(&drive, &list, "a.py"), 0);
    drive_end(&drive);
}

static void
a_plugin_that_decides_on_files_is_asked_about_the_roots(void **state)
{
    static const char *const roots[] = {"tests"};
    static const struct fst_file_plan below[] = {{.path = "tests/a.py"}};
    struct drive drive;
    uint32_t slot = 0;
    (void)state;
    drive_start(&drive, &(struct fst_run_spec){.files = below,
                                               .n_files = 1,
                                               .roots = roots,
                                               .n_roots = 1});
    drive_step(&drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                           .agent = {1},
                                           .slots = &slot,
                                           .n_slots = 1});
    drive_state(&drive, 1,
                &(struct fst_state){.state = FST_SLOT_UP, .list = true});
    struct sent list = *drive_sent(&drive, FST_MSG_LIST, 0);
    assert_null(drive_lease(&drive, "tests/a.py", 0));
    drive_listed(&drive, &list, "tests/x.yaml");
    assert_null(drive_lease(&drive, "tests/a.py", 0));
    assert_non_null(drive_lease(&drive, "tests/x.yaml", 0));
    drive_end(&drive);
}

static void no_file_and_no_such_plugin_is_5(void **state)
{
    static const char *const roots[] = {"."};
    struct drive drive;
    (void)state;
    drive_start(&drive, &(struct fst_run_spec){.roots = roots, .n_roots = 1});
    assert_null(drive_said(&drive, FST_EF_ENDED, NULL));
    drive_agent(&drive, 1, 0, 1);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 5);
    drive_end(&drive);
}

static void
collect_only_names_all_ids_in_pytests_order_and_runs_none(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.n_files = 2;
    spec.collect_only = true;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 2);
    struct sent a = *drive_lease(&drive, "a.py", 0);
    struct sent b = *drive_lease(&drive, "b.py", 0);
    assert_int_equal(a.kind, FST_LEASE_COLLECT);
    drive_collected(&drive, &b, "d", "b::1");
    assert_null(drive_said(&drive, FST_EF_LISTED, "b::1"));
    drive_collected(&drive, &a, "d", "a::1");
    const struct said *first = drive_said(&drive, FST_EF_LISTED, NULL);
    assert_string_equal(first->id, "a::1");
    assert_true(first < drive_said(&drive, FST_EF_LISTED, "b::1"));
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 0);
    drive_end(&drive);
}

static void collect_only_names_no_ids_before_all_files_are_known(void **state)
{
    static const char *const dirs[] = {"."};
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.n_files = 2;
    spec.list_dirs = dirs;
    spec.n_list_dirs = 1;
    spec.collect_only = true;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent list = *drive_sent(&drive, FST_MSG_LIST, 0);
    drive_agent(&drive, 2, 1, 4);
    struct sent a = *drive_lease(&drive, "a.py", 0);
    struct sent b = *drive_lease(&drive, "b.py", 0);
    drive_collected(&drive, &a, "d", "a::1");
    drive_collected(&drive, &b, "d", "b::1");
    drive_listed(&drive, &list, "a.py a.yaml b.py");
    struct sent between = *drive_lease(&drive, "a.yaml", 0);
    drive_collected(&drive, &between, "d", "y::1");
    const struct said *new = drive_said(&drive, FST_EF_LISTED, "y::1");
    assert_non_null(new);
    assert_true(drive_said(&drive, FST_EF_LISTED, "a::1") < new);
    assert_true(new < drive_said(&drive, FST_EF_LISTED, "b::1"));
    drive_end(&drive);
}

static void a_report_that_comes_from_several_files_is_one(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = plain;
    (void)state;
    spec.n_files = 2;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 2);
    for (size_t i = 0; i < 2; i++) {
        struct sent lease = *drive_lease(&drive, files[i].path, 0);
        struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
        struct fst_result report = {.id = "sub", .outcome = FST_ERROR};
        msg->collected.lease = lease.lease;
        msg->collected.slot = lease.slot;
        msg->collected.file = lease.file;
        msg->collected.reports = &report;
        msg->collected.n_reports = 1;
        drive_message(&drive, 1, msg);
    }
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 1);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 1);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_whose_instances_are_all_leased_is_one_unit),
        cmocka_unit_test(an_id_that_stands_twice_has_one_verdict_the_worse),
        cmocka_unit_test(
            ids_that_differ_stay_with_the_worker_whose_list_stands),
        cmocka_unit_test(where_that_worker_is_gone_another_list_replaces_it),
        cmocka_unit_test(where_that_worker_is_paused_another_list_replaces_it),
        cmocka_unit_test(an_item_that_nobody_finds_again_is_an_error),
        cmocka_unit_test(a_selector_that_may_match_nothing_is_looked_up_first),
        cmocka_unit_test(a_selector_that_matches_nothing_ends_the_run_with_4),
        cmocka_unit_test(held_files_wait_for_pytests_answer_and_new_ones_join),
        cmocka_unit_test(a_list_lost_with_its_worker_goes_to_the_next),
        cmocka_unit_test(
            a_plugin_that_decides_on_files_is_asked_about_the_roots),
        cmocka_unit_test(no_file_and_no_such_plugin_is_5),
        cmocka_unit_test(
            collect_only_names_all_ids_in_pytests_order_and_runs_none),
        cmocka_unit_test(collect_only_names_no_ids_before_all_files_are_known),
        cmocka_unit_test(a_report_that_comes_from_several_files_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
