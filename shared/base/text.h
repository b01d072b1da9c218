/* Bytes of a worker's making as text that may travel. */
#ifndef FST_BASE_TEXT_H
#define FST_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/arena.h"

/* Valid UTF-8 without NUL: what isn't becomes "?", byte for byte. In arena. */
char *fst_text_clean(struct fst_arena *arena, const char *bytes, size_t len);
/* The same of an end of something: from the start of a line where it is cut off
 * before and a line begins in it, without white space at the end. */
char *fst_text_end(struct fst_arena *arena, const char *bytes, size_t len,
                   bool is_cut);
/* Whether it is UTF-8 without control characters (ECMA-48's C0 and C1, DEL): it
 * can be shown in a line as it is. */
bool fst_text_is_line(const char *text);

#endif
