/* The local agent: a child process and the private folder with the socket on
 * which it calls back. Loop thread only. */
#ifndef FST_CLI_LOCAL_H
#define FST_CLI_LOCAL_H

#include <stdint.h>

#include "shared/loop/loop.h"

struct fst_local;

struct fst_local_spec {
    const char *root;   /* absolute */
    const char *python; /* --python as given, or NULL */
    uint32_t slots;
    int64_t max_memory; /* as fst_settings' */
    int log_level;      /* enum fst_log_level */
    bool log_json;
};

/* Makes the folder; fst_local_url() can be listened at then. spec's strings
 * stay the caller's and live as long. */
struct fst_local *fst_local_new(struct fst_loop *loop,
                                const struct fst_local_spec *spec,
                                struct fst_err *err);
const char *fst_local_url(const struct fst_local *local);
/* Starts the agent. on_exit: its process has ended; status is its exit code or
 * -signal. It may be started again then. */
int fst_local_start(struct fst_local *local,
                    void (*on_exit)(void *user, int status), void *user,
                    struct fst_err *err);
/* Kills the agent (its workers die with it). */
void fst_local_kill(struct fst_local *local);
/* Kills what still runs, removes the folder. */
void fst_local_free(struct fst_local *local);

#endif
