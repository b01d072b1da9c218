#include "shared/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* While a test runs, standard error is this pipe. */
static int logged[2], stderr_before;

static int catch_stderr(void **state)
{
    (void)state;
    stderr_before = dup(STDERR_FILENO);
    if (stderr_before < 0 || pipe(logged))
        return -1;
    return dup2(logged[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int give_stderr_back(void **state)
{
    (void)state;
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    close(logged[0]);
    close(logged[1]);
    return 0;
}

/* What one or more calls of fst_log wrote; at least a byte. */
static void read_log(char *text, size_t size)
{
    ssize_t len = read(logged[0], text, size - 1);
    assert_true(len > 0);
    text[len] = '\0';
}

static void a_message_is_one_line_with_program_and_level(void **state)
{
    (void)state;
    char text[200];
    fst_log_setup("prog", FST_LOG_WARN, 0);
    fst_error("bad %d", 3);
    fst_warn("odd");
    read_log(text, sizeof text);
    assert_string_equal(text, "prog: error: bad 3\nprog: warn: odd\n");
}

static void what_is_below_the_level_is_left_out(void **state)
{
    (void)state;
    char text[200];
    fst_log_setup("prog", FST_LOG_INFO, 0);
    fst_debug("not this");
    fst_info("this");
    read_log(text, sizeof text);
    assert_string_equal(text, "prog: info: this\n");
}

static void json_escapes_quotes_backslashes_and_control_bytes(void **state)
{
    (void)state;
    char text[300];
    fst_log_setup("prog", FST_LOG_WARN, 1);
    fst_warn("a\"b\\c\nd");
    read_log(text, sizeof text);
    assert_int_equal(strncmp(text, "{\"time\":", 8), 0);
    const char *rest = strstr(text, ",\"program\"");
    assert_non_null(rest);
    assert_string_equal(rest, ",\"program\":\"prog\",\"level\":\"warn\","
                              "\"message\":\"a\\\"b\\\\c?d\"}\n");
}

static void a_text_of_several_lines_stays_one_line(void **state)
{
    (void)state;
    char text[200];
    fst_log_setup("prog", FST_LOG_WARN, 0);
    fst_warn("first\nsecond\rthird");
    read_log(text, sizeof text);
    assert_string_equal(text, "prog: warn: first?second?third\n");
}

static void control_characters_of_all_kinds_are_not_shown(void **state)
{
    (void)state;
    char text[200];
    fst_log_setup("prog", FST_LOG_WARN, 0);
    fst_warn("a\x1b[2J\x7f\xc2\x9b"
             "2J\xc2\xa0\xc3\xa9");
    read_log(text, sizeof text);
    assert_string_equal(text, "prog: warn: a?[2J???2J\xc2\xa0\xc3\xa9\n");
}

/* cut: how the message ends in the log */
static void log_too_much(int json, const char *end)
{
    char much[12000], text[12000];
    memset(much, '"', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    fst_log_setup("prog", FST_LOG_WARN, json);
    fst_warn("%s", much);
    read_log(text, sizeof text);
    size_t len = strlen(text), end_len = strlen(end);
    assert_true(len < sizeof much && len > 4000);
    assert_string_equal(text + len - end_len, end);
}

static void a_long_message_is_cut_and_its_line_ends(void **state)
{
    (void)state;
    log_too_much(0, "\"\n");
    log_too_much(1, "\\\"\"}\n");
}

#define LOG_TEST(name)                                                         \
    cmocka_unit_test_setup_teardown(name, catch_stderr, give_stderr_back)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_message_is_one_line_with_program_and_level),
        LOG_TEST(what_is_below_the_level_is_left_out),
        LOG_TEST(json_escapes_quotes_backslashes_and_control_bytes),
        LOG_TEST(a_text_of_several_lines_stays_one_line),
        LOG_TEST(control_characters_of_all_kinds_are_not_shown),
        LOG_TEST(a_long_message_is_cut_and_its_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
