/* Bytes of others' making as text that may travel, and be shown. */
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
/* Length in bytes (0 … 2) of the control character that text[0] begins:
 * ECMA-48's C0 and C1, DEL; terminals obey them. */
size_t fst_text_control(const char *text);
/* Whether it is UTF-8 without control characters: it can be shown in a line as
 * it is. */
bool fst_text_is_line(const char *text);

#endif
