#include "agent/pool/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    struct fst_lines lines;
    struct fst_buf text;
    size_t calls, longest;
};

static void on_lines(void *user, const char *text)
{
    struct heard *heard = user;
    assert_int_equal(text[strlen(text) - 1], '\n');
    fst_buf_adds(&heard->text, text);
    heard->calls++;
    if (strlen(text) > heard->longest)
        heard->longest = strlen(text);
}

static struct heard *begin(bool held)
{
    struct heard *heard = calloc(1, sizeof *heard);
    fst_lines_init(&heard->lines, on_lines, heard);
    if (!held)
        fst_lines_let_go(&heard->lines);
    return heard;
}

static void feed(struct heard *heard, const char *text)
{
    fst_lines_feed(&heard->lines, text, strlen(text));
}

static void end(struct heard *heard)
{
    fst_lines_release(&heard->lines);
    fst_buf_release(&heard->text);
    free(heard);
}

static void a_line_waits_for_its_end(void **state)
{
    struct heard *heard = begin(false);
    (void)state;
    feed(heard, "one\ntw");
    assert_string_equal(fst_buf_str(&heard->text), "one\n");
    feed(heard, "o\nthree\n");
    assert_string_equal(fst_buf_str(&heard->text), "one\ntwo\nthree\n");
    assert_int_equal(heard->calls, 2);
    end(heard);
}

static void what_has_no_end_is_a_line_when_it_is_asked_for(void **state)
{
    struct heard *heard = begin(false);
    (void)state;
    fst_lines_end(&heard->lines);
    feed(heard, "password: ");
    fst_lines_end(&heard->lines);
    fst_lines_end(&heard->lines);
    assert_string_equal(fst_buf_str(&heard->text), "password: \n");
    end(heard);
}

static void carriage_returns_end_lines_too(void **state)
{
    struct heard *heard = begin(false);
    (void)state;
    feed(heard, "a\r");
    feed(heard, "\nb\r\n10%\r20%\r\n\n");
    assert_string_equal(fst_buf_str(&heard->text), "a\nb\n10%\n20%\n\n");
    end(heard);
}

static void what_was_held_comes_first(void **state)
{
    struct heard *heard = begin(true);
    (void)state;
    feed(heard, "early\n");
    fst_lines_end(&heard->lines);
    assert_int_equal(heard->calls, 0);
    fst_lines_let_go(&heard->lines);
    feed(heard, "late\n");
    assert_string_equal(fst_buf_str(&heard->text), "early\nlate\n");
    end(heard);
}

static void a_mark_ends_the_line_and_what_follows_waits(void **state)
{
    struct heard *heard = begin(false);
    (void)state;
    feed(heard, "one" FST_LINES_MARK "two" FST_LINES_MARK "three\n");
    assert_string_equal(fst_buf_str(&heard->text), "one\n");
    fst_lines_go_on(&heard->lines);
    assert_string_equal(fst_buf_str(&heard->text), "one\ntwo\n");
    fst_lines_go_on(&heard->lines);
    fst_lines_go_on(&heard->lines);
    assert_string_equal(fst_buf_str(&heard->text), "one\ntwo\nthree\n");
    end(heard);
}

static void a_mark_may_come_in_pieces_and_what_is_none_stays(void **state)
{
    struct heard *heard = begin(false);
    (void)state;
    for (const char *at = "a\x1d\x1d\x1e" FST_LINES_MARK "b\n"; *at; at++)
        fst_lines_feed(&heard->lines, at, 1);
    assert_string_equal(fst_buf_str(&heard->text), "a\x1d\x1d\x1e\n");
    fst_lines_end(&heard->lines);
    assert_string_equal(fst_buf_str(&heard->text), "a\x1d\x1d\x1e\nb\n");
    end(heard);
}

static void what_is_no_text_becomes_text_and_colours_stay(void **state)
{
    struct heard *heard = begin(false);
    (void)state;
    fst_lines_feed(&heard->lines, "\xff\0\x1b[31mred\n", 12);
    assert_string_equal(fst_buf_str(&heard->text), "\?\?\x1b[31mred\n");
    end(heard);
}

static void a_line_without_end_is_cut_between_characters(void **state)
{
    enum { TIMES = 300 };
    struct heard *heard = begin(false);
    char piece[3 * 3000 + 1] = "";
    size_t euros = 0;
    (void)state;
    for (int i = 0; i < 3000; i++)
        memcpy(piece + (ptrdiff_t)3 * i, "\xe2\x82\xac", 4);
    for (int i = 0; i < TIMES; i++)
        feed(heard, piece);
    fst_lines_end(&heard->lines);
    assert_true(heard->longest <= FST_LINES_LONGEST + 64 * 1024 + 1);
    assert_true(heard->calls >= 3 * 3000 * TIMES / FST_LINES_LONGEST);
    assert_null(strchr(fst_buf_str(&heard->text), '?'));
    for (const char *at = fst_buf_str(&heard->text); *at; at++)
        euros += *at == '\xac';
    assert_int_equal(euros, 3000 * TIMES);
    end(heard);
}

static void a_flood_before_the_start_is_bounded(void **state)
{
    struct heard *heard = begin(true);
    (void)state;
    for (int i = 0; i < 100000; i++)
        feed(heard, "0123456789012345678901234567890123456789\n");
    assert_true(heard->lines.rest.len <= FST_LINES_LONGEST);
    fst_lines_let_go(&heard->lines);
    assert_true(heard->text.len > 0);
    end(heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_waits_for_its_end),
        cmocka_unit_test(what_has_no_end_is_a_line_when_it_is_asked_for),
        cmocka_unit_test(carriage_returns_end_lines_too),
        cmocka_unit_test(what_was_held_comes_first),
        cmocka_unit_test(a_mark_ends_the_line_and_what_follows_waits),
        cmocka_unit_test(a_mark_may_come_in_pieces_and_what_is_none_stays),
        cmocka_unit_test(what_is_no_text_becomes_text_and_colours_stay),
        cmocka_unit_test(a_line_without_end_is_cut_between_characters),
        cmocka_unit_test(a_flood_before_the_start_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
