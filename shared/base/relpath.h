/* Paths as seen from a directory; only text, the file system isn't asked. */
#ifndef FST_BASE_RELPATH_H
#define FST_BASE_RELPATH_H

#include "shared/base/arena.h"

/* path as seen from the directory base, with "../" where it lies outside; "."
 * where they are equal. Both absolute and normal. The result lives in the
 * arena. */
char *fst_relpath(struct fst_arena *arena, const char *base, const char *path);

#endif
