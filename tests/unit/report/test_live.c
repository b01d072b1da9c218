/* The live block's lines, and how they come and go below what is written. */
#include "fixture.h"

#include "coordinator/report/live.h"
#include "coordinator/report/width.h"

static const struct fst_live_row rows[] = {
    {.place = "gw1", .id = "tests/test_slow.py::test_migrates", .lasts_s = 72},
    {.place = "gw0",
     .id = "tests/test_\xc3\xa4.py::test_\xe6\xbc\xa2\xe6\xbc\xa2",
     .lasts_s = 3.2},
};

static struct fst_live_view view_of(size_t columns)
{
    return (struct fst_live_view){.columns = columns,
                                  .lines = 3,
                                  .unicode = true,
                                  .mood = FST_RED,
                                  .ended = 512,
                                  .expected = 1024,
                                  .failed = 2,
                                  .errors = 1,
                                  .skipped = 7,
                                  .lasts_s = 61,
                                  .left_s = 59,
                                  .rows = rows,
                                  .n_rows = 2};
}

static void lays_out(const struct fst_live_view *view, const char *expected)
{
    struct fst_buf out = FST_BUF_INIT;
    fst_live_lay_out(view, &out);
    assert_string_equal(fst_buf_str(&out), expected);
    fst_buf_release(&out);
}

#define FULL "\xe2\x94\x81"
#define FULL7 FULL FULL FULL FULL FULL FULL FULL
#define FULL8 FULL7 FULL
#define AHEAD "\xe2\x94\x80"
#define AHEAD8 AHEAD AHEAD AHEAD AHEAD AHEAD AHEAD AHEAD AHEAD
#define DOTS "\xe2\x80\xa6"
#define WIDE_ID "tests/test_\xc3\xa4.py::test_\xe6\xbc\xa2\xe6\xbc\xa2"

static void at_80_columns_the_bar_takes_what_is_left(void **state)
{
    (void)state;
    struct fst_live_view view = view_of(80);
    lays_out(&view, FULL8 AHEAD AHEAD8
             "  512/1024  2 failed  1 error  7 skipped  1:01  about 59s left\n"
             "gw1  1:12  tests/test_slow.py::test_migrates\n"
             "gw0  3s  " WIDE_ID "\n");
}

static void at_160_columns_the_bar_is_40_wide(void **state)
{
    (void)state;
    struct fst_live_view view = view_of(160);
    view.n_rows = 0;
    view.errors = view.skipped = 0;
    lays_out(
        &view,
        FULL8 FULL8 FULL FULL FULL FULL AHEAD8 AHEAD8 AHEAD AHEAD AHEAD AHEAD
        "  512/1024  2 failed  1:01  about 59s left\n");
}

static void at_20_columns_counts_stay_and_ids_lose_their_beginning(void **state)
{
    (void)state;
    struct fst_live_view view = view_of(20);
    lays_out(&view, "512/1024  2 failed\n"
                    "gw1  1:12  " DOTS "igrates\n"
                    "gw0  3s  " DOTS "test_\xe6\xbc\xa2\xe6\xbc\xa2\n");
    view.failed = view.errors = 0;
    view.n_rows = 0;
    lays_out(&view, "512/1024  1:01\n");
    view.columns = 1;
    lays_out(&view, "");
}

static void no_line_is_wider_than_the_terminal_less_one(void **state)
{
    (void)state;
    for (size_t columns = 9; columns < 200; columns++) {
        struct fst_live_view view = view_of(columns);
        struct fst_buf out = FST_BUF_INIT;
        fst_live_lay_out(&view, &out);
        for (const char *line = fst_buf_str(&out); *line;) {
            size_t len = strcspn(line, "\n");
            assert_true(fst_width(line, len) < columns);
            line += len + 1;
        }
        fst_buf_release(&out);
    }
}

static void without_unicode_there_is_ascii_alone(void **state)
{
    (void)state;
    struct fst_live_view view = view_of(80);
    view.unicode = false;
    view.errors = view.failed = view.skipped = 0;
    view.left_s = -1;
    lays_out(&view, "==========----------  512/1024  1:01\n"
                    "gw1  1:12  tests/test_slow.py::test_migrates\n"
                    "gw0  3s  tests/test_??.py::test_??????\n");
    view.columns = 30;
    lays_out(&view, "===----  512/1024  1:01\n"
                    "gw1  1:12  ...::test_migrates\n"
                    "gw0  3s  ...?.py::test_??????\n");
}

