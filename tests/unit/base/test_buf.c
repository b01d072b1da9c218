#include "shared/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_buffer_reads_as_an_empty_string(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    assert_string_equal(fst_buf_str(&buf), "");
    fst_buf_clear(&buf);
    fst_buf_drop(&buf, 0);
    char *text = fst_buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
}

static void appends_follow_each_other_and_end_with_a_nul(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    assert_int_equal(fst_buf_adds(&buf, "a"), 0);
    assert_int_equal(fst_buf_addc(&buf, 'b'), 0);
    assert_int_equal(fst_buf_addf(&buf, "%03d", 7), 0);
    assert_int_equal(fst_buf_add(&buf, "\0c", 2), 0);
    assert_int_equal(buf.len, 7);
    assert_memory_equal(buf.data, "ab007\0c", 8);
    fst_buf_release(&buf);
}

static void adding_nothing_makes_an_empty_string(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    assert_int_equal(fst_buf_add(&buf, NULL, 0), 0);
    assert_int_equal(buf.len, 0);
    assert_non_null(buf.data);
    assert_string_equal(buf.data, "");
    fst_buf_release(&buf);
}

static void it_grows_by_single_bytes_without_losing_any(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(fst_buf_addc(&buf, (char)('a' + i % 26)), 0);
    assert_int_equal(buf.len, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buf.data[i], 'a' + i % 26);
    assert_int_equal(buf.data[10000], '\0');
    fst_buf_release(&buf);
}

static void past_its_limit_each_append_fails_and_changes_nothing(void **state)
{
    (void)state;
    struct fst_buf buf;
    fst_buf_init(&buf, 4);
    assert_int_equal(fst_buf_adds(&buf, "abcd"), 0);
    assert_int_equal(fst_buf_addc(&buf, 'e'), -1);
    assert_int_equal(fst_buf_adds(&buf, "e"), -1);
    assert_int_equal(fst_buf_addf(&buf, "%d", 1), -1);
    assert_null(fst_buf_room(&buf, 1));
    assert_int_equal(fst_buf_adds(&buf, ""), 0);
    assert_string_equal(fst_buf_str(&buf), "abcd");
    fst_buf_release(&buf);
}

static void a_length_that_overflows_fails(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    assert_int_equal(fst_buf_addc(&buf, 'a'), 0);
    assert_null(fst_buf_room(&buf, SIZE_MAX));
    assert_int_equal(fst_buf_add(&buf, "b", SIZE_MAX - 1), -1);
    assert_string_equal(fst_buf_str(&buf), "a");
    fst_buf_release(&buf);
}

static void release_and_take_keep_the_limit(void **state)
{
    (void)state;
    struct fst_buf buf;
    fst_buf_init(&buf, 2);
    assert_int_equal(fst_buf_adds(&buf, "ab"), 0);
    char *text = fst_buf_take(&buf);
    assert_string_equal(text, "ab");
    free(text);
    assert_int_equal(buf.len, 0);
    assert_int_equal(fst_buf_adds(&buf, "abc"), -1);
    assert_int_equal(fst_buf_adds(&buf, "cd"), 0);
    fst_buf_release(&buf);
    assert_int_equal(fst_buf_adds(&buf, "abc"), -1);
}

static void room_is_filled_in_place(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    assert_int_equal(fst_buf_adds(&buf, "a"), 0);
    char *room = fst_buf_room(&buf, 1000);
    assert_non_null(room);
    memset(room, 'x', 1000);
    buf.len += 3;
    fst_buf_end(&buf);
    assert_string_equal(buf.data, "axxx");
    fst_buf_release(&buf);
}

static void drop_takes_bytes_off_the_front(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    assert_int_equal(fst_buf_adds(&buf, "abcdef"), 0);
    fst_buf_drop(&buf, 2);
    assert_string_equal(fst_buf_str(&buf), "cdef");
    fst_buf_drop(&buf, 4);
    assert_int_equal(buf.len, 0);
    assert_string_equal(fst_buf_str(&buf), "");
    fst_buf_release(&buf);
}

static void clear_forgets_the_bytes_and_keeps_the_memory(void **state)
{
    (void)state;
    struct fst_buf buf = FST_BUF_INIT;
    assert_int_equal(fst_buf_adds(&buf, "abc"), 0);
    size_t cap = buf.cap;
    fst_buf_clear(&buf);
    assert_string_equal(fst_buf_str(&buf), "");
    assert_int_equal(buf.cap, cap);
    fst_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_reads_as_an_empty_string),
        cmocka_unit_test(appends_follow_each_other_and_end_with_a_nul),
        cmocka_unit_test(adding_nothing_makes_an_empty_string),
        cmocka_unit_test(it_grows_by_single_bytes_without_losing_any),
        cmocka_unit_test(past_its_limit_each_append_fails_and_changes_nothing),
        cmocka_unit_test(a_length_that_overflows_fails),
        cmocka_unit_test(release_and_take_keep_the_limit),
        cmocka_unit_test(room_is_filled_in_place),
        cmocka_unit_test(drop_takes_bytes_off_the_front),
        cmocka_unit_test(clear_forgets_the_bytes_and_keeps_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
