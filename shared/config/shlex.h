/* A string split into words as Python's shlex.split() does (POSIX mode, no
 * comments): addopts, PYTEST_ADDOPTS, ini values of kind args. */
#ifndef FST_CONFIG_SHLEX_H
#define FST_CONFIG_SHLEX_H

#include "shared/base/err.h"
#include "shared/base/vec.h"

/* Appends the words. FST_E_SYNTAX with shlex's own words ("No closing
 * quotation", "No escaped character"); the caller adds where. */
int fst_shlex_split(const char *text, struct fst_strings *words,
                    struct fst_err *err);

#endif