static void colours_stand_around_what_they_mean(void **state)
{
    (void)state;
    struct fst_live_view view = view_of(40);
    view.color = true;
    view.ended = view.expected = 3;
    view.errors = 0;
    view.left_s = -1;
    view.n_rows = 1;
    lays_out(&view,
             "\x1b[31m" FULL7 "\x1b[0m  3/3  \x1b[31m\x1b[1m2 failed"
             "\x1b[0m  \x1b[33m7 skipped\x1b[0m  1:01\n"
             "\x1b[36mgw1\x1b[0m  1:12  " DOTS "test_slow.py::test_migrates\n");
}

static void a_low_terminal_gets_fewer_lines(void **state)
{
    (void)state;
    struct fst_live_view view = view_of(20);
    view.lines = 2;
    lays_out(&view, "512/1024  2 failed\ngw1  1:12  " DOTS "igrates\n");
    view.lines = 0;
    lays_out(&view, "");
}

/* ---- on the terminal */

static void tick(struct fixture *fix, size_t seconds)
{
    struct fst_running running[] = {{.agent = {1},
                                     .slot = 1,
                                     .id = "test_a.py::test_b",
                                     .since_ns = INT64_C(1000000000)}};
    int64_t now = (int64_t)(seconds + 1) * 1000000000;
    fst_report_tick(fix->report,
                    &(struct fst_report_now){.running = running,
                                             .n_running = 1,
                                             .lasts_s = (double)seconds,
                                             .left_s = 75,
                                             .now_ns = now});
}

/* What was written since the last call; the caller's. */
static char *fresh(struct fixture *fix, size_t *seen)
{
    char *all = read_fd(fix->fd), *text = readable(all + *seen);
    *seen = strlen(all);
    free(all);
    return text;
}

static void writes(struct fixture *fix, size_t *seen, const char *expected)
{
    char *text = fresh(fix, seen);
    assert_string_equal(text, expected);
    free(text);
}

static struct fst_report_spec live_spec(void)
{
    return (struct fst_report_spec){.progress = FST_PROGRESS_LIVE,
                                    .screen = {80, 40, 24},
                                    .no_header = true};
}

#define COUNTS_AT(done, lasts)                                                 \
    "^[[?7l\n" done "  " lasts "  about 1:15 left^[[K"

static void the_block_is_drawn_below_and_the_cursor_waits_above(void **state)
{
    (void)state;
    struct fixture fix;
    size_t seen = 0;
    begin(&fix, live_spec());
    session(&fix, 2);
    free(fresh(&fix, &seen));
    tick(&fix, 0);
    writes(&fix, &seen, COUNTS_AT("----------  0/2", "0s") "^[[?7h^[[J^[[1A\r");
    tick(&fix, 0); /* nothing is new */
    writes(&fix, &seen, "");
    test_passes(&fix, "test_a.py::test_a");
    fst_report_flush(fix.report);
    writes(&fix, &seen, ""); /* waits for the next frame */
    tick(&fix, 2);
    writes(&fix, &seen,
           "^[[J\n." COUNTS_AT(
               "=====-----  1/2",
               "2s") "\ngw1  2s  test_a.py::test_b^[[K^[[?7h^[[J^[[2A\r^[[1C");
    test_passes(&fix, "test_a.py::test_b");
    run_ends(&fix, 0, NULL);
    char *text = fresh(&fix, &seen);
    assert_int_equal(strncmp(text, "^[[J.  ", strlen("^[[J.  ")), 0);
    assert_null(strstr(text, "left"));
    free(text);
    free(finish(&fix));
}

