/* The pipe is a socket pair polled by libuv and read with recvmsg(): when the
 * process has ended, the rest can be read at once, without waiting for an end
 * of file that a grandchild may keep from coming. */
#include "agent/pool/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pool/captured.h"
#include "agent/pool/lines.h"
#include "agent/pool/log.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/steady.h"
#include "shared/proto/frame.h"

enum {
    READ_SIZE = 64 * 1024,
    READS_A_TURN = 8, /* others have their turn too */
    /* More than a socket buffer holds: whoever writes on after the worker's end
     * isn't listened to. */
    LAST_READS = 256,
    EXIT_NOT_STARTED = 127, /* as a shell says it */
};
/* A worker whose pipe has ended ends by itself, soon. */
#define CLOSED_NS INT64_C(5000000000)

struct fst_proc {
    struct fst_loop *loop;
    struct fst_proc_spec spec;
    struct fst_child *child; /* NULL until the zygote has answered */
    int their_fd;            /* the worker's end of the pipe, until then; -1 */
    int early_signal;        /* from before that, or 0 */
    struct fst_timer *closed_timer;
    uv_poll_t poll;
    int fd;
    struct fst_worker_log *log;
    struct fst_lines lines; /* of the log, where someone watches */
    struct fst_page page;
    struct fst_captured captured;
    struct fst_frames frames;
    struct fst_buf out;
    bool reading, deaf; /* deaf: its pipe has ended or made no sense */
    bool asked;         /* for its stacks, while it was at … */
    double asked_start_s;
    const char *asked_out, *asked_err; /* … which had written this */
    char *why;
    struct fst_arena arena; /* of `end` */
    struct fst_proc_end end;
};

/* ---- the pipe */

static void on_poll(uv_poll_t *poll, int status, int events);

static void poll_again(struct fst_proc *proc)
{
    int events = (proc->reading && !proc->deaf ? UV_READABLE : 0) |
                 (proc->out.len ? UV_WRITABLE : 0);
    if (events)
        uv_poll_start(&proc->poll, events, on_poll);
    else
        uv_poll_stop(&proc->poll);
}

static void on_lines(void *user, const char *text)
{
    struct fst_proc *proc = user;
    proc->spec.events->on_lines(proc->spec.user, proc, text);
}

/* What was written before the message is told before it. */
static void tell_message(struct fst_proc *proc, struct fst_msg *msg)
{
    bool results = msg->type == FST_MSG_RESULTS;
    if (proc->lines.on_lines)
        fst_worker_log_drain(proc->log);
    proc->spec.events->on_message(proc->spec.user, proc, msg);
    if (results)
        fst_lines_go_on(&proc->lines);
}

void fst_proc_let_go(struct fst_proc *proc)
{
    fst_lines_let_go(&proc->lines);
}

static void take_frames(struct fst_proc *proc)
{
    struct fst_err err;
    struct fst_msg *msg;
    int result = 1;
    while (!proc->deaf && result > 0) {
        result = fst_frames_next(&proc->frames, &msg, &err);
        if (result > 0) {
            tell_message(proc, msg);
        } else if (result < 0) {
            proc->deaf = true;
            fst_wrap(&err, "what it sent made no sense");
            fst_proc_kill(proc, err.msg);
        }
    }
}

