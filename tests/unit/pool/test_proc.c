/* Real processes: tests/support/fake_worker.py in the mode that each test
 * names. */
#include "agent/pool/proc.h"

#include <dirent.h>
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

#define SECOND INT64_C(1000000000)
#define FAKE "../../support/fake_worker.py"

struct world {
    struct fst_loop loop;
    struct fst_timer *limit;
    struct fst_proc *proc;
    char script[4096];
    size_t n_messages, n_credits, n_holding;
    size_t until; /* stop once so many messages came; 0: at the end */
    char ids[256];
    char last_id[64];
    bool ended, kill_at_message;
    int status;
    char *why, *tail, *name;
    uint32_t doing, phase;
    uint64_t lease;
    int64_t pid;
};

static void on_message(void *user, struct fst_proc *proc, struct fst_msg *msg)
{
    struct world *world = user;
    world->n_messages++;
    if (msg->type == FST_MSG_CREDIT) {
        world->n_credits++;
        world->n_holding += msg->credit.slot;
    }
    if (msg->type == FST_MSG_RESULTS) {
        const char *id = msg->results.results[0].id;
        size_t used = strlen(world->ids);
        if (used + strlen(id) + 2 < sizeof world->ids)
            snprintf(world->ids + used, sizeof world->ids - used, " %s", id);
        snprintf(world->last_id, sizeof world->last_id, "%s", id);
    }
    fst_msg_free(msg);
    if (world->kill_at_message)
        fst_proc_kill(proc, "enough");
    if (world->n_messages == world->until)
        fst_loop_stop(&world->loop);
}

static void on_end(void *user, struct fst_proc *proc,
                   const struct fst_proc_end *end)
{
    struct world *world = user;
    world->ended = true;
    world->status = end->status;
    world->pid = end->pid;
    world->why = fst_strdup(end->why);
    world->tail = fst_strdup(end->tail);
    world->name = fst_strdup(end->page.name);
    world->doing = end->page.doing;
    world->phase = end->page.phase;
    world->lease = end->page.lease;
    fst_proc_free(proc);
    world->proc = NULL;
    fst_loop_stop(&world->loop);
}

static void on_limit(void *user)
{
    (void)user;
    fail_msg("nothing happened within 60 s");
}

static struct fst_proc *start(struct world *world, const char *python,
                              const char *mode, struct fst_err *err)
{
    static const struct fst_proc_events events = {.on_message = on_message,
                                                  .on_end = on_end};
    char fake[64], path[4096];
    snprintf(fake, sizeof fake, "FAKE=%s", mode);
    snprintf(path, sizeof path, "PATH=%s", getenv("PATH"));
    const char *env[] = {fake, path, "GIVEN=yes", NULL};
    struct fst_proc_spec spec = {
        .python = python,
        .program = world->script,
        .env = env,
        .cwd = "/",
        .events = &events,
        .user = world,
    };
    return fst_proc_start(&world->loop, &spec, err);
}

/* Starts a fake worker in its mode. */
static struct world *new_world(const char *mode)
{
    struct world *world = fst_alloc(sizeof *world);
    struct fst_err err;
    assert_non_null(realpath(FAKE, world->script));
    assert_int_equal(fst_loop_init(&world->loop, &err), 0);
    world->limit = fst_timer_new(&world->loop, on_limit, world);
    fst_timer_set(world->limit, 60 * SECOND);
    if (mode) {
        world->proc = start(world, "python3", mode, &err);
        assert_non_null(world->proc);
    }
    return world;
}

static void run_to_the_end(struct world *world)
{
    world->until = 0;
    while (!world->ended)
        fst_loop_run(&world->loop);
}

static void wait_for_messages(struct world *world, size_t n)
{
    world->until = n;
    while (world->n_messages < n)
        fst_loop_run(&world->loop);
}

static void free_world(struct world *world)
{
    fst_proc_free(world->proc);
    fst_timer_free(world->limit);
    fst_loop_fini(&world->loop);
    free(world->why);
    free(world->tail);
    free(world->name);
    free(world);
}

static void tell(struct world *world, enum fst_msg_type type)
{
    struct fst_msg *msg = fst_msg_new(type);
    if (type == FST_MSG_WELCOME) {
        static uint32_t slot = 0;
        msg->welcome = (struct fst_welcome){
            .run = "r",
            .slots = &slot,
            .n_slots = 1,
            .agent = "a",
            .config = {.root = "/", .cwd = ".", .hash_seed = "0"}};
    }
    fst_proc_tell(world->proc, msg);
    fst_msg_free(msg);
}

/* Dead, or about to be: nobody of it runs any more once it has taken the
 * signal that it was sent. */
