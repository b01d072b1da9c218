#include "shared/base/size.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LEAST_SIZE = 1 << 20 };

/* Digits with at most one point between them, in units of 1/1000; -1: too much
 * or no number. *end: what stands behind. */
static int64_t read_thousandths(const char *text, const char **end)
{
    const int64_t most = INT64_MAX / 1000 / 10 - 10;
    int64_t value = 0;
    int decimals = -1; /* behind the point; -1: before it */
    for (*end = text; isdigit((unsigned char)**end) ||
                      (**end == '.' && decimals < 0 && *end > text);
         ++*end) {
        if (**end == '.')
            decimals = 0;
        else if (decimals < 3) {
            if (value > most)
                return -1;
            value = value * 10 + (**end - '0');
            decimals += decimals >= 0;
        }
    }
    if (*end == text || decimals == 0)
        return -1;
    for (decimals = decimals < 0 ? 0 : decimals; decimals < 3; decimals++)
        value *= 10;
    return value;
}

int64_t fst_size_read(const char *text)
{
    static const char units[] = "KMGT";
    const char *rest;
    int64_t value = read_thousandths(text, &rest), size;
    if (value <= 0)
        return 0;
    if (!strcmp(rest, "%"))
        return value % 1000 || value > 100000 ? 0 : -value / 1000;
    const char *unit =
        *rest ? strchr(units, toupper((unsigned char)*rest)) : NULL;
    int64_t factor = 1;
    if (unit) {
        factor = INT64_C(1024) << (10 * (unit - units));
        rest++;
        if (!strcasecmp(rest, "iB"))
            rest += 2;
    }
    if (!strcasecmp(rest, "B"))
        rest++;
    if (*rest || __builtin_mul_overflow(value, factor, &size))
        return 0;
    return size / 1000 < LEAST_SIZE ? 0 : size / 1000;
}

const char *fst_size_text(int64_t bytes, char text[FST_SIZE_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1000 && unit < sizeof units / sizeof *units - 1) {
        value /= 1024;
        unit++;
    }
    snprintf(text, FST_SIZE_TEXT, unit >= 2 ? "%.1f %s" : "%.0f %s", value,
             units[unit]);
    return text;
}
