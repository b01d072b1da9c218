/* What a result is worth: attempts, verdicts, amendments, failures counted.
 * Private to coordinator/core. */
#ifndef FST_CORE_VERDICT_H
#define FST_CORE_VERDICT_H

#include "coordinator/core/state.h"

/* FST_E_PROTO: a phase without an outcome, or (reports are collectors' news) a
 * result without one. */
int fst_verdict_check(const struct fst_result *results, size_t count,
                      bool reports, struct fst_err *err);
/* One try of the item has ended. */
void fst_verdict_attempt(struct file *file, size_t item,
                         const struct fst_result *result,
                         enum fst_attempt_kind kind);
/* The item ends with this outcome, from its attempt number `attempt`. Places
 * the file; maxfail may stop the run. */
void fst_verdict_item(struct file *file, size_t item, enum fst_outcome outcome,
                      uint32_t attempt);
/* Phases of the item that came after its verdict. */
void fst_verdict_amend(struct file *file, size_t item,
                       const struct fst_result *result);
/* The item ends as an `error`: no worker will say more. Not from LEASED's
 * lease->items alone: the lease is not settled here. */
void fst_verdict_lost(struct file *file, size_t item, const char *text);

/* A collector's bad news: the verdict of its path, once a run. */
void fst_verdict_report(struct run *run, const struct fst_result *result);
bool fst_verdict_reported(const struct run *run, const char *id);
/* The file can't be opened any more: `error` under its path, its items are
 * left. */
void fst_verdict_file_dead(struct file *file, const char *text);

#endif
