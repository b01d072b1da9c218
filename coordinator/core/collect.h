/* What workers say of files: COLLECTED, LISTED, deaths while collecting.
 * Private to coordinator/core. */
#ifndef FST_CORE_COLLECT_H
#define FST_CORE_COLLECT_H

#include "coordinator/core/state.h"

/* -1: not what was leased (FST_E_PROTO); nothing has changed. */
int fst_collect_on_collected(struct agent *agent, struct slot *slot,
                             const struct fst_collected *collected,
                             struct fst_err *err);
int fst_collect_on_listed(struct agent *agent, const struct fst_listed *listed,
                          struct fst_err *err);
/* A plugin decides which files are collected: pytest is asked for all of the
 * run's roots, what lies below them waits for the answer. */
void fst_collect_want_roots(struct run *run);
/* Workers collect the whole selection from now on: the first one's answer says
 * which files there are. Before anything was leased. */
void fst_collect_want_all(struct run *run);
/* A worker is asked, or still to be asked, which files there are. */
bool fst_collect_is_listing(const struct run *run);
/* collect_only: the ids of all files up to the first that nobody has opened;
 * none before it is known which files there are. */
void fst_collect_print(struct run *run);
/* Selectors of the file that match nothing: the run ends by it, once all files
 * have been asked. */
void fst_collect_missing(struct run *run,
                         const struct fst_collected *collected);
/* A worker died while it collected for this lease. */
void fst_collect_killed(const struct lease_record *record, const char *text);

#endif
