/* An earlier run's journal, read back into the core's words. Private to
 * coordinator/cli. */
#ifndef FST_CLI_RECALL_H
#define FST_CLI_RECALL_H

#include "coordinator/core/core.h"
#include "coordinator/store/oldrun.h"

struct fst_recall {
    struct fst_arena arena; /* of all that is below */
    struct fst_recalled recalled;
    struct fst_strings agents; /* their names, by fst_recall_agent_id() */
    FST_VEC(struct fst_collected) lists;
    FST_VEC(struct fst_try) tries;
    FST_VEC(struct fst_warning) warnings;
    FST_VEC(struct fst_msg *) messages; /* whose strings are used */
};

/* run: its row. NULL and err: it can't be read. */
struct fst_recall *fst_recall_new(struct fst_store *store, int64_t run,
                                  struct fst_err *err);
void fst_recall_free(struct fst_recall *recall);

/* Numbers that no agent of this run has. */
struct fst_agent_id fst_recall_agent_id(size_t at);

#endif
