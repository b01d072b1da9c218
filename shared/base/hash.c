#include "shared/base/hash.h"

uint64_t fst_hash_more(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t fst_hash(const void *bytes, size_t len)
{
    return fst_hash_more(FST_HASH_INIT, bytes, len);
}
