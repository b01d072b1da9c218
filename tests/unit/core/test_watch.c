/* What can be seen of a run that is under way. */
#include "tests/unit/core/drive.h"

#define MS INT64_C(1000000)

static const char *const a_functions[] = {"a.py::t0", "a.py::t1"};
static const char *const b_functions[] = {"b.py::t0"};
static const struct fst_file_plan files[] = {
    {.path = "a.py", .functions = a_functions, .n_functions = 2},
    {.path = "b.py", .functions = b_functions, .n_functions = 1}};

static void start(struct drive *drive, const struct fst_times *times)
{
    drive_start(drive, &(struct fst_run_spec){.files = files,
                                              .n_files = 2,
                                              .times = times,
                                              .max_worker_restart = -1});
}

static void who_runs_what_is_told_longest_first(void **state)
{
    struct drive drive;
    struct fst_running running[2];
    (void)state;
    start(&drive, NULL);
    drive_agent(&drive, 1, 0, 2);
    const struct sent a = *drive_lease(&drive, "a.py", 0);
    int64_t opened = drive.now;
    drive.now += 10 * MS;
    drive_collected(&drive, &a, "d", "a.py::t0 a.py::t1");
    drive.now += 10 * MS;
    drive_result(&drive, &a, "a.py::t0", FST_PASSED);
    assert_int_equal(fst_core_running(drive.core, drive.run, running, 2), 2);
    assert_string_equal(running[0].id, "b.py"); /* is being opened */
    assert_int_equal(running[0].since_ns, opened);
    assert_string_equal(running[1].id, "a.py::t1");
    assert_int_equal(running[1].slot, a.slot);
    assert_int_equal(running[1].since_ns, drive.now);
    assert_int_equal(fst_core_running(drive.core, drive.run, running, 1), 1);
    assert_string_equal(running[0].id, "b.py");
    drive_result(&drive, &a, "a.py::t1", FST_PASSED);
    assert_int_equal(fst_core_running(drive.core, drive.run, running, 2), 1);
    drive_end(&drive);
}

static void what_is_left_is_shared_but_for_the_longest_test(void **state)
{
    struct drive drive;
    struct fst_times *times = fst_times_new();
    (void)state;
    fst_times_add(times, "a.py::t0", 10);
    fst_times_add(times, "a.py::t1", 4);
    fst_times_add(times, "b.py::t0", 6);
    start(&drive, times);
    drive_agent(&drive, 1, 0, 2);
    double left = fst_core_left_s(drive.core, drive.run, drive.now);
    assert_true(left > 9.9 && left < 10.2); /* 20 s for two */
    const struct sent a = *drive_lease(&drive, "a.py", 0);
    drive_collected(&drive, &a, "d", "a.py::t0 a.py::t1");
    left = fst_core_left_s(drive.core, drive.run, drive.now + 4000 * MS);
    assert_true(left > 7.9 && left < 8.2); /* of 20, t0 has had 4 */
    left = fst_core_left_s(drive.core, drive.run, drive.now + 99000 * MS);
    assert_true(left > 4.9 && left < 5.2); /* t0 is late, 10 s for two */
    drive_end(&drive);
    fst_times_free(times);
}

static void nothing_is_expected_without_a_past(void **state)
{
    struct drive drive;
    struct fst_times *times = fst_times_new();
    (void)state;
    start(&drive, NULL);
    assert_true(fst_core_left_s(drive.core, drive.run, drive.now) < 0);
    drive_end(&drive);
    fst_times_add(times, "other.py::t", 10);
    start(&drive, times);
    assert_true(fst_core_left_s(drive.core, drive.run, drive.now) < 0);
    drive_end(&drive);
    fst_times_free(times);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_runs_what_is_told_longest_first),
        cmocka_unit_test(what_is_left_is_shared_but_for_the_longest_test),
        cmocka_unit_test(nothing_is_expected_without_a_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
