#include "shared/base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void sizes_are_read(void **state)
{
    (void)state;
    const int64_t mib = 1 << 20;
    const struct {
        const char *text;
        int64_t size;
    } cases[] = {
        {"512M", 512 * mib},
        {"512m", 512 * mib},
        {"512MB", 512 * mib},
        {"512MiB", 512 * mib},
        {"4G", 4096 * mib},
        {"4gib", 4096 * mib},
        {"1.5G", 1536 * mib},
        {"0.125G", 128 * mib},
        {"2048K", 2 * mib},
        {"1T", mib * mib},
        {"1048576", mib},
        {"1048576B", mib},
        {"80%", -80},
        {"1%", -1},
        {"100%", -100},
        {"", 0},
        {"0", 0},
        {"0%", 0},
        {"101%", 0},
        {"12.5%", 0},
        {"1048575", 0},
        {"512", 0},
        {"1023K", 0},
        {"-4G", 0},
        {" 4G", 0},
        {"4G ", 0},
        {"4 G", 0},
        {"4X", 0},
        {"4GiBB", 0},
        {"4iB", 0},
        {"G", 0},
        {"1.G", 0},
        {".5G", 0},
        {"1.5.5G", 0},
        {"1e9", 0},
        {"99999999999999999999", 0},
        {"9999999999T", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fst_size_read(cases[i].text) != cases[i].size)
            fail_msg("%s: %lld", cases[i].text,
                     (long long)fst_size_read(cases[i].text));
}

static void sizes_are_written_for_people(void **state)
{
    (void)state;
    char text[FST_SIZE_TEXT];
    assert_string_equal(fst_size_text(0, text), "0 KiB");
    assert_string_equal(fst_size_text(500 << 10, text), "500 KiB");
    assert_string_equal(fst_size_text(INT64_C(512) << 20, text), "512 MiB");
    assert_string_equal(fst_size_text(INT64_C(1536) << 20, text), "1.5 GiB");
    assert_string_equal(fst_size_text(INT64_C(5) << 40, text), "5.0 TiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(sizes_are_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
