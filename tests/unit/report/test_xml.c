#include "coordinator/report/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coordinator/report/github.h"

struct pair {
    const char *text, *written;
};

typedef void add_fn(struct fst_buf *out, const char *text);

static void check(add_fn *add, const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fst_buf out = FST_BUF_INIT;
        add(&out, pairs[i].text);
        assert_string_equal(fst_buf_str(&out), pairs[i].written);
        fst_buf_release(&out);
    }
}

#define CHECK(add, pairs) check(add, pairs, sizeof(pairs) / sizeof *(pairs))

static void text_is_escaped_as_pytest_does(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"", ""},
        {"a\tb\r\nc", "a\tb\r\nc"},
        {"<a href=\"x\">&amp;]]>", "&lt;a href=\"x\"&gt;&amp;amp;]]&gt;"},
        {"\x01\x1b[31m\x7f", "#x01#x1B[31m#x7F"},
        {"\xc3\xa9 \xe2\x82\xac \xef\xbf\xbd", "\xc3\xa9 \xe2\x82\xac "
                                               "\xef\xbf\xbd"},
        {"\xef\xbf\xbe\xef\xbf\xbf", "#xFFFE#xFFFF"},
        {"\xf0\x9f\x98\x80", "#x1F600"},
        {"\xff\xc3(\xed\xa0\x80", "#xFF#xC3(#xED#xA0#x80"},
        {"cut \xe2\x82", "cut #xE2#x82"},
    };
    CHECK(fst_xml_add_text, pairs);
}

static void values_keep_their_quotes_and_lines(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"a\tb\r\nc", "a&#09;b&#13;&#10;c"},
        {"'\"<&>", "'&quot;&lt;&amp;&gt;"},
        {"\x02", "#x02"},
    };
    CHECK(fst_xml_add_value, pairs);
}

static void add_message(struct fst_buf *out, const char *text)
{
    fst_github_escape(out, text, false);
}

static void add_property(struct fst_buf *out, const char *text)
{
    fst_github_escape(out, text, true);
}

static void annotations_stay_one_line(void **state)
{
    (void)state;
    static const struct pair messages[] = {
        {"50% of\r\nit: a, b ::", "50%25 of%0D%0Ait: a, b ::"}};
    static const struct pair properties[] = {
        {"t.py::x[1,2]\n%", "t.py%3A%3Ax[1%2C2]%0A%25"}};
    CHECK(add_message, messages);
    CHECK(add_property, properties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_as_pytest_does),
        cmocka_unit_test(values_keep_their_quotes_and_lines),
        cmocka_unit_test(annotations_stay_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
