#include "shared/config/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct fst_ini *ini, const char *text, struct fst_err *err)
{
    *ini = (struct fst_ini){0};
    return fst_ini_parse(ini, "x.ini", text, strlen(text), err);
}

static void a_value_is_read_by_iniconfigs_rules(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value;
    } cases[] = {
        {"[s]\na = b\n", "a", "b"},
        {"[s]\na=b", "a", "b"},
        {"[s]\na: b = c\n", "a", "b = c"},
        {"[s]\na = b : c\n", "a", "b : c"},
        {"[s]\na:b=c\n", "a", "b=c"},
        {"[s]\na =\n", "a", ""},
        {"[s]\na =\n  b\n  c\n", "a", "b\nc"},
        {"[s]\na = b\n\n  # no\n ; no\n\tc  \n", "a", "b\nc"},
        {"[s]\na = b ; kept # too\n", "a", "b ; kept # too"},
        {"[s] # c ; d\na = b\n", "a", "b"},
        {"[s]\na = b\n[c d\n", "a", "b\n[c d"},
        {"[s]\na = \xc2\xa0 b \xe3\x80\x80\n", "a", "b"},
        {"[s]\n= b\n", "", "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_ini ini;
        struct fst_err err;
        assert_int_equal(parse(&ini, cases[i].text, &err), 0);
        assert_true(fst_ini_has(&ini, "s"));
        const struct fst_ini_entry *entry =
            fst_ini_get(&ini, "s", cases[i].name);
        assert_non_null(entry);
        assert_string_equal(entry->value, cases[i].value);
        fst_ini_release(&ini);
    }
}

static void what_iniconfig_refuses_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a = b\n", "x.ini:1: no section header defined"},
        {"[s]\na\n", "x.ini:2: unexpected line \"a\""},
        {"[s]\n[]\n", "x.ini:2: empty section name"},
        {"[s]\n[t]\n[s]\n", "x.ini:3: duplicate section \"s\""},
        {"[s]\na=1\na=2\n", "x.ini:3: duplicate name \"a\""},
        {"  a\n", "x.ini:1: unexpected value continuation"},
        {"[s]\n  a\n", "x.ini:2: unexpected value continuation"},
        {"[s\n", "x.ini:1: unexpected value continuation"},
        {"\xef\xbb\xbf[s]\n", "x.ini:1: unexpected line \"\xef\xbb\xbf[s]\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_ini ini;
        struct fst_err err;
        assert_int_equal(parse(&ini, cases[i].text, &err), -1);
        assert_int_equal(err.code, FST_E_SYNTAX);
        assert_string_equal(err.msg, cases[i].message);
        fst_ini_release(&ini);
    }
}

static void a_line_of_a_megabyte_is_read_whole(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    char *text = fst_alloc(LONG + 16);
    strcpy(text, "[s]\na = ");
    size_t start = strlen(text);
    memset(text + start, 'x', LONG);
    struct fst_ini ini;
    struct fst_err err;
    assert_int_equal(parse(&ini, text, &err), 0);
    assert_int_equal(strlen(fst_ini_get(&ini, "s", "a")->value), LONG);
    fst_ini_release(&ini);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_read_by_iniconfigs_rules),
        cmocka_unit_test(what_iniconfig_refuses_is_refused_with_its_line),
        cmocka_unit_test(a_line_of_a_megabyte_is_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
