/* FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): tables and digests of
 * files; no protection against those who look for collisions. */
#ifndef FST_BASE_HASH_H
#define FST_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t fst_hash(const void *bytes, size_t len);

#endif
