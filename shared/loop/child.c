/* fork and exec by hand: uv_spawn() can neither set a parent-death signal nor
 * close what nng leaves open. Between them the child makes system calls only,
 * since other threads (nng's) may have held any lock at the fork. Its end is
 * seen through a pidfd, so that nobody ever waits for a process that isn't
 * ours. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/loop/loop.h"

struct fst_child {
    struct fst_child *next; /* in all_children */
    uv_poll_t poll;
    pid_t pid;
    int pidfd;
    bool ended;
    struct rusage usage;
    void (*on_exit)(void *user, int status);
    void *user;
};

extern char **environ;

/* Children are the process's, whatever the loop. */
static struct fst_child *all_children;

enum { MOST_FDS = 16 };

/* Descriptors 0 … n-1 as asked for, nothing above but `keep`. */
static int place_descriptors(const struct fst_child_spec *spec, int keep)
{
    int copies[MOST_FDS];
    for (int i = 0; i < spec->n_fds; i++) {
        int fd = spec->fds[i];
        if (fd < 0)
            fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return -1;
        copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, keep + 1);
        if (copies[i] < 0)
            return -1;
    }
    for (int i = 0; i < spec->n_fds; i++)
        if (dup2(copies[i], i) < 0)
            return -1;
    if (keep > spec->n_fds)
        syscall(SYS_close_range, (unsigned)spec->n_fds, (unsigned)keep - 1, 0u);
    return (int)syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u);
}

struct failure { /* what the child says of itself */
    int number;  /* errno */
    bool in_cwd; /* the working directory's fault */
};

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* In the child; writes a failure to `report` where it fails. */
static _Noreturn void become(const struct fst_child_spec *spec, pid_t parent,
                             int report)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (spec->our_session && !has_terminal())
        setpgid(0, 0);
    else
        setsid();
    prctl(PR_SET_PDEATHSIG, spec->death_signal ? spec->death_signal : SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(127);
    struct failure failure = {0};
    int keep = fcntl(report, F_DUPFD_CLOEXEC, spec->n_fds);
    if (keep >= 0 && !place_descriptors(spec, keep)) {
        failure.in_cwd = spec->cwd && chdir(spec->cwd);
        if (spec->env)
            environ = (char **)(uintptr_t)spec->env;
        if (!failure.in_cwd)
            execvp(spec->argv[0], (char *const *)(uintptr_t)spec->argv);
    }
    failure.number = errno;
    if (write(keep < 0 ? report : keep, &failure, sizeof failure) < 0)
        _exit(126);
    _exit(127);
}

/* Waits until the program runs (exec closes the report's other end) or has
 * said why not. */
static int read_report(const struct fst_child_spec *spec, pid_t pid, int report,
                       struct fst_err *err)
{
    struct failure failure;
    ssize_t got;
    do
        got = read(report, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return 0;
    waitpid(pid, NULL, 0);
    errno = failure.number;
    return fst_fail_sys(err, "%s", failure.in_cwd ? spec->cwd : spec->argv[0]);
}

/* Forks; the pid once the program runs, else -1. */
static pid_t start(const struct fst_child_spec *spec, struct fst_err *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC))
        return fst_fail_sys(err, "%s: a pipe", spec->argv[0]);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(spec, parent, report[1]);
    if (pid < 0)
        fst_fail_sys(err, "%s: fork", spec->argv[0]);
    close(report[1]);
    if (pid > 0 && read_report(spec, pid, report[0], err))
        pid = -1;
    close(report[0]);
    return pid;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct fst_child *child = poll->data;
    int ended;
    (void)status;
    (void)events;
    if (wait4(child->pid, &ended, WNOHANG, &child->usage) != child->pid)
        return;
    uv_poll_stop(poll);
    child->ended = true;
    child->on_exit(child->user,
                   WIFSIGNALED(ended) ? -WTERMSIG(ended) : WEXITSTATUS(ended));
}

struct fst_child *fst_child_start(struct fst_loop *loop,
                                  const struct fst_child_spec *spec,
                                  void (*on_end)(void *user, int status),
                                  void *user, struct fst_err *err)
{
    FST_ASSERT(spec->n_fds >= 3 && spec->n_fds <= MOST_FDS);
    pid_t pid = start(spec, err);
    if (pid < 0)
        return NULL;
    struct fst_child *child = fst_child_adopt(loop, pid, on_end, user, err);
    return child ? child : (fst_wrap(err, "%s", spec->argv[0]), NULL);
}

struct fst_child *fst_child_adopt(struct fst_loop *loop, pid_t pid,
                                  void (*on_end)(void *user, int status),
                                  void *user, struct fst_err *err)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec */
    if (pidfd < 0) {
        fst_fail_sys(err, "a descriptor of the process");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return NULL;
    }
    struct fst_child *child = fst_alloc(sizeof *child);
    child->next = all_children;
    all_children = child;
    child->pid = pid;
    child->on_exit = on_end;
    child->user = user;
    child->pidfd = pidfd;
    FST_ASSERT(!uv_poll_init(&loop->uv, &child->poll, child->pidfd));
    child->poll.data = child;
    uv_poll_start(&child->poll, UV_READABLE, on_readable);
    return child;
}

static bool is_ours(pid_t pid)
{
    struct fst_child *child = all_children;
    while (child && (child->pid != pid || child->ended))
        child = child->next;
    return child;
}

void fst_child_reap_others(void)
{
    int pid;
    /* Orphans go to the first thread. A kernel without the file leaves them. */
    FILE *list = fopen("/proc/thread-self/children", "re");
    while (list && fscanf(list, "%d", &pid) == 1)
        if (!is_ours(pid))
            waitpid(pid, NULL, WNOHANG);
    if (list)
        fclose(list);
}

int64_t fst_child_pid(const struct fst_child *child)
{
    return child->pid;
}

const struct rusage *fst_child_usage(const struct fst_child *child)
{
    return &child->usage;
}

void fst_child_signal(struct fst_child *child, int number, bool group)
{
    /* The group may outlive its leader, whose pid stays taken until then. */
    if (group)
        kill(-child->pid, number);
    else if (!child->ended)
        kill(child->pid, number);
}

static void on_closed(uv_handle_t *handle)
{
    struct fst_child *child = handle->data;
    close(child->pidfd);
    free(child);
}

void fst_child_free(struct fst_child *child)
{
    if (!child)
        return;
    struct fst_child **at = &all_children;
    while (*at != child)
        at = &(*at)->next;
    *at = child->next;
    if (!child->ended) {
        kill(-child->pid, SIGKILL);
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    uv_close((uv_handle_t *)&child->poll, on_closed);
}
