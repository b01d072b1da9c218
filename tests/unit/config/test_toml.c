#include "shared/config/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/mem.h"

static struct fst_toml *parse(const char *text, struct fst_arena *arena,
                              struct fst_err *err)
{
    *arena = (struct fst_arena){0};
    return fst_toml_parse("x.toml", text, strlen(text), arena, err);
}

static void a_scalar_has_its_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fst_toml_kind kind;
        const char *value;
    } cases[] = {
        {"a = \"b\"\n", FST_TOML_STRING, "b"},
        {"a = ''\n", FST_TOML_STRING, ""},
        {"a = \"\"\n", FST_TOML_STRING, ""},
        {"a = 'b\\n\"c'", FST_TOML_STRING, "b\\n\"c"},
        {"a = \"\\b\\t\\n\\f\\r\\\"\\\\\"\n", FST_TOML_STRING,
         "\b\t\n\f\r\"\\"},
        {"a = \"\\u00e9\\U0001F600\"\n", FST_TOML_STRING,
         "\xc3\xa9\xf0\x9f\x98\x80"},
        {"a = \"\"\"\nb\n\"c\"\n\"\"\"\n", FST_TOML_STRING, "b\n\"c\"\n"},
        {"a = \"\"\"b \\\n   c\"\"\"\n", FST_TOML_STRING, "b c"},
        {"a = '''\nb\n  c'''\n", FST_TOML_STRING, "b\n  c"},
        {"a = true\n", FST_TOML_BOOLEAN, "true"},
        {"a = +1_000\n", FST_TOML_INTEGER, "1000"},
        {"a = -17\n", FST_TOML_INTEGER, "-17"},
        {"a = 0x1F\n", FST_TOML_INTEGER, "31"},
        {"a = 0o17 # c\n", FST_TOML_INTEGER, "15"},
        {"a = 0b11\n", FST_TOML_INTEGER, "3"},
        {"a = 1.5e3\n", FST_TOML_OTHER, "1.5e3"},
        {"a = 1979-05-27\n", FST_TOML_OTHER, "1979-05-27"},
        {"\"a\" = 1\n", FST_TOML_INTEGER, "1"},
        {"'a' = 1\n", FST_TOML_INTEGER, "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_arena arena;
        struct fst_err err;
        const struct fst_toml *root = parse(cases[i].text, &arena, &err);
        const struct fst_toml *item = fst_toml_get(root, "a");
        assert_non_null(item);
        assert_int_equal(item->kind, cases[i].kind);
        assert_string_equal(item->text, cases[i].value);
        fst_arena_release(&arena);
    }
}

static void tables_nest_however_they_are_written(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "[a.b]\nc = 'x'\n",
        "[a]\nb.c = 'x'\n",
        "a.b.c = 'x'\n",
        "a = { b = { c = 'x' } }\n",
        "a = { b.c = 'x' }\n",
        "[a . \"b\"]\n'c' = 'x'\n",
        "[a.b.d]\n[a]\ne = 1\n[a.b]\nc = 'x'\n",
        "[a]\nb.d = 1\nb.c = 'x'\n",
        "# one\n[a] # two\n[a.b] # three\n# four\nc = 'x' # five\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_arena arena;
        struct fst_err err;
        const struct fst_toml *item = parse(cases[i], &arena, &err);
        item = fst_toml_get(fst_toml_get(item, "a"), "b");
        item = fst_toml_get(item, "c");
        assert_non_null(item);
        assert_string_equal(item->text, "x");
        fst_arena_release(&arena);
    }
}

static void arrays_keep_their_elements_in_order(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "a = ['x', 'y']\n",
        "a = [\n  'x', # one\n  # two\n  'y',\n]\n",
        "a=[\"x\",'''y''']\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_arena arena;
        struct fst_err err;
        const struct fst_toml *array =
            fst_toml_get(parse(cases[i], &arena, &err), "a");
        assert_int_equal(array->kind, FST_TOML_ARRAY);
        assert_string_equal(array->first->text, "x");
        assert_string_equal(array->first->next->text, "y");
        assert_null(array->first->next->next);
        fst_arena_release(&arena);
    }
}

static void
a_header_goes_into_the_last_element_of_an_array_of_tables(void **state)
{
    (void)state;
    struct fst_arena arena;
    struct fst_err err;
    const struct fst_toml *root =
        parse("[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 2\n", &arena, &err);
    const struct fst_toml *array = fst_toml_get(root, "a");
    assert_int_equal(array->kind, FST_TOML_ARRAY);
    assert_null(fst_toml_get(array->first, "c"));
    const struct fst_toml *inner = fst_toml_get(array->first->next, "c");
    assert_string_equal(fst_toml_get(inner, "d")->text, "2");
    fst_arena_release(&arena);
}

