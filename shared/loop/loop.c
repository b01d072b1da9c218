#include "shared/loop/loop.h"

#include <pthread.h>
#include <stdlib.h>

#include "shared/base/mem.h"

int fst_loop_init(struct fst_loop *loop, struct fst_err *err)
{
    int result = uv_loop_init(&loop->uv);
    if (result)
        return fst_fail(err, FST_E_IO, "event loop: %s", uv_strerror(result));
    return 0;
}

void fst_loop_run(struct fst_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void fst_loop_stop(struct fst_loop *loop)
{
    uv_stop(&loop->uv);
}

void fst_loop_fini(struct fst_loop *loop)
{
    /* What was freed last still has its callback to come, which may free
     * more. */
    int turns = 0;
    while (uv_loop_close(&loop->uv) == UV_EBUSY && turns++ < 16)
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    FST_ASSERT(turns <= 16);
}

int64_t fst_loop_now_ns(const struct fst_loop *loop)
{
    (void)loop;
    return (int64_t)uv_hrtime();
}

/* ---- inbox */

struct fst_inbox {
    uv_async_t wake;
    pthread_mutex_t lock;
    struct fst_letter *first, **last; /* under lock */
    void (*on_letter)(void *user, struct fst_letter *letter);
    void *user;
};

static void deliver(struct fst_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct fst_letter *letter = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    pthread_mutex_unlock(&inbox->lock);
    while (letter) {
        /* The callee may post it again at once. */
        struct fst_letter *next = letter->next;
        inbox->on_letter(inbox->user, letter);
        letter = next;
    }
}

static void on_wake(uv_async_t *handle)
{
    deliver(handle->data);
}

struct fst_inbox *fst_inbox_new(struct fst_loop *loop,
                                void (*on_letter)(void *user,
                                                  struct fst_letter *letter),
                                void *user)
{
    struct fst_inbox *inbox = fst_alloc(sizeof *inbox);
    inbox->last = &inbox->first;
    inbox->on_letter = on_letter;
    inbox->user = user;
    FST_ASSERT(!pthread_mutex_init(&inbox->lock, NULL));
    FST_ASSERT(!uv_async_init(&loop->uv, &inbox->wake, on_wake));
    inbox->wake.data = inbox;
    return inbox;
}

void fst_inbox_post(struct fst_inbox *inbox, struct fst_letter *letter)
{
    letter->next = NULL;
    pthread_mutex_lock(&inbox->lock);
    *inbox->last = letter;
    inbox->last = &letter->next;
    pthread_mutex_unlock(&inbox->lock);
    uv_async_send(&inbox->wake);
}

static void on_inbox_closed(uv_handle_t *handle)
{
    struct fst_inbox *inbox = handle->data;
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

void fst_inbox_free(struct fst_inbox *inbox)
{
    if (!inbox)
        return;
    deliver(inbox);
    uv_close((uv_handle_t *)&inbox->wake, on_inbox_closed);
}

/* ---- work */

struct job {
    uv_work_t uv;
    void (*work)(void *user);
    void (*done)(void *user);
    void *user;
};

static void do_work(uv_work_t *request)
{
    struct job *job = request->data;
    job->work(job->user);
}

static void on_work_done(uv_work_t *request, int status)
{
    struct job *job = request->data;
    (void)status; /* nobody cancels it */
    job->done(job->user);
    free(job);
}

void fst_work_start(struct fst_loop *loop, void (*work)(void *user),
                    void (*done)(void *user), void *user)
{
    struct job *job = fst_alloc(sizeof *job);
    job->work = work;
    job->done = done;
    job->user = user;
    job->uv.data = job;
    FST_ASSERT(!uv_queue_work(&loop->uv, &job->uv, do_work, on_work_done));
}

/* ---- timers */

struct fst_timer {
    uv_timer_t uv;
    void (*on_time)(void *user);
    void *user;
};

static void on_timer(uv_timer_t *handle)
{
    struct fst_timer *timer = handle->data;
    timer->on_time(timer->user);
}

struct fst_timer *fst_timer_new(struct fst_loop *loop,
                                void (*on_time)(void *user), void *user)
{
    struct fst_timer *timer = fst_alloc(sizeof *timer);
    timer->on_time = on_time;
    timer->user = user;
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    return timer;
}

void fst_timer_set(struct fst_timer *timer, int64_t delay_ns)
{
    /* libuv counts from the turn's start and in whole milliseconds, cut off:
     * too late rather than too early. */
    uint64_t due_ms = 0;
    if (delay_ns > 0)
        due_ms = (uv_hrtime() + (uint64_t)delay_ns + 999999) / 1000000;
    uint64_t now_ms = uv_now(timer->uv.loop);
    uv_timer_start(&timer->uv, on_timer, due_ms > now_ms ? due_ms - now_ms : 0,
                   0);
}

void fst_timer_clear(struct fst_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void fst_timer_free(struct fst_timer *timer)
{
    if (timer)
        uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}

/* ---- the end of a turn */

struct fst_after {
    uv_check_t uv;
    void (*on_after)(void *user);
    void *user;
};

static void on_check(uv_check_t *handle)
{
    struct fst_after *after = handle->data;
    after->on_after(after->user);
}

struct fst_after *fst_after_new(struct fst_loop *loop,
                                void (*on_after)(void *user), void *user)
{
    struct fst_after *after = fst_alloc(sizeof *after);
    after->on_after = on_after;
    after->user = user;
    uv_check_init(&loop->uv, &after->uv);
    after->uv.data = after;
    uv_check_start(&after->uv, on_check);
    uv_unref((uv_handle_t *)&after->uv);
    return after;
}

static void on_after_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void fst_after_free(struct fst_after *after)
{
    if (after)
        uv_close((uv_handle_t *)&after->uv, on_after_closed);
}

/* ---- signals */

struct fst_signal {
    uv_signal_t uv;
    void (*on_signal)(void *user, int number);
    void *user;
};

static void on_uv_signal(uv_signal_t *handle, int number)
{
    struct fst_signal *watched = handle->data;
    watched->on_signal(watched->user, number);
}

struct fst_signal *fst_signal_new(struct fst_loop *loop, int number,
                                  void (*on_signal)(void *user, int number),
                                  void *user, struct fst_err *err)
{
    struct fst_signal *watched = fst_alloc(sizeof *watched);
    watched->on_signal = on_signal;
    watched->user = user;
    uv_signal_init(&loop->uv, &watched->uv);
    watched->uv.data = watched;
    int result = uv_signal_start(&watched->uv, on_uv_signal, number);
    if (!result)
        return watched;
    fst_fail(err, FST_E_IO, "signal %d: %s", number, uv_strerror(result));
    fst_signal_free(watched);
    return NULL;
}

static void on_signal_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void fst_signal_free(struct fst_signal *handle)
{
    if (handle)
        uv_close((uv_handle_t *)&handle->uv, on_signal_closed);
}
