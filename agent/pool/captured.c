#include "agent/pool/captured.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/base/text.h"

static void take_one(struct fst_captured *captured, int fd)
{
    struct stat info;
    /* A pipe or device could keep us waiting when it is read. */
    if (captured->count < FST_CAPTURED_FILES && !fstat(fd, &info) &&
        S_ISREG(info.st_mode))
        captured->fds[captured->count++] = fd;
    else
        close(fd);
}

void fst_captured_take(struct fst_captured *captured, struct msghdr *header)
{
    struct cmsghdr *part = CMSG_FIRSTHDR(header);
    for (; part; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t len = part->cmsg_len - CMSG_LEN(0);
        for (size_t at = 0; at + sizeof(int) <= len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
            take_one(captured, fd);
        }
    }
}

const char *fst_captured_text(const struct fst_captured *captured, size_t i,
                              struct fst_arena *arena)
{
    struct stat info;
    if (i >= captured->count || fstat(captured->fds[i], &info) ||
        info.st_size <= 0)
        return "";
    size_t size = (size_t)info.st_size;
    size_t len = size < FST_CAPTURED_KEPT ? size : FST_CAPTURED_KEPT;
    char *bytes = fst_alloc(len);
    ssize_t got = pread(captured->fds[i], bytes, len, (off_t)(size - len));
    const char *text = fst_text_clean(arena, bytes, got > 0 ? (size_t)got : 0);
    if (size > len)
        text = fst_arena_printf(arena, "[... %zu bytes left out ...]\n%s",
                                size - len, text);
    free(bytes);
    return text;
}

void fst_captured_close(struct fst_captured *captured)
{
    while (captured->count)
        close(captured->fds[--captured->count]);
}
