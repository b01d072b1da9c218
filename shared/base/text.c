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
    const unsigned char *at = (const unsigned char *)text;
    size_t len = strlen(text);
    for (size_t i = 0, n; i < len; i += n) {
        n = fst_utf8_sequence(text + i, len - i);
        bool c1 = n == 2 && at[i] == 0xc2 && at[i + 1] < 0xa0;
        if (!n || at[i] < ' ' || at[i] == 0x7f || c1)
            return false;
    }
    return true;
}
