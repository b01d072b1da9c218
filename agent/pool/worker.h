/* One worker process: its pipe, its shared page, its log, its end.
 *
 * Loop thread only. docs/worker.md has the pipe's messages and the page's
 * layout.
 */
#ifndef FST_AGENT_POOL_WORKER_H
#define FST_AGENT_POOL_WORKER_H

#include "shared/base/err.h"
#include "shared/loop/loop.h"
#include "shared/proto/msg.h"

struct fst_worker;

struct fst_worker_spec {
    const char *python;     /* searched in PATH */
    const char *script;     /* the folder that python is given */
    const char *cwd;        /* absolute */
    const char *const *env; /* complete, NULL-terminated */
};

/* What is left of a worker that has ended; texts live as long as the callback.
 */
struct fst_worker_remains {
    int status;      /* exit code, or -signal */
    char how[80];    /* "killed by SIGSEGV", "exited with status 3" */
    const char *log; /* the last 8 KiB that it wrote to its standard output
                        and error, valid UTF-8 */
    uint32_t state, phase; /* of the page */
    char name[4096];       /* of the page */
    uint64_t lease;
    double start_s;
    int64_t pid;
};

struct fst_worker_events {
    /* The message is the callee's to free. */
    void (*on_message)(void *user, struct fst_worker *worker,
                       struct fst_msg *msg);
    /* Once, and last: the process was reaped, its pipe read to the end (what
     * its children hold open isn't waited for), and the frames that it had not
     * sent yet were taken from the page. Free the worker then. */
    void (*on_ended)(void *user, struct fst_worker *worker,
                     const struct fst_worker_remains *remains);
};

/* NULL: it can't be started. The spec is only read; events stay the caller's.
 */
struct fst_worker *fst_worker_start(struct fst_loop *loop,
                                    const struct fst_worker_spec *spec,
                                    const struct fst_worker_events *events,
                                    void *user, struct fst_err *err);
/* Queues a message (the caller's). What a dying worker doesn't read is lost. */
void fst_worker_send(struct fst_worker *worker, const struct fst_msg *msg);
/* To the process, or to its whole group. */
void fst_worker_signal(struct fst_worker *worker, int number, bool group);
/* Back-pressure: reads nothing more from it for now. */
void fst_worker_pause(struct fst_worker *worker, bool pause);
/* Kills what is left of it and its group. */
void fst_worker_free(struct fst_worker *worker);

#endif
