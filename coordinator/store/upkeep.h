/* The history's file as a whole: several joined to one, one made smaller. All
 * suites in it are meant. Loop thread only; no transaction may be open. */
#ifndef FST_STORE_UPKEEP_H
#define FST_STORE_UPKEEP_H

#include <stdint.h>

#include "coordinator/store/store.h"

struct fst_merged {
    int64_t runs, tests; /* that the store did not know */
};
/* Takes in what another history's file knows: runs that are not in the store,
 * by their names, with what they found out; and all that is known of tests that
 * the store has never met. So a second time changes nothing. The other file is
 * opened as fst_store_open() would (an older one is migrated, a newer or
 * damaged one refused). FST_E_USAGE: it is the store itself. */
int fst_history_merge(struct fst_store *store, const char *path,
                      struct fst_merged *merged, struct fst_err *err);

struct fst_swept {
    int64_t runs, tests; /* that are gone */
};
/* Forgets tests that none of the last `keep` runs has met, files without tests,
 * and older runs; then the file takes no more room than it needs. Tests that
 * have never run (imported times) stay. */
int fst_history_sweep(struct fst_store *store, int64_t keep,
                      struct fst_swept *swept, struct fst_err *err);

#endif
