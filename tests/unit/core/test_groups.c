/* Tests of one group run in one slot, whatever files they are in. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan two[] = {{.path = "a.py"}, {.path = "b.py"}};
static const struct fst_run_spec spec = {
    .files = two, .n_files = 2, .confirm = true, .max_worker_restart = -1};

static void credit(struct drive *drive, uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = slot;
    drive_message(drive, 1, msg);
}

static void pass(struct drive *drive, const struct sent *lease, const char *id)
{
    assert_int_equal(drive_full_result(
                         drive, lease,
                         &(struct fst_result){.id = id, .outcome = FST_PASSED}),
                     0);
}

/* Both files are opened, each by a slot; each has a test of the group. */
static void open_both(struct drive *drive, struct sent *a, struct sent *b)
{
    drive_start(drive, &spec);
    drive_agent(drive, 1, 0, 2);
    *a = *drive_lease(drive, "a.py", 0);
    *b = *drive_lease(drive, "b.py", 0);
    assert_int_not_equal(a->slot, b->slot);
    drive_collected(drive, a, "da", "a.py::one a.py::grouped#g");
    drive_collected(drive, b, "db", "b.py::one b.py::grouped#g b.py::two");
}

static void a_group_goes_where_its_first_test_went(void **state)
{
    struct drive drive;
    struct sent a, b;
    (void)state;
    open_both(&drive, &a, &b);
    assert_null(drive_lease(&drive, "a.py", 1));
    credit(&drive, a.slot);
    struct sent first = *drive_lease(&drive, "a.py", 1);
    assert_int_equal(first.slot, a.slot);
    assert_string_equal(first.units, "a.py::grouped");
    /* The other slot has nothing else to do and still doesn't get it. */
    pass(&drive, &b, "b.py::one");
    pass(&drive, &b, "b.py::two");
    credit(&drive, b.slot);
    assert_null(drive_lease(&drive, "b.py", 1));
    pass(&drive, &a, "a.py::one");
    pass(&drive, &first, "a.py::grouped");
    credit(&drive, a.slot);
    struct sent second = *drive_lease(&drive, "b.py", 1);
    assert_int_equal(second.slot, a.slot);
    assert_string_equal(second.units, "b.py::grouped");
    pass(&drive, &second, "b.py::grouped");
    assert_non_null(drive_said(&drive, FST_EF_OUTCOME, "b.py::grouped"));
    drive_end(&drive);
}

static void a_group_moves_when_its_slot_is_given_up(void **state)
{
    struct drive drive;
    struct sent a, b;
    (void)state;
    open_both(&drive, &a, &b);
    credit(&drive, a.slot);
    assert_int_equal(drive_lease(&drive, "a.py", 1)->slot, a.slot);
    pass(&drive, &b, "b.py::one");
    pass(&drive, &b, "b.py::two");
    credit(&drive, b.slot);
    drive_state(&drive, 1,
                &(struct fst_state){.slot = a.slot,
                                    .state = FST_SLOT_RETIRED,
                                    .text = "no worker starts"});
    struct sent moved = drive_last_lease(&drive);
    assert_int_equal(moved.slot, b.slot);
    for (int i = 0; i < 3 && !drive_said(&drive, FST_EF_ENDED, NULL); i++) {
        const char *ids[] = {"a.py::one", "a.py::grouped", "b.py::grouped"};
        for (size_t k = 0; k < 3; k++) {
            struct sent last = drive_last_lease(&drive);
            if (strstr(last.units, ids[k]) &&
                !drive_said(&drive, FST_EF_OUTCOME, ids[k]))
                pass(&drive, &last, ids[k]);
        }
        credit(&drive, b.slot);
    }
    assert_non_null(drive_said(&drive, FST_EF_OUTCOME, "a.py::grouped"));
    assert_non_null(drive_said(&drive, FST_EF_OUTCOME, "b.py::grouped"));
    drive_end(&drive);
}

static void files_stay_whole_where_they_are_kept(void **state)
{
    struct drive drive;
    struct fst_run_spec kept = spec;
    (void)state;
    kept.n_files = 1;
    kept.keep_files = true;
    drive_start(&drive, &kept);
    drive_agent(&drive, 1, 0, 2);
    struct sent lease = drive_last_lease(&drive);
    drive_collected(&drive, &lease, "d", "a.py::1 a.py::2 a.py::3 a.py::4");
    drive.now += 5000000000;
    pass(&drive, &lease, "a.py::1");
    credit(&drive, 1 - lease.slot);
    assert_null(drive_sent(&drive, FST_MSG_REVOKE, 0));
    drive_end(&drive);
}

static void a_given_order_is_kept_whatever_files_take(void **state)
{
    static const char *many[40];
    const struct fst_file_plan plans[] = {
        {.path = "a.py"},
        {.path = "big.py", .functions = many, .n_functions = 40}};
    struct drive drive;
    struct fst_run_spec given = spec;
    (void)state;
    for (size_t i = 0; i < 40; i++)
        many[i] = "big.py::f";
    given.files = plans;
    given.given_order = true;
    drive_start(&drive, &given);
    drive_agent(&drive, 1, 0, 1);
    assert_string_equal(drive_last_lease(&drive).file, "a.py");
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_goes_where_its_first_test_went),
        cmocka_unit_test(a_group_moves_when_its_slot_is_given_up),
        cmocka_unit_test(files_stay_whole_where_they_are_kept),
        cmocka_unit_test(a_given_order_is_kept_whatever_files_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
