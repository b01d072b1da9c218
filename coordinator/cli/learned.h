/* What earlier runs have found in the files of a suite: the core plans by it
 * instead of by what discovery can see. A list is kept under its *subject*: a
 * digest of the file and of what its tests depend on, of the interpreter, the
 * operating system and pytest's options; what has changed since has another
 * one. A list is a guess all the same: what a worker finds is what counts. Loop
 * thread only; private to coordinator/cli. */
#ifndef FST_CLI_LEARNED_H
#define FST_CLI_LEARNED_H

#include "coordinator/core/core.h"
#include "coordinator/discover/discover.h"
#include "coordinator/store/store.h"
#include "shared/config/settings.h"

struct fst_learned;

struct fst_learned *fst_learned_new(const struct fst_suite *suite,
                                    const struct fst_settings *settings);
void fst_learned_free(struct fst_learned *learned); /* NULL is fine */

/* 0: the run sees only a part of the file, or nothing is known of it. */
int64_t fst_learned_subject(const struct fst_learned *learned,
                            const char *path);

/* Takes the lists that suit from the history of that suite. */
int fst_learned_load(struct fst_learned *learned, struct fst_store *store,
                     const char *suite, struct fst_err *err);

/* Puts them into the plan of each file that has one. Its arrays live in arena,
 * the ids as long as learned. */
void fst_learned_apply(const struct fst_learned *learned,
                       struct fst_run_spec *spec, struct fst_arena *arena);

#endif
