#include "shared/loop/loop.h"

#include <errno.h>
#include <fcntl.h>
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

#include "shared/base/buf.h"

struct run { /* one child and what came of it */
    struct fst_loop loop;
    struct fst_child *child;
    int out[2]; /* its standard output */
    int fds[5];
    struct fst_child_spec spec;
    bool ended;
    int status;
    struct fst_buf text;
};

static void on_exit_of_child(void *user, int status)
{
    struct run *run = user;
    assert_false(run->ended);
    run->ended = true;
    run->status = status;
    fst_loop_stop(&run->loop);
}

static void set_up(struct run *run, const char *const *argv)
{
    struct fst_err err;
    *run = (struct run){.fds = {-1, -1, 2, -1, -1}};
    assert_int_equal(fst_loop_init(&run->loop, &err), 0);
    assert_int_equal(pipe2(run->out, O_CLOEXEC), 0);
    run->fds[1] = run->out[1];
    run->spec =
        (struct fst_child_spec){.argv = argv, .fds = run->fds, .n_fds = 3};
}

static void start(struct run *run)
{
    struct fst_err err;
    run->child =
        fst_child_start(&run->loop, &run->spec, on_exit_of_child, run, &err);
    if (!run->child)
        fail_msg("%s", err.msg);
    close(run->out[1]);
}

/* All that the child writes, until nobody can write any more. */
static const char *read_out(struct run *run)
{
    char chunk[256];
    ssize_t len;
    while ((len = read(run->out[0], chunk, sizeof chunk)) > 0)
        fst_buf_add(&run->text, chunk, (size_t)len);
    return fst_buf_str(&run->text);
}

static void read_line(struct run *run)
{
    char byte;
    do
        assert_int_equal(read(run->out[0], &byte, 1), 1);
    while (byte != '\n');
}

static void tear_down(struct run *run)
{
    fst_child_free(run->child);
    fst_loop_fini(&run->loop);
    close(run->out[0]);
    fst_buf_release(&run->text);
}

static void shell(struct run *run, const char *script)
{
    static const char *argv[] = {"sh", "-c", NULL, NULL};
    argv[2] = script;
    set_up(run, argv);
}

static void the_exit_status_comes_back(void **state)
{
    (void)state;
    struct run run;
    shell(&run, "exit 7");
    start(&run);
    fst_loop_run(&run.loop);
    assert_int_equal(run.status, 7);
    tear_down(&run);
}

static void a_signals_number_comes_back_negative(void **state)
{
    (void)state;
    struct run run;
    shell(&run, "kill -SEGV $$");
    start(&run);
    fst_loop_run(&run.loop);
    assert_int_equal(run.status, -SIGSEGV);
    tear_down(&run);
}

static void many_children_end_each_with_its_own_status(void **state)
{
    (void)state;
    struct run run;
    struct fst_child *children[20];
    struct run runs[20];
    struct fst_err err;
    shell(&run, "exit $N");
    for (int i = 0; i < 20; i++) {
        char number[16];
        const char *env[] = {number, "PATH=/usr/bin:/bin", NULL};
        snprintf(number, sizeof number, "N=%d", i);
        run.spec.env = env;
        runs[i] = (struct run){.status = -1};
        children[i] = fst_child_start(&run.loop, &run.spec, on_exit_of_child,
                                      &runs[i], &err);
        assert_non_null(children[i]);
    }
    for (int i = 0; i < 20; i++)
        while (!runs[i].ended)
            uv_run(&run.loop.uv, UV_RUN_ONCE);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(runs[i].status, i);
        fst_child_free(children[i]);
    }
    close(run.out[1]);
    tear_down(&run);
}

static void environment_and_working_directory_are_as_given(void **state)
{
    (void)state;
    struct run run;
    const char *env[] = {"PATH=/usr/bin:/bin", "GREETING=hello", NULL};
    shell(&run, "echo $GREETING; pwd; echo ${HOME-none}");
    run.spec.env = env;
    run.spec.cwd = "/usr";
    start(&run);
    assert_string_equal(read_out(&run), "hello\n/usr\nnone\n");
    fst_loop_run(&run.loop);
    assert_int_equal(run.status, 0);
    tear_down(&run);
}

