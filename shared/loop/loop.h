/* One libuv loop a process, on one thread that owns all state: an inbox for
 * other threads, timers, signals, child processes.
 *
 * Everything here is for the loop thread only, but fst_inbox_post().
 */
#ifndef FST_LOOP_LOOP_H
#define FST_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <uv.h>

#include "shared/base/err.h"

struct fst_loop {
    uv_loop_t uv;
};

int fst_loop_init(struct fst_loop *loop, struct fst_err *err);
/* Runs until fst_loop_stop() or nothing is left to wait for. */
void fst_loop_run(struct fst_loop *loop);
void fst_loop_stop(struct fst_loop *loop);
/* After everything that was made on it has been freed (asserted: a handle that
 * is still open belongs to someone). Not from a callback. */
void fst_loop_fini(struct fst_loop *loop);
/* Monotonic time, ns. */
int64_t fst_loop_now_ns(const struct fst_loop *loop);

/* What other threads have to say to the loop: a locked list and a wake-up.
 * on_letter runs on the loop thread, in the order of posting. */
struct fst_inbox;
struct fst_letter { /* embed as first member; owned by the inbox once posted */
    struct fst_letter *next;
};
struct fst_inbox *fst_inbox_new(struct fst_loop *loop,
                                void (*on_letter)(void *user,
                                                  struct fst_letter *letter),
                                void *user);
/* Any thread. */
void fst_inbox_post(struct fst_inbox *inbox, struct fst_letter *letter);
/* No thread may post any more. Letters not yet delivered are delivered. Not
 * from on_letter. */
void fst_inbox_free(struct fst_inbox *inbox);

/* work(user) on a thread of libuv's pool, then done(user) on the loop thread.
 * The loop waits for it. */
void fst_work_start(struct fst_loop *loop, void (*work)(void *user),
                    void (*done)(void *user), void *user);

struct fst_timer;
struct fst_timer *fst_timer_new(struct fst_loop *loop,
                                void (*on_time)(void *user), void *user);
/* Once, after delay (never before; up to a few ms later); a running timer is
 * set anew. */
void fst_timer_set(struct fst_timer *timer, int64_t delay_ns);
void fst_timer_clear(struct fst_timer *timer);
void fst_timer_free(struct fst_timer *timer);

/* Whenever the loop has heard all that had come by then: letters, signals,
 * children. What was left for this moment is done once for all of it. Doesn't
 * keep the loop running. */
struct fst_after;
struct fst_after *fst_after_new(struct fst_loop *loop,
                                void (*on_after)(void *user), void *user);
void fst_after_free(struct fst_after *after);

struct fst_signal;
struct fst_signal *fst_signal_new(struct fst_loop *loop, int number,
                                  void (*on_signal)(void *user, int number),
                                  void *user, struct fst_err *err);
void fst_signal_free(struct fst_signal *handle);

/* A child process that leads a process group, dies with its parent
 * (parent-death signal) and inherits only the descriptors named. */
struct fst_child_spec {
    const char *const *argv; /* NULL-terminated; argv[0] searched in PATH */
    const char *const *env;  /* NULL-terminated "K=V"; NULL: ours */
    const char *cwd;         /* NULL: ours */
    const int *fds;          /* fds[i] becomes descriptor i; -1: /dev/null */
    int n_fds;               /* 3 … 16 */
    /* Its session is ours unless that has a terminal (^C there isn't for it).
     * Else its own; then it can't call setpgid(). */
    bool our_session;
    int death_signal; /* when we die; 0: SIGKILL */
};
struct fst_child;
/* on_exit: once, after the process was reaped; status is its exit code or
 * -signal. NULL and err where it can't be started (FST_E_NOTFOUND: no such
 * program or no such cwd; the message names it). The child starts with default
 * signal actions and none blocked. Linux 5.9. */
struct fst_child *fst_child_start(struct fst_loop *loop,
                                  const struct fst_child_spec *spec,
                                  void (*on_exit)(void *user, int status),
                                  void *user, struct fst_err *err);
/* The same for a process that came to be our child in another way (as the
 * nearest subreaper above it): it leads a group and nobody has waited for it.
 * It may have ended already. */
struct fst_child *fst_child_adopt(struct fst_loop *loop, pid_t pid,
                                  void (*on_exit)(void *user, int status),
                                  void *user, struct fst_err *err);
/* For a subreaper, on SIGCHLD: waits for what has ended of the children that
 * nobody started or adopted here, as init would. Not while one is on its way
 * to be adopted. */
void fst_child_reap_others(void);
int64_t fst_child_pid(const struct fst_child *child);
/* What it and those of its children that it waited for have used; from on_exit
 * on, zero before. */
const struct rusage *fst_child_usage(const struct fst_child *child);
/* To the process (nothing where it has ended), or to its group: whoever is left
 * of it, also after the process has ended. */
void fst_child_signal(struct fst_child *child, int number, bool group);
/* After on_exit; before it, the child is killed with its group and on_exit
 * isn't called. */
void fst_child_free(struct fst_child *child);

#endif
