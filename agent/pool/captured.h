/* The files in which a worker's pytest captures standard output and error: sent
 * by the worker over its pipe (SCM_RIGHTS), read when it has died, so that what
 * the dying test had written is told. */
#ifndef FST_POOL_CAPTURED_H
#define FST_POOL_CAPTURED_H

#include <stddef.h>
#include <sys/socket.h>

#include "shared/base/arena.h"

enum {
    FST_CAPTURED_FILES = 2,        /* standard output, standard error */
    FST_CAPTURED_KEPT = 64 * 1024, /* bytes of each that are told, its end */
    FST_CAPTURED_CONTROL = 256,    /* room for a message's control data */
};

struct fst_captured { /* zeroed is empty */
    int fds[FST_CAPTURED_FILES];
    size_t count;
};

/* Takes the descriptors that came with a message; those past the second, and
 * what is no ordinary file, are closed. */
void fst_captured_take(struct fst_captured *captured, struct msghdr *header);
/* What is in file i now, in arena: valid UTF-8, "" where nothing is; a line
 * says how much of its beginning is left out. */
const char *fst_captured_text(const struct fst_captured *captured, size_t i,
                              struct fst_arena *arena);
void fst_captured_close(struct fst_captured *captured);

#endif
