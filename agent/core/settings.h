/* What fastest-agent was told: command line over environment over defaults.
 * Pure: both come in as arguments. */
#ifndef FST_AGENT_CORE_SETTINGS_H
#define FST_AGENT_CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/base/options.h"
#include "shared/base/vec.h"

struct fst_agent_settings { /* strings are owned */
    char *connect;
    int workers;                /* -1: one for each CPU */
    char *root, *python, *name; /* or NULL */
    bool once;
    enum fst_worker_start {                 /* how workers are started */
                            FST_START_AUTO, /* as it costs least */
                            FST_START_FORK, /* forked, where that is safe */
                            FST_START_COLD, /* an interpreter each */
    } worker_start;
    int64_t max_memory; /* bytes; below 0: so many per cent; 0: default */
    int retry_s;        /* -1: for ever */
    struct fst_strings labels; /* "KEY=VALUE" */
    bool allow_mismatch;       /* join whatever files and versions are */
    char *token_file;          /* or NULL: FASTEST_TOKEN, else the root's */
    char *tls_ca, *tls_cert, *tls_key; /* files, or NULL */
    char *tls_server_name;             /* or NULL: fastest-coord */
    double dead_after_s;               /* a silent coordinator is lost */
    int log_level;                     /* enum fst_log_level */
    bool log_json;
    bool version; /* then nothing else was checked */
    char **heard; /* as in struct fst_options */
};

/* settings: zeroed. argv: without the program's name. env: NULL-terminated
 * "K=V". FST_E_USAGE with one line; release in any case. */
int fst_agent_settings_load(struct fst_agent_settings *settings, int argc,
                            const char *const *argv, const char *const *env,
                            struct fst_err *err);
void fst_agent_settings_release(struct fst_agent_settings *settings);
/* Where the option, by a spelling of it, was set; NULL: nowhere. */
const char *fst_agent_settings_heard(const struct fst_agent_settings *settings,
                                     const char *name);
/* Whether it was typed: not only set by the environment, which the local agent
 * has from its coordinator. */
bool fst_agent_settings_typed(const struct fst_agent_settings *settings,
                              const char *name);
/* The options; targets lie in struct fst_agent_settings. */
struct fst_options fst_agent_settings_table(void);
/* --help, or that of a group of options, as of fst_options_help(); to be
 * printed as it is. */
void fst_agent_settings_help(const char *group, struct fst_buf *out);

#endif
