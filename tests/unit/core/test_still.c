/* Agents that are there and do nothing with what they were given: still.h. */
#include "tests/unit/core/drive.h"

#define S INT64_C(1000000000)

static const struct fst_file_plan a = {.path = "a.py"};
static const struct fst_run_spec one_file = {
    .files = &a, .n_files = 1, .confirm = true, .max_worker_restart = -1};

/* Agent 1's answers to a PING each 5 s, for so long; how the last one is taken.
 */
static int answers(struct drive *drive, int64_t seconds, const uint32_t *busy,
                   size_t n_busy)
{
    int result = 0;
    for (int64_t end = drive->now + seconds * S; !result && drive->now < end;) {
        struct fst_msg *msg = fst_msg_new(FST_MSG_PING);
        drive->now += 5 * S;
        msg->ping.answer = true;
        msg->ping.busy = fst_arena_alloc(&msg->arena, sizeof *busy * 4);
        for (size_t i = 0; i < n_busy; i++)
            msg->ping.busy[msg->ping.n_busy++] = busy[i];
        result = drive_message(drive, 1, msg);
    }
    return result;
}

static void a_slot_that_does_nothing_for_a_minute_is_told(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    struct sent lease = drive_last_lease(&drive);
    assert_int_equal(answers(&drive, 50, NULL, 0), 0);
    drive_collected(&drive, &lease, "d", "a::1 a::2");
    assert_int_equal(answers(&drive, 50, NULL, 0), 0);
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    int64_t since = drive.now;
    assert_int_equal(answers(&drive, 1000, NULL, 0), -1);
    assert_int_equal(drive.err.code, FST_E_CLOSED);
    assert_non_null(strstr(drive.err.msg, "gw0 has done nothing for"));
    assert_true(drive.now - since >= 60 * S && drive.now - since <= 80 * S);
    drive_end(&drive);
}

static void a_test_may_take_as_long_as_it_likes(void **state)
{
    struct drive drive;
    const uint32_t busy[] = {0};
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 1);
    assert_int_equal(answers(&drive, 100000, busy, 1), 0);
    assert_int_equal(answers(&drive, 1000, NULL, 0), -1);
    drive_end(&drive);
}

static void a_slot_without_work_may_be_idle(void **state)
{
    struct drive drive;
    const uint32_t busy[] = {0};
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 0, 2);
    assert_int_equal(drive_last_lease(&drive).slot, 0);
    assert_int_equal(answers(&drive, 1000, busy, 1), 0);
    drive_end(&drive);
}

static void one_slot_does_not_speak_for_another(void **state)
{
    static const struct fst_file_plan files[] = {{.path = "a.py"},
                                                 {.path = "b.py"}};
    struct fst_run_spec two_files = one_file;
    struct drive drive;
    const uint32_t busy[] = {1};
    (void)state;
    two_files.files = files;
    two_files.n_files = 2;
    drive_start(&drive, &two_files);
    drive_agent(&drive, 1, 0, 2);
    drive_slot_up(&drive, 1, 1);
    assert_int_equal(drive_last_lease(&drive).slot, 1);
    assert_int_equal(answers(&drive, 1000, busy, 1), -1);
    assert_non_null(strstr(drive.err.msg, "gw0 "));
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_that_does_nothing_for_a_minute_is_told),
        cmocka_unit_test(a_test_may_take_as_long_as_it_likes),
        cmocka_unit_test(a_slot_without_work_may_be_idle),
        cmocka_unit_test(one_slot_does_not_speak_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
