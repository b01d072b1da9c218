/* Memory that is given back all at once: for a message, a file's outline.
 * Out of memory aborts. Not thread-safe: one owner at a time. */
#ifndef FST_BASE_ARENA_H
#define FST_BASE_ARENA_H

#include <stddef.h>

struct fst_arena_block;

struct fst_arena {
    struct fst_arena_block *blocks;
    size_t total; /* bytes asked for so far */
};

void *fst_arena_alloc(struct fst_arena *arena, size_t size); /* zeroed */
void *fst_arena_array(struct fst_arena *arena, size_t count, size_t size);
/* NULL stays NULL. */
char *fst_arena_str(struct fst_arena *arena, const char *text);
char *fst_arena_strn(struct fst_arena *arena, const char *text, size_t len);
char *fst_arena_printf(struct fst_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Frees all; the arena is empty and can be used again. */
void fst_arena_release(struct fst_arena *arena);

#endif
