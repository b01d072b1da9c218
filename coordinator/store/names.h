/* The ids of a suite's names (node ids, paths), each looked up in the file
 * once. Private to coordinator/store. */
#ifndef FST_STORE_NAMES_H
#define FST_STORE_NAMES_H

#include <stdint.h>
#include <uthash.h>

#include "coordinator/store/sql.h"
#include "shared/base/arena.h"
#include "shared/base/vec.h"

struct fst_name {
    int64_t id;
    UT_hash_handle hh;
    char text[];
};

struct fst_names { /* zeroed but for store is empty */
    struct fst_store *store;
    int64_t suite;
    struct fst_name *known;
    struct fst_arena arena;
    /* Ids given in the transaction that is open: a rollback takes them back. */
    FST_VEC(struct fst_name *) fresh;
};

/* The suite's id, made where it is new. Inside a transaction. */
int fst_names_init(struct fst_names *names, struct fst_store *store,
                   const char *suite, struct fst_err *err);
void fst_names_release(struct fst_names *names);
/* The id of a name, made where it is new. Inside a transaction. */
int fst_names_get(struct fst_names *names, const char *text, int64_t *id,
                  struct fst_err *err);
/* The transaction has ended; kept: it was committed. */
void fst_names_settle(struct fst_names *names, bool kept);

#endif