/* One recvmsg(); false: nothing more for now, or never. */
static bool read_once(struct fst_proc *proc)
{
    static char bytes[READ_SIZE];
    _Alignas(struct cmsghdr) char control[FST_CAPTURED_CONTROL];
    struct iovec room = {bytes, sizeof bytes};
    struct msghdr header = {.msg_iov = &room,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
    ssize_t len = recvmsg(proc->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len < 0 && errno == EINTR)
        return true;
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (len <= 0) {
        proc->deaf = true;
        fst_timer_set(proc->closed_timer, CLOSED_NS);
        return false;
    }
    fst_captured_take(&proc->captured, &header);
    fst_frames_feed(&proc->frames, bytes, (size_t)len);
    take_frames(proc);
    return !proc->deaf;
}

static void write_out(struct fst_proc *proc)
{
    while (proc->out.len) {
        ssize_t len = send(proc->fd, proc->out.data, proc->out.len,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
        if (len >= 0)
            fst_buf_drop(&proc->out, (size_t)len);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR)
            fst_buf_clear(&proc->out);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fst_proc *proc = poll->data;
    if (status < 0)
        events =
            UV_READABLE | UV_WRITABLE; /* let recvmsg() and send() say it */
    if (events & UV_WRITABLE)
        write_out(proc);
    for (int i = 0; i < READS_A_TURN && events & UV_READABLE; i++)
        if (!proc->reading || !read_once(proc))
            break;
    poll_again(proc);
}

void fst_proc_tell(struct fst_proc *proc, const struct fst_msg *msg)
{
    struct fst_err err;
    if (fst_frame_write(msg, false, &proc->out, &err)) {
        fst_wrap(&err, "it can't be told");
        fst_proc_kill(proc, err.msg);
        return;
    }
    write_out(proc);
    poll_again(proc);
}

void fst_proc_read(struct fst_proc *proc, bool on)
{
    proc->reading = on;
    poll_again(proc);
    if (proc->lines.on_lines)
        fst_worker_log_read(proc->log, on);
}

static void on_log(void *user, const char *bytes, size_t len)
{
    struct fst_proc *proc = user;
    fst_lines_feed(&proc->lines, bytes, len);
    if (proc->spec.events->on_output)
        proc->spec.events->on_output(proc->spec.user, proc, bytes, len);
}

/* ---- the end */

/* Where a test has closed the pipe, the worker ends when that test has. */
static void on_closed_pipe(void *user)
{
    enum { TESTING = 2 };
    struct fst_proc *proc = user;
    struct fst_arena arena = {0};
    struct fst_page_status status;
    fst_page_read(&proc->page, &arena, &status);
    fst_arena_release(&arena);
    if (status.doing == TESTING) {
        fst_timer_set(proc->closed_timer, CLOSED_NS);
        return;
    }
    fst_proc_kill(user, "it closed its pipe and did not end");
}

static void take_pending(struct fst_proc *proc)
{
    size_t len;
    const void *bytes = fst_page_pending(&proc->page, &len);
    /* What was cut off is in the page as a whole. */
    fst_frames_release(&proc->frames);
    fst_frames_init(&proc->frames, FST_MESSAGE_MAX, FST_MESSAGE_MAX);
    fst_frames_feed(&proc->frames, bytes, len);
    take_frames(proc);
}

static void take_last_words(struct fst_proc *proc)
{
    struct fst_proc_end *end = &proc->end;
    double since_s = end->page.start_s;
    bool gone_on = proc->asked && proc->asked_start_s < since_s;
    end->out = proc->asked_out;
    end->err = proc->asked_err;
    if (gone_on) {
        since_s = proc->asked_start_s;
    } else {
        end->out = fst_captured_text(&proc->captured, 0, &proc->arena);
        end->err = fst_captured_text(&proc->captured, 1, &proc->arena);
    }
    end->tail = fst_proc_tail(proc, &proc->arena, since_s, FST_PROC_TAIL);
}

static void finish(struct fst_proc *proc, int status)
{
    proc->reading = true;
    for (int i = 0; i < LAST_READS && !proc->deaf; i++)
        if (!read_once(proc))
            break;
    uv_poll_stop(&proc->poll);
    fst_timer_clear(proc->closed_timer);
    proc->deaf = false;
    take_pending(proc);
    if (proc->child)
        fst_child_signal(proc->child, SIGKILL, true);
    proc->end.pid = fst_proc_pid(proc);
    proc->end.status = status;
    proc->end.why = proc->why;
    fst_page_read(&proc->page, &proc->arena, &proc->end.page);
    take_last_words(proc);
    fst_lines_end(&proc->lines);
    if (status == -SIGKILL && !proc->why && proc->spec.oom &&
        fst_oom_look(proc->spec.oom, (int64_t)uv_hrtime()))
        proc->end.oom = proc->spec.oom->limit;
    proc->spec.events->on_end(proc->spec.user, proc, &proc->end);
}

static void on_exit_of_child(void *user, int status)
{
    struct fst_proc *proc = user;
    const struct rusage *used = fst_child_usage(proc->child);
    fst_debug("worker %" PRId64 " used %ld ms of CPU, %ld KiB",
              fst_proc_pid(proc),
              (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000 +
                  (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1000,
              used->ru_maxrss);
    finish(proc, status);
}

char *fst_proc_tail(struct fst_proc *proc, struct fst_arena *arena,
                    double since_s, size_t most)
{
    fst_worker_log_drain(proc->log);
    return fst_worker_log_tail(proc->log, arena, since_s, most);
}

int64_t fst_proc_pid(const struct fst_proc *proc)
{
    return proc->child ? fst_child_pid(proc->child) : 0;
}

static void send_signal(struct fst_proc *proc, int number)
{
    if (proc->child)
        fst_child_signal(proc->child, number, number != SIGINT);
    else if (proc->early_signal != SIGKILL)
        proc->early_signal = number;
}

void fst_proc_look(const struct fst_proc *proc, struct fst_arena *arena,
                   struct fst_page_status *status)
{
    fst_page_read(&proc->page, arena, status);
}

void fst_proc_ask_stacks(struct fst_proc *proc)
{
    struct fst_page_status status;
    fst_page_read(&proc->page, &proc->arena, &status);
    proc->asked = true;
    proc->asked_start_s = status.start_s;
    proc->asked_out = fst_captured_text(&proc->captured, 0, &proc->arena);
    proc->asked_err = fst_captured_text(&proc->captured, 1, &proc->arena);
    if (!proc->child)
        return;
    pid_t forked = (pid_t)status.child;
    if (forked > 0 && getpgid(forked) == fst_child_pid(proc->child))
        kill(forked, SIGRTMAX - 1);
    else
        fst_child_signal(proc->child, SIGRTMAX - 1, false);
}

void fst_proc_terminate(struct fst_proc *proc)
{
    send_signal(proc, SIGTERM);
}

void fst_proc_interrupt(struct fst_proc *proc)
{
    send_signal(proc, SIGINT);
}

void fst_proc_kill(struct fst_proc *proc, const char *why)
{
    if (!proc->why)
        proc->why = fst_strdup(why);
    send_signal(proc, SIGKILL);
}

bool fst_proc_is_stuck(const struct fst_proc *proc, double seconds)
{
    enum { IDLE = 0, FINISHING = 3 };
    struct fst_arena arena = {0};
    struct fst_page_status status;
    fst_page_read(&proc->page, &arena, &status);
    fst_arena_release(&arena);
    return (status.doing == IDLE || status.doing == FINISHING) &&
           fst_steady_s() - status.start_s >= seconds;
}

/* ---- the start */

static int start_child(struct fst_proc *proc, struct fst_err *err)
{
    const struct fst_proc_spec *spec = &proc->spec;
    struct stat info;
    const char *argv[] = {spec->python, spec->program, "3", "4", NULL};
    int log_fd = fst_worker_log_writer(proc->log);
    int fds[] = {-1, log_fd, log_fd, proc->their_fd, proc->page.fd};
    struct fst_child_spec child = {
        .argv = argv,
        .env = spec->env,
        .cwd = spec->cwd,
        .fds = fds,
        .n_fds = sizeof fds / sizeof *fds,
        .our_session = true,
    };
    if (stat(spec->cwd, &info))
        return fst_fail_sys(err, "working directory %s", spec->cwd);
    if (stat(spec->program, &info))
        return fst_fail_sys(err, "fastest is not installed completely: %s",
                            spec->program);
    proc->child =
        fst_child_start(proc->loop, &child, on_exit_of_child, proc, err);
    if (proc->child)
        return 0;
    if (err->code == FST_E_LACKING)
        return -1;
    size_t used = strlen(err->msg);
    snprintf(err->msg + used, sizeof err->msg - used,
             ": name another interpreter with --python");
    return -1;
}

/* The worker has its descriptors, or never will. */
static void close_theirs(struct fst_proc *proc)
{
    if (proc->their_fd >= 0)
        close(proc->their_fd);
    proc->their_fd = -1;
    fst_worker_log_shut_writer(proc->log);
}

/* pid 0: the zygote could not do it. */
static void on_forked(void *user, pid_t pid)
{
    struct fst_proc *proc = user;
    struct fst_err err;
    int early = proc->early_signal;
    if (pid > 0)
        proc->child =
            fst_child_adopt(proc->loop, pid, on_exit_of_child, proc, &err);
    else if (early != SIGKILL)
        start_child(proc, &err);
    close_theirs(proc);
    if (proc->child && early) {
        send_signal(proc, early);
    } else if (!proc->child) {
        if (early != SIGKILL && !proc->why)
            proc->why = fst_strdup(err.msg);
        finish(proc, early == SIGKILL ? -SIGKILL : EXIT_NOT_STARTED);
    }
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct fst_proc *proc = handle->data;
    close(proc->fd);
    free(proc);
}

struct fst_proc *fst_proc_start(struct fst_loop *loop,
                                const struct fst_proc_spec *spec,
                                struct fst_err *err)
{
    int pair[2];
    struct fst_proc *proc = fst_alloc(sizeof *proc);
    proc->loop = loop;
    proc->spec = *spec;
    if (fst_page_open(&proc->page, err))
        goto no_page;
    if (spec->live)
        fst_lines_init(&proc->lines, on_lines, proc);
    proc->log = fst_worker_log_open(loop, on_log, proc, err);
    if (!proc->log)
        goto no_log;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        fst_fail_sys(err, "a pipe for a worker");
        goto no_pipe;
    }
    proc->fd = pair[0];
    proc->their_fd = pair[1];
    if (spec->zygote) {
        int fds[] = {fst_worker_log_writer(proc->log), pair[1], proc->page.fd};
        fst_zygote_ask(spec->zygote, spec->env, fds, on_forked, proc);
    } else {
        int started = start_child(proc, err);
        close_theirs(proc);
        if (started)
            goto no_child;
    }
    fst_frames_init(&proc->frames, FST_MESSAGE_MAX, FST_MESSAGE_MAX);
    proc->closed_timer = fst_timer_new(loop, on_closed_pipe, proc);
    FST_ASSERT(!uv_poll_init(&loop->uv, &proc->poll, proc->fd));
    proc->poll.data = proc;
    fst_proc_read(proc, true);
    return proc;

no_child:
    close(pair[0]);
no_pipe:
    fst_worker_log_free(proc->log);
no_log:
    fst_page_close(&proc->page);
no_page:
    free(proc);
    return NULL;
}

void fst_proc_free(struct fst_proc *proc)
{
    if (!proc)
        return;
    if (proc->spec.zygote)
        fst_zygote_forget(proc->spec.zygote, proc);
    close_theirs(proc);
    fst_child_free(proc->child);
    fst_timer_free(proc->closed_timer);
    fst_worker_log_free(proc->log);
    fst_page_close(&proc->page);
    fst_captured_close(&proc->captured);
    fst_frames_release(&proc->frames);
    fst_buf_release(&proc->out);
    fst_lines_release(&proc->lines);
    fst_arena_release(&proc->arena);
    free(proc->why);
    uv_close((uv_handle_t *)&proc->poll, on_poll_closed);
}
