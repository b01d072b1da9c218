/* Strings to numbers: where a node id or a message stands in an array.
 *
 * Open addressing, 16 bytes a slot, no removal. Keys are kept by address and
 * stay their owner's; they must outlive the index. */
#ifndef FST_REPORT_INDEX_H
#define FST_REPORT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fst_index_slot {
    const char *key; /* NULL: free */
    uint32_t value;
};

struct fst_index { /* zeroed is empty */
    struct fst_index_slot *slots;
    size_t count, cap; /* cap is 0 or a power of two */
};

/* The number of key, or NULL. Valid until the next add. */
uint32_t *fst_index_find(const struct fst_index *index, const char *key);
/* key must not be in it. */
void fst_index_add(struct fst_index *index, const char *key, uint32_t value);
void fst_index_release(struct fst_index *index);

#endif