/* As between an agent and its worker: a pipe as 3, a file as 4, and whatever
 * else is open here stays here, close-on-exec or not. */
static void a_child_has_the_descriptors_named_and_no_others(void **state)
{
    (void)state;
    struct run run;
    int strays[40], file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    /* In a subshell: the pipe's ends are never the shell's own. */
    shell(&run,
          "(ls -l /proc/$$/fd | sed -n 's/.* \\([0-9]*\\) -> /\\1 /p'); :");
    for (int i = 0; i < 40; i++)
        strays[i] = dup2(file, 100 + i * 5);
    run.fds[2] = run.out[1];
    run.fds[3] = file;
    run.fds[4] = run.out[1];
    run.spec.n_fds = 5;
    start(&run);
    int digit = 0;
    for (const char *line = read_out(&run); *line; digit++) {
        const char *expected = digit == 0   ? "0 /dev/null\n"
                               : digit == 3 ? "3 /dev/zero\n"
                                            : NULL;
        assert_int_equal(line[0], '0' + digit);
        assert_int_equal(line[1], ' ');
        if (expected)
            assert_memory_equal(line, expected, strlen(expected));
        else
            assert_memory_equal(line + 2, "pipe:", 5);
        line = strchr(line, '\n') + 1;
    }
    assert_int_equal(digit, 5);
    fst_loop_run(&run.loop);
    for (int i = 0; i < 40; i++)
        close(strays[i]);
    close(file);
    tear_down(&run);
}

static void descriptors_may_be_swapped(void **state)
{
    (void)state;
    struct run run;
    int other[2], fds[16];
    char text[16] = "", script[64] = "";
    shell(&run, script);
    assert_int_equal(pipe2(other, O_CLOEXEC), 0);
    int a = run.out[1], b = other[1];
    assert_true(a < 16 && b < 16);
    snprintf(script, sizeof script,
             "echo one >/dev/fd/%d; echo two >/dev/fd/%d", a, b);
    for (int i = 0; i < 16; i++)
        fds[i] = -1;
    fds[a] = b;
    fds[b] = a;
    run.spec.fds = fds;
    run.spec.n_fds = 16;
    start(&run);
    close(other[1]);
    assert_string_equal(read_out(&run), "two\n");
    assert_true(read(other[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "one\n");
    close(other[0]);
    fst_loop_run(&run.loop);
    tear_down(&run);
}

static void what_cannot_be_started_says_why(void **state)
{
    (void)state;
    struct run run;
    struct fst_err err;
    const char *nobody[] = {"no-such-program-here", NULL};
    const char *folder[] = {"/usr", NULL};
    shell(&run, "exit 0");
    run.spec.cwd = "/no/such/folder";
    assert_null(
        fst_child_start(&run.loop, &run.spec, on_exit_of_child, &run, &err));
    assert_int_equal(err.code, FST_E_NOTFOUND);
    assert_string_equal(err.msg, "/no/such/folder: No such file or directory");
    run.spec.cwd = NULL;
    run.spec.argv = nobody;
    assert_null(
        fst_child_start(&run.loop, &run.spec, on_exit_of_child, &run, &err));
    assert_int_equal(err.code, FST_E_NOTFOUND);
    assert_non_null(strstr(err.msg, "no-such-program-here"));
    run.spec.argv = folder;
    assert_null(
        fst_child_start(&run.loop, &run.spec, on_exit_of_child, &run, &err));
    assert_int_equal(err.code, FST_E_IO);
    /* Nothing of them is left to wait for. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_false(run.ended);
    close(run.out[1]);
    tear_down(&run);
}

static void a_child_leads_a_group_that_is_signalled_as_one(void **state)
{
    (void)state;
    struct run run;
    shell(&run, "sleep 1000 & echo ready; wait");
    start(&run);
    read_line(&run);
    pid_t pid = (pid_t)fst_child_pid(run.child);
    assert_int_equal(getsid(pid), pid);
    fst_child_signal(run.child, SIGKILL, true);
    fst_loop_run(&run.loop);
    assert_int_equal(run.status, -SIGKILL);
    read_out(&run); /* ends only when the sleeper has ended too */
    tear_down(&run);
}

static void the_rest_of_a_group_is_reached_after_its_leaders_end(void **state)
{
    (void)state;
    struct run run;
    shell(&run, "sleep 1000 & exit 3");
    start(&run);
    fst_loop_run(&run.loop);
    assert_int_equal(run.status, 3);
    fst_child_signal(run.child, SIGTERM, false); /* nobody there */
    fst_child_signal(run.child, SIGKILL, true);
    read_out(&run);
    tear_down(&run);
}

static void a_child_in_our_session_leads_a_group(void **state)
{
    (void)state;
    struct run run;
    shell(&run, "exec sleep 1000");
    run.spec.our_session = true;
    start(&run);
    pid_t pid = (pid_t)fst_child_pid(run.child);
    assert_int_equal(getpgid(pid), pid);
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY);
    assert_int_equal(getsid(pid), terminal < 0 ? getsid(0) : pid);
    close(terminal);
    fst_child_signal(run.child, SIGKILL, false);
    fst_loop_run(&run.loop);
    assert_int_equal(run.status, -SIGKILL);
    tear_down(&run);
}

static void a_child_starts_with_default_signals_and_none_blocked(void **state)
{
    (void)state;
    struct run run;
    sigset_t mask, before;
    sigfillset(&mask);
    shell(&run, "grep -E '^Sig(Blk|Ign)' /proc/self/status; kill -INT $$");
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &mask, &before), 0);
    void (*old)(int) = signal(SIGINT, SIG_IGN);
    start(&run);
    signal(SIGINT, old);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(read_out(&run), "SigBlk:\t0000000000000000\n"
                                        "SigIgn:\t0000000000000000\n");
    fst_loop_run(&run.loop);
    assert_int_equal(run.status, -SIGINT);
    tear_down(&run);
}

