/* A test file of any bytes, as discovery reads it. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "coordinator/discover/outline.h"
#include "shared/base/err.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct fst_parser *parser;
    char path[64];
    int fd = memfd_create("test_a.py", MFD_CLOEXEC);
    FST_ASSERT(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (!parser)
        parser = fst_parser_new();
    struct fst_outline *outline = fst_outline_read(parser, path);
    FST_ASSERT(outline);
    fst_outline_free(outline);
    close(fd);
    return 0;
}
