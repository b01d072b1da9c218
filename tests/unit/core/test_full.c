/* Full collection: the first worker's list says which files there are. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan files[] = {
    {.path = "a.py"}, {.path = "b.py"}, {.path = "c.py"}};
static const struct fst_run_spec always = {.full = FST_FULL_ALWAYS,
                                           .files = files,
                                           .n_files = 3,
                                           .confirm = true,
                                           .max_worker_restart = -1};

static void
files_are_leased_in_the_order_of_the_first_workers_list(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &always);
    drive_agent(&drive, 1, 0, 1);
    assert_int_equal(drive.sent.count, 1);
    struct sent list = *drive_sent(&drive, FST_MSG_LIST, 0);
    assert_true(list.full);
    drive_listed(&drive, &list, "new.txt c.py a.py");
    static const char *const order[] = {"new.txt", "c.py", "a.py"};
    for (size_t i = 0; i < 3; i++) {
        struct sent lease = drive_last_lease(&drive);
        assert_string_equal(lease.file, order[i]);
        assert_true(lease.full);
        drive_collected(&drive, &lease, "d", "");
    }
    assert_null(drive_lease(&drive, "b.py", 0)); /* dropped by its list */
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 5);
    drive_end(&drive);
}

static void one_worker_is_given_all_files_at_once(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = always;
    (void)state;
    spec.one_worker = true;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent list = *drive_sent(&drive, FST_MSG_LIST, 0);
    drive_listed(&drive, &list, "c.py b.py a.py");
    assert_true(drive_lease(&drive, "c.py", 0)->more);
    assert_true(drive_lease(&drive, "b.py", 0)->more);
    assert_false(drive_lease(&drive, "a.py", 0)->more);
    drive_end(&drive);
}

/* What a worker's STATE says leads to in a run that may be full so or so. */
static bool asks_for_all(enum fst_core_full full)
{
    struct drive drive;
    struct fst_run_spec spec = always;
    uint32_t slot = 0;
    spec.full = full;
    drive_start(&drive, &spec);
    drive_step(&drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                           .agent = {1},
                                           .slots = &slot,
                                           .n_slots = 1});
    drive_state(&drive, 1,
                &(struct fst_state){
                    .slot = 0, .state = FST_SLOT_UP, .full = "a plugin sorts"});
    const struct sent *list = drive_sent(&drive, FST_MSG_LIST, 0);
    bool all = list && list->full;
    drive_end(&drive);
    return all;
}

static void
a_plugin_is_heeded_unless_lazy_collection_was_asked_for(void **state)
{
    (void)state;
    assert_true(asks_for_all(FST_FULL_ASKED));
    assert_true(asks_for_all(FST_FULL_ALWAYS));
    assert_false(asks_for_all(FST_FULL_NEVER));
}

static void after_two_deaths_files_are_collected_one_by_one(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &always);
    drive_agent(&drive, 1, 0, 1);
    for (size_t i = 0; i < 2; i++) {
        struct sent list = *drive_sent(&drive, FST_MSG_LIST, i);
        assert_true(list.full);
        drive_slot_down(&drive, 1, 0, "killed", list.lease);
        drive_revoked(&drive, &list, "", true);
        drive_slot_up(&drive, 1, 0);
    }
    assert_null(drive_sent(&drive, FST_MSG_LIST, 2));
    struct sent lease = drive_last_lease(&drive);
    assert_string_equal(lease.file, "a.py");
    assert_false(lease.full);
    drive_end(&drive);
}

static void bad_news_of_a_used_worker_needs_no_confirmation(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &always);
    drive_agent(&drive, 1, 0, 1);
    struct sent list = *drive_sent(&drive, FST_MSG_LIST, 0);
    drive_listed(&drive, &list, "a.py b.py");
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a.py::1");
    drive_result(&drive, &lease, "a.py::1", FST_PASSED);
    lease = drive_last_lease(&drive);
    assert_string_equal(lease.file, "b.py");
    drive_report(&drive, &lease, FST_ERROR);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "b.py")->outcome,
                     FST_ERROR);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            files_are_leased_in_the_order_of_the_first_workers_list),
        cmocka_unit_test(one_worker_is_given_all_files_at_once),
        cmocka_unit_test(
            a_plugin_is_heeded_unless_lazy_collection_was_asked_for),
        cmocka_unit_test(after_two_deaths_files_are_collected_one_by_one),
        cmocka_unit_test(bad_news_of_a_used_worker_needs_no_confirmation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
