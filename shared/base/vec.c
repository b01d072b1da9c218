#include "shared/base/vec.h"

void *fst_vec_grow(void *items, size_t *cap, size_t size)
{
    *cap = *cap ? *cap * 2 : 8;
    return fst_realloc(items, *cap * size);
}

void fst_strings_add(struct fst_strings *list, const char *text)
{
    fst_vec_add(list, fst_strdup(text));
}

void fst_strings_clear(struct fst_strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    fst_vec_free(list);
}
