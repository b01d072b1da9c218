/* Who gets what: opening, staying, splitting. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan small[] = {
    {.path = "a.py"}, {.path = "b.py"}, {.path = "c.py"}};
static const struct fst_run_spec three = {
    .files = small, .n_files = 3, .confirm = true, .max_worker_restart = -1};

/* One file on gw0 or gw1 of two, the other idle. Opening took 50 ms, 50 ms ago.
 */
static struct sent start_alone(struct drive *drive, const char *ids)
{
    struct fst_run_spec spec = three;
    spec.n_files = 1;
    drive_start(drive, &spec);
    drive_agent(drive, 1, 0, 2);
    struct sent lease = drive_last_lease(drive);
    drive->now += 50000000;
    drive_collected(drive, &lease, "d", ids);
    drive->now += 50000000;
    return lease;
}

static void credit(struct drive *drive, uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = slot;
    drive_message(drive, 1, msg);
}

static void files_of_one_size_are_opened_in_pytests_order(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &three);
    drive_agent(&drive, 1, 0, 2);
    assert_int_equal(drive_lease(&drive, "a.py", 0)->slot, 0);
    assert_int_equal(drive_lease(&drive, "b.py", 0)->slot, 1);
    assert_null(drive_lease(&drive, "c.py", 0));
    credit(&drive, 0);
    assert_int_equal(drive_lease(&drive, "c.py", 0)->slot, 0);
    drive_end(&drive);
}

/* What lies in a worker's pipe can't be had back while a long test runs. */
static void more_is_given_when_little_is_left_as_far_as_the_past_tells(void **s)
{
    static const char *const ids[] = {"a.py::t", "b.py::t", "c.py::t"};
    static const struct fst_file_plan plans[] = {
        {.path = "a.py", .functions = (const char **)&ids[0], .n_functions = 1},
        {.path = "b.py", .functions = (const char **)&ids[1], .n_functions = 1},
        {.path = "c.py",
         .functions = (const char **)&ids[2],
         .n_functions = 1}};
    struct fst_times *times = fst_times_new();
    struct fst_run_spec spec = three;
    struct drive drive;
    (void)s;
    for (size_t i = 0; i < 3; i++)
        fst_times_add(times, ids[i], 2);
    spec.files = plans;
    spec.times = times;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 2);
    struct sent lease = *drive_lease(&drive, "a.py", 0);
    drive_collected(&drive, &lease, "d", ids[0]);
    credit(&drive, 0);
    assert_null(drive_lease(&drive, "c.py", 0));
    int64_t look = fst_core_deadline(drive.core);
    assert_true(look > drive.now + 1500000000 && look < drive.now + 2000000000);
    drive.now = look;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    assert_int_equal(drive_lease(&drive, "c.py", 0)->slot, 0);
    drive_end(&drive);
    fst_times_free(times);
}

static void a_much_larger_file_is_opened_before_smaller_ones(void **state)
{
    static const char *many[40];
    const struct fst_file_plan plans[] = {
        {.path = "a.py"},
        {.path = "big.py", .functions = many, .n_functions = 40}};
    struct drive drive;
    struct fst_run_spec spec = three;
    (void)state;
    for (size_t i = 0; i < 40; i++)
        many[i] = "big.py::f";
    spec.files = plans;
    spec.n_files = 2;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    assert_string_equal(drive_last_lease(&drive).file, "big.py");
    drive_end(&drive);
}

static void one_worker_takes_files_in_pytests_order_alone(void **state)
{
    static const char *many[40];
    const struct fst_file_plan plans[] = {
        {.path = "a.py"},
        {.path = "big.py", .functions = many, .n_functions = 40}};
    struct drive drive;
    struct fst_run_spec spec = three;
    (void)state;
    for (size_t i = 0; i < 40; i++)
        many[i] = "big.py::f";
    spec.files = plans;
    spec.n_files = 2;
    spec.one_worker = true;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 2);
    struct sent first = drive_last_lease(&drive);
    assert_string_equal(first.file, "a.py");
    assert_null(drive_lease(&drive, "big.py", 0));
    credit(&drive, first.slot);
    assert_int_equal(drive_lease(&drive, "big.py", 0)->slot, first.slot);
    drive_end(&drive);
}

static void an_idle_slot_gets_the_tail_of_a_file_in_progress(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease =
        start_alone(&drive, "a::1 a::2 a::3 a::4 a::5 a::6 a::7 a::8");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    drive.now += 500000000;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    struct sent revoke = *drive_sent(&drive, FST_MSG_REVOKE, 0);
    assert_int_equal(revoke.lease, lease.lease);
    assert_non_null(strstr(revoke.units, "a::8"));
    assert_null(strstr(revoke.units, "a::2"));
    drive_revoked(&drive, &revoke, revoke.units, false);
    struct sent moved = drive_last_lease(&drive);
    assert_int_not_equal(moved.slot, lease.slot);
    assert_string_equal(moved.units, revoke.units);
    drive_end(&drive);
}

static void a_group_is_not_parted(void **state)
{
    struct drive drive;
    (void)state;
    start_alone(&drive, "a::1 a::2@A a::3@A a::4@A a::5@A a::6@A");
    drive.now += 2000000000;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    assert_string_equal(drive_sent(&drive, FST_MSG_REVOKE, 0)->units,
                        "a::2 a::3 a::4 a::5 a::6");
    drive_end(&drive);
}

