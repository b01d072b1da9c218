#include "shared/json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/mem.h"

/* Parses bytes with nothing behind them, so that ASan sees a read too far. */
static struct fst_json *parse(const char *bytes, size_t len,
                              struct fst_err *err)
{
    char *copy = fst_alloc(len + 1);
    char *exact = realloc(copy, len ? len : 1);
    memcpy(exact, bytes, len);
    struct fst_json *json = fst_json_parse(exact, len, err);
    free(exact);
    return json;
}

static void expect_refusal(const char *bytes, size_t len, const char *words)
{
    struct fst_err err = {0};
    assert_null(parse(bytes, len, &err));
    assert_int_equal(err.code, FST_E_SYNTAX);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" instead of \"%s\"", err.msg, words);
}

#define REFUSED(text, words) expect_refusal(text, sizeof(text) - 1, words)

static void values_of_all_types_are_read(void **state)
{
    (void)state;
    static const char text[] =
        " {\"s\":\"\\u00e9\\ud83d\\ude00\\n\",\"n\":-1.5e2,\"t\":true,"
        "\"f\":false,\"z\":null,\"a\":[1,[],{}]} \r\n\t";
    struct fst_err err;
    struct fst_json *json = parse(text, sizeof text - 1, &err);
    assert_non_null(json);
    assert_int_equal(fst_json_type(json), FST_JSON_OBJECT);
    assert_int_equal(fst_json_count(json), 6);
    assert_string_equal(fst_json_string(fst_json_get(json, "s")),
                        "\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_true(fst_json_number(fst_json_get(json, "n")) < -149.9);
    assert_true(fst_json_bool(fst_json_get(json, "t")));
    assert_false(fst_json_bool(fst_json_get(json, "f")));
    assert_int_equal(fst_json_type(fst_json_get(json, "z")), FST_JSON_NULL);
    const struct fst_json *array = fst_json_get(json, "a");
    assert_int_equal(fst_json_type(array), FST_JSON_ARRAY);
    const struct fst_json *item = fst_json_first(array);
    assert_int_equal(fst_json_type(item), FST_JSON_NUMBER);
    assert_null(fst_json_key(item));
    item = fst_json_next(fst_json_next(item));
    assert_int_equal(fst_json_type(item), FST_JSON_OBJECT);
    assert_null(fst_json_first(item));
    assert_null(fst_json_next(item));
    fst_json_free(json);
}

static void members_are_found_by_their_exact_key(void **state)
{
    (void)state;
    struct fst_err err;
    struct fst_json *json = parse("{\"Key\":1,\"key\":\"a\"}", 19, &err);
    assert_string_equal(fst_json_string(fst_json_get(json, "key")), "a");
    assert_null(fst_json_get(json, "KEY"));
    assert_string_equal(fst_json_key(fst_json_first(json)), "Key");
    assert_null(fst_json_get(fst_json_get(json, "key"), "x"));
    fst_json_free(json);
    json = parse("[1]", 3, &err);
    assert_null(fst_json_get(json, "0"));
    fst_json_free(json);
}

static void types_have_names(void **state)
{
    (void)state;
    assert_string_equal(fst_json_type_name(FST_JSON_NULL), "null");
    assert_string_equal(fst_json_type_name(FST_JSON_BOOL), "boolean");
    assert_string_equal(fst_json_type_name(FST_JSON_OBJECT), "object");
}

static void what_cjson_would_let_pass_is_refused(void **state)
{
    (void)state;
    REFUSED("{\"a\":1}x", "behind the JSON");
    REFUSED("{\"a\":1}{}", "behind the JSON");
    REFUSED("{\"a\":1,\"b\":2,\"a\":3}", "\"a\" twice");
    REFUSED("[{\"a\":{\"b\":1,\"\\u0062\":1}}]", "\"b\" twice");
    REFUSED("\"a\\u0000b\"", "NUL");
    REFUSED("\"a\0b\"", "NUL");
    REFUSED("{}\0", "NUL");
    REFUSED("\"a\nb\"", "control character");
    REFUSED("\"\x80\"", "UTF-8");
    REFUSED("\"\xc0\x80\"", "UTF-8");
    REFUSED("\"\xed\xa0\x80\"", "UTF-8");
    REFUSED("\"\xf4\x90\x80\x80\"", "UTF-8");
    REFUSED("\"\xe2\x82\"", "UTF-8");
    REFUSED("\"\\\xff\"", "UTF-8");
    REFUSED("1e999", "out of range");
    REFUSED("[0,{\"a\":-1e999}]", "out of range");
}

static void an_escaped_backslash_before_u0000_is_no_nul(void **state)
{
    (void)state;
    struct fst_err err;
    struct fst_json *json = parse("\"\\\\u0000\"", 9, &err);
    assert_non_null(json);
    assert_string_equal(fst_json_string(json), "\\u0000");
    fst_json_free(json);
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    REFUSED("", "not JSON");
    REFUSED("  ", "not JSON");
    REFUSED("nul", "not JSON");
    REFUSED("{a:1}", "not JSON around byte");
    REFUSED("[1,]", "not JSON");
    REFUSED("{\"a\" 1}", "not JSON");
    REFUSED("\"\\ud800\"", "not JSON");
    REFUSED("\"\\ud800\\u0041\"", "not JSON");
    REFUSED("\"\\x41\"", "not JSON");
    REFUSED("]", "not JSON");
    REFUSED("}{", "not JSON");
}

static void every_beginning_of_a_text_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,{\"b\":\"\\\"\\u00e9\xc3\xa9\"},null],\"c\":false}";
    struct fst_err err;
    for (size_t len = 0; len < sizeof text - 1; len++)
        assert_null(parse(text, len, &err));
    struct fst_json *json = parse(text, sizeof text - 1, &err);
    assert_non_null(json);
    fst_json_free(json);
}

static void depth_has_a_ceiling(void **state)
{
    (void)state;
    char text[2 * FST_JSON_DEPTH + 2];
    struct fst_err err;
    memset(text, '[', FST_JSON_DEPTH);
    memset(text + FST_JSON_DEPTH, ']', FST_JSON_DEPTH);
    struct fst_json *json = parse(text, 2 * (size_t)FST_JSON_DEPTH, &err);
    assert_non_null(json);
    fst_json_free(json);
    memset(text, '[', FST_JSON_DEPTH + 1);
    memset(text + FST_JSON_DEPTH + 1, ']', FST_JSON_DEPTH + 1);
    expect_refusal(text, sizeof text, "64 levels");
}

/* Changes of one byte in a text that has everything: read or refused, never
 * more than that. */
static void values_have_a_ceiling(void **state)
{
    (void)state;
    size_t len = 2 * (size_t)FST_JSON_VALUES + 3;
    char *text = malloc(len);
    struct fst_err err;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 ? '0' : ',';
    text[0] = '[';
    text[len - 1] = ']';
    assert_null(fst_json_parse(text, len, &err));
    assert_int_equal(err.code, FST_E_SYNTAX);
    assert_non_null(strstr(err.msg, "8388608 values"));
    free(text);
}

static void any_byte_anywhere_is_read_or_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[-1.5e2,\"\\u00e9\\n\xf0\x9f\x98\x80\"],"
                               "\"b\":{\"c\":null,\"d\":true}}";
    size_t taken = 0;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (int byte = 0; byte < 256; byte++) {
            char changed[sizeof text];
            struct fst_err err = {0};
            memcpy(changed, text, sizeof text);
            changed[i] = (char)byte;
            struct fst_json *json = parse(changed, sizeof text - 1, &err);
            taken += json != NULL;
            if (!json)
                assert_int_equal(err.code, FST_E_SYNTAX);
            fst_json_free(json);
        }
    }
    assert_true(taken >= sizeof text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_types_are_read),
        cmocka_unit_test(members_are_found_by_their_exact_key),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(what_cjson_would_let_pass_is_refused),
        cmocka_unit_test(an_escaped_backslash_before_u0000_is_no_nul),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(every_beginning_of_a_text_is_refused),
        cmocka_unit_test(depth_has_a_ceiling),
        cmocka_unit_test(values_have_a_ceiling),
        cmocka_unit_test(any_byte_anywhere_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
