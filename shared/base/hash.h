/* FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): tables and digests of
 * files; no protection against those who look for collisions. */
#ifndef FST_BASE_HASH_H
#define FST_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define FST_HASH_INIT UINT64_C(0xcbf29ce484222325)

uint64_t fst_hash(const void *bytes, size_t len);
/* Of what comes in pieces, from FST_HASH_INIT on. */
uint64_t fst_hash_more(uint64_t hash, const void *bytes, size_t len);

#endif
