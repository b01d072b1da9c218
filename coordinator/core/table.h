/* Hashing of ids, and small numbers for texts. Private to coordinator/core. */
#ifndef FST_CORE_TABLE_H
#define FST_CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 64-bit FNV-1a, with the high bits folded down for power-of-two tables. */
uint64_t fst_table_hash(const char *text, size_t len);
/* Slots of an open-addressing table for so many entries: a power of two, at
 * most half full. */
size_t fst_table_size(size_t entries);

struct fst_table { /* texts -> 0, 1, 2 … in order of first appearance */
    struct fst_table_entry *entries;
    size_t size;
    uint32_t count;
};

void fst_table_init(struct fst_table *table, size_t most);
void fst_table_fini(struct fst_table *table);
/* The text's number; it is kept by address. At most `most` different ones. */
uint32_t fst_table_intern(struct fst_table *table, const char *text,
                          size_t len);
/* Whether the text is there, and its number. */
bool fst_table_find(const struct fst_table *table, const char *text, size_t len,
                    uint32_t *number);

#endif
