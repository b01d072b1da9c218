#include "coordinator/discover/map.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/hash.h"
#include "shared/base/mem.h"

/* The slot of key, or the free one where it belongs. */
static struct fst_map_slot *slot_of(const struct fst_map *map, const char *key)
{
    size_t at = (size_t)fst_hash(key, strlen(key)) & (map->cap - 1);
    while (map->slots[at].key && strcmp(map->slots[at].key, key) != 0)
        at = (at + 1) & (map->cap - 1);
    return &map->slots[at];
}

void **fst_map_find(const struct fst_map *map, const char *key)
{
    if (!map->cap)
        return NULL;
    struct fst_map_slot *slot = slot_of(map, key);
    return slot->key ? &slot->value : NULL;
}

static void grow(struct fst_map *map)
{
    struct fst_map old = *map;
    map->cap = old.cap ? 2 * old.cap : 16;
    map->slots = fst_calloc(map->cap, sizeof *map->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key)
            *slot_of(map, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

void **fst_map_put(struct fst_map *map, const char *key)
{
    if (4 * (map->count + 1) > 3 * map->cap)
        grow(map);
    struct fst_map_slot *slot = slot_of(map, key);
    if (!slot->key) {
        slot->key = key;
        map->count++;
    }
    return &slot->value;
}

void fst_map_release(struct fst_map *map)
{
    free(map->slots);
    *map = (struct fst_map){0};
}
