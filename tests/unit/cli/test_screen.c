/* What is asked of the terminal, and of the environment. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>
#include <pty.h>

#include "coordinator/cli/runstate.h"
#include "shared/base/log.h"

static int saved, ends[2];

/* Standard output is a terminal of 50 columns and 10 rows. */
static int open_terminal(void **state)
{
    static const char *const names[] = {
        "CI",       "BUILD_NUMBER", "COLUMNS",     "NO_COLOR",  "LC_ALL",
        "LC_CTYPE", "LANG",         "FORCE_COLOR", "PY_COLORS",
    };
    struct winsize size = {.ws_col = 50, .ws_row = 10};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    setenv("TERM", "xterm", 1);
    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    if (openpty(&ends[0], &ends[1], NULL, NULL, &size) < 0)
        return -1;
    return dup2(ends[1], STDOUT_FILENO) < 0;
}

static int close_terminal(void **state)
{
    (void)state;
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static void a_terminal_has_a_block_in_colour(void **state)
{
    const struct fst_settings settings = {0};
    (void)state;
    assert_int_equal(fst_screen_progress(&settings), FST_PROGRESS_LIVE);
    assert_true(fst_screen_color(&settings));
    assert_false(
        fst_screen_color(&(struct fst_settings){.color = FST_COLOR_NO}));
}

static void a_dumb_terminal_and_a_log_have_lines(void **state)
{
    const struct fst_settings settings = {0};
    (void)state;
    setenv("TERM", "dumb", 1);
    assert_int_equal(fst_screen_progress(&settings), FST_PROGRESS_LINES);
    assert_false(fst_screen_color(&settings));
    setenv("TERM", "xterm", 1);
    setenv("CI", "true", 1);
    assert_int_equal(fst_screen_progress(&settings), FST_PROGRESS_LINES);
    unsetenv("CI");
    int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(sink, STDOUT_FILENO);
    close(sink);
    assert_int_equal(fst_screen_progress(&settings), FST_PROGRESS_LINES);
    assert_int_equal(fst_screen_size(STDOUT_FILENO).columns, 80);
}

static void what_others_write_to_has_no_block(void **state)
{
    static char dash[] = "-";
    const struct fst_settings settings = {0}, events = {.events = dash},
                              logs = {.log_level = FST_LOG_INFO};
    (void)state;
    int errors = dup(STDERR_FILENO), sink = open("/dev/null", O_WRONLY);
    dup2(ends[1], STDERR_FILENO);
    enum fst_progress quiet = fst_screen_progress(&settings);
    enum fst_progress with_events = fst_screen_progress(&events);
    enum fst_progress with_logs = fst_screen_progress(&logs);
    dup2(sink, STDERR_FILENO);
    enum fst_progress logs_elsewhere = fst_screen_progress(&logs);
    dup2(errors, STDERR_FILENO);
    close(errors);
    close(sink);
    assert_int_equal(quiet, FST_PROGRESS_LIVE);
    assert_int_equal(with_events, FST_PROGRESS_LINES);
    assert_int_equal(with_logs, FST_PROGRESS_LINES);
    assert_int_equal(logs_elsewhere, FST_PROGRESS_LIVE);
}

static void whoever_wants_no_progress_gets_none(void **state)
{
    (void)state;
    const struct fst_settings unwanted[] = {
        {.no_progress = true}, {.verbosity = -2}, {.collect_only = true}};
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        assert_int_equal(fst_screen_progress(&unwanted[i]), FST_PROGRESS_NONE);
}

static void no_color_takes_colour_and_leaves_the_block(void **state)
{
    const struct fst_settings settings = {0};
    (void)state;
    setenv("NO_COLOR", "1", 1);
    assert_false(fst_screen_color(&settings));
    assert_true(
        fst_screen_color(&(struct fst_settings){.color = FST_COLOR_YES}));
    assert_int_equal(fst_screen_progress(&settings), FST_PROGRESS_LIVE);
    setenv("PY_COLORS", "1", 1);
    assert_true(fst_screen_color(&settings));
    unsetenv("NO_COLOR");
    setenv("PY_COLORS", "0", 1);
    assert_false(fst_screen_color(&settings));
}

static void a_locale_says_whether_there_is_more_than_ascii(void **state)
{
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    assert_true(fst_screen_unicode());
    setenv("LC_ALL", "C", 1);
    assert_false(fst_screen_unicode());
    setenv("LC_ALL", "no_such_LOCALE", 1);
    assert_false(fst_screen_unicode());
}

static void columns_hide_the_terminals_width_from_what_is_written(void **state)
{
    (void)state;
    struct fst_screen screen = fst_screen_size(STDOUT_FILENO);
    assert_int_equal(screen.columns, 50);
    assert_int_equal(screen.width, 50);
    assert_int_equal(screen.rows, 10);
    setenv("COLUMNS", "120", 1);
    screen = fst_screen_size(STDOUT_FILENO);
    assert_int_equal(screen.columns, 120);
    assert_int_equal(screen.width, 50);
}

#define ON_A_TERMINAL(test)                                                    \
    cmocka_unit_test_setup_teardown(test, open_terminal, close_terminal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_TERMINAL(a_terminal_has_a_block_in_colour),
        ON_A_TERMINAL(a_dumb_terminal_and_a_log_have_lines),
        ON_A_TERMINAL(what_others_write_to_has_no_block),
        ON_A_TERMINAL(whoever_wants_no_progress_gets_none),
        ON_A_TERMINAL(no_color_takes_colour_and_leaves_the_block),
        ON_A_TERMINAL(a_locale_says_whether_there_is_more_than_ascii),
        ON_A_TERMINAL(columns_hide_the_terminals_width_from_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
