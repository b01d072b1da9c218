#include "agent/core/hang.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static const struct fst_worker_end testing = {
    .doing = FST_DOING_TESTING,
    .phase = 1,
    .name = "a.py::b",
    .lease = 4,
    .start_s = 95,
};

/* A watch with a limit of 5 s that has come to its first look at 100 s. */
static struct fst_hang new_watch(void)
{
    struct fst_hang hang = {0};
    fst_hang_start(&hang, 5 * S, 95 * S);
    assert_int_equal(hang.at_ns, 100 * S);
    assert_int_equal(fst_hang_tick(&hang, 100 * S), FST_HANG_WATCHING);
    assert_int_equal(hang.at_ns, INT64_MAX);
    return hang;
}

/* … and has been condemned at 100 s. */
static struct fst_hang new_condemned(void)
{
    struct fst_hang hang = new_watch();
    assert_false(fst_hang_seen(&hang, &testing, 100 * S));
    assert_false(fst_hang_is_condemned(&hang));
    assert_int_equal(hang.at_ns, 100 * S + FST_HANG_AGAIN_NS);
    assert_int_equal(fst_hang_tick(&hang, hang.at_ns), FST_HANG_WATCHING);
    assert_true(fst_hang_seen(&hang, &testing, 100 * S));
    assert_true(fst_hang_is_condemned(&hang));
    return hang;
}

static void without_a_limit_nothing_is_looked_at(void **state)
{
    (void)state;
    struct fst_hang hang = {0};
    fst_hang_start(&hang, 0, 95 * S);
    assert_int_equal(hang.at_ns, INT64_MAX);
    assert_false(fst_hang_seen(&hang, &testing, 9000 * S));
}

static void the_next_look_is_when_the_limit_will_be_reached(void **state)
{
    (void)state;
    struct fst_hang hang = new_watch();
    struct fst_worker_end later = testing;
    later.start_s = 97;
    assert_false(fst_hang_seen(&hang, &later, 100 * S));
    assert_int_equal(hang.at_ns, 102 * S);
    fst_hang_tick(&hang, hang.at_ns);
    struct fst_worker_end idle = testing;
    idle.doing = FST_DOING_IDLE;
    assert_false(fst_hang_seen(&hang, &idle, 102 * S));
    assert_int_equal(hang.at_ns, 107 * S);
}

static void a_page_from_the_future_delays_by_one_limit_at_most(void **state)
{
    (void)state;
    struct fst_hang hang = new_watch();
    struct fst_worker_end mad = testing;
    mad.start_s = 1e9;
    assert_false(fst_hang_seen(&hang, &mad, 100 * S));
    assert_int_equal(hang.at_ns, 105 * S);
}

static void a_page_caught_between_two_tests_harms_nobody(void **state)
{
    (void)state;
    struct fst_hang hang = new_watch();
    struct fst_worker_end next = testing;
    next.start_s = 99.9;
    assert_false(fst_hang_seen(&hang, &testing, 100 * S));
    assert_false(fst_hang_seen(&hang, &next, 100 * S));
    assert_false(fst_hang_is_condemned(&hang));
    assert_true(hang.at_ns > 104 * S);
    next.start_s = 0.0 / 0.0;
    assert_false(fst_hang_seen(&hang, &next, 100 * S));
    assert_false(fst_hang_seen(&hang, &next, 100 * S));
    fst_hang_release(&hang);
}

static void it_is_asked_then_terminated_then_killed(void **state)
{
    (void)state;
    struct fst_hang hang = new_condemned();
    assert_int_equal(hang.at_ns, 100 * S + FST_HANG_ANSWER_NS);
    assert_int_equal(fst_hang_tick(&hang, hang.at_ns), FST_HANG_TERMINATED);
    assert_int_equal(hang.at_ns,
                     100 * S + FST_HANG_ANSWER_NS + FST_HANG_TERMINATE_NS);
    assert_int_equal(fst_hang_tick(&hang, hang.at_ns), FST_HANG_KILLED);
    assert_int_equal(hang.at_ns, INT64_MAX);
    assert_true(fst_hang_is_condemned(&hang));
    fst_hang_release(&hang);
}

static void its_answer_is_waited_for_until_it_is_silent(void **state)
{
    (void)state;
    struct fst_hang hang = new_condemned();
    fst_hang_wrote(&hang, 101 * S);
    assert_int_equal(hang.at_ns, 101 * S + FST_HANG_QUIET_NS);
    fst_hang_wrote(&hang, 103 * S - 1); /* a chatterbox gets no more */
    assert_int_equal(hang.at_ns, 103 * S);
    fst_hang_release(&hang);
}

static void opening_a_file_may_take_longer(void **state)
{
    (void)state;
    struct fst_hang hang = new_watch();
    struct fst_arena arena = {0};
    struct fst_worker_end collecting = testing;
    collecting.doing = FST_DOING_COLLECTING;
    collecting.name = "a.py";
    collecting.start_s = 51;
    assert_false(fst_hang_seen(&hang, &collecting, 100 * S));
    assert_int_equal(hang.at_ns, 101 * S);
    assert_false(fst_hang_seen(&hang, &collecting, 101 * S));
    assert_true(fst_hang_seen(&hang, &collecting, 101 * S));
    assert_string_equal(fst_hang_head(&hang, &arena, false),
                        "timeout: collecting 'a.py' took longer than 50 s (10 "
                        "times --test-timeout)");
    fst_arena_release(&arena);
    fst_hang_release(&hang);
}

static void the_head_names_test_limit_and_phase(void **state)
{
    (void)state;
    struct fst_hang hang = new_condemned();
    struct fst_arena arena = {0};
    assert_string_equal(fst_hang_head(&hang, &arena, false),
                        "timeout: 'a.py::b' ran longer than 5 s "
                        "(--test-timeout) during call");
    assert_string_equal(fst_hang_head(&hang, &arena, true),
                        "timeout: 'a.py::b' ran longer than 5 s "
                        "(--test-timeout) during teardown");
    fst_arena_release(&arena);
    fst_hang_release(&hang);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_limit_nothing_is_looked_at),
        cmocka_unit_test(the_next_look_is_when_the_limit_will_be_reached),
        cmocka_unit_test(a_page_from_the_future_delays_by_one_limit_at_most),
        cmocka_unit_test(a_page_caught_between_two_tests_harms_nobody),
        cmocka_unit_test(it_is_asked_then_terminated_then_killed),
        cmocka_unit_test(its_answer_is_waited_for_until_it_is_silent),
        cmocka_unit_test(opening_a_file_may_take_longer),
        cmocka_unit_test(the_head_names_test_limit_and_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
