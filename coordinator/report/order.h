/* Tests in pytest's order: its files in turn, what can't be collected first.
 * Learned while the run goes; only a report that is written in this order asks
 * for it. Private to this layer. Loop thread only. */
#ifndef FST_REPORT_ORDER_H
#define FST_REPORT_ORDER_H

#include "coordinator/report/book.h"

struct fst_rank {
    uint32_t file, item; /* numbers from 1, and from 0 */
};

struct fst_order { /* zeroed is empty */
    struct fst_arena arena;
    struct fst_index files; /* path -> place in `ranks` */
    struct fst_index ids;   /* node id -> the same */
    FST_VEC(struct fst_rank) ranks;
    FST_VEC(const char *) paths; /* of file 1 ... */
    bool by_name; /* files by name, as pytest walks since 8.0; else as they came
                   */
};

void fst_order_release(struct fst_order *order);
/* The next file (first a folder's files, then its folders, as pytest did before
 * 8.0), unless it is known. */
void fst_order_file(struct fst_order *order, const char *path);
/* The file's list from now on. */
void fst_order_list(struct fst_order *order, const struct fst_collected *list);
/* Appends the entries that have a verdict, in order; what isn't known comes
 * last, as it came. */
struct fst_entries {
    struct fst_entry **items;
    size_t count, cap;
};
void fst_order_sort(const struct fst_order *order, const struct fst_book *book,
                    struct fst_entries *out);

#endif
