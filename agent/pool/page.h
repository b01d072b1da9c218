/* The page that a worker shares with its agent: docs/worker.md, "The shared
 * page". The worker writes, we read; nothing in it is trusted. */
#ifndef FST_POOL_PAGE_H
#define FST_POOL_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/arena.h"
#include "shared/base/err.h"

enum {
    FST_PAGE_HEAD = 4096,
    FST_PAGE_PENDING = 262144,
    FST_PAGE_NAME = 4032, /* bytes of a name, at most */
};

struct fst_page {
    int fd; /* a memfd, close-on-exec */
    const unsigned char *bytes;
};

struct fst_page_status {
    uint32_t doing; /* 0 idle, 1 collecting, 2 testing, 3 finishing */
    uint32_t phase; /* 0 set-up, 1 call, 2 tear-down */
    uint64_t lease;
    double start_s;   /* of the steady clock */
    uint32_t child;   /* pid of the child that runs it (--isolate), or 0 */
    const char *name; /* valid UTF-8, in the arena */
};

int fst_page_open(struct fst_page *page, struct fst_err *err);
void fst_page_close(struct fst_page *page);
void fst_page_read(const struct fst_page *page, struct fst_arena *arena,
                   struct fst_page_status *status);
/* The frames not yet sent; *len bytes. */
const void *fst_page_pending(const struct fst_page *page, size_t *len);

#endif
