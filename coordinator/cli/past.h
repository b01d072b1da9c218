/* How the tests ended in earlier runs, for --lf, --ff, --nf and --sw, and
 * pytest's own record of it, kept in step so that `pytest --lf` agrees.
 *
 * The rules are pytest's and are applied by its own plugins in the workers;
 * this gives them what they would read from the cache. Failed is what the
 * history's last word says, or, where it knows of no failure, pytest's
 * `lastfailed`. Loop thread only. */
#ifndef FST_CLI_PAST_H
#define FST_CLI_PAST_H

#include "coordinator/cli/ledger.h"
#include "shared/config/settings.h"

struct fst_past;

/* settings stay the caller's. */
struct fst_past *fst_past_new(const struct fst_settings *settings);
/* Free it before the core, whose ids it holds. NULL is fine. */
void fst_past_free(struct fst_past *past);

/* Whether an option asks for it: then the history must be usable. */
bool fst_past_asked(const struct fst_settings *settings);
/* Reads it. FST_E_USAGE: options that contradict each other; else the
 * ledger's. */
int fst_past_load(struct fst_past *past, struct fst_ledger *ledger,
                  struct fst_err *err);
/* What the workers' plugins are told; the past's. */
void fst_past_configure(const struct fst_past *past, struct fst_config *config);
/* Whether a plugin must see the whole selection to do its part. */
bool fst_past_needs_whole(const struct fst_past *past);
/* What pytest would say below the header though no worker collects the whole
 * selection, or NULL. */
const char *fst_past_says(const struct fst_past *past);

/* The workers' pytest, "8.3.2". */
void fst_past_session(struct fst_past *past, const char *pytest);
/* Outcomes, amendments, what was not run; others are not its business. */
void fst_past_effect(struct fst_past *past, const struct fst_effect *effect);
/* The run is over: brings pytest's cache up to date. */
int fst_past_end(struct fst_past *past, struct fst_err *err);

#endif
