/* A growing array of any type, as three macros over a struct of the form
 *     struct { T *items; size_t count, cap; }
 * Zeroed is empty. The elements' own memory is their owner's business. */
#ifndef FST_BASE_VEC_H
#define FST_BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

#include "shared/base/mem.h"

#define FST_VEC(type)                                                          \
    struct {                                                                   \
        type *items;                                                           \
        size_t count, cap;                                                     \
    }

/* Makes room for one more at the end and gives its address (not zeroed). */
#define fst_vec_push(vec)                                                      \
    ((vec)->count == (vec)->cap                                                \
         ? ((vec)->items =                                                     \
                fst_vec_grow((vec)->items, &(vec)->cap, sizeof *(vec)->items), \
            &(vec)->items[(vec)->count++])                                     \
         : &(vec)->items[(vec)->count++])

#define fst_vec_add(vec, value) (*fst_vec_push(vec) = (value))

#define fst_vec_each(item, vec)                                                \
    for ((item) = (vec)->items;                                                \
         (vec)->count && (item) < (vec)->items + (vec)->count; (item)++)

#define fst_vec_free(vec)                                                      \
    (free((vec)->items), (vec)->items = NULL, (vec)->count = (vec)->cap = 0)

void *fst_vec_grow(void *items, size_t *cap, size_t size);

/* A list of strings; whether it owns them is said where it is declared. */
struct fst_strings {
    char **items;
    size_t count, cap;
};

void fst_strings_add(struct fst_strings *list, const char *text); /* copies */
void fst_strings_clear(struct fst_strings *list); /* frees strings and array */

#endif
