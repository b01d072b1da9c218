/* How many workers a run gets: one at once, more when the work pays. */
#include "tests/unit/core/drive.h"

#define MS INT64_C(1000000)
enum { START_MS = 300 };

static const struct fst_file_plan files[] = {
    {.path = "a.py"}, {.path = "b.py"}, {.path = "c.py"}, {.path = "d.py"}};

/* gw0 of `slots` is up after START_MS and has a.py, of `count` files. */
static struct sent start_one(struct drive *drive, size_t count, uint32_t slots,
                             struct fst_run_spec spec)
{
    static const uint32_t numbers[] = {0, 1, 2, 3};
    spec.files = files;
    spec.n_files = count;
    spec.confirm = true;
    spec.max_worker_restart = -1;
    drive_start(drive, &spec);
    drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                          .agent = {1},
                                          .slots = numbers,
                                          .n_slots = slots});
    drive->now += START_MS * MS;
    drive_state(drive, 1,
                &(struct fst_state){.slot = 0,
                                    .state = FST_SLOT_UP,
                                    .start_s = START_MS / 1000.0});
    return drive_last_lease(drive);
}

static void pass_time(struct drive *drive, int64_t ms)
{
    for (int64_t end = drive->now + ms * MS; drive->now < end;) {
        drive->now += 10 * MS;
        if (fst_core_deadline(drive->core) <= drive->now)
            drive_step(drive, &(struct fst_event){.type = FST_EV_TICK});
    }
}

static size_t starts(const struct drive *drive)
{
    size_t count = 0;
    while (drive_sent(drive, FST_MSG_START, count))
        count++;
    return count;
}

/* `count` results of the lease's file, `ms` apart. */
static void pass_tests(struct drive *drive, const struct sent *lease,
                       size_t count, int64_t ms)
{
    for (size_t i = 0; i < count; i++) {
        char id[128];
        snprintf(id, sizeof id, "%s::t%zu", lease->file, i);
        drive->now += ms * MS;
        drive_result(drive, lease, id, FST_PASSED);
    }
}

static const char *name_tests(const char *file, size_t count)
{
    static char ids[65536];
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%s::t%zu",
                                 i ? " " : "", file, i);
    return ids;
}

static void few_quick_tests_get_one_worker(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease = start_one(&drive, 2, 2, (struct fst_run_spec){0});
    drive.now += 10 * MS;
    drive_collected(&drive, &lease, "d", name_tests("a.py", 20));
    pass_tests(&drive, &lease, 20, 1);
    lease = drive_last_lease(&drive);
    assert_string_equal(lease.file, "b.py");
    drive_collected(&drive, &lease, "d", name_tests("b.py", 20));
    pass_tests(&drive, &lease, 19, 1);
    assert_int_equal(starts(&drive), 0);
    drive_end(&drive);
}

static void many_quick_tests_get_all_workers_after_a_few_results(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease = start_one(&drive, 1, 4, (struct fst_run_spec){0});
    drive.now += 10 * MS;
    drive_collected(&drive, &lease, "d", name_tests("a.py", 3000));
    assert_int_equal(starts(&drive), 0);
    pass_tests(&drive, &lease, 10, 2);
    assert_int_equal(starts(&drive), 3);
    assert_int_equal(drive_sent(&drive, FST_MSG_START, 0)->slot, 1);
    assert_int_equal(drive_sent(&drive, FST_MSG_START, 2)->slot, 3);
    drive_end(&drive);
}

static void one_long_test_is_evidence_after_about_a_start(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease = start_one(&drive, 4, 2, (struct fst_run_spec){0});
    drive.now += 10 * MS;
    drive_collected(&drive, &lease, "d", "a.py::t0");
    pass_time(&drive, START_MS - 50);
    assert_int_equal(starts(&drive), 0);
    pass_time(&drive, START_MS * 3);
    assert_int_equal(starts(&drive), 1);
    drive_end(&drive);
}

static void a_test_that_overruns_its_past_is_evidence(void **state)
{
    struct drive drive;
    struct fst_times *times = fst_times_new();
    (void)state;
    fst_times_add(times, "a.py::t0", 0.001);
    fst_times_add(times, "a.py::t1", 0.001);
    struct sent lease =
        start_one(&drive, 1, 2, (struct fst_run_spec){.times = times});
    drive.now += 10 * MS;
    drive_collected(&drive, &lease, "d", name_tests("a.py", 2));
    pass_time(&drive, START_MS);
    assert_int_equal(starts(&drive), 0);
    pass_time(&drive, START_MS); /* more than 1.5 starts */
    assert_int_equal(starts(&drive), 1);
    drive_end(&drive);
    fst_times_free(times);
}

