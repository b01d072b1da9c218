/* One run with an example of everything, as pytest reported it for a real
 * suite (--tb=short; the texts are pytest 7.2.1's). */
#ifndef FST_TESTS_REPORT_SUITE_H
#define FST_TESTS_REPORT_SUITE_H

#include "fixture.h"

static inline void run_bad_phases(struct fixture *fix)
{
    struct fst_section printed[] = {
        {"Captured stdout call", "printed by the test\n"},
        {"Captured stderr call", "complained\n"}};
    struct fst_section set_up[] = {
        {"Captured stdout setup", "printed in set-up\n"}};
    struct fst_section torn_down[] = {{"Captured stdout teardown", "td out\n"}};
    test_ends(fix, "test_b.py", FST_ERROR,
              &(struct fst_phase){
                  .when = "collect",
                  .outcome = FST_ERROR,
                  .title = "test_b.py",
                  .longrepr = "ImportError while importing test module "
                              "'/suite/test_b.py'.\n"
                              "test_b.py:1: in <module>\n"
                              "    import nothere\n"
                              "E   ModuleNotFoundError: No module named "
                              "'nothere'"},
              1);
    test_ends(fix, "test_a.py::test_fails", FST_FAILED,
              &(struct fst_phase){
                  .when = "call",
                  .outcome = FST_FAILED,
                  .title = "test_fails",
                  .longrepr = "test_a.py:15: in test_fails\n"
                              "    assert [1,2] == [1,3]\n"
                              "E   assert [1, 2] == [1, 3]\n"
                              "E     At index 1 diff: 2 != 3\n"
                              "E     Use -v to get more diff",
                  .message = "assert [1, 2] == [1, 3]\n  At index 1 diff",
                  .sections = printed,
                  .n_sections = 2},
              1);
    test_ends(fix, "test_a.py::TestClass::test_method", FST_FAILED,
              &(struct fst_phase){
                  .when = "call",
                  .outcome = FST_FAILED,
                  .title = "TestClass.test_method",
                  .longrepr = "test_a.py:18: in test_method\n"
                              "    raise RuntimeError(\"two\\nlines\")\n"
                              "E   RuntimeError: two\n"
                              "E   lines",
                  .message = "RuntimeError: two\nlines"},
              1);
    test_ends(fix, "test_a.py::test_errs", FST_ERROR,
              &(struct fst_phase){.when = "setup",
                                  .outcome = FST_ERROR,
                                  .title = "test_errs",
                                  .longrepr =
                                      "test_a.py:5: in broken\n"
                                      "    raise ValueError(\"no set-up\")\n"
                                      "E   ValueError: no set-up",
                                  .message = "ValueError: no set-up",
                                  .sections = set_up,
                                  .n_sections = 1},
              1);
    test_ends(fix, "test_a.py::test_errs2", FST_ERROR,
              &(struct fst_phase){.when = "teardown",
                                  .outcome = FST_ERROR,
                                  .title = "test_errs2",
                                  .longrepr =
                                      "test_a.py:10: in bad_end\n"
                                      "    raise ValueError(\"no tear-down\")\n"
                                      "E   ValueError: no tear-down",
                                  .message = "ValueError: no tear-down",
                                  .sections = torn_down,
                                  .n_sections = 1},
              1);
}

static inline void run_good_phases(struct fixture *fix)
{
    struct fst_section said[] = {{"Captured stdout call", "hello\n"}};
    test_ends(fix, "test_a.py::test_passes", FST_PASSED,
              &(struct fst_phase){.when = "call",
                                  .outcome = FST_PASSED,
                                  .sections = said,
                                  .n_sections = 1},
              1);
    test_ends(fix, "test_a.py::test_skips[1]", FST_SKIPPED,
              &(struct fst_phase){.when = "call",
                                  .outcome = FST_SKIPPED,
                                  .message = "because",
                                  .location = "test_a.py:21"},
              1);
    test_ends(fix, "test_a.py::test_skips[2]", FST_SKIPPED,
              &(struct fst_phase){.when = "call",
                                  .outcome = FST_SKIPPED,
                                  .message = "because",
                                  .location = "test_a.py:21"},
              1);
    test_ends(fix, "test_a.py::test_marked", FST_SKIPPED,
              &(struct fst_phase){.when = "setup",
                                  .outcome = FST_SKIPPED,
                                  .message = "marked",
                                  .location = "test_a.py"},
              1);
    test_ends(fix, "test_a.py::test_xfails", FST_XFAILED,
              &(struct fst_phase){
                  .when = "call", .outcome = FST_XFAILED, .message = "known"},
              1);
    test_ends(fix, "test_a.py::test_xpasses", FST_XPASSED,
              &(struct fst_phase){
                  .when = "call", .outcome = FST_XPASSED, .message = "knownx"},
              1);
}

static inline void run_warnings(struct fixture *fix)
{
    static const char careful[] = "/suite/test_a.py:28: UserWarning: careful\n"
                                  "  warnings.warn(\"careful\")\n";
    const char *from[] = {"test_a.py::test_warns", "test_a.py::test_warns2"};
    for (int i = 0; i < 2; i++) {
        test_passes(fix, from[i]);
        fst_report_warning(fix->report,
                           &(struct fst_warning){.message = careful,
                                                 .category = "UserWarning",
                                                 .nodeid = from[i],
                                                 .file = "test_a.py",
                                                 .line = 28});
    }
    fst_report_warning(fix->report,
                       &(struct fst_warning){.message = "conf.py:1: old",
                                             .category = "OldWarning"});
}

/* 13 reports in 13 tests, ends with 1. */
static inline void run_suite(struct fixture *fix)
{
    session(fix, 13);
    run_bad_phases(fix);
    run_good_phases(fix);
    run_warnings(fix);
    effect(fix, (struct fst_effect){.type = FST_EF_DESELECTED, .count = 1});
    run_ends(fix, 1, NULL);
}

#endif
