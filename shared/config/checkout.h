/* Whether two machines have the same files: their digests, and what differs. */
#ifndef FST_CONFIG_CHECKOUT_H
#define FST_CONFIG_CHECKOUT_H

#include <stddef.h>

#include "shared/base/vec.h"

enum { FST_CHECKOUT_NAMED = 20 }; /* paths that differ, at most */

/* Adds "<digest> <path>" for each path below root; a digest of dashes where the
 * file can't be read. */
void fst_checkout_lines(const char *root, const char *const *paths, size_t n,
                        struct fst_strings *lines);
/* How many of such lines aren't true below root; the first paths are added to
 * `differ`. */
size_t fst_checkout_compare(const char *root, const char *const *lines,
                            size_t n, struct fst_strings *differ);

#endif
