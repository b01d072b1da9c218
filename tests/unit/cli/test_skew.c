#include "coordinator/cli/skew.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void without_a_measurement_the_clock_is_ours(void **state)
{
    (void)state;
    const struct fst_skew skew = {0};
    assert_true(fst_skew_ours(&skew, 12.5) == 12.5);
}

static void it_is_exact_to_half_a_round_trip(void **state)
{
    (void)state;
    /* Theirs is 1000 s ahead; the way there took all of 0.2 s, or none. */
    for (double there_s = 0; there_s <= 0.2; there_s += 0.2) {
        struct fst_skew skew = {0};
        fst_skew_measure(&skew, 10, 10.2, 1010 + there_s);
        assert_true(fabs(fst_skew_ours(&skew, 1011) - 11) < 0.1 + 1e-9);
        assert_true(fabs(skew.exact_s - 0.1) < 1e-9);
    }
}

static void the_shorter_round_trip_counts(void **state)
{
    (void)state;
    struct fst_skew skew = {0};
    fst_skew_measure(&skew, 10, 10.2, 1010.2);
    fst_skew_measure(&skew, 15, 15.01, 1015.005);
    assert_true(fabs(fst_skew_ours(&skew, 1011) - 11) < 1e-9);
    fst_skew_measure(&skew, 20, 21, 1021);
    assert_true(fabs(fst_skew_ours(&skew, 1011) - 11) < 1e-9);
}

static void what_may_have_drifted_is_measured_anew(void **state)
{
    (void)state;
    struct fst_skew skew = {0};
    fst_skew_measure(&skew, 10, 10.01, 1010.005);
    /* An hour later theirs has got 0.2 s ahead. */
    fst_skew_measure(&skew, 3610, 3610.1, 4610.25);
    assert_true(fabs(fst_skew_ours(&skew, 4610.2) - 3610) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_measurement_the_clock_is_ours),
        cmocka_unit_test(it_is_exact_to_half_a_round_trip),
        cmocka_unit_test(the_shorter_round_trip_counts),
        cmocka_unit_test(what_may_have_drifted_is_measured_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
