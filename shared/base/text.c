#include "shared/base/text.h"

#include <string.h>

#include "shared/base/utf8.h"

char *fst_text_clean(struct fst_arena *arena, const char *bytes, size_t len)
{
    char *text = fst_arena_strn(arena, bytes, len);
    /* A NUL may have cut it: the bytes decide. */
    for (size_t at = 0; at < len;) {
        size_t n = bytes[at] ? fst_utf8_sequence(bytes + at, len - at) : 0;
        if (n)
            memcpy(text + at, bytes + at, n);
        else
            text[at] = '?';
        at += n ? n : 1;
    }
    return text;
}

size_t fst_text_control(const char *text)
{
    unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];
    if (!c)
        return 0;
    if (c == 0xc2 && next >= 0x80 && next < 0xa0)
        return 2;
    return c < 0x20 || c == 0x7f ? 1 : 0;
}

char *fst_text_end(struct fst_arena *arena, const char *bytes, size_t len,
                   bool is_cut)
{
    const char *from = bytes, *end = bytes + len;
    const char *line = is_cut && len ? memchr(from, '\n', len) : NULL;
    if (line)
        from = line + 1;
    while (end > from && strchr(" \t\r\n", end[-1]))
        end--;
    return fst_text_clean(arena, from, (size_t)(end - from));
}

bool fst_text_is_line(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0, n; i < len; i += n) {
        n = fst_utf8_sequence(text + i, len - i);
        if (!n || fst_text_control(text + i))
            return false;
    }
    return true;
}
