/* The history of a suite: how long each test takes, how it ended lately. It is
 * made from the journal: fst_history_fold() takes what runs have found out into
 * estimates and outcomes, and drops journals that nobody will ask for any
 * more. Loop thread only. */
#ifndef FST_STORE_HISTORY_H
#define FST_STORE_HISTORY_H

#include <stdint.h>

#include "coordinator/core/core.h"
#include "coordinator/store/store.h"

enum {
    FST_HISTORY_OUTCOMES = 20, /* told of a test; a few more are kept */
    FST_HISTORY_RUNS = 3,      /* whose journals are kept */
    FST_HISTORY_NAMES = 500,   /* runs whose names are, for merging */
};

/* Which part of its time; the numbers stand in the file. */
enum fst_part {
    FST_PART_CALL,
    FST_PART_SETUP,
    FST_PART_TEARDOWN,
    FST_PART_OPEN, /* of a file: until its tests are known */
    FST_PARTS
};

/* Ended runs that aren't in the history yet, and interrupted ones that a newer
 * run has followed; in a transaction each. */
int fst_history_fold(struct fst_store *store, const char *suite,
                     struct fst_err *err);

/* Did the last run that could tell want xdist's controller hooks? */
int fst_history_host(struct fst_store *store, const char *suite, bool *wanted,
                     struct fst_err *err);

/* How long a worker takes to start, as the last runs' first ones have; 0: not
 * known. */
int fst_history_start_s(struct fst_store *store, const char *suite,
                        double *seconds, struct fst_err *err);

/* Each name with its estimates (seconds of this machine; 0: none), in no
 * order. The strings
 * live for the call. */
struct fst_history_times {
    const char *name; /* node id, or a file's path */
    double s[FST_PARTS];
};
typedef void fst_history_times_fn(void *user,
                                  const struct fst_history_times *times);
int fst_history_times(struct fst_store *store, const char *suite,
                      fst_history_times_fn *on_times, void *user,
                      struct fst_err *err);

/* Each test with its last outcomes. */
struct fst_history_test {
    const char *id;
    double estimate_s;    /* all three parts; 0: not known */
    const char *outcomes; /* newest last, one letter each: . F E s x X, and R
                             for passed on a later try */
    double flakiness;     /* share of runs whose outcome changed, 0 … 1 */
    double last_s;        /* how long it took the last time */
};
typedef void fst_history_test_fn(void *user,
                                 const struct fst_history_test *test);
int fst_history_tests(struct fst_store *store, const char *suite,
                      fst_history_test_fn *on_test, void *user,
                      struct fst_err *err);

/* The last outcome of each name, those of older runs first: so a test's own
 * comes behind that of a file that could not be collected before. Of runs that
 * were interrupted, too. */
typedef void fst_history_last_fn(void *user, const char *name,
                                 enum fst_outcome outcome);
int fst_history_last(struct fst_store *store, const char *suite,
                     fst_history_last_fn *on_last, void *user,
                     struct fst_err *err);

/* The whole lists of each file, one for each subject that always had the same,
 * in no order. The strings live for the call. */
struct fst_history_list {
    const char *path;
    int64_t subject;     /* fst_journal_list()'s */
    const char *message; /* COLLECTED, as JSON */
};
typedef void fst_history_list_fn(void *user,
                                 const struct fst_history_list *list);
int fst_history_lists(struct fst_store *store, const char *suite,
                      fst_history_list_fn *on_list, void *user,
                      struct fst_err *err);

/* A test's time from elsewhere, as one sample, where it has none of its own.
 * Inside a transaction. */
int fst_history_import(struct fst_store *store, const char *suite,
                       const char *id, double seconds, struct fst_err *err);

#endif
