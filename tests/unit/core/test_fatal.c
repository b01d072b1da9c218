/* Agents none of whose workers can start: fatal.h. */
#include "tests/unit/core/drive.h"

static const struct fst_file_plan a = {.path = "a.py"};
static const struct fst_run_spec one_file = {
    .files = &a, .n_files = 1, .confirm = true, .max_worker_restart = -1};

/* An agent that has one slot, of its own number, and no worker yet. */
static void comes(struct drive *drive, uint32_t agent, bool local)
{
    assert_int_equal(
        drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                              .agent = {agent},
                                              .local = local,
                                              .slots = &agent,
                                              .n_slots = 1}),
        0);
}

static void fails(struct drive *drive, uint32_t agent, const char *text)
{
    drive_state(drive, agent,
                &(struct fst_state){.slot = agent,
                                    .state = FST_SLOT_FATAL,
                                    .text = text,
                                    .exit_code = 4});
}

static void ends_with(struct drive *drive, uint32_t agent, const char *text)
{
    assert_int_equal(drive_count(drive, FST_EF_OUT), 0);
    assert_non_null(drive_sent(drive, FST_MSG_CANCEL, 0));
    drive_bye(drive, agent);
    const struct said *end = drive_said(drive, FST_EF_ENDED, NULL);
    assert_non_null(end);
    assert_int_equal(end->exit_code, 4);
    assert_string_equal(end->text, text);
}

static void the_only_agents_word_ends_the_run(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    comes(&drive, 1, false);
    fails(&drive, 1, "no plugin");
    ends_with(&drive, 1, "no plugin");
    drive_end(&drive);
}

static void where_anothers_worker_is_configured_the_agent_is_out(void **state)
{
    struct drive drive;
    (void)state;
    drive_start(&drive, &one_file);
    drive_agent(&drive, 1, 1, 1);
    struct sent lease = drive_last_lease(&drive);
    comes(&drive, 2, false);
    fails(&drive, 2, "no plugin");
    assert_string_equal(drive_said(&drive, FST_EF_OUT, NULL)->text,
                        "no plugin");
    assert_int_equal(drive_sent(&drive, FST_MSG_CANCEL, 0)->agent, 2);
    assert_null(drive_sent(&drive, FST_MSG_CANCEL, 1));
    drive_bye(&drive, 2);
    assert_null(drive_said(&drive, FST_EF_ENDED, NULL));
    drive_collected(&drive, &lease, "d", "a::1");
    drive_result(&drive, &lease, "a::1", FST_PASSED);
    drive_bye(&drive, 1);
    assert_int_equal(drive_said(&drive, FST_EF_ENDED, NULL)->exit_code, 0);
    drive_end(&drive);
}

/* local: the first is. */
static void two_come(struct drive *drive, bool local)
{
    drive_start(drive, &one_file);
    comes(drive, 1, local);
    comes(drive, 2, false);
}

static void another_that_is_there_may_yet_start(void **state)
{
    struct drive drive;
    (void)state;
    two_come(&drive, false);
    fails(&drive, 1, "no plugin");
    assert_null(drive_sent(&drive, FST_MSG_CANCEL, 0));
    drive_slot_up(&drive, 2, 2);
    assert_int_equal(drive_count(&drive, FST_EF_OUT), 1);
    assert_int_equal(drive_sent(&drive, FST_MSG_CANCEL, 0)->agent, 1);
    assert_null(drive_sent(&drive, FST_MSG_CANCEL, 1));
    drive_end(&drive);
}

static void where_all_fail_the_run_ends_with_pytests_text(void **state)
{
    struct drive drive;
    (void)state;
    two_come(&drive, false);
    fails(&drive, 2, "no plugin");
    fails(&drive, 1, "no plugin");
    drive_bye(&drive, 1);
    ends_with(&drive, 2, "no plugin");
    drive_end(&drive);
}

static void where_no_other_is_left_the_run_ends(void **state)
{
    struct drive drive;
    (void)state;
    two_come(&drive, false);
    fails(&drive, 1, "no plugin");
    drive_down(&drive, 2);
    ends_with(&drive, 1, "no plugin");
    drive_end(&drive);
}

static void the_local_agents_word_counts_at_once(void **state)
{
    struct drive drive;
    (void)state;
    two_come(&drive, true);
    fails(&drive, 1, "an option");
    drive_bye(&drive, 2);
    ends_with(&drive, 1, "an option");
    drive_end(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_only_agents_word_ends_the_run),
        cmocka_unit_test(where_anothers_worker_is_configured_the_agent_is_out),
        cmocka_unit_test(another_that_is_there_may_yet_start),
        cmocka_unit_test(where_all_fail_the_run_ends_with_pytests_text),
        cmocka_unit_test(where_no_other_is_left_the_run_ends),
        cmocka_unit_test(the_local_agents_word_counts_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
