/* What earlier runs took: filled by the caller before a run, read by the core.
 * Pure. */
#ifndef FST_CORE_TIMES_H
#define FST_CORE_TIMES_H

#include <stddef.h>

struct fst_times;

struct fst_times *fst_times_new(void);
void fst_times_free(struct fst_times *times); /* NULL is fine */

/* Seconds of one test by its node id (copied); at most once an id. */
void fst_times_add(struct fst_times *times, const char *id, double seconds);
/* Seconds that opening a file took, by its path. */
void fst_times_add_open(struct fst_times *times, const char *path,
                        double seconds);
/* Seconds that a worker takes to start; 0: not known. */
void fst_times_set_start(struct fst_times *times, double seconds);
double fst_times_start(const struct fst_times *times); /* NULL is fine */

/* Each < 0 where nothing is known, also where times is NULL. */
double fst_times_item(const struct fst_times *times, const char *id);
/* All instances of a function together. */
double fst_times_function(const struct fst_times *times, const char *id);
double fst_times_open(const struct fst_times *times, const char *path);
/* Of the tests known. */
double fst_times_mean(const struct fst_times *times);

#endif
