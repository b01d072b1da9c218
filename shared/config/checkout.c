#include "shared/config/checkout.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/base/hash.h"
#include "shared/base/mem.h"

enum { DIGEST = 17 };

/* All that stands in the file; -1: it can't be read. */
static int read_all(int fd, struct fst_buf *bytes)
{
    char chunk[65536];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        fst_buf_add(bytes, chunk, (size_t)got);
    return got ? -1 : 0;
}

static void digest(const char *root, const char *path, char text[DIGEST])
{
    struct fst_buf bytes = FST_BUF_INIT;
    char *name = fst_printf("%s/%s", root, path);
    /* O_NONBLOCK: a FIFO must not hold us up. */
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    memset(text, '-', DIGEST - 1);
    text[DIGEST - 1] = '\0';
    if (fd >= 0 && !read_all(fd, &bytes))
        snprintf(text, DIGEST, "%016" PRIx64, fst_hash(bytes.data, bytes.len));
    if (fd >= 0)
        close(fd);
    fst_buf_release(&bytes);
    free(name);
}

void fst_checkout_lines(const char *root, const char *const *paths, size_t n,
                        struct fst_strings *lines)
{
    char text[DIGEST];
    for (size_t i = 0; i < n; i++) {
        digest(root, paths[i], text);
        char *line = fst_printf("%s %s", text, paths[i]);
        fst_strings_add(lines, line);
        free(line);
    }
}

size_t fst_checkout_compare(const char *root, const char *const *lines,
                            size_t n, struct fst_strings *differ)
{
    size_t count = 0;
    char text[DIGEST];
    for (size_t i = 0; i < n; i++) {
        if (strlen(lines[i]) < DIGEST || lines[i][DIGEST - 1] != ' ')
            continue;
        digest(root, lines[i] + DIGEST, text);
        if (!strncmp(text, lines[i], DIGEST - 1))
            continue;
        if (count++ < FST_CHECKOUT_NAMED)
            fst_strings_add(differ, lines[i] + DIGEST);
    }
    return count;
}
