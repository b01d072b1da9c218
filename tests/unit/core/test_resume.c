/* A run that goes on from what an earlier one has found out. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan files[] = {
    {.path = "a.py"}, {.path = "b.py"}, {.path = "c.py", .verify = true}};

static struct fst_item a_items[] = {
    {.id = "a.py::1"}, {.id = "a.py::2"}, {.id = "a.py::3"}};
static struct fst_item c_items[] = {{.id = "c.py::1"}};
static const struct fst_collected lists[] = {
    {.file = "a.py", .digest = "da", .items = a_items, .n_items = 3},
    {.file = "c.py", .digest = "dc", .items = c_items, .n_items = 1},
    {.file = "new.txt", .digest = "dn"}};

static const struct fst_result passed = {.id = "a.py::1"};
static const struct fst_result tried = {.id = "a.py::2", .outcome = FST_FAILED};
static const struct fst_result flaky = {.id = "a.py::2"};
static const struct fst_result done = {.id = "c.py::1"};
static const struct fst_result broken = {.id = "d", .outcome = FST_ERROR};
static const struct fst_try tries[] = {
    {.result = &broken, .attempt = 1, .verdict = true, .agent = {77}},
    {.result = &passed, .attempt = 1, .verdict = true, .agent = {77}},
    {.result = &tried, .attempt = 1, .agent = {77}},
    {.result = &flaky,
     .attempt = 2,
     .kind = FST_ATTEMPT_RETRY,
     .verdict = true,
     .agent = {77}},
    {.result = &done, .attempt = 1, .verdict = true, .agent = {77}}};
static const struct fst_recalled past = {
    .lists = lists, .n_lists = 3, .tries = tries, .n_tries = 5};

static const struct fst_run_spec spec = {.files = files,
                                         .n_files = 3,
                                         .recalled = &past,
                                         .confirm = true,
                                         .max_worker_restart = -1};

static void what_is_known_is_said_once_more(void **state)
{
    struct drive drive;
    struct fst_counts counts;
    (void)state;
    drive_start(&drive, &spec);
    const struct said *said = drive_said(&drive, FST_EF_OUTCOME, "a.py::2");
    assert_int_equal(said->attempt, 2);
    assert_int_equal(said->outcome, FST_PASSED);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "d")->outcome,
                     FST_ERROR);
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py::3"));
    fst_core_counts(drive.core, drive.run, &counts);
    assert_int_equal(counts.ended, 4);
    assert_int_equal(counts.outcomes[FST_PASSED], 3);
    drive_end(&drive);
}

static void only_the_rest_is_leased(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 2);
    const struct sent *lease = drive_lease(&drive, "a.py", 0);
    assert_non_null(lease);
    assert_false(lease->whole);
    assert_string_equal(lease->units, "a.py::3");
    assert_null(drive_lease(&drive, "c.py", 0));
    assert_null(drive_lease(&drive, "new.txt", 0));
    struct sent first = *lease, second = *drive_lease(&drive, "b.py", 0);
    assert_true(second.whole);
    drive_collected(&drive, &first, "da", "a.py::1 a.py::2 a.py::3");
    drive_result(&drive, &first, "a.py::3", FST_PASSED);
    drive_collected(&drive, &second, "db", "b.py::1");
    drive_result(&drive, &second, "b.py::1", FST_PASSED);
    drive_bye(&drive, 1);
    const struct said *end = drive_said(&drive, FST_EF_ENDED, NULL);
    assert_int_equal(end->exit_code, 1); /* the error that was known */
    drive_end(&drive);
}

static void a_run_that_had_all_but_its_end_just_ends(void **state)
{
    struct drive drive;
    struct fst_run_spec all = spec;
    struct fst_recalled most = past;
    (void)state;
    most.tries = tries + 4;
    most.n_tries = 1;
    most.lists = lists + 1;
    most.n_lists = 1;
    all.recalled = &most;
    all.files = files + 2;
    all.n_files = 1;
    drive_start(&drive, &all);
    drive_agent(&drive, 1, 0, 1);
    assert_null(drive_sent(&drive, FST_MSG_LEASE, 0));
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    drive_end(&drive);
}

