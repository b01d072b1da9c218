/* What an earlier run had found out becomes part of this one. Private to
 * coordinator/core. */
#ifndef FST_CORE_RESUME_H
#define FST_CORE_RESUME_H

#include "coordinator/core/state.h"

/* Right after the run's files were added: the lists of files that were opened
 * stand, tests with a verdict have ended; both are said once more, as effects
 * with `past`. Strings are copied, but results live as long as the caller's. */
void fst_resume(struct run *run, const struct fst_recalled *past);

#endif
