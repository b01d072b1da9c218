/* What a run writes into the store, and what it reads from it before it starts.
 * While the run lasts a thread of the store's writes, batch by batch
 * (coordinator/store/writer.h). Without a store (--no-history, a root that
 * can't be written, a file that can't be used) every function does nothing, so
 * that the run goes on without history. Loop thread only. */
#ifndef FST_CLI_LEDGER_H
#define FST_CLI_LEDGER_H

#include <stdbool.h>

#include "coordinator/cli/again.h"
#include "coordinator/cli/learned.h"
#include "coordinator/core/core.h"
#include "shared/loop/loop.h"

struct fst_ledger;

struct fst_ledger_spec {
    const char *root; /* of the project */
    const char *file; /* --history, or NULL: .fastest/history.db below root */
    bool off;         /* --no-history */
    bool durable;
};

/* Never NULL. -1: the store can't be used: where it was asked for by name that
 * ends the program, else the caller warns once and goes on. */
int fst_ledger_open(struct fst_ledger **ledger,
                    const struct fst_ledger_spec *spec, struct fst_err *err);
/* Before its loop. Keeps what wasn't given yet out. */
void fst_ledger_free(struct fst_ledger *ledger);

/* What earlier runs took, or NULL; the ledger's. */
const struct fst_times *fst_ledger_times(const struct fst_ledger *ledger);

/* The last run wanted xdist's controller hooks: so will this one. */
bool fst_ledger_had_host(const struct fst_ledger *ledger);

/* The last outcome of each name in earlier runs, oldest runs first. */
int fst_ledger_outcomes(struct fst_ledger *ledger,
                        void (*on_outcome)(void *user, const char *name,
                                           enum fst_outcome outcome),
                        void *user, struct fst_err *err);

/* The journal begins, once discovery has read the checkout. -1: as above, or
 * (FST_E_REFUSED) the checkout isn't the one that the run to be resumed was
 * started in. */
struct fst_ledger_run {
    const char *name;     /* its id */
    double start_s;       /* Unix time */
    const char *checkout; /* fst_again_checkout() */
    const struct fst_again *again;
    struct fst_learned *learned; /* filled from the history; the caller's, as
                                    long as the ledger */
    struct fst_loop *loop;       /* outlives the ledger */
    /* What was given is kept, or (why isn't NULL) it can't be, and nothing will
     * be any more: the run goes on without. Not from within fst_ledger_give().
     */
    void (*on_kept)(void *user, const struct fst_err *why);
    void *user;
};
int fst_ledger_start(struct fst_ledger *ledger,
                     const struct fst_ledger_run *run, struct fst_err *err);

/* What the run that is gone on with had found out; NULL: this is no such run.
 * The ledger's, as long as it lives. */
const struct fst_recalled *fst_ledger_recalled(const struct fst_ledger *ledger);
/* The names of the agents that it comes from, by struct fst_try's agent; NULL:
 * no more. And its warnings. */
const char *fst_ledger_recalled_agent(const struct fst_ledger *ledger,
                                      size_t at, struct fst_agent_id *id);
const struct fst_warning *
fst_ledger_recalled_warning(const struct fst_ledger *ledger, size_t at);
/* --rerun-failed: files that have changed since, or NULL. */
const struct fst_strings *fst_ledger_changed(const struct fst_ledger *ledger);

void fst_ledger_agent(struct fst_ledger *ledger, struct fst_agent_id agent,
                      const char *name);
/* As fst_journal_agents(). */
void fst_ledger_farm(struct fst_ledger *ledger, size_t agents, uint32_t slots);
/* Attempts, outcomes, amendments, lists, openings; others are not its business,
 * nor what is known from an earlier run. */
void fst_ledger_effect(struct fst_ledger *ledger,
                       const struct fst_effect *effect);
/* Whether this run wants them. */
void fst_ledger_host(struct fst_ledger *ledger, bool wanted);
/* A worker is up; the first one counts. */
void fst_ledger_started(struct fst_ledger *ledger, double seconds);
void fst_ledger_warnings(struct fst_ledger *ledger,
                         const struct fst_results *results);

/* Whether anything is written; whether something is being written. */
bool fst_ledger_keeps(const struct fst_ledger *ledger);
bool fst_ledger_is_busy(const struct fst_ledger *ledger);
/* So much waits that the run should wait for the journal, too. */
bool fst_ledger_is_full(const struct fst_ledger *ledger);
/* What was found out so far is written from now on; on_kept follows. False:
 * there is nothing to write. Not while it is busy. */
bool fst_ledger_give(struct fst_ledger *ledger);
/* Until it isn't busy; on_kept comes before this returns. */
void fst_ledger_wait(struct fst_ledger *ledger);
/* The run is over. */
int fst_ledger_end(struct fst_ledger *ledger, double end_s, int exit_code,
                   struct fst_err *err);

#endif
