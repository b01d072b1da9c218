#include "shared/loop/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/mem.h"

#define MS INT64_C(1000000)

struct seen {
    struct fst_loop loop;
    struct fst_inbox *inbox;
    struct fst_timer *timers[4];
    int order[16];
    size_t count;
    size_t from[4]; /* letters of each thread, in order */
    pthread_t loop_thread;
};

struct letter {
    struct fst_letter base;
    size_t thread, number;
};

enum { THREADS = 4, LETTERS = 2000 };

struct writer {
    struct seen *seen;
    size_t thread;
};

static void on_letter(void *user, struct fst_letter *base)
{
    struct seen *seen = user;
    struct letter *letter = (struct letter *)base;
    assert_true(pthread_equal(pthread_self(), seen->loop_thread));
    assert_int_equal(letter->number, seen->from[letter->thread]++);
    free(letter);
    if (++seen->count == (size_t)THREADS * LETTERS)
        fst_loop_stop(&seen->loop);
}

static void post(struct seen *seen, size_t thread, size_t number)
{
    struct letter *letter = fst_alloc(sizeof *letter);
    letter->thread = thread;
    letter->number = number;
    fst_inbox_post(seen->inbox, &letter->base);
}

static void *write_letters(void *arg)
{
    struct writer *writer = arg;
    for (size_t i = 0; i < LETTERS; i++)
        post(writer->seen, writer->thread, i);
    return NULL;
}

static void set_up(struct seen *seen)
{
    struct fst_err err;
    *seen = (struct seen){.loop_thread = pthread_self()};
    assert_int_equal(fst_loop_init(&seen->loop, &err), 0);
}

static void letters_of_every_thread_arrive_in_order_on_the_loop(void **state)
{
    (void)state;
    struct seen seen;
    pthread_t threads[THREADS];
    struct writer writers[THREADS];
    set_up(&seen);
    seen.inbox = fst_inbox_new(&seen.loop, on_letter, &seen);
    for (size_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){&seen, i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_letters, &writers[i]), 0);
    }
    fst_loop_run(&seen.loop);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(seen.from[i], LETTERS);
    }
    fst_inbox_free(seen.inbox);
    fst_loop_fini(&seen.loop);
}

struct turns {
    const struct seen *seen;
    size_t letters, count; /* by then; turns that brought some */
};

static void count_turn(void *user)
{
    struct turns *turns = user;
    turns->count += turns->seen->count > turns->letters;
    turns->letters = turns->seen->count;
}

static void
what_waits_for_the_end_of_a_turn_is_done_once_for_its_letters(void **state)
{
    (void)state;
    struct seen seen;
    struct turns turns = {.seen = &seen};
    set_up(&seen);
    seen.inbox = fst_inbox_new(&seen.loop, on_letter, &seen);
    struct fst_after *after = fst_after_new(&seen.loop, count_turn, &turns);
    for (size_t i = 0; i < (size_t)THREADS * LETTERS; i++)
        post(&seen, i % THREADS, i / THREADS);
    fst_loop_run(&seen.loop);
    assert_int_equal(turns.letters, THREADS * LETTERS);
    assert_int_equal(turns.count, 1);
    fst_inbox_free(seen.inbox);
    fst_loop_run(&seen.loop); /* nothing is left to wait for */
    fst_after_free(after);
    fst_loop_fini(&seen.loop);
}

static void letters_that_wait_are_delivered_when_the_inbox_goes(void **state)
{
    (void)state;
    struct seen seen;
    set_up(&seen);
    seen.inbox = fst_inbox_new(&seen.loop, on_letter, &seen);
    post(&seen, 0, 0);
    post(&seen, 0, 1);
    fst_inbox_free(seen.inbox);
    assert_int_equal(seen.count, 2);
    fst_loop_fini(&seen.loop);
}

static void on_first(void *user)
{
    struct seen *seen = user;
    seen->order[seen->count++] = 1;
}

static void on_second(void *user)
{
    struct seen *seen = user;
    seen->order[seen->count++] = 2;
}

