/* run --resume and --rerun-failed: which earlier run is meant, with which
 * command line it was started, and whether the checkout is still the same. */
#ifndef FST_CLI_AGAIN_H
#define FST_CLI_AGAIN_H

#include "coordinator/discover/discover.h"
#include "coordinator/store/oldrun.h"
#include "shared/config/settings.h"

struct fst_again { /* zeroed: an ordinary run */
    struct fst_oldrun run;
    bool wanted;
    bool failed;     /* --rerun-failed */
    char *arguments; /* of this run, for those that come again to it; JSON */
};

/* fst_settings_load() for `run`. Where an earlier run is meant and nothing was
 * selected on the command line, the settings are those of the earlier command
 * line with the options of this one behind it; another selection than then is
 * FST_E_USAGE. Release both in any case. */
int fst_again_load(struct fst_settings *settings, struct fst_again *again,
                   const struct fst_settings_sources *sources,
                   const char **unknown, struct fst_err *err);
void fst_again_release(struct fst_again *again);

/* An argument of pytest's that changes nothing but what is shown. */
bool fst_again_only_shows(const char *arg);

/* What discovery has read, as the journal keeps it. The caller frees it. */
char *fst_again_checkout(const struct fst_suite *suite);
/* The paths that differ between two of these, in order: changed, new or gone.
 */
void fst_again_differences(const char *before, const char *now,
                           struct fst_strings *paths);
/* "a.py, b.py and 3 more": as many as fit. */
void fst_again_name_some(const struct fst_strings *paths, char *text,
                         size_t size);

#endif
