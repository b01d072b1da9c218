#include "agent/pool/page.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/base/text.h"

/* Offsets of docs/worker.md. */
enum {
    AT_DOING = 4,
    AT_PHASE = 8,
    AT_NAME_LEN = 12,
    AT_LEASE = 16,
    AT_START = 24,
    AT_PENDING_LEN = 32,
    AT_CHILD = 36,
    AT_NAME = 64,
    SIZE = FST_PAGE_HEAD + FST_PAGE_PENDING,
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the page is little-endian");

int fst_page_open(struct fst_page *page, struct fst_err *err)
{
    page->bytes = NULL;
    page->fd = memfd_create("fastest-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (page->fd < 0)
        return fst_fail_sys(err, "a page for a worker");
    void *bytes = MAP_FAILED;
    /* A worker that shrank it would kill us at the next look. */
    if (!ftruncate(page->fd, SIZE) &&
        !fcntl(page->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
        bytes = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, page->fd, 0);
    if (bytes == MAP_FAILED) {
        fst_fail_sys(err, "a page for a worker");
        close(page->fd);
        return -1;
    }
    page->bytes = bytes;
    return 0;
}

void fst_page_close(struct fst_page *page)
{
    munmap((void *)(uintptr_t)page->bytes, SIZE);
    close(page->fd);
    page->bytes = NULL;
}

static uint32_t read_u32(const struct fst_page *page, size_t at)
{
    uint32_t value;
    memcpy(&value, page->bytes + at, sizeof value);
    return value;
}

void fst_page_read(const struct fst_page *page, struct fst_arena *arena,
                   struct fst_page_status *status)
{
    uint32_t len = read_u32(page, AT_NAME_LEN);
    char name[FST_PAGE_NAME];
    if (len > sizeof name)
        len = sizeof name;
    /* A copy, since it may change under our hands. */
    memcpy(name, page->bytes + AT_NAME, len);
    status->doing = read_u32(page, AT_DOING);
    status->phase = read_u32(page, AT_PHASE);
    memcpy(&status->lease, page->bytes + AT_LEASE, sizeof status->lease);
    memcpy(&status->start_s, page->bytes + AT_START, sizeof status->start_s);
    status->child = read_u32(page, AT_CHILD);
    status->name = fst_text_clean(arena, name, len);
}

const void *fst_page_pending(const struct fst_page *page, size_t *len)
{
    *len = read_u32(page, AT_PENDING_LEN);
    if (*len > FST_PAGE_PENDING)
        *len = 0;
    return page->bytes + FST_PAGE_HEAD;
}
