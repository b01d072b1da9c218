#include "agent/pool/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/mem.h"
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

char *fst_text_tail(struct fst_arena *arena, int fd, size_t most)
{
    struct stat info;
    if (fstat(fd, &info) || info.st_size <= 0)
        return fst_arena_str(arena, "");
    size_t size = (size_t)info.st_size;
    size_t len = size < most ? size : most;
    char *bytes = fst_alloc(len + 1);
    ssize_t got = pread(fd, bytes, len, (off_t)(size - len));
    char *from = bytes, *end = bytes + (got > 0 ? got : 0);
    char *line = size > len ? memchr(from, '\n', (size_t)(end - from)) : NULL;
    if (line)
        from = line + 1;
    while (end > from && strchr(" \t\r\n", end[-1]))
        end--;
    char *text = fst_text_clean(arena, from, (size_t)(end - from));
    free(bytes);
    return text;
}
