#include "coordinator/discover/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/utf8.h"

static const char *system_says(struct fst_arena *arena)
{
    return fst_arena_printf(arena, "unreadable: %s", strerror(errno));
}

static bool same_file(const struct stat *one, const struct stat *two)
{
    return one->st_size == two->st_size &&
           one->st_mtim.tv_sec == two->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == two->st_mtim.tv_nsec;
}

/* *changed: the file was written to while it was read. */
static const char *read_once(int fd, struct fst_buf *buf, bool *changed,
                             struct fst_arena *arena)
{
    struct stat before, after;
    ssize_t got;
    fst_buf_clear(buf);
    if (fstat(fd, &before))
        return system_says(arena);
    if (!S_ISREG(before.st_mode))
        return "not a regular file";
    if (before.st_size > FST_SOURCE_LIMIT)
        return "larger than 256 MiB";
    size_t chunk = (size_t)before.st_size + 1;
    do {
        char *room = fst_buf_room(buf, chunk);
        if (!room)
            return "larger than 256 MiB";
        got = read(fd, room, chunk);
        if (got < 0 && errno != EINTR)
            return system_says(arena);
        buf->len += got > 0 ? (size_t)got : 0;
        fst_buf_end(buf);
        chunk = 4096;
    } while (got);
    if (fstat(fd, &after))
        return system_says(arena);
    *changed = !same_file(&before, &after) ||
               (uint64_t)after.st_size != (uint64_t)buf->len;
    return NULL;
}

/* The name behind "coding:" or "coding=" in a comment line, as PEP 263's
 * expression finds it; its length, 0: none. */
static size_t find_cookie(const char *line, size_t len, const char **name)
{
    size_t at = 0;
    while (at < len &&
           (line[at] == ' ' || line[at] == '\t' || line[at] == '\f'))
        at++;
    if (at == len || line[at] != '#')
        return 0;
    for (; at + 7 < len; at++) {
        if (memcmp(line + at, "coding", 6) != 0 ||
            (line[at + 6] != ':' && line[at + 6] != '='))
            continue;
        size_t start = at + 7;
        while (start < len && (line[start] == ' ' || line[start] == '\t'))
            start++;
        size_t end = start;
        while (
            end < len &&
            (isalnum((unsigned char)line[end]) || strchr("-_.", line[end])) &&
            line[end])
            end++;
        if (end > start) {
            *name = line + start;
            return end - start;
        }
    }
    return 0;
}

static bool is_blank_or_comment(const char *line, size_t len)
{
    size_t at = 0;
    while (at < len && strchr(" \t\f\r", line[at]) && line[at])
        at++;
    return at == len || line[at] == '#';
}

static size_t cookie(const struct fst_buf *buf, const char **name)
{
    const char *line = buf->data, *end = buf->data + buf->len;
    for (int i = 0; i < 2 && line < end; i++) {
        size_t len = 0;
        while (line + len < end && line[len] != '\n')
            len++;
        size_t found = find_cookie(line, len, name);
        if (found || !is_blank_or_comment(line, len))
            return found;
        line += len + 1;
    }
    return 0;
}

enum encoding { UTF8, SINGLE_BYTE, UNKNOWN };

/* By the beginning of the name, with '_' for '-', in any case. */
static enum encoding encoding_of(const char *name, size_t len)
{
    static const char *const utf8[] = {"utf-8", "utf8"};
    static const char *const single[] = {
        "ascii", "us-ascii", "latin",       "iso-8859-", "iso8859-",
        "l1",    "cp125",    "windows-125", "cp437",     "cp85",
        "cp86",  "koi8-",    "mac-roman"};
    char plain[24];
    size_t at = 0;
    for (; at < len && at < sizeof plain - 1; at++)
        plain[at] = name[at] == '_' ? '-' : name[at];
    plain[at] = 0;
    for (size_t i = 0; i < sizeof utf8 / sizeof *utf8; i++)
        if (!strncasecmp(plain, utf8[i], strlen(utf8[i])))
            return UTF8;
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (!strncasecmp(plain, single[i], strlen(single[i])))
            return SINGLE_BYTE;
    return UNKNOWN;
}

/* Offset of the first byte that is not UTF-8; len: none. */
static size_t first_bad_byte(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        if (!((unsigned char)text[at] & 0x80)) {
            at++;
            continue;
        }
        size_t step = fst_utf8_sequence(text + at, len - at);
        if (!step)
            return at;
        at += step;
    }
    return len;
}

static size_t line_of(const char *text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

static const char *decode(struct fst_buf *buf, struct fst_arena *arena)
{
    const char *name;
    if (!buf->len)
        return NULL;
    bool marked = buf->len >= 3 && !memcmp(buf->data, "\xef\xbb\xbf", 3);
    if (marked)
        fst_buf_drop(buf, 3);
    if (memchr(buf->data, 0, buf->len))
        return "holds NUL bytes";
    for (size_t i = 0; i < buf->len; i++)
        if (buf->data[i] == '\r' &&
            (i + 1 == buf->len || buf->data[i + 1] != '\n'))
            buf->data[i] = '\n';
    size_t len = cookie(buf, &name);
    enum encoding encoding = len ? encoding_of(name, len) : UTF8;
    if (encoding == UNKNOWN)
        return fst_arena_printf(arena, "unknown encoding: %.*s", (int)len,
                                name);
    if (encoding == UTF8) {
        size_t bad = first_bad_byte(buf->data, buf->len);
        if (bad == buf->len)
            return NULL;
        return fst_arena_printf(arena, "not UTF-8 (line %zu)",
                                line_of(buf->data, bad));
    }
    for (size_t i = 0; i < buf->len; i++)
        if ((unsigned char)buf->data[i] & 0x80)
            buf->data[i] = 'x';
    return NULL;
}

const char *fst_source_read(const char *path, struct fst_buf *buf,
                            struct fst_arena *arena)
{
    bool changed = true;
    const char *wrong = NULL;
    /* O_NONBLOCK: a FIFO that took the file's place must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return system_says(arena);
    for (int attempt = 0; attempt < 2 && changed && !wrong; attempt++) {
        if (lseek(fd, 0, SEEK_SET) < 0)
            wrong = "not a regular file";
        else
            wrong = read_once(fd, buf, &changed, arena);
    }
    close(fd);
    if (wrong)
        return wrong;
    if (changed)
        return "changed while it was read";
    return decode(buf, arena);
}
