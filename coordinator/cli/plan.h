/* From what discovery found to what the core runs. */
#ifndef FST_CLI_PLAN_H
#define FST_CLI_PLAN_H

#include "coordinator/core/core.h"
#include "coordinator/discover/discover.h"
#include "shared/config/settings.h"

/* The seed of --order random:SEED, the settings'; "" where it has none, NULL
 * for other orders. FST_E_USAGE. */
int fst_plan_seed(const struct fst_settings *settings, const char **seed,
                  struct fst_err *err);
/* Puts the files into the order that the seed gives. */
void fst_plan_shuffle(struct fst_run_spec *spec, const char *seed,
                      struct fst_arena *arena);

/* Fills spec with the suite's files; its arrays live in arena, its strings in
 * the suite. */
void fst_plan_make(const struct fst_suite *suite,
                   const struct fst_settings *settings, struct fst_arena *arena,
                   struct fst_run_spec *spec);

#endif
