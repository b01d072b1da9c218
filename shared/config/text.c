#include "shared/config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/utf8.h"

enum { FILE_LIMIT = 16 << 20, READ_STEP = 64 << 10 };

static int read_all(const char *path, int fd, struct fst_buf *bytes,
                    struct fst_err *err)
{
    for (;;) {
        char *room = fst_buf_room(bytes, READ_STEP);
        if (!room)
            return fst_fail(err, FST_E_SYNTAX, "%s: larger than %d MiB", path,
                            FILE_LIMIT >> 20);
        ssize_t got = read(fd, room, READ_STEP);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fst_fail(err, FST_E_USAGE, "%s: %s", path, strerror(errno));
        bytes->len += (size_t)got;
        fst_buf_end(bytes);
        if (!got)
            return 0;
    }
}

int fst_text_read(const char *path, struct fst_buf *out, struct fst_err *err)
{
    struct fst_buf bytes;
    fst_buf_init(&bytes, FILE_LIMIT + READ_STEP);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fst_fail(err, FST_E_USAGE, "%s: %s", path, strerror(errno));
    int result = read_all(path, fd, &bytes, err);
    close(fd);
    if (!result)
        result = fst_text_take(path, fst_buf_str(&bytes), bytes.len, out, err);
    fst_buf_release(&bytes);
    return result;
}

int fst_text_take(const char *path, const char *bytes, size_t len,
                  struct fst_buf *out, struct fst_err *err)
{
    size_t line = 1;
    for (size_t i = 0; i < len;) {
        size_t n = fst_utf8_sequence(bytes + i, len - i);
        if (!n)
            return fst_fail(err, FST_E_SYNTAX, "%s:%zu: not UTF-8", path, line);
        if (!bytes[i])
            return fst_fail(err, FST_E_SYNTAX, "%s:%zu: a NUL byte", path,
                            line);
        if (bytes[i] == '\r') {
            n += i + 1 < len && bytes[i + 1] == '\n';
            fst_buf_addc(out, '\n');
            line++;
        } else {
            line += bytes[i] == '\n';
            fst_buf_add(out, bytes + i, n);
        }
        i += n;
    }
    return 0;
}

size_t fst_text_space(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;
    if (!len)
        return 0;
    if (c[0] == ' ' || (c[0] >= 9 && c[0] <= 13) ||
        (c[0] >= 0x1c && c[0] <= 0x1f))
        return 1;
    /* U+0085, U+00A0 */
    if (len >= 2 && c[0] == 0xc2 && (c[1] == 0x85 || c[1] == 0xa0))
        return 2;
    if (len < 3)
        return 0;
    /* U+1680; U+2000…200A, 2028, 2029, 202F, 205F; U+3000 */
    bool space = (c[0] == 0xe1 && c[1] == 0x9a && c[2] == 0x80) ||
                 (c[0] == 0xe2 && c[1] == 0x80 &&
                  ((c[2] >= 0x80 && c[2] <= 0x8a) || c[2] == 0xa8 ||
                   c[2] == 0xa9 || c[2] == 0xaf)) ||
                 (c[0] == 0xe2 && c[1] == 0x81 && c[2] == 0x9f) ||
                 (c[0] == 0xe3 && c[1] == 0x80 && c[2] == 0x80);
    return space ? 3 : 0;
}

void fst_text_rstrip(const char *text, size_t *len)
{
    for (;;) {
        size_t n = 0;
        for (size_t size = 1; !n && size <= 3 && size <= *len; size++)
            if (fst_text_space(text + *len - size, size) == size)
                n = size;
        if (!n)
            return;
        *len -= n;
    }
}

void fst_text_strip(const char **text, size_t *len)
{
    size_t n;
    while ((n = fst_text_space(*text, *len))) {
        *text += n;
        *len -= n;
    }
    fst_text_rstrip(*text, len);
}
