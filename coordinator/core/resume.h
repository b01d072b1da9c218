/* What an earlier run had found out becomes part of this one. Private to
 * coordinator/core. */
#ifndef FST_CORE_RESUME_H
#define FST_CORE_RESUME_H

#include "coordinator/core/state.h"

/* Right after the run's files were added: the lists of files that were opened
 * stand, tests with a verdict have ended; both are said once more, as effects
 * with `past`. Strings are copied, but results live as long as the caller's. */
void fst_resume(struct run *run, const struct fst_recalled *past);

/* The number of a worker that is known by its pid alone: what it has run was
 * recalled, or comes later than itself (held.h). */
uint32_t fst_resume_worker(struct run *run, uint32_t slot, int64_t pid);
/* The slot's worker, which has a pid, is that one. */
void fst_resume_note(struct run *run, struct slot *slot, uint32_t worker);

#endif
