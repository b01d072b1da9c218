/* What a command prints, and what an interpreter says of itself. Blocks, on a
 * loop of its own: not for a loop that others wait for. */
#ifndef FST_LOOP_ASK_H
#define FST_LOOP_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/buf.h"

/* At most 4 MiB; nothing where it can't be run, prints more, or takes longer
 * than limit_ns (0: as long as it wants). input: what it reads, or NULL. out:
 * empty. */
void fst_ask(const char *const *argv, const struct fst_buf *input,
             int64_t limit_ns, struct fst_buf *out);

struct fst_versions {
    char python[32]; /* "3.11.2"; "": it can't be run */
    char pytest[32]; /* "7.2.1"; "": it has none */
};

/* python: an interpreter, searched in PATH. Imports nothing of pytest but its
 * version. */
void fst_ask_versions(const char *python, struct fst_versions *versions);

#endif