static void what_tomllib_refuses_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a = 1\na = 2\n", "x.toml:2: defined twice: a"},
        {"[a]\n[a]\n", "x.toml:2: defined twice: a"},
        {"[a]\nb = 1\n[a.b]\n", "x.toml:3: defined twice: b"},
        {"a = {}\n[a.b]\n", "x.toml:2: defined twice: a"},
        {"a = { b = 1, b = 2 }\n", "x.toml:1: defined twice: b"},
        {"a = []\n[[a]]\n", "x.toml:2: defined twice: a"},
        {"[[a]]\n[a]\n", "x.toml:2: defined twice: a"},
        {"[a.b]\n[a]\nb.c = 1\n", "x.toml:3: defined twice: b"},
        {"a.b = 1\n[a]\n", "x.toml:2: defined twice: a"},
        {"a = { b = 1 }\na.c = 2\n", "x.toml:2: defined twice: a"},
        {"a = \"\\ud800\"\n", "x.toml:1: an escape that means no character"},
        {"a = \"\\U00110000\"\n",
         "x.toml:1: an escape that means no character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_arena arena;
        struct fst_err err = {0};
        assert_null(parse(cases[i].text, &arena, &err));
        assert_int_equal(err.code, FST_E_SYNTAX);
        assert_string_equal(err.msg, cases[i].message);
        fst_arena_release(&arena);
    }
}

static void broken_text_is_refused_and_nothing_else_happens(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "a",
        "a =",
        "a = b",
        "[a",
        "[a]]",
        "= 1",
        "a = \"b",
        "a = 'b\n'",
        "a = [1, 2",
        "a = {b = 1",
        "a = 1 b = 2",
        "[]",
        "a = \"\\x\"",
        "a = \"\"\"b",
        "a = 01",
        "a = 1__0",
        "a. = 1",
        ".a = 1",
        "a = tru",
        "\x01",
        "a = \"\\u12\"",
        "[[a]",
        "a = 1,",
        "a == 1",
        "a = '''",
        "a\n= 1",
        "{}",
        "a = {\nb = 1}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_arena arena;
        struct fst_err err = {0};
        assert_null(parse(cases[i], &arena, &err));
        assert_int_equal(err.code, FST_E_SYNTAX);
        assert_ptr_equal(strstr(err.msg, "x.toml:"), err.msg);
        fst_arena_release(&arena);
    }
}

static void every_beginning_of_a_file_is_read_or_refused(void **state)
{
    (void)state;
    static const char text[] =
        "# c\n[tool.x]\na.b = \"\\u00e9\\\"\" # d\n[[t]]\nq = [1, {z = '''\n"
        "y'''}, [true]]\nr = 1979-05-27T07:32:00Z\n\"k\" = \"\"\"\\\n  v\"\"\""
        "\n";
    for (size_t len = 0; len < sizeof text; len++) {
        struct fst_arena arena = {0};
        struct fst_err err = {0};
        char *copy = fst_strndup(text, len);
        if (!fst_toml_parse("x.toml", copy, len, &arena, &err))
            assert_int_equal(err.code, FST_E_SYNTAX);
        fst_arena_release(&arena);
        free(copy);
    }
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    char *text = fst_alloc(3 * DEEP + 16);
    strcpy(text, "a = ");
    memset(text + 4, '[', DEEP);
    memset(text + 4 + DEEP, ']', DEEP);
    struct fst_arena arena;
    struct fst_err err = {0};
    assert_null(parse(text, &arena, &err));
    assert_string_equal(err.msg, "x.toml:1: nested too deep");
    fst_arena_release(&arena);
    for (size_t i = 0; i < DEEP; i++)
        memcpy(text + 2 * i, "a.", 2);
    strcpy(text + (size_t)2 * DEEP, "a=1");
    assert_null(parse(text, &arena, &err));
    assert_string_equal(err.msg, "x.toml:1: nested too deep");
    fst_arena_release(&arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scalar_has_its_value),
        cmocka_unit_test(tables_nest_however_they_are_written),
        cmocka_unit_test(arrays_keep_their_elements_in_order),
        cmocka_unit_test(
            a_header_goes_into_the_last_element_of_an_array_of_tables),
        cmocka_unit_test(what_tomllib_refuses_is_refused_with_its_line),
        cmocka_unit_test(broken_text_is_refused_and_nothing_else_happens),
        cmocka_unit_test(every_beginning_of_a_file_is_read_or_refused),
        cmocka_unit_test(deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
