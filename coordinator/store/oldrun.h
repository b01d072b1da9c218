/* What an earlier run's journal holds, so that another one can go on from
 * there. Loop thread only. */
#ifndef FST_STORE_OLDRUN_H
#define FST_STORE_OLDRUN_H

#include "coordinator/store/journal.h"
#include "coordinator/store/store.h"

struct fst_oldrun { /* strings are owned */
    int64_t id;     /* its row */
    char *name;     /* FASTEST_RUN_ID */
    char *arguments, *checkout;
    bool ended;     /* else it was killed, or goes on */
    int exit_code;  /* of one that has ended */
    int64_t owner;  /* the process that works on it; 0: none */
    size_t agents;  /* of other places, that took part at last */
    uint32_t slots; /* numbers below that have been given to agents */
};

/* The suite's newest run, or the one whose name begins so. FST_E_NOTFOUND:
 * none, FST_E_USAGE: several. Release it in any case. */
int fst_oldrun_find(struct fst_store *store, const char *suite,
                    const char *name, struct fst_oldrun *run,
                    struct fst_err *err);
void fst_oldrun_release(struct fst_oldrun *run);

/* All that a run's journal holds, as it was written; strings live for the call.
 * A callback that returns -1 (with the reader's err set) ends it. */
struct fst_oldrun_reader {
    int (*on_list)(void *user, const char *message);
    int (*on_row)(void *user, const struct fst_journal_row *row);
    int (*on_amend)(void *user, const char *message); /* of the last row */
    int (*on_warnings)(void *user, const char *message);
    void *user;
};
int fst_oldrun_read(struct fst_store *store, int64_t run,
                    const struct fst_oldrun_reader *reader,
                    struct fst_err *err);

#endif
