/* Names held against patterns. Any thread. */
#ifndef FST_BASE_FNMATCH_H
#define FST_BASE_FNMATCH_H

#include <stdbool.h>

/* Python's fnmatch.fnmatchcase: '*' and '?' match '/' and leading dots too,
 * "[!x]" negates, no escapes. Bytes, except that '?' takes one UTF-8
 * character. However many '*' there are: it goes back to the last one only. */
bool fst_fnmatch(const char *text, const char *pattern);

#endif
