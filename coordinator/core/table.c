#include "coordinator/core/table.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"

struct fst_table_entry {
    const char *text; /* NULL: free */
    size_t len;
    uint32_t number;
};

uint64_t fst_table_hash(const char *text, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return hash ^ (hash >> 32);
}

size_t fst_table_size(size_t entries)
{
    size_t size = 8;
    while (size < 2 * entries)
        size *= 2;
    return size;
}

void fst_table_init(struct fst_table *table, size_t most)
{
    table->size = fst_table_size(most);
    table->entries = fst_calloc(table->size, sizeof *table->entries);
    table->count = 0;
}

void fst_table_fini(struct fst_table *table)
{
    free(table->entries);
    table->entries = NULL;
}

/* The text's entry, or the free one where it belongs. */
static struct fst_table_entry *entry_of(const struct fst_table *table,
                                        const char *text, size_t len)
{
    size_t mask = table->size - 1;
    size_t at = fst_table_hash(text, len) & mask;
    for (; table->entries[at].text; at = (at + 1) & mask) {
        const struct fst_table_entry *entry = &table->entries[at];
        if (entry->len == len && !memcmp(entry->text, text, len))
            break;
    }
    return &table->entries[at];
}

uint32_t fst_table_intern(struct fst_table *table, const char *text, size_t len)
{
    struct fst_table_entry *entry = entry_of(table, text, len);
    if (!entry->text)
        *entry = (struct fst_table_entry){text, len, table->count++};
    return entry->number;
}

bool fst_table_find(const struct fst_table *table, const char *text, size_t len,
                    uint32_t *number)
{
    const struct fst_table_entry *entry = entry_of(table, text, len);
    *number = entry->number;
    return entry->text != NULL;
}
