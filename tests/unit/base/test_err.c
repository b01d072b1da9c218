#include "shared/base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void fail_fills_code_and_text(void **state)
{
    (void)state;
    struct fst_err err;
    assert_int_equal(fst_fail(&err, FST_E_LIMIT, "%d of %s", 3, "x"), -1);
    assert_int_equal(err.code, FST_E_LIMIT);
    assert_string_equal(err.msg, "3 of x");
}

static void no_error_struct_leaves_only_the_minus_one(void **state)
{
    (void)state;
    assert_int_equal(fst_fail(NULL, FST_E_IO, "x"), -1);
    assert_int_equal(fst_fail_sys(NULL, "x"), -1);
    assert_int_equal(fst_wrap(NULL, "x"), -1);
}

static void fail_sys_adds_the_text_of_errno_and_keeps_errno(void **state)
{
    (void)state;
    struct fst_err err;
    errno = EACCES;
    assert_int_equal(fst_fail_sys(&err, "open %s", "f"), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(err.code, FST_E_IO);
    assert_string_equal(err.msg, "open f: Permission denied");
}

static void fail_sys_tells_what_is_not_there_from_other_errors(void **state)
{
    (void)state;
    struct fst_err err;
    errno = ENOENT;
    fst_fail_sys(&err, "open f");
    assert_int_equal(err.code, FST_E_NOTFOUND);
}

static void wrap_puts_its_text_before_and_keeps_the_code(void **state)
{
    (void)state;
    struct fst_err err;
    fst_fail(&err, FST_E_SYNTAX, "line 3");
    fst_wrap(&err, "%s", "b.ini");
    assert_int_equal(fst_wrap(&err, "configuration"), -1);
    assert_int_equal(err.code, FST_E_SYNTAX);
    assert_string_equal(err.msg, "configuration: b.ini: line 3");
}

static void long_text_is_cut_and_stays_a_string(void **state)
{
    (void)state;
    struct fst_err err;
    char text[2 * sizeof err.msg];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fst_fail(&err, FST_E_IO, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    fst_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    errno = EACCES;
    fst_fail_sys(&err, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    struct fst_err err;
    char text[sizeof err.msg + 1] = "";
    memset(text, 'a', sizeof err.msg - 2);
    strcpy(text + sizeof err.msg - 2, "é");
    fst_fail(&err, FST_E_IO, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 2);
    fst_fail(&err, FST_E_IO, "%s", text + 1);
    assert_string_equal(err.msg, text + 1);
    fst_fail(&err, FST_E_IO, "%s", text + 3);
    fst_wrap(&err, "x");
    assert_int_equal(strlen(err.msg), sizeof err.msg - 2);
}

static void each_code_has_a_name_and_an_exit_status(void **state)
{
    (void)state;
    assert_string_equal(fst_code_name(FST_OK), "ok");
    assert_int_equal(fst_code_exit(FST_OK), 0);
    assert_string_equal(fst_code_name(FST_E_USAGE), "usage");
    assert_int_equal(fst_code_exit(FST_E_USAGE), 4);
    assert_string_equal(fst_code_name(FST_E_INTERNAL), "internal");
    assert_int_equal(fst_code_exit(FST_E_INTERNAL), 3);
}

static void a_broken_assertion_names_its_place_and_aborts(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        /* Sanitizers and cmocka catch SIGABRT. */
        signal(SIGABRT, SIG_DFL);
        fst_assert_failed("1 == 2", "file.c", 7);
    }
    close(ends[1]);
    char text[100] = "";
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_string_equal(text, "file.c:7: internal error: 1 == 2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_fills_code_and_text),
        cmocka_unit_test(no_error_struct_leaves_only_the_minus_one),
        cmocka_unit_test(fail_sys_adds_the_text_of_errno_and_keeps_errno),
        cmocka_unit_test(fail_sys_tells_what_is_not_there_from_other_errors),
        cmocka_unit_test(wrap_puts_its_text_before_and_keeps_the_code),
        cmocka_unit_test(long_text_is_cut_and_stays_a_string),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(each_code_has_a_name_and_an_exit_status),
        cmocka_unit_test(a_broken_assertion_names_its_place_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