static void on_last(void *user)
{
    struct seen *seen = user;
    seen->order[seen->count++] = 3;
    fst_loop_stop(&seen->loop);
}

static void timers_run_in_the_order_of_their_times_once(void **state)
{
    (void)state;
    struct seen seen;
    set_up(&seen);
    struct fst_timer *first = fst_timer_new(&seen.loop, on_first, &seen);
    struct fst_timer *second = fst_timer_new(&seen.loop, on_second, &seen);
    struct fst_timer *last = fst_timer_new(&seen.loop, on_last, &seen);
    int64_t start = fst_loop_now_ns(&seen.loop);
    fst_timer_set(last, 60 * MS);
    fst_timer_set(second, 20 * MS);
    fst_timer_set(first, 1);
    fst_loop_run(&seen.loop);
    assert_int_equal(seen.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(seen.order[i], i + 1);
    assert_true(fst_loop_now_ns(&seen.loop) - start >= 60 * MS);
    fst_timer_free(first);
    fst_timer_free(second);
    fst_timer_free(last);
    fst_loop_fini(&seen.loop);
}

static void a_timer_that_is_set_anew_or_cleared_forgets(void **state)
{
    (void)state;
    struct seen seen;
    set_up(&seen);
    struct fst_timer *moved = fst_timer_new(&seen.loop, on_last, &seen);
    struct fst_timer *cleared = fst_timer_new(&seen.loop, on_first, &seen);
    int64_t start = fst_loop_now_ns(&seen.loop);
    fst_timer_set(moved, 1 * MS);
    fst_timer_set(cleared, 1 * MS);
    fst_timer_set(moved, 30 * MS);
    fst_timer_clear(cleared);
    fst_loop_run(&seen.loop);
    assert_int_equal(seen.count, 1);
    assert_true(fst_loop_now_ns(&seen.loop) - start >= 30 * MS);
    fst_timer_free(moved);
    fst_timer_free(cleared);
    fst_loop_fini(&seen.loop);
}

static void a_loop_with_nothing_to_wait_for_ends(void **state)
{
    (void)state;
    struct seen seen;
    set_up(&seen);
    fst_loop_run(&seen.loop);
    fst_loop_fini(&seen.loop);
}

static void on_signal(void *user, int number)
{
    struct seen *seen = user;
    seen->order[seen->count++] = number;
    fst_loop_stop(&seen->loop);
}

static void signals_come_in_on_the_loop(void **state)
{
    (void)state;
    struct seen seen;
    struct fst_err err;
    set_up(&seen);
    struct fst_signal *usr1 =
        fst_signal_new(&seen.loop, SIGUSR1, on_signal, &seen, &err);
    assert_non_null(usr1);
    for (size_t i = 1; i <= 2; i++) {
        assert_int_equal(kill(getpid(), SIGUSR1), 0);
        fst_loop_run(&seen.loop);
        assert_int_equal(seen.count, i);
        assert_int_equal(seen.order[i - 1], SIGUSR1);
    }
    fst_signal_free(usr1);
    fst_loop_fini(&seen.loop);
}

static void a_signal_that_nobody_may_catch_is_refused(void **state)
{
    (void)state;
    struct seen seen;
    struct fst_err err;
    set_up(&seen);
    assert_null(fst_signal_new(&seen.loop, SIGKILL, on_signal, &seen, &err));
    assert_int_equal(err.code, FST_E_IO);
    fst_loop_fini(&seen.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_every_thread_arrive_in_order_on_the_loop),
        cmocka_unit_test(
            what_waits_for_the_end_of_a_turn_is_done_once_for_its_letters),
        cmocka_unit_test(letters_that_wait_are_delivered_when_the_inbox_goes),
        cmocka_unit_test(timers_run_in_the_order_of_their_times_once),
        cmocka_unit_test(a_timer_that_is_set_anew_or_cleared_forgets),
        cmocka_unit_test(a_loop_with_nothing_to_wait_for_ends),
        cmocka_unit_test(signals_come_in_on_the_loop),
        cmocka_unit_test(a_signal_that_nobody_may_catch_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
