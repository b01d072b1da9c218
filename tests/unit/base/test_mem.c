#include "shared/base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void memory_is_zeroed(void **state)
{
    (void)state;
    char *one = fst_alloc(1000), *many = fst_calloc(10, 100);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(one[i] | many[i], 0);
    free(one);
    free(many);
}

static void nothing_asked_for_is_still_an_address(void **state)
{
    (void)state;
    void *none[] = {fst_alloc(0), fst_calloc(0, 8), fst_calloc(8, 0),
                    fst_realloc(NULL, 0)};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_non_null(none[i]);
        free(none[i]);
    }
}

static void realloc_keeps_what_was_there(void **state)
{
    (void)state;
    char *text = fst_strdup("abc");
    text = fst_realloc(text, 100000);
    assert_string_equal(text, "abc");
    free(text);
}

static void strings_are_copied_whole_or_by_length(void **state)
{
    (void)state;
    char *whole = fst_strdup("abc"), *start = fst_strndup("abc", 2),
         *past = fst_strndup("abc", 9), *made = fst_printf("%s-%d", "x", 3);
    assert_string_equal(whole, "abc");
    assert_string_equal(start, "ab");
    assert_string_equal(past, "abc");
    assert_string_equal(made, "x-3");
    assert_null(fst_strdup(NULL));
    free(whole);
    free(start);
    free(past);
    free(made);
}

/* The last act of a child that is expected to abort. */
static void ask_for_too_much(void)
{
    /* Sanitizers and cmocka catch SIGABRT; a sanitizer's own allocator would
     * end the process before the NULL is seen. */
    signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    volatile size_t half = SIZE_MAX / 2;
    fst_calloc(half, 4);
    _exit(0);
}

static void a_count_that_overflows_ends_the_program(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        ask_for_too_much();
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed),
        cmocka_unit_test(nothing_asked_for_is_still_an_address),
        cmocka_unit_test(realloc_keeps_what_was_there),
        cmocka_unit_test(strings_are_copied_whole_or_by_length),
        cmocka_unit_test(a_count_that_overflows_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