static void what_can_not_be_shared_starts_nobody(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease = start_one(&drive, 1, 2, (struct fst_run_spec){0});
    pass_time(&drive, START_MS * 20); /* it is being imported */
    assert_int_equal(starts(&drive), 0);
    drive_collected(&drive, &lease, "d", "a.py::t0");
    pass_time(&drive, START_MS * 20);
    assert_int_equal(starts(&drive), 0);
    assert_int_equal(fst_core_deadline(drive.core), INT64_MAX);
    drive_end(&drive);
}

static void one_worker_stays_one(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease =
        start_one(&drive, 4, 2, (struct fst_run_spec){.one_worker = true});
    drive_collected(&drive, &lease, "d", name_tests("a.py", 1000));
    pass_tests(&drive, &lease, 20, 50);
    assert_int_equal(starts(&drive), 0);
    drive_end(&drive);
}

static void a_heavy_import_makes_a_further_worker_dearer(void **state)
{
    struct drive light, heavy;
    (void)state;
    struct sent lease = start_one(&light, 1, 2, (struct fst_run_spec){0});
    light.now += 10 * MS;
    drive_collected(&light, &lease, "d", name_tests("a.py", 100));
    pass_tests(&light, &lease, 20, 10);
    assert_int_equal(starts(&light), 1);
    drive_end(&light);
    lease = start_one(&heavy, 1, 2, (struct fst_run_spec){0});
    heavy.now += 2000 * MS;
    drive_collected(&heavy, &lease, "d", name_tests("a.py", 100));
    pass_tests(&heavy, &lease, 20, 10);
    assert_int_equal(starts(&heavy), 0);
    drive_end(&heavy);
}

static void where_the_only_slot_is_given_up_the_next_is_started(void **state)
{
    struct drive drive;
    (void)state;
    start_one(&drive, 2, 2, (struct fst_run_spec){0});
    drive_state(
        &drive, 1,
        &(struct fst_state){.slot = 0, .state = FST_SLOT_RETIRED, .text = "x"});
    assert_int_equal(starts(&drive), 1);
    assert_int_equal(drive_sent(&drive, FST_MSG_START, 0)->slot, 1);
    drive_slot_up(&drive, 1, 1);
    assert_int_equal(drive_last_lease(&drive).slot, 1);
    drive_end(&drive);
}

static void opening_files_only_counts_files(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease =
        start_one(&drive, 4, 2, (struct fst_run_spec){.collect_only = true});
    drive.now += 10 * MS;
    drive_collected(&drive, &lease, "d", name_tests("a.py", 1000));
    assert_int_equal(starts(&drive), 0);
    pass_time(&drive, START_MS * 20); /* b.py lasts, c.py and d.py wait */
    assert_int_equal(starts(&drive), 1);
    drive_end(&drive);
}

/* One file of ten tests of 1 s, which takes 1 s to be opened; gw0 is up, unless
 * it is known how long it takes to start. */
static struct sent start_known(struct drive *drive, struct fst_times *times,
                               bool learned)
{
    static char ids[10][16];
    static const char *functions[10];
    struct fst_file_plan plan = {.path = "a.py",
                                 .functions = functions,
                                 .n_functions = learned ? 10 : 1,
                                 .learned = learned};
    for (size_t i = 0; i < 10; i++) {
        functions[i] = ids[i];
        snprintf(ids[i], sizeof ids[i], "a.py::t[%zu]", i);
        fst_times_add(times, ids[i], 1);
    }
    if (!learned)
        functions[0] = "a.py::t";
    fst_times_add_open(times, "a.py", 1);
    drive_start(drive, &(struct fst_run_spec){.files = &plan,
                                              .n_files = 1,
                                              .times = times,
                                              .max_worker_restart = -1});
    static const uint32_t numbers[] = {0, 1, 2, 3};
    drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                          .agent = {1},
                                          .slots = numbers,
                                          .n_slots = 2});
    if (fst_times_start(times) > 0)
        return (struct sent){0};
    drive_slot_up(drive, 1, 0);
    return drive_last_lease(drive);
}

static void workers_that_will_pay_are_started_at_once(void **state)
{
    static const double starts_s[] = {0.5, 60};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct drive drive;
        struct fst_times *times = fst_times_new();
        fst_times_set_start(times, starts_s[i]);
        start_known(&drive, times, true);
        assert_int_equal(starts(&drive), i ? 0 : 1);
        drive_end(&drive);
        fst_times_free(times);
    }
}

