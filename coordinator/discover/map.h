/* A map from strings to pointers, by open addressing. Keys are borrowed: they
 * live at least as long as the map. Zeroed is empty. One owner at a time. */
#ifndef FST_DISCOVER_MAP_H
#define FST_DISCOVER_MAP_H

#include <stddef.h>
#include <stdint.h>

struct fst_map {
    struct fst_map_slot {
        const char *key; /* NULL: free */
        void *value;
    } * slots;
    size_t count, cap; /* cap: 0 or a power of two */
};

/* Where key's value is, or NULL. */
void **fst_map_find(const struct fst_map *map, const char *key);
/* Where key's value is; NULL is put there where the key is new. Valid until
 * the next put. */
void **fst_map_put(struct fst_map *map, const char *key);
void fst_map_release(struct fst_map *map);

#endif
