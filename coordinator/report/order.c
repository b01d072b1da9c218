#include "coordinator/report/order.h"

#include <stdlib.h>
#include <string.h>

void fst_order_release(struct fst_order *order)
{
    fst_index_release(&order->files);
    fst_index_release(&order->ids);
    fst_vec_free(&order->ranks);
    fst_vec_free(&order->paths);
    fst_arena_release(&order->arena);
}

/* The key's place in the index, made where it is new. */
static struct fst_rank *place(struct fst_order *order, struct fst_index *index,
                              const char *key)
{
    const uint32_t *known = fst_index_find(index, key);
    if (known)
        return &order->ranks.items[*known];
    fst_index_add(index, fst_arena_str(&order->arena, key),
                  (uint32_t)order->ranks.count);
    struct fst_rank *rank = fst_vec_push(&order->ranks);
    *rank = (struct fst_rank){0};
    return rank;
}

static uint32_t file_number(struct fst_order *order, const char *path)
{
    struct fst_rank *rank = place(order, &order->files, path);
    if (!rank->file) {
        fst_vec_add(&order->paths, fst_arena_str(&order->arena, path));
        rank->file = (uint32_t)order->paths.count;
    }
    return rank->file;
}

void fst_order_file(struct fst_order *order, const char *path)
{
    file_number(order, path);
}

void fst_order_list(struct fst_order *order, const struct fst_collected *list)
{
    uint32_t file = file_number(order, list->file);
    for (size_t i = 0; i < list->n_items; i++)
        *place(order, &order->ids, list->items[i].id) =
            (struct fst_rank){.file = file, .item = (uint32_t)i};
}

struct sorted {
    struct fst_entry *entry;
    const char *path; /* where that counts, and no folder's */
    int part;         /* what can't be collected, tests, what isn't known */
    struct fst_rank rank;
    size_t came;
};

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Entries of a folder by name, a package's own file first. */
static int compare_paths(const char *a, const char *b)
{
    static const char package[] = "__init__.py";
    size_t at = 0, len_a, len_b;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        at = a[i] == '/' ? i + 1 : at;
    a += at;
    b += at;
    if (!strcmp(a, package) || !strcmp(b, package))
        return strcmp(b, package) == 0 ? strcmp(a, package) != 0 : -1;
    len_a = strcspn(a, "/");
    len_b = strcspn(b, "/");
    int order = memcmp(a, b, len_a < len_b ? len_a : len_b);
    return order ? order : compare(len_a, len_b);
}

static int by_place(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    if (a->part != b->part)
        return a->part - b->part;
    if (a->rank.file != b->rank.file && a->path && b->path)
        return compare_paths(a->path, b->path);
    if (a->rank.file != b->rank.file)
        return compare(a->rank.file, b->rank.file);
    if (a->rank.item != b->rank.item)
        return compare(a->rank.item, b->rank.item);
    return compare(a->came, b->came);
}

static struct sorted locate(const struct fst_order *order,
                            struct fst_entry *entry, size_t came)
{
    enum { COLLECTOR, TEST, UNKNOWN };
    struct sorted sorted = {.entry = entry, .came = came, .part = UNKNOWN};
    const uint32_t *id = fst_index_find(&order->ids, entry->id);
    const uint32_t *file = id ? NULL : fst_index_find(&order->files, entry->id);
    if (id || file) {
        sorted.part = id ? TEST : COLLECTOR;
        sorted.rank = order->ranks.items[id ? *id : *file];
        if (order->by_name)
            sorted.path = order->paths.items[sorted.rank.file - 1];
    } else if (!strstr(entry->id, "::")) {
        sorted.part = COLLECTOR; /* a folder */
    }
    return sorted;
}

void fst_order_sort(const struct fst_order *order, const struct fst_book *book,
                    struct fst_entries *out)
{
    FST_VEC(struct sorted) sorted = {0};
    for (size_t i = 0; i < book->entries.count; i++)
        if (book->entries.items[i]->verdict)
            fst_vec_add(&sorted, locate(order, book->entries.items[i], i));
    if (sorted.count)
        qsort(sorted.items, sorted.count, sizeof *sorted.items, by_place);
    for (size_t i = 0; i < sorted.count; i++)
        fst_vec_add(out, sorted.items[i].entry);
    fst_vec_free(&sorted);
}
