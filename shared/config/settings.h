/* The one option table's values after all sources were heard. Precedence:
 * command line, FASTEST_* environment, [tool.fastest] in pyproject.toml,
 * pytest's own configuration (addopts, PYTEST_ADDOPTS, what follows --),
 * defaults. And the command line that pytest gets in the workers. */
#ifndef FST_CONFIG_SETTINGS_H
#define FST_CONFIG_SETTINGS_H

#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/base/options.h"
#include "shared/base/vec.h"
#include "shared/config/pytestcfg.h"

struct fst_settings { /* strings are owned */
    int workers;      /* -n; auto is resolved to a number already; 0: one
                         worker, pytest's order */
    struct fst_strings listen; /* URLs, for agents beside the local one */
    int agents;                /* wait for so many of them before the start */
    double agents_timeout_s;
    char *token_file; /* or NULL: FASTEST_TOKEN, else one is made */
    bool insecure;    /* listen without TLS where others can hear */
    char *tls_cert, *tls_key, *tls_ca; /* files for tls+tcp, or NULL */
    double dead_after_s;               /* a silent agent is lost */
    double grace_s;                    /* one whose connection has ended */
    char *python; /* --python, or NULL: $VIRTUAL_ENV's, else python3 */
    enum fst_dist {
        FST_DIST_AUTO,
        FST_DIST_LOAD,
        FST_DIST_LOADSCOPE,
        FST_DIST_LOADFILE,
        FST_DIST_LOADGROUP,
        FST_DIST_WORKSTEAL,
        FST_DIST_NO /* one worker, pytest's order */
    } dist;
    char *order; /* history, file, random or random:SEED */
    bool last_failed, failed_first, new_first; /* --lf, --ff, --nf */
    bool none_without_failures;                /* --lfnf none */
    /* --sw and its kin; one worker, pytest's order. Each of the others means
     * the first, too: fst_settings_stepwise(). */
    bool stepwise, stepwise_skip, stepwise_reset;
    uint32_t maxfail; /* -x is 1; 0: never */
    bool confirm;     /* --confirm split; none: false */
    enum fst_collect_mode {
        FST_COLLECT_AUTO, /* full where conftest files or plugins need it */
        FST_COLLECT_LAZY, /* a file is collected when it is run */
        FST_COLLECT_FULL  /* each worker collects the whole selection */
    } collect;
    uint32_t retries; /* 0: none */
    bool fail_flaky;
    bool pytest_protocol; /* --protocol pytest; fast: false */
    char *isolate;        /* none, file or test */
    int worker_lifetime;  /* tests; 0: for ever */
    bool collect_only;
    int verbosity;      /* -v is 1, -q is -1, they add up */
    char *report_chars; /* -r, as typed; default "fE" */
    char *tb;           /* --tb, or NULL: pytest's default */
    enum fst_color { FST_COLOR_AUTO, FST_COLOR_YES, FST_COLOR_NO } color;
    /* As pytest's --capture: with NO (-s) and TEE_SYS output is shown live. */
    enum fst_capture {
        FST_CAPTURE_FD,
        FST_CAPTURE_SYS,
        FST_CAPTURE_NO,
        FST_CAPTURE_TEE_SYS
    } capture;
    bool no_header, no_summary, no_progress;
    char *show_capture; /* no, stdout, stderr, log or all; NULL: all */
    bool no_warnings;   /* --disable-warnings: no summary of them */
    int durations;      /* how many are shown; 0: all; < 0: none */
    double durations_min_s;
    double test_timeout_s, run_timeout_s; /* 0: no limit */
    double drain_timeout_s;               /* the same */
    int max_worker_restart;               /* -1: default */
    int64_t max_memory; /* bytes; below 0: so many per cent; 0: default */
    char *report_json;  /* path, or NULL */
    char *junitxml, *junit_prefix; /* the same; the path as typed */
    char *events;                  /* path, "-", or NULL */
    bool github;
    char *history; /* path, or NULL: .fastest/history.db */
    bool no_history, durable;
    char *resume, *rerun_failed; /* a run's name or its beginning, "": the last
                                    one, or NULL */
    char *format;                /* discover: text, json, count */
    bool show_json;              /* config show --format json */
    int log_level;               /* enum fst_log_level */
    bool log_json;

    /* The pytest options that only pass through (and are in pytest_args). */
    char *keyword, *markexpr, *rootdir, *inifile; /* NULL: not given */
    struct fst_strings overrides, plugins, filterwarnings;
    bool strict_markers, strict_config;

    struct fst_strings paths;       /* positional arguments as typed: those of
                                       addopts, PYTEST_ADDOPTS, the command
                                       line, and what follows -- */
    struct fst_strings pytest_args; /* complete command line for the workers'
                                       pytest: `-o addopts=`, filtered addopts,
                                       filtered PYTEST_ADDOPTS, our options as
                                       pytest spells them, the paths typed,
                                       filtered rest behind --. PYTEST_ADDOPTS
                                       must be unset where it is used. */
    struct fst_strings warnings;    /* one line each, for the header: what was
                                       dropped from addopts and why */
    struct fst_pytest_config pytest;
    char **heard; /* as in struct fst_options; NULL: it has its default */
};

/* FST_CMD_CONFIG: `config show`, what a run would have. */
enum fst_command { FST_CMD_RUN, FST_CMD_DISCOVER, FST_CMD_CONFIG };

/* What the settings are heard from; all is the caller's. */
struct fst_settings_sources {
    int argc;
    const char *const *argv; /* behind the subcommand's name */
    const char *const *env;  /* NULL-terminated "K=V" */
    const char *cwd;
    fst_pytest_ask *ask; /* NULL: the newest pytest's rules */
};

/* FST_E_USAGE with one line that names option or file, and the nearest known
 * name; else as fst_pytest_config_load(). *unknown is set (borrowed from argv)
 * where an option is no one of ours: the caller asks the installed pytest
 * whether it knows it, to say "put it after --". Release the settings in any
 * case.
 *
 * A word of addopts, PYTEST_ADDOPTS or behind -- that doesn't begin with "-" is
 * a path for pytest and for us, unless it follows an option that we don't know:
 * then it is a path only where it exists, else that option's value. pytest gets
 * it in its place either way. */
int fst_settings_load(struct fst_settings *settings, enum fst_command command,
                      const struct fst_settings_sources *sources,
                      const char **unknown, struct fst_err *err);
void fst_settings_release(struct fst_settings *settings);

/* One worker, pytest's order: -n 0 (but with --listen), --dist no, --sw. */
bool fst_settings_one_worker(const struct fst_settings *settings);

static inline bool fst_settings_stepwise(const struct fst_settings *settings)
{
    return settings->stepwise || settings->stepwise_skip ||
           settings->stepwise_reset;
}

/* Whether the option, by a spelling of it, was typed: not only set by the
 * environment or a file, which serve runs of all kinds. */
bool fst_settings_typed(const struct fst_settings *settings, const char *name);

/* Whether a word may be a run's name, or its beginning: 4 to 32 hex digits. */
bool fst_settings_is_run(const char *word);

/* Help for one subcommand, or for one group of its options, as of
 * fst_options_help(); to be printed as it is. */
void fst_settings_help(enum fst_command command, const char *group,
                       struct fst_buf *out);

#endif
