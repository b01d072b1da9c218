/* Bytes of a worker's making as text that may travel. */
#ifndef FST_POOL_TEXT_H
#define FST_POOL_TEXT_H

#include <stddef.h>

#include "shared/base/arena.h"

/* Valid UTF-8 without NUL: what isn't becomes "?", byte for byte. In arena. */
char *fst_text_clean(struct fst_arena *arena, const char *bytes, size_t len);
/* The last `most` bytes of an open file, from the start of a line where one
 * begins in them, cleaned, without white space at the end. */
char *fst_text_tail(struct fst_arena *arena, int fd, size_t most);

#endif
