/* The process that workers are forked from: an interpreter that has imported
 * pytest; docs/worker.md, "The zygote".
 *
 * Loop thread only. A worker is forked twice, so that it becomes our child and
 * not the zygote's (the caller of fst_zygote_start() becomes a subreaper): its
 * status and use of resources are ours to wait for, and nothing happens to it
 * when the zygote dies. Whoever asks gets an answer in any case: a process, or
 * that it had better be started in the ordinary way.
 */
#ifndef FST_POOL_ZYGOTE_H
#define FST_POOL_ZYGOTE_H

#include <stdbool.h>
#include <sys/types.h>

#include "shared/base/err.h"
#include "shared/loop/loop.h"

struct fst_zygote;

struct fst_zygote_spec {
    const char *python;     /* searched in PATH */
    const char *program;    /* the fastest_worker package's folder */
    const char *root;       /* the project's, where .fastest lies */
    const char *const *env; /* what all workers share; NULL-terminated */
    const char *cwd;
};

enum { FST_ZYGOTE_FDS = 3 }; /* log, pipe, page */

/* NULL: it can't be started. */
struct fst_zygote *fst_zygote_start(struct fst_loop *loop,
                                    const struct fst_zygote_spec *spec,
                                    struct fst_err *err);
/* Whether workers of that environment (its own variables behind the shared
 * ones) and working directory can be forked from it, as long as it lives. */
bool fst_zygote_serves(const struct fst_zygote *zygote, const char *const *env,
                       const char *cwd);
/* False: it has ended or said that it can't fork. It is of no use any more. */
bool fst_zygote_is_alive(const struct fst_zygote *zygote);
/* True: it said that no worker can be forked; another one would say the same.
 */
bool fst_zygote_is_refusing(const struct fst_zygote *zygote);
/* A worker of it may be on its way to us. */
bool fst_zygote_is_asked(const struct fst_zygote *zygote);
int64_t fst_zygote_pid(const struct fst_zygote *zygote);

/* Asks for a worker with that environment, which the zygote serves. fds stay
 * the caller's and must stay open until the answer.
 * on_answer: once, never from within this call; pid: an unreaped child of ours
 * in a session of its own, or 0: start it in the ordinary way. */
void fst_zygote_ask(struct fst_zygote *zygote, const char *const *env,
                    const int fds[FST_ZYGOTE_FDS],
                    void (*on_answer)(void *user, pid_t pid), void *user);
/* No answer is wanted any more; a worker that comes is killed. */
void fst_zygote_forget(struct fst_zygote *zygote, const void *user);
/* Ends it; nobody must wait for an answer. NULL is fine. */
void fst_zygote_free(struct fst_zygote *zygote);

#endif