static void
a_file_whose_list_is_known_is_opened_by_those_who_share_it(void **state)
{
    static const char list[] =
        "a.py::t[0] a.py::t[1] a.py::t[2] a.py::t[3] a.py::t[4]";
    struct drive drive;
    struct fst_times *times = fst_times_new();
    (void)state;
    struct sent lease = start_known(&drive, times, true);
    assert_true(lease.whole);
    assert_int_equal(starts(&drive), 1);
    drive_slot_up(&drive, 1, 1);
    struct sent ahead = drive_last_lease(&drive);
    assert_int_equal(ahead.slot, 1);
    assert_int_equal(ahead.kind, FST_LEASE_COLLECT);
    /* What it finds is not the file's list. */
    drive_collected(&drive, &ahead, "x", "a.py::other");
    assert_int_equal(drive_last_lease(&drive).lease, ahead.lease);
    drive_collected(&drive, &lease, "d", list);
    const struct sent *revoke = drive_sent(&drive, FST_MSG_REVOKE, 0);
    assert_non_null(revoke);
    assert_string_equal(revoke->units, "a.py::t[2] a.py::t[3] a.py::t[4]");
    drive_end(&drive);
    fst_times_free(times);
}

static void a_file_whose_list_is_not_known_is_opened_by_one(void **state)
{
    struct drive drive;
    struct fst_times *times = fst_times_new();
    (void)state;
    start_known(&drive, times, false);
    assert_int_equal(starts(&drive), 0);
    drive_slot_up(&drive, 1, 1);
    assert_int_equal(drive_last_lease(&drive).slot, 0);
    drive_end(&drive);
    fst_times_free(times);
}

static void bring_agent(struct drive *drive, uint32_t agent,
                        const uint32_t *slots, size_t count)
{
    drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                          .agent = {agent},
                                          .slots = slots,
                                          .n_slots = count});
}

static void nothing_begins_while_agents_gather(void **state)
{
    static const uint32_t more[] = {2, 3};
    struct drive drive;
    struct fst_run_spec spec = {.files = files,
                                .n_files = 4,
                                .confirm = true,
                                .held = true,
                                .max_worker_restart = -1};
    (void)state;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    bring_agent(&drive, 2, more, 2);
    drive_slot_up(&drive, 2, 2);
    pass_time(&drive, START_MS * 20);
    assert_null(drive_sent(&drive, FST_MSG_LEASE, 0));
    assert_int_equal(starts(&drive), 0);
    drive_step(&drive,
               &(struct fst_event){.type = FST_EV_BEGIN, .run = drive.run});
    assert_non_null(drive_sent(&drive, FST_MSG_LEASE, 0));
    drive_end(&drive);
}

/* Of 100 tests for whom 20 ms each are assumed, and starts of 300 ms, five
 * workers can live. */
static void agents_that_gather_get_ready_as_they_come(void **state)
{
    enum { FILES = 6, EACH = 17 };
    static const uint32_t first[] = {0, 1, 2}, second[] = {3, 4, 5};
    static char paths[FILES][8], ids[FILES][EACH][16];
    static const char *functions[FILES][EACH];
    struct fst_file_plan many[FILES] = {{.path = NULL}};
    struct drive drive;
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof paths[i], "%zu.py", i);
        many[i] = (struct fst_file_plan){
            .path = paths[i], .functions = functions[i], .n_functions = EACH};
        for (size_t j = 0; j < EACH; j++) {
            snprintf(ids[i][j], sizeof ids[i][j], "%zu.py::t%zu", i, j);
            functions[i][j] = ids[i][j];
        }
    }
    drive_start(&drive, &(struct fst_run_spec){.files = many,
                                               .n_files = FILES,
                                               .confirm = true,
                                               .held = true,
                                               .max_worker_restart = -1});
    bring_agent(&drive, 1, first, 3);
    assert_int_equal(starts(&drive), 2);
    drive_state(&drive, 1,
                &(struct fst_state){.slot = 0,
                                    .state = FST_SLOT_UP,
                                    .start_s = START_MS / 1000.0});
    bring_agent(&drive, 2, second, 3);
    assert_int_equal(starts(&drive), 3);
    assert_int_equal(drive_sent(&drive, FST_MSG_START, 2)->slot, 4);
    assert_null(drive_sent(&drive, FST_MSG_LEASE, 0));
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_quick_tests_get_one_worker),
        cmocka_unit_test(many_quick_tests_get_all_workers_after_a_few_results),
        cmocka_unit_test(one_long_test_is_evidence_after_about_a_start),
        cmocka_unit_test(a_test_that_overruns_its_past_is_evidence),
        cmocka_unit_test(what_can_not_be_shared_starts_nobody),
        cmocka_unit_test(one_worker_stays_one),
        cmocka_unit_test(a_heavy_import_makes_a_further_worker_dearer),
        cmocka_unit_test(where_the_only_slot_is_given_up_the_next_is_started),
        cmocka_unit_test(opening_files_only_counts_files),
        cmocka_unit_test(nothing_begins_while_agents_gather),
        cmocka_unit_test(agents_that_gather_get_ready_as_they_come),
        cmocka_unit_test(
            a_file_whose_list_is_known_is_opened_by_those_who_share_it),
        cmocka_unit_test(a_file_whose_list_is_not_known_is_opened_by_one),
        cmocka_unit_test(workers_that_will_pay_are_started_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
