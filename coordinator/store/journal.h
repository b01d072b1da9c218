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
    const char *checkout;  /* the files that discovery read */
};

/* A new run; committed at once. keep: 0, or an earlier run whose good tests
 * (neither failed nor error) become part of this one. */
struct fst_journal *fst_journal_start(struct fst_store *store,
                                      const struct fst_journal_run *run,
                                      int64_t keep, struct fst_err *err);
/* Goes on with a run: from now on it is this process's. Tries of tests without
 * a verdict are forgotten. */
struct fst_journal *fst_journal_resume(struct fst_store *store,
                                       const char *suite, int64_t run,
                                       struct fst_err *err);
/* A file has changed: its list and its tests' results are no longer this run's.
 * Commits. */
int fst_journal_forget(struct fst_journal *journal, const char *path,
                       struct fst_err *err);
/* The run's row in the file. */
int64_t fst_journal_run_id(const struct fst_journal *journal);
/* Forgets what isn't committed. NULL is fine. */
void fst_journal_free(struct fst_journal *journal);

struct fst_journal_row {
    const char *id;
    uint32_t attempt;
    enum fst_attempt_kind kind;
    enum fst_outcome outcome;
    double setup_s, call_s, teardown_s, shared_s, start_s;
    const char *agent;
    uint32_t slot;
    int64_t pid;
    bool verdict;        /* it is the one that counts */
    const char *message; /* RESULTS with this one result, as JSON, where it has
                            more to say than this row; or NULL */
};
/* An attempt, with its verdict where that is known; or later its verdict, or a
 * worse outcome. */
int fst_journal_add(struct fst_journal *journal,
                    const struct fst_journal_row *row, struct fst_err *err);
int fst_journal_judge(struct fst_journal *journal, const char *id,
                      uint32_t attempt, enum fst_outcome outcome,
                      struct fst_err *err);
/* Tear-down errors that came later: RESULTS with one result. */
int fst_journal_amend(struct fst_journal *journal, const char *id,
                      uint32_t attempt, const char *message,
                      struct fst_err *err);
/* RESULTS with warnings alone. */
int fst_journal_warn(struct fst_journal *journal, const char *message,
                     struct fst_err *err);
/* So many agents of other places take part now; slots below that number have
 * been given. */
int fst_journal_agents(struct fst_journal *journal, size_t agents,
                       uint32_t slots, struct fst_err *err);
/* Whether xdist's controller hooks are wanted in this suite. */
int fst_journal_host(struct fst_journal *journal, bool wanted,
                     struct fst_err *err);
/* The first worker was up after so many seconds. */
int fst_journal_start_s(struct fst_journal *journal, double seconds,
                        struct fst_err *err);
/* A file's list from now on: COLLECTED, as JSON. subject: of what it is the
 * list, for fst_history_lists(); 0: it is no whole list. */
int fst_journal_list(struct fst_journal *journal, const char *path,
                     const char *message, int64_t subject, struct fst_err *err);
/* What opening a file took. */
int fst_journal_cost(struct fst_journal *journal, const char *path,
                     double seconds, struct fst_err *err);
/* Ends the turn. -1: nothing of it is kept. */
int fst_journal_commit(struct fst_journal *journal, struct fst_err *err);
/* The run is over; commits. */
int fst_journal_end(struct fst_journal *journal, double ended_s, int exit_code,
                    struct fst_err *err);

#endif