static void a_freed_child_is_killed_with_its_group(void **state)
{
    (void)state;
    struct run run;
    shell(&run, "sleep 1000 & echo ready; wait");
    start(&run);
    read_line(&run);
    pid_t pid = (pid_t)fst_child_pid(run.child);
    fst_child_free(run.child);
    run.child = NULL;
    assert_int_equal(kill(pid, 0), -1);
    read_out(&run);
    assert_false(run.ended);
    tear_down(&run);
}

/* A parent in between, so that one can be killed without a chance to say
 * goodbye. */
static void a_child_dies_with_its_parent(void **state)
{
    (void)state;
    int ready[2], status;
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) {
        static const char *argv[] = {"sh", "-c", "echo; exec sleep 1000", NULL};
        struct fst_loop loop;
        struct fst_err err;
        int fds[] = {-1, ready[1], 2};
        struct fst_child_spec spec = {.argv = argv, .fds = fds, .n_fds = 3};
        if (fst_loop_init(&loop, &err) ||
            !fst_child_start(&loop, &spec, on_exit_of_child, NULL, &err))
            _exit(1);
        fst_loop_run(&loop);
        _exit(2);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(read(ready[0], &byte, 1), 0); /* the sleeper has ended */
    close(ready[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_comes_back),
        cmocka_unit_test(a_signals_number_comes_back_negative),
        cmocka_unit_test(many_children_end_each_with_its_own_status),
        cmocka_unit_test(environment_and_working_directory_are_as_given),
        cmocka_unit_test(a_child_has_the_descriptors_named_and_no_others),
        cmocka_unit_test(descriptors_may_be_swapped),
        cmocka_unit_test(what_cannot_be_started_says_why),
        cmocka_unit_test(a_child_leads_a_group_that_is_signalled_as_one),
        cmocka_unit_test(the_rest_of_a_group_is_reached_after_its_leaders_end),
        cmocka_unit_test(a_child_in_our_session_leads_a_group),
        cmocka_unit_test(a_child_starts_with_default_signals_and_none_blocked),
        cmocka_unit_test(a_freed_child_is_killed_with_its_group),
        cmocka_unit_test(a_child_dies_with_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
