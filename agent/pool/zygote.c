/* Its control socket keeps the borders of packets. A request: a number (u32),
 * then the worker's own variables, each with a NUL behind it; with it travel
 * the descriptors. An answer: the number and a pid (i32), in native order. With
 * the number 0 a text follows: why no worker can be forked. */
#include "agent/pool/zygote.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/pool/log.h"
#include "shared/base/buf.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/text.h"
#include "shared/base/vec.h"

enum { CONTROL_FD = 3, ANSWER_MOST = 4096, OWN_MOST = 64 * 1024 };
/* Imports may be slow; a zygote that never answers must not end the run. */
#define PATIENCE_NS INT64_C(60000000000)

struct asked { /* one request without an answer */
    uint32_t number;
    bool forgotten;
    void (*on_answer)(void *user, pid_t pid);
    void *user;
};

struct fst_zygote {
    struct fst_child *child;
    struct fst_worker_log *log;
    struct fst_timer *patience, *refusals;
    uv_poll_t poll;
    int fd;
    bool alive, refusing;
    uint32_t last_number;
    FST_VEC(struct asked) asked;
    struct fst_strings env; /* what its workers share */
    size_t n_env;
    char *cwd;
};

/* ---- answers */

static void answer(struct fst_zygote *zygote, size_t index, pid_t pid)
{
    struct asked asked = zygote->asked.items[index];
    zygote->asked.count--;
    memmove(&zygote->asked.items[index], &zygote->asked.items[index + 1],
            (zygote->asked.count - index) * sizeof asked);
    if (!asked.forgotten) {
        asked.on_answer(asked.user, pid);
    } else if (pid > 0) {
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void refuse_all(void *user)
{
    struct fst_zygote *zygote = user;
    while (zygote->asked.count)
        answer(zygote, 0, 0);
}

/* From now on workers start in the ordinary way. */
static void give_up(struct fst_zygote *zygote)
{
    zygote->alive = false;
    uv_poll_stop(&zygote->poll);
    fst_timer_clear(zygote->patience);
    fst_child_signal(zygote->child, SIGKILL, false);
    fst_timer_set(zygote->refusals, 0);
}

static void say_why(const char *bytes, size_t len)
{
    struct fst_arena arena = {0};
    fst_info("workers are not forked: %s", fst_text_clean(&arena, bytes, len));
    fst_arena_release(&arena);
}

static void take_answer(struct fst_zygote *zygote, const char *bytes,
                        size_t len)
{
    uint32_t number;
    int32_t pid = 0;
    memcpy(&number, bytes, sizeof number);
    if (!number) {
        say_why(bytes + sizeof number, len - sizeof number);
        zygote->refusing = true;
        give_up(zygote);
        return;
    }
    if (len >= sizeof number + sizeof pid)
        memcpy(&pid, bytes + sizeof number, sizeof pid);
    for (size_t i = 0; i < zygote->asked.count; i++)
        if (zygote->asked.items[i].number == number) {
            answer(zygote, i, pid > 0 ? pid : 0);
            break;
        }
    if (zygote->asked.count)
        fst_timer_set(zygote->patience, PATIENCE_NS);
    else
        fst_timer_clear(zygote->patience);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fst_zygote *zygote = poll->data;
    char bytes[ANSWER_MOST];
    (void)status;
    (void)events;
    ssize_t len = recv(zygote->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    /* It ended before it read a request; what it said stands behind that. */
    if (len < 0 && errno == ECONNRESET)
        len = recv(zygote->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (len >= (ssize_t)sizeof(uint32_t))
        take_answer(zygote, bytes, (size_t)len);
    else if (len >= 0 || (errno != EAGAIN && errno != EINTR))
        give_up(zygote);
}

/* What it said before its end: answers, or a refusal. */
static void hear_out(struct fst_zygote *zygote)
{
    for (size_t n = zygote->asked.count + 1; n && zygote->alive; n--)
        on_poll(&zygote->poll, 0, UV_READABLE);
}

static void on_exit_of_zygote(void *user, int status)
{
    struct fst_zygote *zygote = user;
    struct fst_arena arena = {0};
    if (zygote->alive) {
        hear_out(zygote);
        fst_worker_log_drain(zygote->log);
        fst_info("the zygote has ended (%d); %s", status,
                 fst_worker_log_tail(zygote->log, &arena, 0, ANSWER_MOST));
        fst_arena_release(&arena);
    }
    give_up(zygote);
}

static void on_no_answer(void *user)
{
    fst_info("the zygote did not answer");
    give_up(user);
}

/* ---- requests */

static bool send_request(struct fst_zygote *zygote, const struct fst_buf *own,
                         const int fds[FST_ZYGOTE_FDS])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FST_ZYGOTE_FDS * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {own->data, own->len};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(FST_ZYGOTE_FDS * sizeof(int));
    memcpy(CMSG_DATA(head), fds, FST_ZYGOTE_FDS * sizeof(int));
    return sendmsg(zygote->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void fst_zygote_ask(struct fst_zygote *zygote, const char *const *env,
                    const int fds[FST_ZYGOTE_FDS],
                    void (*on_answer)(void *user, pid_t pid), void *user)
{
    struct asked asked = {++zygote->last_number, false, on_answer, user};
    struct fst_buf own;
    fst_buf_init(&own, OWN_MOST);
    bool fits = !fst_buf_add(&own, &asked.number, sizeof asked.number);
    for (size_t i = zygote->n_env; env[i]; i++)
        fits = fits && !fst_buf_add(&own, env[i], strlen(env[i]) + 1);
    fst_vec_add(&zygote->asked, asked);
    if (!zygote->alive || !fits || !send_request(zygote, &own, fds)) {
        hear_out(zygote);
        give_up(zygote);
    } else if (zygote->asked.count == 1) {
        fst_timer_set(zygote->patience, PATIENCE_NS);
    }
    fst_buf_release(&own);
}

void fst_zygote_forget(struct fst_zygote *zygote, const void *user)
{
    for (size_t i = 0; i < zygote->asked.count; i++)
        if (zygote->asked.items[i].user == user)
            zygote->asked.items[i].forgotten = true;
}

bool fst_zygote_serves(const struct fst_zygote *zygote, const char *const *env,
                       const char *cwd)
{
    if (strcmp(cwd, zygote->cwd))
        return false;
    for (size_t i = 0; i < zygote->n_env; i++)
        if (!env[i] || strcmp(env[i], zygote->env.items[i]))
            return false;
    return true;
}

bool fst_zygote_is_alive(const struct fst_zygote *zygote)
{
    return zygote->alive;
}

bool fst_zygote_is_refusing(const struct fst_zygote *zygote)
{
    return zygote->refusing;
}

bool fst_zygote_is_asked(const struct fst_zygote *zygote)
{
    return zygote->asked.count;
}

int64_t fst_zygote_pid(const struct fst_zygote *zygote)
{
    return fst_child_pid(zygote->child);
}

/* ---- start and end */

static struct fst_child *start_child(struct fst_zygote *zygote,
                                     struct fst_loop *loop,
                                     const struct fst_zygote_spec *spec,
                                     struct fst_err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        fst_fail_sys(err, "a socket for a zygote");
        return NULL;
    }
    int log_fd = fst_worker_log_writer(zygote->log);
    int fds[CONTROL_FD + 1] = {-1, log_fd, log_fd, pair[1]};
    const char *argv[] = {spec->python, spec->program, "zygote",
                          "3",          spec->root,    NULL};
    struct fst_child_spec child = {
        .argv = argv,
        .env = spec->env,
        .cwd = spec->cwd,
        .fds = fds,
        .n_fds = CONTROL_FD + 1,
    };
    struct fst_child *started =
        fst_child_start(loop, &child, on_exit_of_zygote, zygote, err);
    close(pair[1]);
    fst_worker_log_shut_writer(zygote->log);
    zygote->fd = pair[0];
    if (!started)
        close(pair[0]);
    return started;
}

struct fst_zygote *fst_zygote_start(struct fst_loop *loop,
                                    const struct fst_zygote_spec *spec,
                                    struct fst_err *err)
{
    struct fst_zygote *zygote = fst_alloc(sizeof *zygote);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    zygote->log = fst_worker_log_open(loop, NULL, NULL, err);
    if (zygote->log)
        zygote->child = start_child(zygote, loop, spec, err);
    if (!zygote->child) {
        fst_worker_log_free(zygote->log);
        free(zygote);
        return NULL;
    }
    for (; spec->env[zygote->n_env]; zygote->n_env++)
        fst_strings_add(&zygote->env, spec->env[zygote->n_env]);
    zygote->cwd = fst_strdup(spec->cwd);
    zygote->alive = true;
    zygote->patience = fst_timer_new(loop, on_no_answer, zygote);
    zygote->refusals = fst_timer_new(loop, refuse_all, zygote);
    FST_ASSERT(!uv_poll_init(&loop->uv, &zygote->poll, zygote->fd));
    zygote->poll.data = zygote;
    uv_poll_start(&zygote->poll, UV_READABLE, on_poll);
    return zygote;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct fst_zygote *zygote = handle->data;
    close(zygote->fd);
    free(zygote);
}

/* A worker that was forked for nobody sees the end of its pipe. */
void fst_zygote_free(struct fst_zygote *zygote)
{
    if (!zygote)
        return;
    for (size_t i = 0; i < zygote->asked.count; i++)
        FST_ASSERT(zygote->asked.items[i].forgotten);
    fst_child_free(zygote->child);
    fst_worker_log_free(zygote->log);
    fst_timer_free(zygote->patience);
    fst_timer_free(zygote->refusals);
    fst_strings_clear(&zygote->env);
    fst_vec_free(&zygote->asked);
    free(zygote->cwd);
    uv_close((uv_handle_t *)&zygote->poll, on_poll_closed);
}
