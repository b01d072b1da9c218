/* Agents that come with a session that another coordinator had begun. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan files[] = {{.path = "a.py"},
                                             {.path = "b.py"}};
static struct fst_item items[] = {
    {.id = "a.py::1"}, {.id = "a.py::2"}, {.id = "a.py::3"}};
static const struct fst_collected lists[] = {
    {.file = "a.py", .digest = "da", .items = items, .n_items = 3}};
static const struct fst_result passed = {.id = "a.py::1", .slot = 4, .pid = 9};
static const struct fst_try tries[] = {
    {.result = &passed, .attempt = 1, .verdict = true, .agent = {77}}};
static const struct fst_recalled past = {
    .lists = lists, .n_lists = 1, .tries = tries, .n_tries = 1};
static const struct fst_run_spec spec = {.files = files,
                                         .n_files = 2,
                                         .recalled = &past,
                                         .confirm = true,
                                         .max_worker_restart = -1};

static const struct sent a_lease = {
    .lease = 7, .agent = 1, .slot = 4, .file = "a.py"};
static const struct sent b_lease = {
    .lease = 8, .agent = 1, .slot = 4, .file = "b.py"};

static void start(struct drive *drive)
{
    uint32_t slot = 4;
    drive_start(drive, &spec);
    fst_core_number_leases(drive->core, 3);
    assert_int_equal(
        drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                              .agent = {1},
                                              .slots = &slot,
                                              .n_slots = 1}),
        0);
}

/* A worker with pid 9, and the leases of both files, whole. */
static int say_held(struct drive *drive, struct fst_held more)
{
    struct fst_state worker = {.slot = 4, .state = FST_SLOT_UP, .pid = 9};
    const char *gone = "a.py::1";
    struct fst_holding leases[] = {
        {.lease = {.lease = 7, .slot = 4, .file = "a.py", .whole = true},
         .gone = {&gone, 1}},
        {.lease = {.lease = 8, .slot = 4, .file = "b.py", .whole = true}}};
    struct fst_msg *msg = fst_msg_new(FST_MSG_HELD);
    msg->held = more;
    msg->held.workers = &worker;
    msg->held.n_workers = 1;
    msg->held.leases = leases;
    msg->held.n_leases = 2;
    return drive_message(drive, 1, msg);
}

static void what_it_holds_is_its_own_and_goes_on(void **state)
{
    struct drive drive;
    (void)state;
    start(&drive);
    assert_int_equal(say_held(&drive, (struct fst_held){0}), 0);
    assert_null(drive_lease(&drive, "a.py", 0));
    assert_null(drive_lease(&drive, "b.py", 0));
    assert_null(drive_sent(&drive, FST_MSG_REVOKE, 0));
    drive_full_result(&drive, &a_lease,
                      &(struct fst_result){.id = "a.py::2", .pid = 9});
    /* In the worker that has run those before it: nothing to be confirmed. */
    drive_full_result(
        &drive, &a_lease,
        &(struct fst_result){.id = "a.py::3", .pid = 9, .outcome = FST_FAILED});
    assert_int_equal(drive_said(&drive, FST_EF_OUTCOME, "a.py::3")->outcome,
                     FST_FAILED);
    drive_collected(&drive, &b_lease, "db", "b.py::1");
    drive_result(&drive, &b_lease, "b.py::1", FST_PASSED);
    assert_null(drive_sent(&drive, FST_MSG_LEASE, 0));
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 1);
    drive_end(&drive);
}

static void what_was_not_heard_counts_in_the_same_step(void **state)
{
    struct drive drive;
    struct fst_item one = {.id = "b.py::1"};
    struct fst_collected list = {.lease = 8,
                                 .slot = 4,
                                 .file = "b.py",
                                 .digest = "db",
                                 .items = &one,
                                 .n_items = 1};
    struct fst_result results[] = {
        {.lease = 7, .slot = 4, .pid = 9, .id = "a.py::2"},
        {.lease = 7, .slot = 4, .pid = 9, .id = "a.py::3"},
        {.lease = 8, .slot = 4, .pid = 9, .id = "b.py::1"}};
    (void)state;
    start(&drive);
    assert_int_equal(say_held(&drive, (struct fst_held){.lists = &list,
                                                        .n_lists = 1,
                                                        .results = results,
                                                        .n_results = 3}),
                     0);
    assert_null(drive_sent(&drive, FST_MSG_LEASE, 0));
    assert_non_null(drive_said(&drive, FST_EF_OUTCOME, "b.py::1"));
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    drive_end(&drive);
}

static void what_others_have_is_asked_back(void **state)
{
    struct drive drive;
    (void)state;
    start(&drive);
    drive_agent(&drive, 2, 0, 1);
    const struct sent *theirs = drive_lease(&drive, "a.py", 0);
    assert_non_null(theirs);
    assert_int_equal(theirs->lease >> 32, 3);
    assert_null(drive_lease(&drive, "b.py", 0)); /* behind it */
    assert_int_equal(say_held(&drive, (struct fst_held){0}), 0);
    assert_int_equal(drive_sent(&drive, FST_MSG_REVOKE, 0)->lease, 7);
    assert_null(drive_sent(&drive, FST_MSG_REVOKE, 1));
    /* Its result comes first, and counts. */
    drive_result(&drive, &a_lease, "a.py::2", FST_PASSED);
    assert_non_null(drive_said(&drive, FST_EF_OUTCOME, "a.py::2"));
    drive_end(&drive);
}

static void what_it_cannot_have_is_refused(void **state)
{
    struct drive drive;
    struct fst_past_lease ours = {
        .lease = UINT64_C(3) << 32 | 1, .slot = 4, .file = "a.py"};
    struct fst_past_lease foreign = {.lease = 1, .slot = 5, .file = "a.py"};
    (void)state;
    start(&drive);
    struct fst_held held = {.past = &ours, .n_past = 1};
    assert_int_equal(say_held(&drive, held), -1);
    held.past = &foreign;
    assert_int_equal(say_held(&drive, held), -1);
    assert_int_equal(say_held(&drive, (struct fst_held){0}), 0);
    assert_int_equal(say_held(&drive, (struct fst_held){0}), -1);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_holds_is_its_own_and_goes_on),
        cmocka_unit_test(what_was_not_heard_counts_in_the_same_step),
        cmocka_unit_test(what_others_have_is_asked_back),
        cmocka_unit_test(what_it_cannot_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
