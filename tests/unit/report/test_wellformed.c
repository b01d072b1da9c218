#include "coordinator/report/wellformed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_pytest_writes_may_stand(void **state)
{
    (void)state;
    static const char *const fine[] = {
        "",
        "<t />",
        "<t/><t></t>",
        "<t classname=\"a.B\" name=\"b[&lt;&quot;&#10;x&#x41;]\" time=\"0.1\">"
        "<failure message=\"E\">def b():\n&gt; \xc3\xa4 &amp;</failure>"
        "<system-out>x</system-out><properties><property name=\"n\" "
        "value=\"v\" /></properties></t>",
    };
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        if (!fst_xml_is_fine(fine[i]))
            fail_msg("%s", fine[i]);
}

static void what_would_break_the_file_may_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x",
        "<t>",
        "</t>",
        "<t></u>",
        "<t></t></testsuite>",
        "<t><a></t></a>",
        "<t>a < b</t>",
        "<t>&nbsp;</t>",
        "<t>& </t>",
        "<t>&#0;</t>",
        "<t>&#x110000;</t>",
        "<t>&#-1;</t>",
        "<t>&#xg;</t>",
        "<t>&#x0x41;</t>",
        "<t>&# 65;</t>",
        "<t a=b></t>",
        "<t a='b'></t>",
        "<t a=\"1\" a=\"2\"></t>",
        "<ta=\"1\"></t>",
        "<t a=\"1\"b=\"2\"></t>",
        "<t a=\"<\"></t>",
        "<t a=\"1></t>",
        "<t><n:a></n:a></t>",
        "<t>\x01</t>",
        "<t>\xef\xbf\xbf</t>",
        "<t>]]></t>",
        "<t><!-- a --></t>",
        "<t><![CDATA[a]]></t>",
        "<t><?a?></t>",
        "<!DOCTYPE t><t></t>",
        "<t",
        "<t /",
        "<",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fst_xml_is_fine(bad[i]))
            fail_msg("%s", bad[i]);
}

static void a_frame_is_a_document_with_an_empty_suite(void **state)
{
    (void)state;
#define HEAD "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
    assert_true(fst_xml_is_frame(
        HEAD "<testsuites name=\"a\"><testsuite b=\"1\" /></testsuites>"));
    static const char *const bad[] = {
        "",
        HEAD,
        HEAD "<testsuites></testsuites>",
        HEAD "<testsuites><other b=\"1\" /></testsuites>",
        HEAD "<testsuites><testsuite b=\"1\"><c /></testsuite></testsuites>",
        HEAD "<testsuites><testsuite b=\"1\" /><testsuites /></testsuites>",
        HEAD "<testsuites><testsuite b=\"1\" /></testsuites><testsuites />",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fst_xml_is_frame(bad[i]))
            fail_msg("%s", bad[i]);
}

static void it_may_not_be_too_deep_or_too_broad(void **state)
{
    (void)state;
    char deep[400] = "", broad[2000] = "<t";
    for (size_t i = 0; i < 33; i++)
        memcpy(deep + 3 * i, "<t>", 4);
    for (size_t i = 0; i < 33; i++)
        memcpy(deep + 99 + 4 * i, "</t>", 5);
    assert_false(fst_xml_is_fine(deep));
    for (size_t i = 0; i < 65; i++) {
        char name[] = " aa=\"\"";
        name[1] = (char)('a' + i / 26);
        name[2] = (char)('a' + i % 26);
        strcat(broad, name);
    }
    strcat(broad, "/>");
    assert_false(fst_xml_is_fine(broad));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_pytest_writes_may_stand),
        cmocka_unit_test(what_would_break_the_file_may_not),
        cmocka_unit_test(a_frame_is_a_document_with_an_empty_suite),
        cmocka_unit_test(it_may_not_be_too_deep_or_too_broad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
