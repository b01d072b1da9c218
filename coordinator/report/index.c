#include "coordinator/report/index.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *key)
{
    uint64_t sum = 14695981039346656037u;
    for (; *key; key++)
        sum = (sum ^ (unsigned char)*key) * 1099511628211u;
    return sum ^ (sum >> 32);
}

static struct fst_index_slot *slot_of(const struct fst_index *index,
                                      const char *key)
{
    size_t at = (size_t)hash(key) & (index->cap - 1);
    while (index->slots[at].key && strcmp(index->slots[at].key, key) != 0)
        at = (at + 1) & (index->cap - 1);
    return &index->slots[at];
}

uint32_t *fst_index_find(const struct fst_index *index, const char *key)
{
    if (!index->cap)
        return NULL;
    struct fst_index_slot *slot = slot_of(index, key);
    return slot->key ? &slot->value : NULL;
}

static void grow(struct fst_index *index)
{
    struct fst_index old = *index;
    index->cap = old.cap ? old.cap * 2 : 64;
    index->slots = fst_calloc(index->cap, sizeof *index->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key)
            *slot_of(index, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

void fst_index_add(struct fst_index *index, const char *key, uint32_t value)
{
    if ((index->count + 1) * 4 > index->cap * 3)
        grow(index);
    *slot_of(index, key) = (struct fst_index_slot){key, value};
    index->count++;
}

void fst_index_release(struct fst_index *index)
{
    free(index->slots);
    *index = (struct fst_index){0};
}
