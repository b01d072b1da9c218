/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, <= U+10FFFF. */
#ifndef FST_BASE_UTF8_H
#define FST_BASE_UTF8_H

#include <stddef.h>

/* Length in bytes (1..4) of the valid sequence at text, 0 where there is none.
 * len: bytes there are, at least 1. */
size_t fst_utf8_sequence(const char *text, size_t len);

#endif
