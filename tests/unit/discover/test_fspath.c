#include "coordinator/discover/fspath.h"
#include "shared/base/fnmatch.h"
#include "shared/base/relpath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What Python 3.11's fnmatch.fnmatchcase says. */
static void fnmatch_agrees_with_pythons(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pattern;
        bool fits;
    } cases[] = {
        {"test_a.py", "test_*.py", true},
        {"a/b.py", "*.py", true},
        {".hidden", "*", true},
        {"abc", "a?c", true},
        {"a/c", "a?c", true},
        {"a\xc3\xa9"
         "c",
         "a?c", true},
        {"ac", "a?c", false},
        {"abc", "a[a-c]c", true},
        {"abc", "a[!a-c]c", false},
        {"a^c", "a[^]c", true},
        {"axc", "a[^]c", false},
        {"a]c", "a[]]c", true},
        {"a[c", "a[c", true},
        {"a\\*", "a\\*", true},
        {"aaaab", "*a*b", true},
        {"aaaac", "*a*b", false},
        {"", "*", true},
        {"", "?", false},
        {"abc", "abc*", true},
        {"{arch}", "{arch}", true},
        {"a-c", "a[a-]c", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fst_fnmatch(cases[i].text, cases[i].pattern) != cases[i].fits)
            fail_msg("%s %s", cases[i].text, cases[i].pattern);
}

static void match_looks_at_the_name_or_at_the_path(void **state)
{
    (void)state;
    assert_true(fst_fspath_match("/p/a/test_x.py", "test_*.py"));
    assert_false(fst_fspath_match("/p/test_/x.py", "test_*"));
    assert_true(fst_fspath_match("/p/a/x.py", "a/*.py"));
    assert_false(fst_fspath_match("/p/ba/x.py", "a/*.py"));
    assert_true(fst_fspath_match("/p/a/x.py", "/p/*"));
    assert_false(fst_fspath_match("/p/a/x.py", "/a/*"));
}

static void normal_paths_have_no_dots(void **state)
{
    (void)state;
    static const struct {
        const char *base, *path, *normal;
    } cases[] = {
        {"/a/b", "c", "/a/b/c"},
        {"/a/b", "../c", "/a/c"},
        {"/a/b", "./c//d/.", "/a/b/c/d"},
        {"/a", "/x/../y", "/y"},
        {"/a", "../../..", "/"},
        {"/", "x", "/x"},
        {"/a", "", "/a"},
        {"/a", "..b", "/a/..b"},
        {"/a", "b...", "/a/b..."},
    };
    struct fst_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(
            fst_fspath_normal(&arena, cases[i].base, cases[i].path),
            cases[i].normal);
    fst_arena_release(&arena);
}

static void relative_paths_go_up_where_they_must(void **state)
{
    (void)state;
    static const struct {
        const char *base, *path, *relative;
    } cases[] = {
        {"/a/b", "/a/b/c", "c"},
        {"/a/b", "/a/b", "."},
        {"/a/b", "/a/bc", "../bc"},
        {"/a/b", "/a", ".."},
        {"/a/b/c", "/a/x/y", "../../x/y"},
        {"/", "/a/b", "a/b"},
        {"/a/bc", "/a/b", "../b"},
        {"/a", "/x", "../x"},
        {"/a/b", "/", "../.."},
    };
    struct fst_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(fst_relpath(&arena, cases[i].base, cases[i].path),
                            cases[i].relative);
    fst_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fnmatch_agrees_with_pythons),
        cmocka_unit_test(match_looks_at_the_name_or_at_the_path),
        cmocka_unit_test(normal_paths_have_no_dots),
        cmocka_unit_test(relative_paths_go_up_where_they_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
