#include "shared/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/err.h"
#include "shared/base/mem.h"

struct fst_arena_block {
    struct fst_arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 256 * 1024 };

static struct fst_arena_block *add_block(struct fst_arena *arena, size_t size)
{
    struct fst_arena_block *last = arena->blocks;
    size_t block_size = last ? last->size * 2 : FIRST_BLOCK;
    if (block_size > LARGEST_BLOCK)
        block_size = LARGEST_BLOCK;
    if (block_size < size)
        block_size = size;
    struct fst_arena_block *block =
        fst_alloc(sizeof(struct fst_arena_block) + block_size);
    block->size = block_size;
    block->next = last;
    arena->blocks = block;
    return block;
}

void *fst_arena_alloc(struct fst_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    FST_ASSERT(size <= SIZE_MAX - align);
    size = (size + align - 1) / align * align;
    struct fst_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < size)
        block = add_block(arena, size);
    void *memory = block->data + block->used;
    block->used += size;
    arena->total += size;
    return memory;
}

void *fst_arena_array(struct fst_arena *arena, size_t count, size_t size)
{
    FST_ASSERT(!size || count <= SIZE_MAX / size);
    return fst_arena_alloc(arena, count * size);
}

char *fst_arena_strn(struct fst_arena *arena, const char *text, size_t len)
{
    char *copy = fst_arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *fst_arena_str(struct fst_arena *arena, const char *text)
{
    return text ? fst_arena_strn(arena, text, strlen(text)) : NULL;
}

char *fst_arena_printf(struct fst_arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    FST_ASSERT(len >= 0);
    char *text = fst_arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    va_end(args);
    return text;
}

void fst_arena_release(struct fst_arena *arena)
{
    struct fst_arena_block *block = arena->blocks;
    while (block) {
        struct fst_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct fst_arena){0};
}
