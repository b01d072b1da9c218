#include "agent/pool/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/mem.h"
#include "shared/base/steady.h"

struct world {
    struct fst_loop loop;
    struct fst_worker_log *log;
    struct fst_arena arena;
    char heard[256];
};

static void on_bytes(void *user, const char *bytes, size_t len)
{
    struct world *world = user;
    size_t used = strlen(world->heard);
    snprintf(world->heard + used, sizeof world->heard - used, "%.*s", (int)len,
             bytes);
    fst_loop_stop(&world->loop);
}

static struct world *new_world(bool listening)
{
    struct world *world = fst_alloc(sizeof *world);
    struct fst_err err;
    assert_int_equal(fst_loop_init(&world->loop, &err), 0);
    world->log = fst_worker_log_open(&world->loop, listening ? on_bytes : NULL,
                                     world, &err);
    assert_non_null(world->log);
    return world;
}

static void free_world(struct world *world)
{
    fst_worker_log_free(world->log);
    fst_loop_fini(&world->loop);
    fst_arena_release(&world->arena);
    free(world);
}

static void say(struct world *world, const char *text)
{
    size_t len = strlen(text);
    int fd = fst_worker_log_writer(world->log);
    assert_int_equal(write(fd, text, len), len);
}

static const char *tail(struct world *world, size_t most)
{
    fst_worker_log_drain(world->log);
    return fst_worker_log_tail(world->log, &world->arena, 0, most);
}

static void what_is_written_is_heard_on_the_loop(void **state)
{
    (void)state;
    struct world *world = new_world(true);
    say(world, "first\n");
    fst_loop_run(&world->loop);
    assert_string_equal(world->heard, "first\n");
    say(world, "second");
    fst_loop_run(&world->loop);
    assert_string_equal(world->heard, "first\nsecond");
    assert_int_equal(fst_worker_log_total(world->log), 12);
    free_world(world);
}

static void a_tail_begins_with_a_line_and_ends_without_space(void **state)
{
    (void)state;
    struct world *world = new_world(false);
    assert_string_equal(tail(world, 100), "");
    say(world, "one\ntwo\nthree \n\n");
    assert_string_equal(tail(world, 100), "one\ntwo\nthree");
    assert_string_equal(tail(world, 11), "three");
    free_world(world);
}

/* The clock has to move on, which it does by itself. */
static double later_than(double time_s)
{
    double now_s;
    do {
        now_s = fst_steady_s();
    } while (now_s <= time_s);
    return now_s;
}

static void a_tail_may_begin_at_a_time(void **state)
{
    (void)state;
    struct world *world = new_world(false);
    say(world, "before\n");
    fst_worker_log_drain(world->log);
    double since_s = later_than(later_than(0));
    say(world, "after\n");
    fst_worker_log_drain(world->log);
    assert_string_equal(
        fst_worker_log_tail(world->log, &world->arena, since_s, 100), "after");
    assert_string_equal(tail(world, 100), "before\nafter");
    assert_string_equal(
        fst_worker_log_tail(world->log, &world->arena, since_s + 3600, 100),
        "");
    free_world(world);
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    struct world *world = new_world(false);
    say(world, "f\xc3\xbcnf \xff");
    assert_string_equal(tail(world, 100), "f\xc3\xbcnf ?");
    free_world(world);
}

/* A child writes far more than a pipe and the ring hold. */
static void a_flood_leaves_its_end(void **state)
{
    (void)state;
    enum { LINES = 40000 };
    struct world *world = new_world(false);
    pid_t pid = fork();
    if (pid == 0) {
        FILE *file = fdopen(fst_worker_log_writer(world->log), "w");
        for (int i = 0; i < LINES; i++)
            fprintf(file, "line %06d\n", i);
        fclose(file);
        _exit(0);
    }
    fst_worker_log_shut_writer(world->log);
    fst_loop_run(&world->loop); /* to its end of file */
    assert_int_equal(fst_worker_log_total(world->log), LINES * 12);
    const char *text = tail(world, FST_WORKER_LOG_KEPT);
    char last[32];
    snprintf(last, sizeof last, "line %06d", LINES - 1);
    assert_string_equal(text + strlen(text) - strlen(last), last);
    assert_memory_equal(text, "line ", 5);
    assert_true(strlen(text) <= FST_WORKER_LOG_KEPT);
    assert_true(strlen(text) > FST_WORKER_LOG_KEPT - 64);
    free_world(world);
}

static void our_end_alone_does_not_block(void **state)
{
    (void)state;
    struct world *world = new_world(false);
    int flags = fcntl(fst_worker_log_writer(world->log), F_GETFL);
    assert_int_equal(flags & O_NONBLOCK, 0);
    assert_string_equal(tail(world, 10), ""); /* and does not wait */
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_heard_on_the_loop),
        cmocka_unit_test(a_tail_begins_with_a_line_and_ends_without_space),
        cmocka_unit_test(a_tail_may_begin_at_a_time),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(a_flood_leaves_its_end),
        cmocka_unit_test(our_end_alone_does_not_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
