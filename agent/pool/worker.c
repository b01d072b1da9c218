#include "agent/pool/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/utf8.h"
#include "shared/proto/frame.h"

enum {
    PAGE_HEAD = 4096,
    PAGE_PENDING = 262144,
    PAGE_SIZE = PAGE_HEAD + PAGE_PENDING,
    PAGE_NAME_AT = 64,
    PAGE_NAME_MAX = 4032,
    PAGE_MAGIC = 0x46535431,
    READ_SIZE = 64 * 1024,
    LOG_TAIL = 8 * 1024,
    LOG_MAX = 16 << 20, /* then it begins anew */
};

struct page_head { /* docs/worker.md */
    uint32_t magic, state, phase, name_len;
    uint64_t lease;
    double start_s;
    uint32_t pending;
};

struct fst_worker {
    struct fst_loop *loop;
    const struct fst_worker_events *events;
    void *user;
    struct fst_child *child;
    uv_pipe_t pipe;
    struct fst_frames frames;
    int log;
    void *page;
    char *chunk; /* READ_SIZE */
    bool ended, paused;
};

/* ---- reading */

static void take_messages(struct fst_worker *worker)
{
    struct fst_msg *msg;
    struct fst_err err;
    int result;
    while ((result = fst_frames_next(&worker->frames, &msg, &err)) > 0)
        worker->events->on_message(worker->user, worker, msg);
    if (result < 0) {
        fst_error("worker %lld: %s", (long long)fst_child_pid(worker->child),
                  err.msg);
        fst_child_signal(worker->child, SIGKILL, true);
    }
}