static void a_group_that_has_begun_stays_where_it_began(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease =
        start_alone(&drive, "a::1 a::2@A a::3@A a::4@A a::5@A a::6");
    drive.now += 2000000000;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    struct sent revoke = *drive_sent(&drive, FST_MSG_REVOKE, 0);
    assert_non_null(strstr(revoke.units, "a::2"));
    /* a::2 had started by then */
    drive_revoked(&drive, &revoke, "a::3 a::4 a::5 a::6", false);
    const struct sent *kept = drive_lease(&drive, "a.py", 1);
    assert_int_equal(kept->slot, lease.slot);
    assert_string_equal(kept->units, "a::3 a::4 a::5");
    assert_string_equal(drive_last_lease(&drive).units, "a::6");
    assert_int_not_equal(drive_last_lease(&drive).slot, lease.slot);
    drive_end(&drive);
}

static void a_file_that_waits_behind_another_goes_to_an_idle_slot(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = three;
    (void)state;
    spec.n_files = 2;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    struct sent a = drive_last_lease(&drive);
    drive_collected(&drive, &a, "d", "a::1");
    credit(&drive, 0);
    struct sent b = drive_last_lease(&drive);
    assert_string_equal(b.file, "b.py");
    drive.now += 1000000000;
    drive_agent(&drive, 2, 1, 1);
    struct sent revoke = *drive_sent(&drive, FST_MSG_REVOKE, 0);
    assert_int_equal(revoke.lease, b.lease);
    assert_string_equal(revoke.units, "");
    drive_revoked(&drive, &b, "", true);
    assert_int_equal(drive_last_lease(&drive).agent, 2);
    assert_string_equal(drive_last_lease(&drive).file, "b.py");
    drive_end(&drive);
}

static void a_file_that_is_not_worth_its_set_up_is_not_split(void **state)
{
    struct drive drive;
    (void)state;
    struct sent lease = start_alone(&drive, "a::1 a::2 a::3");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    assert_null(drive_sent(&drive, FST_MSG_REVOKE, 0));
    drive_end(&drive);
}

static void small_files_are_leased_several_at_once(void **state)
{
    struct fst_file_plan plans[100];
    char paths[100][16], ids[400] = "";
    struct drive drive;
    struct fst_run_spec spec = three;
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        snprintf(paths[i], sizeof paths[i], "f%zu.py", i);
        plans[i] = (struct fst_file_plan){.path = paths[i]};
    }
    for (int i = 0; i < 20; i++)
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "f0::%d ", i);
    spec.files = plans;
    spec.n_files = 100;
    drive_start(&drive, &spec);
    drive_agent(&drive, 1, 0, 1);
    assert_int_equal(drive.sent.count, 1);
    struct sent lease = drive_last_lease(&drive);
    drive.now += 1000000; /* opening takes 1 ms */
    drive_collected(&drive, &lease, "d", ids);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "f0::%d", i);
        drive_full_result(&drive, &lease,
                          &(struct fst_result){.id = id, .call_s = 0.0001});
    }
    assert_true(drive.sent.count > 2);
    assert_true(drive.sent.count < 50);
    drive_end(&drive);
}

static void where_slots_are_many_not_each_event_has_all_looked_at(void **state)
{
    struct drive drive;
    struct fst_run_spec spec = three;
    (void)state;
    spec.n_files = 1;
    drive_start(&drive, &spec);
    for (uint32_t i = 0; i < 3; i++)
        drive_agent(&drive, i + 1, 16 * i, 16);
    struct sent lease = drive_last_lease(&drive);
    drive.now += 50000000;
    drive_collected(&drive, &lease, "d",
                    "a::1 a::2 a::3 a::4 a::5 a::6 a::7 a::8");
    int64_t looked = drive.now;
    drive.now += 1000;
    drive_slot_down(&drive, 3, 47, NULL, 0);
    drive_slot_up(&drive, 3, 47);
    assert_int_equal(fst_core_deadline(drive.core), looked + 48 * 1000);
    drive.now = looked + 500000000;
    drive_step(&drive, &(struct fst_event){.type = FST_EV_TICK});
    assert_int_equal(drive_sent(&drive, FST_MSG_REVOKE, 0)->lease, lease.lease);
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_one_size_are_opened_in_pytests_order),
        cmocka_unit_test(
            more_is_given_when_little_is_left_as_far_as_the_past_tells),
        cmocka_unit_test(a_much_larger_file_is_opened_before_smaller_ones),
        cmocka_unit_test(one_worker_takes_files_in_pytests_order_alone),
        cmocka_unit_test(an_idle_slot_gets_the_tail_of_a_file_in_progress),
        cmocka_unit_test(a_group_is_not_parted),
        cmocka_unit_test(a_group_that_has_begun_stays_where_it_began),
        cmocka_unit_test(a_file_that_waits_behind_another_goes_to_an_idle_slot),
        cmocka_unit_test(a_file_that_is_not_worth_its_set_up_is_not_split),
        cmocka_unit_test(small_files_are_leased_several_at_once),
        cmocka_unit_test(where_slots_are_many_not_each_event_has_all_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