static bool group_is_dead(pid_t group)
{
    for (int tries = 0; tries < 100000; tries++) {
        bool alive = false;
        char path[64], line[512];
        DIR *folder = opendir("/proc");
        struct dirent *entry;
        while ((entry = readdir(folder))) {
            snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
            FILE *file = fopen(path, "r");
            if (!file)
                continue;
            char *got = fgets(line, sizeof line, file);
            fclose(file);
            char *at = got ? strrchr(line, ')') : NULL;
            char how;
            int parent, of;
            if (at && sscanf(at, ") %c %d %d", &how, &parent, &of) == 3 &&
                of == group && how != 'Z')
                alive = true;
        }
        closedir(folder);
        if (!alive)
            return true;
    }
    return false;
}

/* ---- an orderly life */

static void a_worker_hears_and_is_heard(void **state)
{
    (void)state;
    struct world *world = new_world("good");
    tell(world, FST_MSG_WELCOME);
    wait_for_messages(world, 1);
    assert_int_equal(kill((pid_t)fst_proc_pid(world->proc), 0), 0);
    tell(world, FST_MSG_DRAIN);
    run_to_the_end(world);
    assert_int_equal(world->n_messages, 2);
    assert_int_equal(world->status, 0);
    assert_null(world->why);
    assert_string_equal(world->tail, "");
    free_world(world);
}

static void a_worker_starts_in_the_place_that_the_contract_says(void **state)
{
    (void)state;
    struct world *world = new_world("says_environment");
    run_to_the_end(world);
    assert_string_equal(world->tail, "");
    assert_int_equal(world->n_credits, 6);
    assert_int_equal(world->n_holding, 6);
    free_world(world);
}

/* ---- ends */

static void what_a_dead_worker_had_not_sent_is_taken_from_its_page(void **state)
{
    (void)state;
    struct world *world = new_world("crashes");
    run_to_the_end(world);
    assert_int_equal(world->status, -SIGSEGV);
    assert_string_equal(world->ids, " a.py::one a.py::two a.py::three");
    assert_int_equal(world->doing, 2);
    assert_int_equal(world->phase, 1);
    assert_int_equal(world->lease, 7);
    assert_string_equal(world->name, "a.py::f\xc3\xbcnf?");
    assert_non_null(strstr(world->tail, "last words"));
    assert_non_null(strstr(world->tail, "bad ? byte"));
    assert_int_not_equal(world->tail[strlen(world->tail) - 1], '\n');
    free_world(world);
}

static void a_page_of_nonsense_is_no_harm(void **state)
{
    (void)state;
    struct world *world = new_world("lies");
    run_to_the_end(world);
    assert_int_equal(world->status, 3);
    assert_int_equal(world->n_messages, 0);
    assert_int_equal(strlen(world->name), FST_PAGE_NAME);
    free_world(world);
}

static void a_page_can_not_be_made_smaller(void **state)
{
    (void)state;
    struct world *world = new_world("shrinks_the_page");
    run_to_the_end(world);
    assert_int_equal(world->status, 5);
    free_world(world);
}

static void all_that_was_said_is_heard_after_the_end(void **state)
{
    (void)state;
    struct world *world = new_world("floods");
    run_to_the_end(world);
    assert_int_equal(world->n_messages, 20000);
    assert_string_equal(world->last_id, "a.py::test_19999");
    free_world(world);
}

static void children_that_hold_the_pipe_are_not_waited_for(void **state)
{
    (void)state;
    struct world *world = new_world("leaves_a_child");
    run_to_the_end(world);
    assert_int_equal(world->status, 0);
    assert_string_equal(world->ids, " a.py::one");
    assert_true(group_is_dead((pid_t)world->pid));
    free_world(world);
}

static void the_log_keeps_its_last_whole_lines(void **state)
{
    (void)state;
    struct world *world = new_world("writes_much");
    run_to_the_end(world);
    assert_int_equal(world->status, 4);
    assert_true(strlen(world->tail) <= FST_PROC_TAIL);
    assert_true(strlen(world->tail) > FST_PROC_TAIL - 20);
    assert_int_equal(strncmp(world->tail, "line ", 5), 0);
    assert_string_equal(world->tail + strlen(world->tail) - 9, "line 9999");
    free_world(world);
}

/* ---- signals */

static void an_interrupt_reaches_the_worker(void **state)
{
    (void)state;
    struct world *world = new_world("takes_interrupts");
    wait_for_messages(world, 1);
    fst_proc_interrupt(world->proc);
    run_to_the_end(world);
    assert_int_equal(world->n_messages, 2);
    assert_int_equal(world->status, 0);
    free_world(world);
}

