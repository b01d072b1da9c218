/* The file that holds what is known of earlier runs and what this one has
 * found out so far: opened, migrated, closed. journal.h and history.h say what
 * is kept.
 *
 * One process at a time writes, others wait up to FST_STORE_BUSY_MS; two runs
 * may share the file. Loop thread only. What was committed survives the death
 * of any process; with FST_STORE_DURABLE also loss of power.
 *
 * Errors name the file and say what to do. A file that was not made by fastest,
 * or by a newer one, is refused (FST_E_REFUSED) and left as it is.
 */
#ifndef FST_STORE_STORE_H
#define FST_STORE_STORE_H

#include <stddef.h>

#include "shared/base/err.h"

enum { FST_STORE_BUSY_MS = 10000 };

enum fst_store_flags {
    FST_STORE_CREATE = 1,  /* make it, and the last folder of its path, where
                              they don't exist */
    FST_STORE_DURABLE = 2, /* each commit reaches the disk */
};

struct fst_store;

/* Migrates an older file. Without FST_STORE_CREATE a missing file is
 * FST_E_NOTFOUND. */
struct fst_store *fst_store_open(const char *path, unsigned flags,
                                 struct fst_err *err);
/* Writes everything into the one file, so that it can be copied. NULL is
 * fine. */
void fst_store_close(struct fst_store *store);

/* A transaction for writing; everything between is kept, or (rollback, a
 * failed commit, or death) nothing. They don't nest. */
int fst_store_begin(struct fst_store *store, struct fst_err *err);
int fst_store_commit(struct fst_store *store, struct fst_err *err);
void fst_store_rollback(struct fst_store *store);

/* Makes the folder of a file of ours, where it is missing, with a .gitignore:
 * what is under version control must not see what lies there. */
int fst_store_make_folder(const char *path, struct fst_err *err);

#endif
