#include "shared/base/fnmatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The C library's would not come to an end. */
static void many_stars_cost_no_more_than_one(void **state)
{
    (void)state;
    char name[251] = "", pattern[202] = "";
    memset(name, 'a', sizeof name - 1);
    for (size_t i = 0; i < 100; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    assert_true(fst_fnmatch(name, pattern));
    pattern[200] = 'b';
    assert_false(fst_fnmatch(name, pattern));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_stars_cost_no_more_than_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
