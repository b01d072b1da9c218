#include "shared/config/cpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/config/tree.h"

static void the_least_quota_up_to_the_mount_point_counts(void **state)
{
    (void)state;
    static const struct {
        const char *top, *a, *b; /* cpu.max of each level, or NULL */
        int cpus;
    } cases[] = {
        {NULL, NULL, NULL, 0},
        {NULL, "max 100000\n", "max 100000\n", 0},
        {NULL, "max 100000\n", "200000 100000\n", 2},
        {NULL, "100000 100000\n", "400000 100000\n", 1},
        {NULL, "150000 100000\n", NULL, 2},
        {"300000 100000\n", "max 100000\n", NULL, 3},
        {NULL, "10000 100000\n", NULL, 1},
        {NULL, "nonsense\n", "0 0\n", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *root = tree_new();
        tree_add(root, "a/b/other", "");
        if (cases[i].top)
            tree_add(root, "cpu.max", cases[i].top);
        if (cases[i].a)
            tree_add(root, "a/cpu.max", cases[i].a);
        if (cases[i].b)
            tree_add(root, "a/b/cpu.max", cases[i].b);
        assert_int_equal(fst_cpus_quota(root, "/a/b"), cases[i].cpus);
        tree_remove(root);
    }
}

static void there_is_at_least_one_cpu(void **state)
{
    (void)state;
    assert_true(fst_cpus_available() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_quota_up_to_the_mount_point_counts),
        cmocka_unit_test(there_is_at_least_one_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
