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

static void start_run(struct drive *drive, const struct fst_run_spec *run)
{
    uint32_t slot = 4;
    drive_start(drive, run);
    fst_core_number_leases(drive->core, 3);
    assert_int_equal(
        drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                              .agent = {1},
                                              .slots = &slot,
                                              .n_slots = 1}),
        0);
}

static void start(struct drive *drive)
{
    start_run(drive, &spec);
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

/* Its tests were another's results before it said that it has opened the file:
 * it runs them all the same. */
static void a_worker_that_was_late_has_run_tests(void **state)
{
    struct drive drive;
    struct fst_result results[] = {
        {.lease = 7, .slot = 4, .pid = 9, .id = "a.py::2"},
        {.lease = 7, .slot = 4, .pid = 9, .id = "a.py::3"}};
    (void)state;
    start(&drive);
    drive_agent(&drive, 2, 0, 1);
    const struct sent theirs = drive_last_lease(&drive);
    assert_string_equal(theirs.file, "a.py");
    say_held(&drive, (struct fst_held){.results = results, .n_results = 2});
    drive_collected(&drive, &theirs, "da", "a.py::1 a.py::2 a.py::3");
    drive_down(&drive, 1);
    const struct sent b = drive_last_lease(&drive);
    assert_string_equal(b.file, "b.py");
    drive_report(&drive, &b, FST_ERROR);
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "b.py"));
    assert_true(drive_last_lease(&drive).fresh);
    drive_end(&drive);
}

/* Its tear-down error comes with HELD; a duplicate was another worker's. */
static void what_makes_a_result_worse_finds_it(void **state)
{
    static const struct fst_result twice = {
        .id = "a.py::1", .slot = 1, .pid = 7};
    const struct fst_try two[] = {tries[0],
                                  {.result = &twice,
                                   .attempt = 2,
                                   .kind = FST_ATTEMPT_DUPLICATE,
                                   .agent = {78}}};
    const struct fst_recalled more = {
        .lists = lists, .n_lists = 1, .tries = two, .n_tries = 2};
    struct fst_run_spec again = spec;
    struct fst_result worse = {.lease = 7,
                               .slot = 4,
                               .pid = 9,
                               .id = "a.py::1",
                               .outcome = FST_ERROR,
                               .amend = true};
    struct drive drive;
    (void)state;
    again.recalled = &more;
    start_run(&drive, &again);
    say_held(&drive, (struct fst_held){.results = &worse, .n_results = 1});
    assert_non_null(drive_said(&drive, FST_EF_AMEND, "a.py::1"));
    drive_end(&drive);
}

/* Which tests that has run is not told. */
static void a_worker_that_has_confirmed_is_not_trusted(void **state)
{
    struct fst_past_lease over = {
        .lease = 6, .slot = 4, .file = "a.py", .again = true};
    struct drive drive;
    (void)state;
    start(&drive);
    say_held(&drive, (struct fst_held){.past = &over, .n_past = 1});
    drive_full_result(
        &drive, &a_lease,
        &(struct fst_result){.id = "a.py::2", .pid = 9, .outcome = FST_FAILED});
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py::2"));
    drive_end(&drive);
}

/* A session that was given up here comes again. */
static void what_its_worker_has_run_before_is_known(void **state)
{
    struct fst_run_spec fresh = {.files = files,
                                 .n_files = 1,
                                 .confirm = true,
                                 .max_worker_restart = -1};
    struct fst_state worker = {.slot = 4, .state = FST_SLOT_UP, .pid = 10};
    const char *gone[] = {"a.py::2", "a.py::3"};
    struct drive drive;
    uint32_t slot = 4;
    struct fst_event up = {
        .type = FST_EV_AGENT_UP, .agent = {1}, .slots = &slot, .n_slots = 1};
    (void)state;
    drive_start(&drive, &fresh);
    drive_step(&drive, &up);
    drive_state(&drive, 1, &worker);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "da", "a.py::1 a.py::2 a.py::3");
    drive_result(&drive, &lease, "a.py::2", FST_PASSED);
    drive_result(&drive, &lease, "a.py::3", FST_PASSED);
    drive_down(&drive, 1);
    up.agent.v = lease.agent = 2;
    drive_step(&drive, &up);
    struct fst_holding holding = {.lease = {.lease = lease.lease,
                                            .slot = 4,
                                            .file = "a.py",
                                            .whole = true},
                                  .gone = {gone, 2}};
    struct fst_msg *msg = fst_msg_new(FST_MSG_HELD);
    msg->held = (struct fst_held){
        .workers = &worker, .n_workers = 1, .leases = &holding, .n_leases = 1};
    assert_int_equal(drive_message(&drive, 2, msg), 0);
    drive_full_result(&drive, &lease,
                      &(struct fst_result){
                          .id = "a.py::1", .pid = 10, .outcome = FST_FAILED});
    assert_null(drive_said(&drive, FST_EF_OUTCOME, "a.py::1"));
    drive_end(&drive);
}

