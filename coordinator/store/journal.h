/* The journal: what a run has found out, row by row, so that its death loses
 * nothing that was committed.
 *
 * Writes gather in one transaction, begun by the first; the caller commits once
 * a turn of its loop, and acknowledges results only after that. A result that
 * arrives twice is written once. An error leaves the journal as it was at the
 * last commit. Loop thread only.
 */
#ifndef FST_STORE_JOURNAL_H
#define FST_STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "coordinator/core/core.h"
#include "coordinator/store/store.h"

struct fst_journal;

struct fst_journal_run {   /* strings stay the caller's */
    const char *suite;     /* the project's name in the history */
    const char *name;      /* FASTEST_RUN_ID */
    double started_s;      /* Unix time */
    const char *arguments; /* JSON */
};

/* A new run; committed at once. */
struct fst_journal *fst_journal_start(struct fst_store *store,
                                      const struct fst_journal_run *run,
                                      struct fst_err *err);
/* Forgets what isn't committed. NULL is fine. */
void fst_journal_free(struct fst_journal *journal);

struct fst_journal_row {
    const char *id;
    uint32_t attempt;
    enum fst_attempt_kind kind;
    enum fst_outcome outcome;
    double setup_s, call_s, teardown_s, start_s;
    const char *agent;
    uint32_t slot;
    int64_t pid;
};
/* An attempt; later its verdict, or a worse outcome. */
int fst_journal_add(struct fst_journal *journal,
                    const struct fst_journal_row *row, struct fst_err *err);
int fst_journal_judge(struct fst_journal *journal, const char *id,
                      uint32_t attempt, enum fst_outcome outcome,
                      struct fst_err *err);
/* What opening a file took. */
int fst_journal_cost(struct fst_journal *journal, const char *path,
                     double seconds, struct fst_err *err);
/* Ends the turn. -1: nothing of it is kept. */
int fst_journal_commit(struct fst_journal *journal, struct fst_err *err);
/* The run is over; commits. */
int fst_journal_end(struct fst_journal *journal, double ended_s, int exit_code,
                    struct fst_err *err);

#endif
