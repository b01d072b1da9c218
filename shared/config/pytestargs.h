/* Options that were written for pytest: addopts, PYTEST_ADDOPTS, what follows
 * `--`. What belongs to the whole run is taken out of them (RUN.md, "Where
 * pytest's own code must be asked"), the rest is kept as it stands, in order:
 * only pytest in the worker knows the options of its plugins.
 */
#ifndef FST_CONFIG_PYTESTARGS_H
#define FST_CONFIG_PYTESTARGS_H

#include <stdbool.h>

#include "shared/base/options.h"
#include "shared/config/settings.h"

struct fst_pytest_source {
    const char *where; /* for messages: "addopts", "PYTEST_ADDOPTS" */
    bool ini;          /* addopts: pytest ignores -c, -o and --rootdir there */
    bool overrides;    /* but not -o: FST_RULE_ADDOPTS_OVERRIDE */
    bool last;         /* nothing of ours follows: "--" may stand in it */
    const char *cwd;   /* where its paths are looked for */
    size_t count;
    const char *const *tokens;
};

/* Sorts one source's tokens. What is an option of ours lands in settings (its
 * verbosity adds up, lists grow, the rest is replaced), paths and warnings in
 * settings->paths and ->warnings, what stays for pytest in kept. options: the
 * table of the command; what it lacks is left out without a word, since it has
 * no meaning there. FST_E_USAGE: a value that is missing or wrong, or an option
 * behind "--" with which no run is meant (--fixtures): "WHERE: …" */
int fst_pytest_args_take(const struct fst_pytest_source *source,
                         const struct fst_options *options,
                         struct fst_settings *settings,
                         struct fst_strings *kept, struct fst_err *err);

/* Why there is no such option here, though pytest or xdist has it; NULL: none
 * of those. name: "--pdb" or "-d". */
const char *fst_pytest_args_why_not(const char *name);

/* Appends the settings that pytest in the workers is to know, as it spells
 * them. */
void fst_pytest_args_give(const struct fst_settings *settings,
                          const struct fst_options *options,
                          struct fst_strings *out);

#endif