static void a_list_that_has_changed_since_is_replaced(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    while (strcmp(lease.file, "a.py") != 0) {
        drive_collected(&drive, &lease, "db", "b.py::1");
        drive_result(&drive, &lease, "b.py::1", FST_PASSED);
        lease = drive_last_lease(&drive);
    }
    drive_collected(&drive, &lease, "other", "a.py::1 a.py::2 a.py::4");
    struct sent again = drive_last_lease(&drive);
    assert_int_equal(again.kind, FST_LEASE_COLLECT);
    drive_end(&drive);
}

/* a.py::1 passed, and a.py::2 failed, in the worker or another one. */
static void start_failed(struct drive *drive, int64_t pid)
{
    static const struct fst_result first = {.id = "a.py::1", .pid = 5};
    struct fst_result second = {
        .id = "a.py::2", .pid = pid, .outcome = FST_FAILED};
    struct fst_try two[] = {
        {.result = &first, .attempt = 1, .verdict = true, .agent = {77}},
        {.result = &second, .attempt = 1, .verdict = true, .agent = {77}}};
    struct fst_recalled some = {
        .lists = lists, .n_lists = 1, .tries = two, .n_tries = 2};
    struct fst_run_spec more = spec;
    more.recalled = &some;
    more.n_files = 1;
    drive_start(drive, &more);
    drive_agent(drive, 1, 0, 1);
}

/* The run was stopped before. */
static void a_failure_that_was_not_confirmed_is_now(void **state)
{
    struct drive drive;
    (void)state;
    start_failed(&drive, 6);
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py::2"));
    const struct sent confirm = drive_sent_confirm(&drive, "a.py::2");
    assert_int_equal(confirm.attempt, 2);
    drive_collected(&drive, &confirm, "da", "a.py::1 a.py::2 a.py::3");
    drive_result(&drive, &confirm, "a.py::2", FST_PASSED);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a.py::2")->outcome,
                     FST_PASSED);
    drive_end(&drive);
}

static void a_failure_in_order_stands(void **state)
{
    struct drive drive;
    (void)state;
    start_failed(&drive, 5);
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a.py::2")->outcome,
                     FST_FAILED);
    assert_string_equal(drive_last_lease(&drive).units, "a.py::3");
    drive_end(&drive);
}

/* Their order is that of clocks, which differ between machines. */
static void no_attempt_has_the_number_of_another(void **state)
{
    static const struct fst_result late = {.id = "a.py::2", .pid = 7};
    static const struct fst_result failed = {
        .id = "a.py::2", .pid = 6, .outcome = FST_FAILED};
    static const struct fst_try two[] = {
        {.result = &late,
         .attempt = 2,
         .kind = FST_ATTEMPT_DUPLICATE,
         .agent = {78}},
        {.result = &failed, .attempt = 1, .verdict = true, .agent = {77}}};
    static const struct fst_recalled some = {
        .lists = lists, .n_lists = 1, .tries = two, .n_tries = 2};
    struct fst_run_spec more = spec;
    struct drive drive;
    (void)state;
    more.recalled = &some;
    more.n_files = 1;
    drive_start(&drive, &more);
    drive_agent(&drive, 1, 0, 2);
    assert_int_equal(drive_sent_confirm(&drive, "a.py::2").attempt, 3);
    drive_end(&drive);
}

static void a_selector_that_matched_nothing_still_does(void **state)
{
    static const char *missing[] = {"c.py::none"};
    struct fst_collected list = lists[1];
    struct fst_recalled some = {.lists = &list, .n_lists = 1};
    struct fst_run_spec more = spec;
    struct drive drive;
    (void)state;
    list.missing = (struct fst_strs){missing, 1};
    list.missing_text = "ERROR: not found: c.py::none";
    more.recalled = &some;
    more.files = files + 2;
    more.n_files = 1;
    drive_start(&drive, &more);
    const struct said *end = drive_said(&drive, FST_EF_ENDED, NULL);
    assert_int_equal(end->exit_code, 4);
    assert_string_equal(end->text, list.missing_text);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_is_said_once_more),
        cmocka_unit_test(only_the_rest_is_leased),
        cmocka_unit_test(a_run_that_had_all_but_its_end_just_ends),
        cmocka_unit_test(a_failure_that_was_not_confirmed_is_now),
        cmocka_unit_test(a_failure_in_order_stands),
        cmocka_unit_test(no_attempt_has_the_number_of_another),
        cmocka_unit_test(a_selector_that_matched_nothing_still_does),
        cmocka_unit_test(a_list_that_has_changed_since_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
