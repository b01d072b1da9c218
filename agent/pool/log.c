#include "agent/pool/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/base/steady.h"
#include "shared/base/text.h"

enum {
    READ_SIZE = 64 * 1024,
    READS_A_TURN = 4, /* others have their turn too */
    /* More than a pipe holds: of one who writes on, this much is heard. */
    LAST_READS = 64,
    MARKS = 64,
};

struct mark { /* what was read at a time begins here */
    double time_s;
    uint64_t begin;
};

struct fst_worker_log {
    uv_poll_t poll;
    int reader, writer; /* writer: -1 once shut */
    bool ended;
    uint64_t total;
    struct mark marks[MARKS]; /* read n of all is at n mod MARKS */
    size_t n_reads;
    char ring[FST_WORKER_LOG_KEPT]; /* byte n of all lies at n mod its size */
    void (*on_bytes)(void *user, const char *bytes, size_t len);
    void *user;
};

static void keep(struct fst_worker_log *log, const char *bytes, size_t len)
{
    log->marks[log->n_reads++ % MARKS] = (struct mark){
        .time_s = fst_steady_s(),
        .begin = log->total,
    };
    size_t skip = len > sizeof log->ring ? len - sizeof log->ring : 0;
    for (size_t done = skip; done < len;) {
        size_t at = (size_t)((log->total + done) % sizeof log->ring);
        size_t n = sizeof log->ring - at;
        if (n > len - done)
            n = len - done;
        memcpy(log->ring + at, bytes + done, n);
        done += n;
    }
    log->total += len;
}

/* One read(); false: nothing more for now, or never. */
static bool read_once(struct fst_worker_log *log)
{
    char bytes[READ_SIZE];
    ssize_t len = read(log->reader, bytes, sizeof bytes);
    if (len < 0)
        return errno == EINTR;
    if (len == 0) {
        log->ended = true;
        uv_poll_stop(&log->poll);
        return false;
    }
    keep(log, bytes, (size_t)len);
    if (log->on_bytes)
        log->on_bytes(log->user, bytes, (size_t)len);
    return true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fst_worker_log *log = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < READS_A_TURN; i++)
        if (!read_once(log))
            break;
}

struct fst_worker_log *
fst_worker_log_open(struct fst_loop *loop,
                    void (*on_bytes)(void *user, const char *bytes, size_t len),
                    void *user, struct fst_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        fst_fail_sys(err, "a pipe for a worker's output");
        return NULL;
    }
    struct fst_worker_log *log = fst_alloc(sizeof *log);
    log->reader = ends[0];
    log->writer = ends[1];
    log->on_bytes = on_bytes;
    log->user = user;
    /* Our end only: the worker's must block. */
    fcntl(log->reader, F_SETFL, O_NONBLOCK);
    FST_ASSERT(!uv_poll_init(&loop->uv, &log->poll, log->reader));
    log->poll.data = log;
    uv_poll_start(&log->poll, UV_READABLE, on_poll);
    return log;
}

void fst_worker_log_read(struct fst_worker_log *log, bool on)
{
    if (on && !log->ended)
        uv_poll_start(&log->poll, UV_READABLE, on_poll);
    else
        uv_poll_stop(&log->poll);
}

int fst_worker_log_writer(const struct fst_worker_log *log)
{
    return log->writer;
}

void fst_worker_log_shut_writer(struct fst_worker_log *log)
{
    if (log->writer >= 0)
        close(log->writer);
    log->writer = -1;
}

void fst_worker_log_drain(struct fst_worker_log *log)
{
    for (int i = 0; i < LAST_READS; i++)
        if (!read_once(log))
            break;
}

uint64_t fst_worker_log_total(const struct fst_worker_log *log)
{
    return log->total;
}

/* Bytes read since then, as far as is remembered. */
static uint64_t count_since(const struct fst_worker_log *log, double since_s)
{
    uint64_t bytes = 0;
    for (size_t i = 1; i <= MARKS && i <= log->n_reads; i++) {
        const struct mark *mark = &log->marks[(log->n_reads - i) % MARKS];
        if (mark->time_s < since_s)
            return bytes;
        bytes = log->total - mark->begin;
    }
    return log->total;
}

char *fst_worker_log_tail(const struct fst_worker_log *log,
                          struct fst_arena *arena, double since_s, size_t most)
{
    uint64_t since = count_since(log, since_s);
    size_t kept = sizeof log->ring;
    if (since < kept)
        kept = (size_t)since;
    size_t len = kept < most ? kept : most;
    char *bytes = fst_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = log->ring[(log->total - len + i) % sizeof log->ring];
    char *text = fst_text_end(arena, bytes, len, since > len);
    free(bytes);
    return text;
}

static void on_closed(uv_handle_t *handle)
{
    struct fst_worker_log *log = handle->data;
    close(log->reader);
    free(log);
}

void fst_worker_log_free(struct fst_worker_log *log)
{
    if (!log)
        return;
    fst_worker_log_shut_writer(log);
    uv_close((uv_handle_t *)&log->poll, on_closed);
}
