#include "shared/json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void groups_are_nested_with_commas_where_they_belong(void **state)
{
    (void)state;
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer writer;
    struct fst_err err;
    fst_jw_init(&writer, &out);
    fst_jw_object(&writer);
    fst_jw_key(&writer, "a");
    fst_jw_array(&writer);
    fst_jw_array(&writer);
    fst_jw_array_end(&writer);
    fst_jw_object(&writer);
    fst_jw_object_end(&writer);
    fst_jw_int(&writer, 1);
    fst_jw_array_end(&writer);
    fst_jw_key(&writer, "b");
    fst_jw_bool(&writer, true);
    fst_jw_key(&writer, "c");
    fst_jw_null(&writer);
    fst_jw_object_end(&writer);
    assert_int_equal(fst_jw_end(&writer, &err), 0);
    assert_string_equal(out.data, "{\"a\":[[],{},1],\"b\":true,\"c\":null}");
    fst_buf_release(&out);
}

static void writes_string(const char *text, size_t len, const char *json)
{
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer writer;
    fst_jw_init(&writer, &out);
    fst_jw_stringn(&writer, text, len);
    assert_string_equal(out.data, json);
    fst_buf_release(&out);
}

#define WRITTEN(text, json) writes_string(text, sizeof(text) - 1, json)

static void strings_are_escaped_and_made_valid(void **state)
{
    (void)state;
    WRITTEN("", "\"\"");
    WRITTEN("plain \xc3\xa9 \xf0\x9f\x98\x80",
            "\"plain \xc3\xa9 \xf0\x9f\x98\x80\"");
    WRITTEN("\"\\/\b\f\n\r\t", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    WRITTEN("\x01\x1b\x1f\x7f", "\"\\u0001\\u001b\\u001f\\u007f\"");
    WRITTEN("a\0b", "\"a\\u0000b\"");
    WRITTEN("a\xff\xfe"
            "b",
            "\"a\xef\xbf\xbd\xef\xbf\xbd"
            "b\"");
    WRITTEN("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    WRITTEN("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer writer;
    fst_jw_init(&writer, &out);
    fst_jw_string(&writer, NULL);
    assert_string_equal(out.data, "null");
    fst_buf_release(&out);
}

static void writes_double(double value, const char *json)
{
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer writer;
    fst_jw_init(&writer, &out);
    fst_jw_double(&writer, value);
    assert_string_equal(out.data, json);
    fst_buf_release(&out);
}

static void numbers_are_exact_to_the_microsecond(void **state)
{
    (void)state;
    writes_double(0, "0");
    writes_double(-0.0, "0");
    writes_double(1.5, "1.5");
    writes_double(-0.25, "-0.25");
    writes_double(0.000001, "0.000001");
    writes_double(0.0000004, "0");
    writes_double(0.9999999, "1");
    writes_double(3, "3");
    writes_double(100, "100");
    writes_double(1700000000.123456, "1700000000.123456");
    writes_double(NAN, "null");
    writes_double(INFINITY, "null");
    writes_double(1e300, "null");
}

static void integers_are_written_to_their_limits(void **state)
{
    (void)state;
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer writer;
    fst_jw_init(&writer, &out);
    fst_jw_array(&writer);
    fst_jw_int(&writer, 0);
    fst_jw_int(&writer, INT64_MIN);
    fst_jw_int(&writer, INT64_MAX);
    fst_jw_u64(&writer, 0);
    fst_jw_u64(&writer, UINT64_MAX);
    fst_jw_array_end(&writer);
    assert_string_equal(out.data, "[0,-9223372036854775808,9223372036854775807,"
                                  "\"0\",\"18446744073709551615\"]");
    fst_buf_release(&out);
}

static void past_the_limit_nothing_more_is_written(void **state)
{
    (void)state;
    struct fst_buf out;
    struct fst_json_writer writer;
    struct fst_err err;
    fst_buf_init(&out, 10);
    fst_jw_init(&writer, &out);
    fst_jw_array(&writer);
    fst_jw_string(&writer, "12345");
    assert_int_equal(fst_jw_end(&writer, &err), 0);
    fst_jw_string(&writer, "67");
    fst_jw_array_end(&writer);
    assert_int_equal(fst_jw_end(&writer, &err), -1);
    assert_int_equal(err.code, FST_E_LIMIT);
    assert_true(out.len <= 10);
    fst_buf_release(&out);
}

/* Random bytes as a string come out as JSON that the reader takes. */
static void any_bytes_make_json_that_can_be_read(void **state)
{
    (void)state;
    srand(3);
    for (int round = 0; round < 2000; round++) {
        char text[64];
        size_t len = (size_t)rand() % sizeof text;
        struct fst_buf out = FST_BUF_INIT;
        struct fst_json_writer writer;
        struct fst_err err;
        for (size_t i = 0; i < len; i++)
            text[i] = (char)(1 + (rand() >> 5) % 255);
        fst_jw_init(&writer, &out);
        fst_jw_stringn(&writer, text, len);
        struct fst_json *json = fst_json_parse(out.data, out.len, &err);
        assert_non_null(json);
        assert_int_equal(fst_json_type(json), FST_JSON_STRING);
        fst_json_free(json);
        fst_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_nested_with_commas_where_they_belong),
        cmocka_unit_test(strings_are_escaped_and_made_valid),
        cmocka_unit_test(numbers_are_exact_to_the_microsecond),
        cmocka_unit_test(integers_are_written_to_their_limits),
        cmocka_unit_test(past_the_limit_nothing_more_is_written),
        cmocka_unit_test(any_bytes_make_json_that_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
