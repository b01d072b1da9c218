#include "agent/core/crash.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct fst_worker_end segv = {
    .pid = 7,
    .status = -SIGSEGV,
    .doing = FST_DOING_TESTING,
    .phase = 1,
    .name = "a/test_x.py::TestA::test_y[p::q]",
    .lease = 3,
    .start_s = 12.5,
    .tail = "Fatal Python error",
    .out = "written\n",
    .err = "",
};

static void an_end_is_told_in_one_line(void **state)
{
    (void)state;
    static const struct {
        struct fst_worker_end end;
        bool ready, between;
        const char *head;
    } cases[] = {
        {{.status = -11, .doing = 2, .phase = 0, .name = "x.py::y"},
         true,
         false,
         "worker 'gw4' crashed while running 'x.py::y': killed by SIGSEGV "
         "during setup"},
        {{.status = 3, .doing = 2, .phase = 2, .name = "x.py::y"},
         true,
         false,
         "worker 'gw4' crashed while running 'x.py::y': exited with status 3 "
         "during teardown"},
        {{.status = -9, .doing = 2, .phase = 77, .name = "x.py::y"},
         true,
         true,
         "worker 'gw4' crashed after 'x.py::y': killed by SIGKILL"},
        {{.status = -9, .doing = 1, .name = "x.py"},
         true,
         false,
         "worker 'gw4' crashed while collecting 'x.py': killed by SIGKILL"},
        {{.status = 0, .doing = 0, .name = ""},
         true,
         false,
         "worker 'gw4' crashed while it was idle: exited with status 0"},
        {{.status = 1, .doing = 3, .name = ""},
         true,
         false,
         "worker 'gw4' crashed while its session ended: exited with status 1"},
        {{.status = -64, .doing = 9999, .name = ""},
         true,
         false,
         "worker 'gw4' crashed while it was idle: killed by signal 64"},
        {{.status = 1, .doing = 1, .name = "x.py"},
         false,
         false,
         "worker 'gw4' ended before it was ready: exited with status 1"},
        {{.status = -9,
          .oom = "cgroup /a, limit 64 MiB",
          .doing = 2,
          .phase = 1,
          .name = "x.py::y"},
         true,
         false,
         "worker 'gw4' crashed while running 'x.py::y': killed by SIGKILL: out "
         "of memory (cgroup /a, limit 64 MiB) during call"},
        {{.status = -9, .why = "it hung", .doing = 2, .name = "x.py::y"},
         true,
         false,
         "worker 'gw4' was killed: it hung"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_arena arena = {0};
        assert_string_equal(fst_crash_head(&arena, 4, &cases[i].end,
                                           cases[i].ready, cases[i].between),
                            cases[i].head);
        fst_arena_release(&arena);
    }
}

static void the_log_stands_under_the_head(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    struct fst_worker_end quiet = segv;
    quiet.tail = "";
    assert_string_equal(fst_crash_text(&arena, "head", &segv),
                        "head\nFatal Python error");
    assert_string_equal(fst_crash_text(&arena, "head", &quiet), "head");
    fst_arena_release(&arena);
}

static void the_running_test_fails_with_the_text(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    struct fst_result result;
    fst_crash_result(&arena, 2, "the head", &segv, &result);
    assert_int_equal(result.outcome, FST_FAILED);
    assert_true(result.crashed);
    assert_false(result.amend);
    assert_int_equal(result.lease, 3);
    assert_int_equal(result.slot, 2);
    assert_int_equal(result.pid, 7);
    assert_true(result.start_s > 12 && result.start_s < 13);
    assert_string_equal(result.id, segv.name);
    assert_int_equal(result.n_phases, 1);
    assert_string_equal(result.phases[0].when, "call");
    assert_string_equal(result.phases[0].title, "TestA.test_y[p::q]");
    assert_string_equal(result.phases[0].message, "the head");
    assert_string_equal(result.phases[0].longrepr,
                        "the head\nFatal Python error");
    assert_int_equal(result.phases[0].n_sections, 1);
    assert_string_equal(result.phases[0].sections[0].name,
                        "Captured stdout call");
    assert_string_equal(result.phases[0].sections[0].text, "written\n");
    fst_arena_release(&arena);
}

static void a_test_that_has_its_result_becomes_an_error(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    struct fst_result result;
    struct fst_worker_end end = segv;
    end.err = "late";
    fst_crash_amend(&arena, 2, "the head", &end, "x.py::last", 9, &result);
    assert_int_equal(result.outcome, FST_ERROR);
    assert_true(result.amend);
    assert_false(result.crashed);
    assert_int_equal(result.lease, 9);
    assert_string_equal(result.id, "x.py::last");
    assert_string_equal(result.phases[0].when, "teardown");
    assert_string_equal(result.phases[0].title, "last");
    assert_int_equal(result.phases[0].n_sections, 2);
    assert_string_equal(result.phases[0].sections[1].name,
                        "Captured stderr teardown");
    fst_arena_release(&arena);
}

static void an_id_without_colons_is_its_own_title(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    struct fst_result result;
    struct fst_worker_end end = segv;
    end.name = "README.txt";
    end.phase = 9;
    fst_crash_result(&arena, 2, "head", &end, &result);
    assert_string_equal(result.phases[0].title, "README.txt");
    assert_string_equal(result.phases[0].when, "call");
    fst_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_is_told_in_one_line),
        cmocka_unit_test(the_log_stands_under_the_head),
        cmocka_unit_test(the_running_test_fails_with_the_text),
        cmocka_unit_test(a_test_that_has_its_result_becomes_an_error),
        cmocka_unit_test(an_id_without_colons_is_its_own_title),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