static void the_block_is_there_while_the_first_worker_starts(void **state)
{
    (void)state;
    struct fixture fix;
    size_t seen = 0;
    begin(&fix, live_spec());
    tick(&fix, 0); /* nothing is known */
    writes(&fix, &seen, "");
    fst_report_discovered(fix.report,
                          &(struct fst_report_discovery){.tests = 2});
    tick(&fix, 0);
    writes(&fix, &seen, COUNTS_AT("----------  0/2", "0s") "^[[?7h^[[J^[[1A\r");
    session(&fix, 2);
    char *text = fresh(&fix, &seen);
    assert_int_equal(strncmp(text, "^[[J====", strlen("^[[J====")), 0);
    free(text);
    free(finish(&fix));
}

static void a_narrower_terminal_ends_the_line_of_letters(void **state)
{
    (void)state;
    struct fixture fix;
    size_t seen = 0;
    begin(&fix, live_spec());
    session(&fix, 2);
    test_passes(&fix, "test_a.py::test_a");
    tick(&fix, 0);
    free(fresh(&fix, &seen));
    fst_report_resize(fix.report, &(struct fst_screen){30, 30, 24});
    tick(&fix, 0);
    writes(&fix, &seen,
           "^[[J\n^[[?7l\n1/2  0s  about 1:15 left^[[K"
           "^[[?7h^[[J^[[1A\r");
    fst_report_resize(fix.report, &(struct fst_screen){30, 30, 2});
    tick(&fix, 0); /* has no room for it */
    writes(&fix, &seen, "^[[J");
    free(finish(&fix));
}

static void who_else_writes_finds_a_line_of_its_own(void **state)
{
    (void)state;
    struct fixture fix;
    size_t seen = 0;
    begin(&fix, live_spec());
    session(&fix, 2);
    test_passes(&fix, "test_a.py::test_a");
    tick(&fix, 0);
    free(fresh(&fix, &seen));
    fst_report_hide(fix.report);
    writes(&fix, &seen, "^[[J\n");
    free(finish(&fix));
}

static void without_a_terminal_a_quiet_minute_is_told(void **state)
{
    (void)state;
    struct fixture fix;
    size_t seen = 0;
    begin(&fix, (struct fst_report_spec){.progress = FST_PROGRESS_LINES});
    session(&fix, 3);
    test_passes(&fix, "test_a.py::test_a");
    tick(&fix, 5);
    free(fresh(&fix, &seen));
    tick(&fix, 64);
    writes(&fix, &seen, "");
    tick(&fix, 65);
    writes(&fix, &seen,
           "\n1:05: 1 of 3 tests done, about 1:15 left; gw1 has been at "
           "test_a.py::test_b for 1:05\n");
    tick(&fix, 100);
    test_ends(&fix, "test_a.py::test_f", FST_FAILED, NULL, 0);
    tick(&fix, 120);
    writes(&fix, &seen, "F");
    tick(&fix, 175); /* something was written since */
    writes(&fix, &seen, "");
    tick(&fix, 180);
    writes(&fix, &seen,
           "\n3:00: 2 of 3 tests done, 1 failed, about 1:15 left; gw1 has been "
           "at test_a.py::test_b for 3:00\n");
    free(finish(&fix));
}

static void without_progress_nothing_is_told(void **state)
{
    (void)state;
    struct fixture fix;
    size_t seen = 0;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 3);
    tick(&fix, 5);
    free(fresh(&fix, &seen));
    tick(&fix, 500);
    writes(&fix, &seen, "");
    free(finish(&fix));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_80_columns_the_bar_takes_what_is_left),
        cmocka_unit_test(at_160_columns_the_bar_is_40_wide),
        cmocka_unit_test(
            at_20_columns_counts_stay_and_ids_lose_their_beginning),
        cmocka_unit_test(no_line_is_wider_than_the_terminal_less_one),
        cmocka_unit_test(without_unicode_there_is_ascii_alone),
        cmocka_unit_test(colours_stand_around_what_they_mean),
        cmocka_unit_test(a_low_terminal_gets_fewer_lines),
        cmocka_unit_test(the_block_is_drawn_below_and_the_cursor_waits_above),
        cmocka_unit_test(the_block_is_there_while_the_first_worker_starts),
        cmocka_unit_test(a_narrower_terminal_ends_the_line_of_letters),
        cmocka_unit_test(who_else_writes_finds_a_line_of_its_own),
        cmocka_unit_test(without_a_terminal_a_quiet_minute_is_told),
        cmocka_unit_test(without_progress_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
