/* One worker's process: started, spoken to over its pipe, watched to its end.
 *
 * Loop thread only. The process leads a process group, dies with
 * us (parent-death signal, end of file on its pipe), reads /dev/null and writes
 * standard output and error to a log (log.h), whose tail is kept for the report
 * of its end.
 *
 * Its end is the end of the process, not of its pipe, which children may hold:
 * then everything it wrote is in the pipe and is read, what it had not sent yet
 * is taken from the shared page, its group is killed, and on_end is called.
 */
#ifndef FST_POOL_PROC_H
#define FST_POOL_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/pool/oom.h"
#include "agent/pool/page.h"
#include "agent/pool/zygote.h"
#include "shared/base/err.h"
#include "shared/loop/loop.h"
#include "shared/proto/msg.h"

enum { FST_PROC_TAIL = 32 * 1024 }; /* bytes of the log that are told */

struct fst_proc;

struct fst_proc_end {
    int64_t pid;
    int status;      /* exit code, or -signal */
    const char *why; /* the first fst_proc_kill()'s reason, or NULL */
    struct fst_page_status page;
    const char *tail; /* of its log since the page's start; valid UTF-8 */
    /* What pytest had captured and not read yet; valid UTF-8, may be empty. */
    const char *out, *err;
    const char *oom; /* which memory was short, where it was killed for that;
                        or NULL */
};

struct fst_proc_events {
    /* The message is the callee's to free. */
    void (*on_message)(void *user, struct fst_proc *proc, struct fst_msg *msg);
    /* Bytes of its log, as they come (log.h); or NULL. */
    void (*on_output)(void *user, struct fst_proc *proc, const char *bytes,
                      size_t len);
    /* Whole lines that it wrote to standard output or error (lines.h), those
     * before a message first; only where the spec says `live`. From when it is
     * let go (fst_proc_let_go()). */
    void (*on_lines)(void *user, struct fst_proc *proc, const char *text);
    /* Once, and last; end lives until fst_proc_free(). */
    void (*on_end)(void *user, struct fst_proc *proc,
                   const struct fst_proc_end *end);
};

struct fst_proc_spec {
    const char *python;     /* searched in PATH */
    const char *program;    /* the fastest_worker package's folder */
    const char *const *env; /* NULL-terminated */
    const char *cwd;
    struct fst_oom *oom;       /* the caller's; or NULL */
    struct fst_zygote *zygote; /* to be forked from, or NULL; serves env, cwd */
    bool live;
    const struct fst_proc_events *events; /* stay the caller's */
    void *user;
};

/* All that the spec points to must outlive the process; the zygote too. NULL:
 * it can't be started; err names the interpreter or the folder, in words
 * for users. */
struct fst_proc *fst_proc_start(struct fst_loop *loop,
                                const struct fst_proc_spec *spec,
                                struct fst_err *err);
/* 0 as long as a zygote was asked for it and has not answered. */
int64_t fst_proc_pid(const struct fst_proc *proc);
/* Queues a message (which stays the caller's). What can't be encoded or is
 * written to a process that reads no more is dropped: its end tells. */
void fst_proc_tell(struct fst_proc *proc, const struct fst_msg *msg);
/* Back-pressure: whether its messages are taken. The first state is true. */
void fst_proc_read(struct fst_proc *proc, bool on);
/* The end of what it has written to standard output and error since a time of
 * the steady clock (0: ever), at most FST_WORKER_LOG_KEPT bytes; valid UTF-8,
 * in arena. */
char *fst_proc_tail(struct fst_proc *proc, struct fst_arena *arena,
                    double since_s, size_t most);
/* What it is at; status->name in arena. */
void fst_proc_look(const struct fst_proc *proc, struct fst_arena *arena,
                   struct fst_page_status *status);
/* Has it write the stacks of all its threads to its log, and keeps what its
 * test had written so far: the end's tail begins with that test, also where it
 * has gone on to another one. */
void fst_proc_ask_stacks(struct fst_proc *proc);
/* SIGTERM to the group. */
void fst_proc_terminate(struct fst_proc *proc);
/* It has started well: its lines are wanted from now on, also those before.
 * Calls on_lines(). Without `live` nothing. */
void fst_proc_let_go(struct fst_proc *proc);
/* SIGINT to the process. */
void fst_proc_interrupt(struct fst_proc *proc);
/* SIGKILL to the group; on_end follows. why: copied, may be NULL. */
void fst_proc_kill(struct fst_proc *proc, const char *why);
/* True where it has been idle or finishing for so long. */
bool fst_proc_is_stuck(const struct fst_proc *proc, double seconds);
/* Kills what still runs; no callback follows. Not from within on_message. NULL
 * is fine. */
void fst_proc_free(struct fst_proc *proc);

#endif
