#include "agent/pool/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct fst_welcome welcome = {
    .run = "r1",
    .agent = "box",
    .config = {.hash_seed = "42", .slot_count = 6},
};

/* The value of a name, or NULL; fails where it stands there twice. */
static const char *find(const struct fst_strings *env, const char *name)
{
    const char *value = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; env->items[i]; i++) {
        if (strncmp(env->items[i], name, len) || env->items[i][len] != '=')
            continue;
        assert_null(value);
        value = env->items[i] + len + 1;
    }
    return value;
}

static void tests_find_what_the_contract_names(void **state)
{
    (void)state;
    const char *ours[] = {"HOME=/h", "PYTHONHASHSEED=7",
                          "PYTEST_XDIST_WORKER=gw9", NULL};
    struct fst_strings env = {0};
    fst_worker_environment(ours, &welcome, 4, 2, 8, &env);
    assert_string_equal(find(&env, "HOME"), "/h");
    assert_string_equal(find(&env, "PYTHONHASHSEED"), "42");
    assert_string_equal(find(&env, "PYTEST_XDIST_WORKER"), "gw4");
    assert_string_equal(find(&env, "PYTEST_XDIST_WORKER_COUNT"), "6");
    assert_string_equal(find(&env, "PYTEST_XDIST_TESTRUNUID"), "r1");
    assert_string_equal(find(&env, "FASTEST_RUN_ID"), "r1");
    assert_string_equal(find(&env, "FASTEST_AGENT"), "box");
    assert_string_equal(find(&env, "FASTEST_SLOT"), "4");
    fst_strings_clear(&env);
}

static void options_of_ours_do_not_reach_tests(void **state)
{
    (void)state;
    const char *ours[] = {"FASTEST_WORKERS=3", "PYTEST_ADDOPTS=-x",
                          "PYTEST_PLUGINS=p", "NOFASTEST_X=1", NULL};
    struct fst_strings env = {0};
    fst_worker_environment(ours, &welcome, 4, 2, 8, &env);
    assert_null(find(&env, "FASTEST_WORKERS"));
    assert_null(find(&env, "PYTEST_ADDOPTS"));
    assert_string_equal(find(&env, "PYTEST_PLUGINS"), "p");
    assert_string_equal(find(&env, "NOFASTEST_X"), "1");
    fst_strings_clear(&env);
}

static void numeric_libraries_share_the_cores_unless_told(void **state)
{
    (void)state;
    const char *ours[] = {"OMP_NUM_THREADS=5", "MKL_NUM_THREADSX=9", NULL};
    struct fst_strings env = {0};
    fst_worker_environment(ours, &welcome, 4, 100000, 8, &env);
    assert_string_equal(find(&env, "OMP_NUM_THREADS"), "5");
    assert_string_equal(find(&env, "OPENBLAS_NUM_THREADS"), "1");
    assert_string_equal(find(&env, "MKL_NUM_THREADS"), "1");
    assert_string_equal(find(&env, "NUMEXPR_NUM_THREADS"), "1");
    fst_strings_clear(&env);
}

static void each_worker_has_its_part_of_the_cores(void **state)
{
    (void)state;
    const char *ours[] = {NULL};
    struct fst_strings env = {0};
    fst_worker_environment(ours, &welcome, 4, 3, 8, &env);
    assert_string_equal(find(&env, "OMP_NUM_THREADS"), "2");
    fst_strings_clear(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tests_find_what_the_contract_names),
        cmocka_unit_test(options_of_ours_do_not_reach_tests),
        cmocka_unit_test(numeric_libraries_share_the_cores_unless_told),
        cmocka_unit_test(each_worker_has_its_part_of_the_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
