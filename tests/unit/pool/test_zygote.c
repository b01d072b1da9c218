/* Real processes: tests/support/fake_zygote.py in the mode that each test
 * names. */
#include "agent/pool/zygote.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/mem.h"

#define SECOND INT64_C(1000000000)
#define FAKE "../../support/fake_zygote.py"

struct world {
    struct fst_loop loop;
    struct fst_timer *limit;
    struct fst_zygote *zygote;
    int log[2];
    size_t n_answers;
    pid_t pids[4];
    int status;
};

static void on_limit(void *user)
{
    (void)user;
    fail_msg("nothing happened within 60 s");
}

static const char *shared_env[3];
static char path_entry[4096];

static struct world *new_world(const char *mode)
{
    static char fake[64];
    struct world *world = fst_alloc(sizeof *world);
    char script[4096];
    struct fst_err err;
    assert_non_null(realpath(FAKE, script));
    assert_int_equal(fst_loop_init(&world->loop, &err), 0);
    assert_int_equal(pipe(world->log), 0);
    world->limit = fst_timer_new(&world->loop, on_limit, world);
    fst_timer_set(world->limit, 60 * SECOND);
    snprintf(fake, sizeof fake, "FAKE=%s", mode);
    snprintf(path_entry, sizeof path_entry, "PATH=%s", getenv("PATH"));
    shared_env[0] = fake;
    shared_env[1] = path_entry;
    const struct fst_zygote_spec spec = {
        .python = "python3",
        .program = script,
        .root = "/",
        .env = shared_env,
        .cwd = "/",
    };
    world->zygote = fst_zygote_start(&world->loop, &spec, &err);
    assert_non_null(world->zygote);
    return world;
}

static void free_world(struct world *world)
{
    fst_zygote_free(world->zygote);
    fst_timer_free(world->limit);
    fst_loop_fini(&world->loop);
    close(world->log[0]);
    close(world->log[1]);
    free(world);
}

static void on_answer(void *user, pid_t pid)
{
    struct world *world = user;
    world->pids[world->n_answers++] = pid;
    fst_loop_stop(&world->loop);
}

static void ask(struct world *world, const char *slot)
{
    const char *env[] = {shared_env[0], shared_env[1], slot, NULL};
    int fds[] = {world->log[1], world->log[1], world->log[1]};
    assert_true(fst_zygote_serves(world->zygote, env, "/"));
    fst_zygote_ask(world->zygote, env, fds, on_answer, world);
}

static void wait_for_answers(struct world *world, size_t n)
{
    while (world->n_answers < n)
        fst_loop_run(&world->loop);
}

static void on_exit_of_worker(void *user, int status)
{
    struct world *world = user;
    world->status = status;
    fst_loop_stop(&world->loop);
}

static void a_forked_worker_is_our_child_and_has_what_it_was_given(void **state)
{
    (void)state;
    struct world *world = new_world("forks");
    struct fst_err err;
    char said[8] = "";
    ask(world, "FASTEST_SLOT=7");
    wait_for_answers(world, 1);
    assert_true(world->pids[0] > 0);
    assert_int_equal(read(world->log[0], said, 7), 7);
    assert_string_equal(said, "slot 7\n");
    /* It may have ended before it is adopted. */
    struct fst_child *child = fst_child_adopt(&world->loop, world->pids[0],
                                              on_exit_of_worker, world, &err);
    assert_non_null(child);
    fst_loop_run(&world->loop);
    assert_int_equal(world->status, 7);
    assert_true(fst_child_usage(child)->ru_maxrss > 0);
    fst_child_free(child);
    free_world(world);
}

static void the_end_of_the_zygote_is_no_end_of_a_worker(void **state)
{
    (void)state;
    struct world *world = new_world("forks");
    struct fst_err err;
    ask(world, "FASTEST_SLOT=1");
    wait_for_answers(world, 1);
    struct fst_child *child = fst_child_adopt(&world->loop, world->pids[0],
                                              on_exit_of_worker, world, &err);
    kill((pid_t)fst_zygote_pid(world->zygote), SIGKILL);
    ask(world, "FASTEST_SLOT=2");
    wait_for_answers(world, 2);
    assert_int_equal(world->pids[1], 0);
    assert_false(fst_zygote_is_alive(world->zygote));
    assert_int_equal(kill(world->pids[0], 0), 0);
    fst_child_signal(child, SIGTERM, true);
    fst_loop_run(&world->loop);
    assert_int_equal(world->status, -SIGTERM);
    fst_child_free(child);
    free_world(world);
}

static void whoever_asks_what_can_not_fork_is_answered(void **state)
{
    (void)state;
    static const struct {
        const char *mode;
        bool refusing, alive;
    } cases[] = {
        {"refuses", true, false},
        {"dies", false, false},
        {"can_not", false, true},
        {"babbles", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *world = new_world(cases[i].mode);
        ask(world, "FASTEST_SLOT=1");
        ask(world, "FASTEST_SLOT=2");
        assert_int_equal(world->n_answers, 0);
        wait_for_answers(world, 2);
        assert_int_equal(world->pids[0], 0);
        assert_int_equal(world->pids[1], 0);
        assert_int_equal(fst_zygote_is_refusing(world->zygote),
                         cases[i].refusing);
        assert_int_equal(fst_zygote_is_alive(world->zygote), cases[i].alive);
        free_world(world);
    }
}

static void a_worker_that_nobody_wants_any_more_is_killed(void **state)
{
    (void)state;
    struct world *world = new_world("forks");
    int other;
    const char *env[] = {shared_env[0], shared_env[1], "FASTEST_SLOT=1", NULL};
    int fds[] = {world->log[1], world->log[1], world->log[1]};
    fst_zygote_ask(world->zygote, env, fds, on_answer, &other);
    fst_zygote_forget(world->zygote, &other);
    ask(world, "FASTEST_SLOT=7");
    wait_for_answers(world, 1);
    /* Only the second one is left to be waited for, besides the zygote. */
    assert_int_equal(waitpid(world->pids[0], NULL, 0), world->pids[0]);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
    kill((pid_t)fst_zygote_pid(world->zygote), SIGKILL);
    fst_zygote_free(world->zygote);
    world->zygote = NULL;
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    free_world(world);
}

static void another_environment_or_directory_is_not_served(void **state)
{
    (void)state;
    struct world *world = new_world("forks");
    const char *fewer[] = {shared_env[0], NULL};
    const char *other[] = {shared_env[0], "PATH=/other", "FASTEST_SLOT=1",
                           NULL};
    const char *same[] = {shared_env[0], shared_env[1], NULL};
    assert_false(fst_zygote_serves(world->zygote, fewer, "/"));
    assert_false(fst_zygote_serves(world->zygote, other, "/"));
    assert_false(fst_zygote_serves(world->zygote, same, "/tmp"));
    assert_true(fst_zygote_serves(world->zygote, same, "/"));
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_forked_worker_is_our_child_and_has_what_it_was_given),
        cmocka_unit_test(the_end_of_the_zygote_is_no_end_of_a_worker),
        cmocka_unit_test(whoever_asks_what_can_not_fork_is_answered),
        cmocka_unit_test(a_worker_that_nobody_wants_any_more_is_killed),
        cmocka_unit_test(another_environment_or_directory_is_not_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
