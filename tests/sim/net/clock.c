/* shared/loop's timers and time, in virtual time. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "tests/sim/net/world.h"

struct fst_timer {
    struct fst_timer *prev, *next;
    struct process *process;
    void (*on_time)(void *user);
    void *user;
    bool set;
    int64_t at;
    uint64_t order;
};

struct world *the_world;

struct process *process_of(const struct fst_loop *loop)
{
    return loop->uv.data;
}

struct world *world_of(const struct fst_loop *loop)
{
    return process_of(loop)->world;
}

void world_trace(const struct world *world, const char *fmt, ...)
{
    va_list args;
    if (!world->trace)
        return;
    va_start(args, fmt);
    printf("%10.4f ", (double)world->now / 1e9);
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
}

int64_t clock_random(struct world *world, int64_t below)
{
    return below > 0 ? (int64_t)(rng_next(&world->rng) % (uint64_t)below) : 0;
}

int64_t fst_loop_now_ns(const struct fst_loop *loop)
{
    return world_of(loop)->now;
}

struct fst_timer *fst_timer_new(struct fst_loop *loop,
                                void (*on_time)(void *user), void *user)
{
    struct fst_timer *timer = fst_alloc(sizeof *timer);
    timer->process = process_of(loop);
    timer->on_time = on_time;
    timer->user = user;
    DL_APPEND(timer->process->world->timers, timer);
    return timer;
}

void fst_timer_set(struct fst_timer *timer, int64_t delay_ns)
{
    struct world *world = timer->process->world;
    timer->set = true;
    timer->at = world->now + (delay_ns > 0 ? delay_ns : 0);
    timer->order = ++world->order;
}

void fst_timer_clear(struct fst_timer *timer)
{
    timer->set = false;
}

void fst_timer_free(struct fst_timer *timer)
{
    if (!timer)
        return;
    DL_DELETE(timer->process->world->timers, timer);
    free(timer);
}

static bool is_before(const struct fst_timer *a, const struct fst_timer *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

bool clock_step(struct world *world)
{
    struct fst_timer *timer, *first = NULL;
    DL_FOREACH(world->timers, timer)
    {
        if (!timer->set || timer->process->dead)
            continue;
        if (timer->at < timer->process->frozen)
            timer->at = timer->process->frozen;
        if (!first || is_before(timer, first))
            first = timer;
    }
    if (!first)
        return false;
    world->now = first->at > world->now ? first->at : world->now;
    first->set = false;
    first->on_time(first->user);
    return true;
}
