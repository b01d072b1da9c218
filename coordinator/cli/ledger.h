/* What a run writes into the store, turn by turn, and what it reads from it
 * before it starts. Without a store (--no-history, a root that can't be
 * written, a file that can't be used) every function does nothing, so that the
 * run goes on without history. Loop thread only. */
#ifndef FST_CLI_LEDGER_H
#define FST_CLI_LEDGER_H

#include <stdbool.h>

#include "coordinator/core/core.h"
#include "shared/base/err.h"

struct fst_ledger;

struct fst_ledger_spec {
    const char *root; /* of the project */
    const char *file; /* --history, or NULL: .fastest/history.db below root */
    bool off;         /* --no-history */
    bool durable;
    const char *run;              /* its id */
    double start_s;               /* Unix time */
    const char *const *arguments; /* pytest's command line, for the record */
    size_t n_arguments;
};

/* Never NULL. -1: the store can't be used: where it was asked for by name that
 * ends the program, else the caller warns once and goes on. */
int fst_ledger_open(struct fst_ledger **ledger,
                    const struct fst_ledger_spec *spec, struct fst_err *err);
/* Keeps what isn't committed yet out. */
void fst_ledger_free(struct fst_ledger *ledger);

/* What earlier runs took, or NULL; the ledger's. */
const struct fst_times *fst_ledger_times(const struct fst_ledger *ledger);

/* The last outcome of each name in earlier runs, oldest runs first. */
int fst_ledger_outcomes(struct fst_ledger *ledger,
                        void (*on_outcome)(void *user, const char *name,
                                           enum fst_outcome outcome),
                        void *user, struct fst_err *err);

void fst_ledger_agent(struct fst_ledger *ledger, struct fst_agent_id agent,
                      const char *name);
/* Attempts, outcomes, amendments, openings; others are not its business. */
void fst_ledger_effect(struct fst_ledger *ledger,
                       const struct fst_effect *effect);
/* The turn ends. -1, once: the store has failed; the run goes on without. */
int fst_ledger_commit(struct fst_ledger *ledger, struct fst_err *err);
/* The run is over. */
int fst_ledger_end(struct fst_ledger *ledger, double end_s, int exit_code,
                   struct fst_err *err);

#endif