static void give_chunk(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct fst_worker *worker = handle->data;
    (void)size;
    *buf = uv_buf_init(worker->chunk, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct fst_worker *worker = stream->data;
    if (len < 0) { /* its process is ending: on_exit has the rest to do */
        uv_read_stop(stream);
        return;
    }
    if (lseek(worker->log, 0, SEEK_END) > LOG_MAX && ftruncate(worker->log, 0))
        fst_warn("a worker's log can't be cut");
    fst_frames_feed(&worker->frames, buf->base, (size_t)len);
    take_messages(worker);
}

void fst_worker_pause(struct fst_worker *worker, bool pause)
{
    if (worker->ended || worker->paused == pause)
        return;
    worker->paused = pause;
    if (pause)
        uv_read_stop((uv_stream_t *)&worker->pipe);
    else
        uv_read_start((uv_stream_t *)&worker->pipe, give_chunk, on_read);
}

/* ---- the end */

static void describe_end(int status, char *how, size_t size)
{
    if (status >= 0) {
        snprintf(how, size, "exited with status %d", status);
        return;
    }
    const char *name = sigabbrev_np(-status);
    if (name)
        snprintf(how, size, "killed by SIG%s", name);
    else
        snprintf(how, size, "killed by signal %d", -status);
}

/* The log's end, from the first whole line that fits. */
static char *read_log_tail(int log)
{
    off_t size = lseek(log, 0, SEEK_END);
    off_t from = size > LOG_TAIL ? size - LOG_TAIL : 0;
    char *text = fst_alloc(LOG_TAIL + 1);
    ssize_t len = pread(log, text, LOG_TAIL, from);
    text[len > 0 ? len : 0] = '\0';
    char *line = from ? strchr(text, '\n') : NULL;
    if (line)
        memmove(text, line + 1, strlen(line + 1) + 1);
    size_t left = strlen(text);
    for (char *at = text; *at;) {
        size_t width = fst_utf8_sequence(at, left);
        if (!width)
            *at = '?';
        at += width ? width : 1;
        left -= width ? width : 1;
    }
    while (left && text[left - 1] == '\n')
        text[--left] = '\0';
    return text;
}

static void read_page(const struct fst_worker *worker,
                      struct fst_worker_remains *remains)
{
    struct page_head head;
    memcpy(&head, worker->page, sizeof head);
    if (head.magic != PAGE_MAGIC)
        return;
    size_t len = head.name_len < PAGE_NAME_MAX ? head.name_len : PAGE_NAME_MAX;
    memcpy(remains->name, (const char *)worker->page + PAGE_NAME_AT, len);
    remains->name[len] = '\0';
    remains->state = head.state;
    remains->phase = head.phase;
    remains->lease = head.lease;
    remains->start_s = head.start_s;
}

/* What is still in the pipe, then what never got there. */
static void read_rest(struct fst_worker *worker)
{
    uv_os_fd_t fd;
    struct page_head head;
    uv_read_stop((uv_stream_t *)&worker->pipe);
    FST_ASSERT(!uv_fileno((uv_handle_t *)&worker->pipe, &fd));
    ssize_t len;
    while ((len = recv(fd, worker->chunk, READ_SIZE, MSG_DONTWAIT)) > 0 ||
           (len < 0 && errno == EINTR))
        if (len > 0)
            fst_frames_feed(&worker->frames, worker->chunk, (size_t)len);
    take_messages(worker);
    memcpy(&head, worker->page, sizeof head);
    if (head.magic != PAGE_MAGIC || head.pending > PAGE_PENDING)
        return;
    fst_frames_release(&worker->frames);
    fst_frames_init(&worker->frames, FST_MESSAGE_MAX, FST_MESSAGE_MAX);
    fst_frames_feed(&worker->frames, (const char *)worker->page + PAGE_HEAD,
                    head.pending);
    take_messages(worker);
}

static void on_child_end(void *user, int status)
{
    struct fst_worker *worker = user;
    struct fst_worker_remains *remains = fst_alloc(sizeof *remains);
    worker->ended = true;
    fst_child_signal(worker->child, SIGKILL, true);
    read_rest(worker);
    remains->status = status;
    remains->pid = fst_child_pid(worker->child);
    describe_end(status, remains->how, sizeof remains->how);
    read_page(worker, remains);
    char *log = read_log_tail(worker->log);
    remains->log = log;
    worker->events->on_ended(worker->user, worker, remains);
    free(log);
    free(remains);
}

static void on_pipe_closed(uv_handle_t *handle)
{
    struct fst_worker *worker = handle->data;
    fst_frames_release(&worker->frames);
    munmap(worker->page, PAGE_SIZE);
    close(worker->log);
    free(worker->chunk);
    free(worker);
}

void fst_worker_free(struct fst_worker *worker)
{
    if (!worker)
        return;
    worker->ended = true;
    fst_child_free(worker->child);
    uv_close((uv_handle_t *)&worker->pipe, on_pipe_closed);
}

/* ---- starting and sending */

struct ends { /* descriptors of a worker to be */
    int pipe[2], page, log;
};

static int make_ends(struct ends *ends, struct fst_err *err)
{
    *ends = (struct ends){{-1, -1}, -1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->pipe))
        return fst_fail_sys(err, "a worker's pipe");
    ends->page = memfd_create("fastest-page", MFD_CLOEXEC);
    if (ends->page < 0 || ftruncate(ends->page, PAGE_SIZE))
        return fst_fail_sys(err, "a worker's page");
    ends->log = memfd_create("fastest-worker-log", MFD_CLOEXEC);
    if (ends->log < 0 || fcntl(ends->log, F_SETFL, O_APPEND))
        return fst_fail_sys(err, "a worker's log");
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

struct fst_worker *fst_worker_start(struct fst_loop *loop,
                                    const struct fst_worker_spec *spec,
                                    const struct fst_worker_events *events,
                                    void *user, struct fst_err *err)
{
    struct ends ends;
    struct fst_child *child = NULL;
    void *page = MAP_FAILED;
    struct fst_worker *worker = fst_alloc(sizeof *worker);
    const char *argv[] = {spec->python, spec->script, "3", "4", NULL};
    if (make_ends(&ends, err))
        goto out;
    page =
        mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ends.page, 0);
    if (page == MAP_FAILED) {
        fst_fail_sys(err, "a worker's page");
        goto out;
    }
    int fds[] = {-1, ends.log, ends.log, ends.pipe[1], ends.page};
    child = fst_child_start(loop,
                            &(struct fst_child_spec){.argv = argv,
                                                     .env = spec->env,
                                                     .cwd = spec->cwd,
                                                     .fds = fds,
                                                     .n_fds = 5},
                            on_child_end, worker, err);
out:
    close_fd(ends.pipe[1]);
    close_fd(ends.page);
    if (!child) {
        if (page != MAP_FAILED)
            munmap(page, PAGE_SIZE);
        close_fd(ends.pipe[0]);
        close_fd(ends.log);
        free(worker);
        return NULL;
    }
    worker->loop = loop;
    worker->events = events;
    worker->user = user;
    worker->child = child;
    worker->page = page;
    worker->log = ends.log;
    worker->chunk = fst_alloc(READ_SIZE);
    fst_frames_init(&worker->frames, FST_MESSAGE_MAX, FST_MESSAGE_MAX);
    FST_ASSERT(!uv_pipe_init(&loop->uv, &worker->pipe, 0));
    worker->pipe.data = worker;
    FST_ASSERT(!uv_pipe_open(&worker->pipe, ends.pipe[0]));
    uv_read_start((uv_stream_t *)&worker->pipe, give_chunk, on_read);
    return worker;
}

struct sending {
    uv_write_t write; /* first */
    struct fst_buf bytes;
};

static void on_sent(uv_write_t *write, int status)
{
    struct sending *sending = (struct sending *)write;
    (void)status; /* its process has ended, which on_ended says */
    fst_buf_release(&sending->bytes);
    free(sending);
}

void fst_worker_send(struct fst_worker *worker, const struct fst_msg *msg)
{
    struct fst_err err;
    struct sending *sending = fst_alloc(sizeof *sending);
    uv_stream_t *stream = (uv_stream_t *)&worker->pipe;
    if (worker->ended || fst_frame_write(msg, false, &sending->bytes, &err)) {
        free(sending);
        return;
    }
    uv_buf_t buf =
        uv_buf_init(sending->bytes.data, (unsigned)sending->bytes.len);
    if (uv_write(&sending->write, stream, &buf, 1, on_sent))
        on_sent(&sending->write, 0);
}

void fst_worker_signal(struct fst_worker *worker, int number, bool group)
{
    fst_child_signal(worker->child, number, group);
}