/* What is leased of an earlier list stays, and a later one adds nothing. */
static void a_list_that_comes_second_is_not_wanted(void **state)
{
    static const struct fst_file_plan plan = {.path = "c.py", .verify = true};
    struct fst_run_spec fresh = {
        .files = &plan, .n_files = 1, .max_worker_restart = -1};
    struct fst_state worker = {.slot = 4, .state = FST_SLOT_UP, .pid = 9};
    struct fst_past_lease over = {.lease = 9, .slot = 4, .file = "c.py"};
    struct fst_item one = {.id = "c.py::f[theirs]"};
    struct fst_collected list = {.lease = 9,
                                 .slot = 4,
                                 .file = "c.py",
                                 .digest = "theirs",
                                 .items = &one,
                                 .n_items = 1};
    struct drive drive;
    uint32_t slot = 4;
    (void)state;
    drive_start(&drive, &fresh);
    fst_core_number_leases(drive.core, 3);
    drive_agent(&drive, 2, 0, 1);
    const struct sent collect = drive_last_lease(&drive);
    assert_int_equal(collect.kind, FST_LEASE_COLLECT);
    drive_step(&drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                           .agent = {1},
                                           .slots = &slot,
                                           .n_slots = 1});
    struct fst_msg *msg = fst_msg_new(FST_MSG_HELD);
    msg->held = (struct fst_held){.workers = &worker,
                                  .n_workers = 1,
                                  .past = &over,
                                  .n_past = 1,
                                  .lists = &list,
                                  .n_lists = 1};
    assert_int_equal(drive_message(&drive, 1, msg), 0);
    const struct sent run = drive_last_lease(&drive);
    assert_int_equal(run.slot, 4);
    drive_collected(&drive, &collect, "ours", "c.py::f[ours]");
    assert_int_equal(drive_last_lease(&drive).lease, run.lease);
    drive_result(&drive, &run, "c.py::f[theirs]", FST_PASSED);
    drive_bye(&drive, 1);
    drive_bye(&drive, 2);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    assert_int_equal(drive_count(&drive, FST_EF_OUTCOME), 1);
    drive_end(&drive);
}

/* Its lease says what LISTED would have. */
static void a_file_that_waited_for_listed_is_its_own(void **state)
{
    static const char *const root = ".";
    static const struct fst_file_plan plans[] = {
        {.path = "a.py"}, {.path = "b.py", .held = true}};
    struct fst_run_spec more = spec;
    struct drive drive;
    (void)state;
    more.files = plans;
    more.list_dirs = &root;
    more.n_list_dirs = 1;
    start_run(&drive, &more);
    say_held(&drive, (struct fst_held){0});
    assert_null(drive_sent(&drive, FST_MSG_REVOKE, 0));
    drive_end(&drive);
}

/* Lists differ between workers: by whose names would it be held? */
static void of_an_unstable_file_all_is_asked_back(void **state)
{
    struct drive drive;
    (void)state;
    start(&drive);
    drive_agent(&drive, 2, 0, 1);
    const struct sent theirs = drive_last_lease(&drive);
    drive_collected(&drive, &theirs, "other", "a.py::1 a.py::2 a.py::4");
    drive_down(&drive, 2);
    say_held(&drive, (struct fst_held){0});
    assert_int_equal(drive_sent(&drive, FST_MSG_REVOKE, 0)->lease, 7);
    drive_end(&drive);
}

static void what_it_runs_under_other_names_is_opened_again(void **state)
{
    struct drive drive;
    (void)state;
    start(&drive);
    say_held(&drive, (struct fst_held){0});
    drive_agent(&drive, 2, 0, 1);
    assert_null(drive_lease(&drive, "a.py", 0));
    drive_result(&drive, &a_lease, "a.py::other", FST_PASSED);
    assert_non_null(drive_lease(&drive, "a.py", 0));
    drive_end(&drive);
}

static void what_has_ended_is_asked_back_from_the_rest(void **state)
{
    struct drive drive;
    struct fst_holding holding = {
        .lease = {.lease = 7, .slot = 4, .file = "a.py", .whole = true}};
    struct fst_msg *msg = fst_msg_new(FST_MSG_HELD);
    (void)state;
    start(&drive);
    msg->held = (struct fst_held){.leases = &holding, .n_leases = 1};
    assert_int_equal(drive_message(&drive, 1, msg), 0);
    assert_string_equal(drive_sent(&drive, FST_MSG_REVOKE, 0)->units,
                        "a.py::1");
    drive_end(&drive);
}

static void a_lease_that_is_named_twice_is_one(void **state)
{
    struct drive drive;
    struct fst_holding twice[] = {
        {.lease = {.lease = 7, .slot = 4, .file = "a.py", .whole = true}},
        {.lease = {.lease = 7, .slot = 4, .file = "b.py", .whole = true}}};
    struct fst_msg *msg = fst_msg_new(FST_MSG_HELD);
    (void)state;
    start(&drive);
    msg->held = (struct fst_held){.leases = twice, .n_leases = 2};
    drive_message(&drive, 1, msg); /* with fst_core_check() */
    drive_down(&drive, 1);
    drive_agent(&drive, 2, 0, 2);
    assert_non_null(drive_lease(&drive, "a.py", 0));
    assert_non_null(drive_lease(&drive, "b.py", 0));
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
        cmocka_unit_test(a_worker_that_was_late_has_run_tests),
        cmocka_unit_test(what_makes_a_result_worse_finds_it),
        cmocka_unit_test(a_worker_that_has_confirmed_is_not_trusted),
        cmocka_unit_test(what_its_worker_has_run_before_is_known),
        cmocka_unit_test(a_list_that_comes_second_is_not_wanted),
        cmocka_unit_test(a_file_that_waited_for_listed_is_its_own),
        cmocka_unit_test(of_an_unstable_file_all_is_asked_back),
        cmocka_unit_test(what_it_runs_under_other_names_is_opened_again),
        cmocka_unit_test(what_has_ended_is_asked_back_from_the_rest),
        cmocka_unit_test(a_lease_that_is_named_twice_is_one),
        cmocka_unit_test(what_it_cannot_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
