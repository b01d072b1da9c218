#include "coordinator/report/width.h"

#include <stdint.h>

#include "shared/base/utf8.h"

struct range {
    uint32_t first, last;
};

static const struct range zero[] = {
    {0x0300, 0x036f},   {0x0483, 0x0489},   {0x0591, 0x05bd}, {0x064b, 0x065f},
    {0x0900, 0x0902},   {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff},   {0x200b, 0x200f},   {0x202a, 0x202e}, {0x2060, 0x2064},
    {0x20d0, 0x20ff},   {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
    {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef},
};

static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},
    {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};

static int is_in(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count && ranges[i].first <= c; i++)
        if (c <= ranges[i].last)
            return 1;
    return 0;
}

static uint32_t code_point(const char *text, size_t len)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)text[0] & lead[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    return c;
}

/* Columns of the character at text; *used: its bytes. */
static size_t step(const char *text, size_t len, size_t *used)
{
    *used = fst_utf8_sequence(text, len);
    if (*used <= 1) {
        *used = 1;
        return 1;
    }
    uint32_t c = code_point(text, *used);
    if (is_in(c, zero, sizeof zero / sizeof *zero))
        return 0;
    return is_in(c, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

size_t fst_width(const char *text, size_t len)
{
    size_t columns = 0, used;
    for (size_t at = 0; at < len; at += used)
        columns += step(text + at, len - at, &used);
    return columns;
}

size_t fst_width_fit(const char *text, size_t len, size_t columns)
{
    size_t at = 0, taken = 0, used;
    while (at < len) {
        taken += step(text + at, len - at, &used);
        if (taken > columns)
            break;
        at += used;
    }
    return at;
}
