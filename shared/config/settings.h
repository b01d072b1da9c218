/* The one option table's values after all sources were heard. Precedence:
 * command line, FASTEST_* environment, [tool.fastest] in pyproject.toml,
 * pytest's own configuration (addopts, PYTEST_ADDOPTS, what follows --),
 * defaults. And the command line that pytest gets in the workers. */
#ifndef FST_CONFIG_SETTINGS_H
#define FST_CONFIG_SETTINGS_H

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/base/options.h"
#include "shared/base/vec.h"
#include "shared/config/pytestcfg.h"

struct fst_settings { /* strings are owned */
    int workers;      /* -n; -1: auto; 0: one worker, pytest's order */
    char *python;     /* --python, or NULL: $VIRTUAL_ENV's, else python3 */
    uint32_t maxfail; /* -x is 1; 0: never */
    bool confirm;     /* --confirm split; none: false */
    bool collect_only;
    int verbosity;      /* -v is 1, -q is -1, they add up */
    char *report_chars; /* -r, as typed; default "fE" */
    char *tb;           /* --tb, or NULL: pytest's default */
    enum fst_color { FST_COLOR_AUTO, FST_COLOR_YES, FST_COLOR_NO } color;
    bool no_header, no_summary;
    int max_worker_restart; /* -1: default */
    char *report_json;      /* path, or NULL */
    char *format;           /* discover: text, json, count */
    int log_level;          /* enum fst_log_level */
    bool log_json;

    struct fst_strings paths;       /* positional arguments as typed */
    struct fst_strings pytest_args; /* complete command line for the workers'
                                       pytest: `-o addopts=`, filtered addopts,
                                       filtered PYTEST_ADDOPTS, our options as
                                       pytest spells them, filtered rest behind
                                       --, then the paths */
    struct fst_strings warnings;    /* one line each, for the header: what was
                                       dropped from addopts and why */
    struct fst_pytest_config pytest;
};

enum fst_command { FST_CMD_RUN, FST_CMD_DISCOVER };

/* argv: behind the subcommand's name. env: NULL-terminated "K=V". FST_E_USAGE
 * with one line that names option or file, and the nearest known name.
 * err->code is FST_E_USAGE and *unknown is set (borrowed from argv) where an
 * option is no one of ours: the caller asks the installed pytest whether it
 * knows it, to say "put it after --". */
int fst_settings_load(struct fst_settings *settings, enum fst_command command,
                      int argc, const char *const *argv, const char *const *env,
                      const char *cwd, const char **unknown,
                      struct fst_err *err);
void fst_settings_release(struct fst_settings *settings);

/* Help for one subcommand, grouped, 80 columns; to be printed as it is. */
void fst_settings_help(enum fst_command command, struct fst_buf *out);

#endif