static void a_kill_ends_what_ignores_everything_and_says_why(void **state)
{
    (void)state;
    struct world *world = new_world("ignores_signals");
    wait_for_messages(world, 1);
    fst_proc_interrupt(world->proc);
    fst_proc_kill(world->proc, "first reason");
    fst_proc_kill(world->proc, "second reason");
    run_to_the_end(world);
    assert_int_equal(world->status, -SIGKILL);
    assert_string_equal(world->why, "first reason");
    free_world(world);
}

static void a_worker_may_be_killed_while_it_is_heard(void **state)
{
    (void)state;
    struct world *world = new_world("ignores_signals");
    world->kill_at_message = true;
    run_to_the_end(world);
    assert_int_equal(world->status, -SIGKILL);
    assert_string_equal(world->why, "enough");
    free_world(world);
}

static void nonsense_on_the_pipe_ends_the_worker(void **state)
{
    (void)state;
    struct world *world = new_world("babbles");
    run_to_the_end(world);
    assert_int_equal(world->status, -SIGKILL);
    assert_non_null(strstr(world->why, "what it sent made no sense"));
    free_world(world);
}

static void a_freed_worker_is_killed_without_a_word(void **state)
{
    (void)state;
    struct world *world = new_world("ignores_signals");
    wait_for_messages(world, 1);
    pid_t pid = (pid_t)fst_proc_pid(world->proc);
    fst_proc_free(world->proc);
    world->proc = NULL;
    assert_int_equal(kill(pid, 0), -1);
    assert_false(world->ended);
    free_world(world);
}

/* ---- back-pressure */

static void a_worker_that_reads_nothing_holds_nobody_up(void **state)
{
    (void)state;
    struct world *world = new_world("reads_nothing");
    char *text = fst_alloc((1 << 20) + 1);
    memset(text, 'x', 1 << 20);
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKE);
    const char *items[] = {text};
    msg->revoke.items = (struct fst_strs){items, 1};
    for (int i = 0; i < 8; i++)
        fst_proc_tell(world->proc, msg);
    wait_for_messages(world, 1);
    fst_proc_kill(world->proc, NULL);
    run_to_the_end(world);
    assert_int_equal(world->status, -SIGKILL);
    fst_msg_free(msg);
    free(text);
    free_world(world);
}

static void what_is_not_read_waits(void **state)
{
    (void)state;
    struct world *world = new_world("floods");
    wait_for_messages(world, 1);
    fst_proc_read(world->proc, false);
    size_t heard = world->n_messages;
    for (int i = 0; i < 50; i++)
        uv_run(&world->loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(world->n_messages, heard);
    assert_false(world->ended);
    fst_proc_read(world->proc, true);
    run_to_the_end(world);
    assert_int_equal(world->n_messages, 20000);
    free_world(world);
}

/* ---- what can't be started */

static void what_can_not_be_started_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *python, *script, *names;
    } cases[] = {
        {"/nowhere/python3", NULL, "/nowhere/python3: No such file"},
        {"/etc/passwd", NULL, "/etc/passwd: Permission denied"},
        {"python3", "/nowhere/fastest_worker", "/nowhere/fastest_worker"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *world = new_world(NULL);
        struct fst_err err;
        if (cases[i].script)
            snprintf(world->script, sizeof world->script, "%s",
                     cases[i].script);
        assert_null(start(world, cases[i].python, "good", &err));
        assert_non_null(strstr(err.msg, cases[i].names));
        assert_int_equal(cases[i].script == NULL,
                         strstr(err.msg, "--python") != NULL);
        free_world(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_hears_and_is_heard),
        cmocka_unit_test(a_worker_starts_in_the_place_that_the_contract_says),
        cmocka_unit_test(
            what_a_dead_worker_had_not_sent_is_taken_from_its_page),
        cmocka_unit_test(a_page_of_nonsense_is_no_harm),
        cmocka_unit_test(a_page_can_not_be_made_smaller),
        cmocka_unit_test(all_that_was_said_is_heard_after_the_end),
        cmocka_unit_test(children_that_hold_the_pipe_are_not_waited_for),
        cmocka_unit_test(the_log_keeps_its_last_whole_lines),
        cmocka_unit_test(an_interrupt_reaches_the_worker),
        cmocka_unit_test(a_kill_ends_what_ignores_everything_and_says_why),
        cmocka_unit_test(a_worker_may_be_killed_while_it_is_heard),
        cmocka_unit_test(nonsense_on_the_pipe_ends_the_worker),
        cmocka_unit_test(a_freed_worker_is_killed_without_a_word),
        cmocka_unit_test(a_worker_that_reads_nothing_holds_nobody_up),
        cmocka_unit_test(what_is_not_read_waits),
        cmocka_unit_test(what_can_not_be_started_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
