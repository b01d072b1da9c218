#include "suite.h"

#include "shared/base/mem.h"

static void suite_is(struct fst_report_spec spec, const char *golden)
{
    struct fixture fix;
    begin(&fix, spec);
    run_suite(&fix);
    ends_as(&fix, golden);
}

static void everything_is_printed_as_pytest_prints_it(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){0}, "suite");
}

static void quiet_has_no_header_and_no_bars(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.verbosity = -1}, "suite-q");
}

static void very_quiet_has_no_last_line(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.verbosity = -2, .tb = "no"}, "suite-qq");
}

static void verbose_has_a_line_for_each_report(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.verbosity = 1, .tb = "no"}, "suite-v");
}

static void verbose_lines_keep_id_and_word_and_cut_reasons(void **state)
{
    (void)state;
    static struct fst_phase phase = {.when = "setup",
                                     .outcome = FST_SKIPPED,
                                     .message = "needs a network\nand more"};
    static const struct {
        int verbosity;
        const char *line;
    } cases[] = {{1, "\ntest_a.py::test_b SKIPPED (nee...) gw0 0.88s [100%]\n"},
                 {2,
                  "\ntest_a.py::test_b SKIPPED (needs a network\\x0aand more) "
                  "gw0 0.88s [100%]\n"}};
    for (size_t i = 0; i < 2; i++) {
        struct fixture fix;
        begin(&fix, (struct fst_report_spec){.screen.columns = 52,
                                             .verbosity = cases[i].verbosity});
        session(&fix, 1);
        test_ends(&fix, "test_a.py::test_b", FST_SKIPPED, &phase, 1);
        char *text = finish(&fix);
        assert_non_null(strstr(text, cases[i].line));
        free(text);
    }
}

static void all_characters_show_passes_skips_and_xfails(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.chars = "A"}, "suite-rA");
}

static void skips_alone_are_folded_by_place_and_reason(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.chars = "s", .tb = "no"}, "suite-rs");
}

static void without_tracebacks_the_summary_stays(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.tb = "no", .no_header = true},
             "suite-tb-no");
}

static void without_summary_only_the_last_line_stays(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.no_summary = true}, "suite-no-summary");
}

static void colours_are_pytests(void **state)
{
    (void)state;
    suite_is((struct fst_report_spec){.color = true, .chars = "A"},
             "suite-color");
    suite_is(
        (struct fst_report_spec){.color = true, .verbosity = -1, .tb = "no"},
        "suite-color-q");
}

static void tracebacks_of_one_line_have_no_headlines(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.tb = "line"});
    session(&fix, 1);
    test_ends(&fix, "test_a.py::test_fails", FST_FAILED,
              &(struct fst_phase){.when = "call",
                                  .outcome = FST_FAILED,
                                  .title = "test_fails",
                                  .longrepr = "/suite/test_a.py:3: assert 0",
                                  .message = "assert 0"},
              1);
    run_ends(&fix, 1, NULL);
    ends_as(&fix, "tb-line");
}

static void what_passes_is_green_and_short(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.color = true});
    session(&fix, 2);
    test_passes(&fix, "test_a.py::test_one");
    test_passes(&fix, "test_a.py::test_two");
    run_ends(&fix, 0, NULL);
    ends_as(&fix, "passes");
}

static void nothing_to_run_is_said(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    run_ends(&fix, 5, NULL);
    ends_as(&fix, "empty");
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 2);
    effect(&fix, (struct fst_effect){.type = FST_EF_DESELECTED, .count = 2});
    run_ends(&fix, 5, NULL);
    ends_as(&fix, "all-deselected");
}

static void an_interrupted_run_counts_what_did_not_run(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 3);
    test_passes(&fix, "test_a.py::test_one");
    effect(&fix, (struct fst_effect){.type = FST_EF_NOT_RUN,
                                     .id = "test_a.py::test_two"});
    effect(&fix, (struct fst_effect){.type = FST_EF_NOT_RUN,
                                     .id = "test_a.py::test_three"});
    run_ends(&fix, 2, "interrupted");
    ends_as(&fix, "interrupted");
}

static void a_run_stopped_by_maxfail_says_why(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.tb = "no"});
    session(&fix, 2);
    test_ends(&fix, "test_a.py::test_one", FST_FAILED,
              &(struct fst_phase){
                  .when = "call", .outcome = FST_FAILED, .message = "assert 0"},
              1);
    effect(&fix, (struct fst_effect){.type = FST_EF_NOT_RUN,
                                     .id = "test_a.py::test_two"});
    run_ends(&fix, 1, "stopping after 1 failures");
    ends_as(&fix, "maxfail");
}

static void a_confirmed_test_is_named_with_its_first_failure(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 1);
    attempt(&fix, FST_ATTEMPT_FIRST, 1,
            (struct fst_result){
                .id = "test_a.py::test_leans",
                .outcome = FST_FAILED,
                .phases = &(struct fst_phase){.when = "call",
                                              .outcome = FST_FAILED,
                                              .longrepr = "E  KeyError: 'x'",
                                              .message = "KeyError: 'x'"},
                .n_phases = 1});
    attempt(&fix, FST_ATTEMPT_CONFIRM, 2,
            (struct fst_result){.id = "test_a.py::test_leans"});
    verdict(&fix, "test_a.py::test_leans", FST_PASSED, 2);
    run_ends(&fix, 0, NULL);
    ends_as(&fix, "confirmed");
}

/* A failed try and one that passes. */
static void flaky_test(struct fixture *fix)
{
    attempt(fix, FST_ATTEMPT_FIRST, 1,
            (struct fst_result){
                .id = "test_a.py::test_flaky",
                .outcome = FST_FAILED,
                .phases = &(struct fst_phase){.when = "call",
                                              .outcome = FST_FAILED,
                                              .longrepr = "E  OSError: busy",
                                              .message = "OSError: busy"},
                .n_phases = 1});
    attempt(fix, FST_ATTEMPT_RETRY, 2,
            (struct fst_result){.id = "test_a.py::test_flaky"});
    verdict(fix, "test_a.py::test_flaky", FST_PASSED, 2);
}

static void a_flaky_test_is_seen_named_and_counted(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 1);
    flaky_test(&fix);
    run_ends(&fix, 0, NULL);
    char *text = finish(&fix);
    assert_non_null(strstr(text, "\nR."));
    assert_null(strstr(text, "FAILURES"));
    assert_non_null(
        strstr(text, "FLAKY test_a.py::test_flaky - OSError: busy\n"));
    assert_non_null(strstr(text, "= 1 passed, 1 flaky in 0.12s ="));
    free(text);
}

static void a_flaky_test_whose_fixture_fails_later_is_an_error(void **state)
{
    (void)state;
    struct fixture fix;
    struct fst_phase phase = {.when = "teardown", .outcome = FST_ERROR};
    struct fst_result late = {.id = "test_a.py::test_flaky",
                              .outcome = FST_ERROR,
                              .amend = true,
                              .phases = &phase,
                              .n_phases = 1};
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 1);
    flaky_test(&fix);
    effect(&fix, (struct fst_effect){.type = FST_EF_AMEND,
                                     .id = late.id,
                                     .attempt = 2,
                                     .outcome = FST_ERROR,
                                     .result = &late});
    run_ends(&fix, 1, NULL);
    char *text = finish(&fix);
    assert_null(strstr(text, "FLAKY"));
    assert_non_null(strstr(text, "= 1 passed, 1 error in 0.12s ="));
    free(text);
}

static void what_a_worker_writes_stands_on_lines_behind_its_name(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 1);
    test_passes(&fix, "test_a.py::test_one");
    fst_report_output(
        fix.report,
        &(struct fst_output){.slot = 3, .text = "one\n\n\x1b[31mred\n"});
    test_passes(&fix, "test_a.py::test_two");
    run_ends(&fix, 0, NULL);
    char *text = finish(&fix);
    assert_non_null(
        strstr(text, ".\ngw3 | one\ngw3 | \ngw3 | \x1b[31mred\x1b[0m\n."));
    free(text);
}

static void a_failure_without_a_text_is_counted(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.chars = "AE"});
    session(&fix, 2);
    test_ends(&fix, "test_a.py::test_one", FST_FAILED, NULL, 0);
    test_ends(&fix, "test_a.py::test_two", FST_ERROR,
              &(struct fst_phase){.when = "call", .outcome = FST_PASSED}, 1);
    run_ends(&fix, 1, NULL);
    char *text = finish(&fix);
    assert_non_null(strstr(text, "FAILED test_a.py::test_one\n"));
    assert_non_null(strstr(text, "ERROR test_a.py::test_two\n"));
    assert_non_null(strstr(text, "= 1 failed, 1 passed, 1 error in 0.12s ="));
    free(text);
}

static void a_later_teardown_error_is_shown_and_counted(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 2);
    test_passes(&fix, "test_a.py::test_one");
    test_passes(&fix, "test_a.py::test_two");
    struct fst_result late = {
        .id = "test_a.py::test_one",
        .outcome = FST_ERROR,
        .amend = true,
        .phases = &(struct fst_phase){.when = "teardown",
                                      .outcome = FST_ERROR,
                                      .title = "test_one",
                                      .longrepr = "E  OSError: late",
                                      .message = "OSError: late"},
        .n_phases = 1};
    effect(&fix, (struct fst_effect){.type = FST_EF_AMEND,
                                     .id = late.id,
                                     .attempt = 1,
                                     .outcome = FST_ERROR,
                                     .result = &late});
    run_ends(&fix, 1, NULL);
    ends_as(&fix, "amended");
}

static void usage_errors_are_pytests_text_alone(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    run_ends(&fix, 4,
             "ImportError while loading conftest '/suite/conftest.py'.\n"
             "conftest.py:1: in <module>\n    1/0\n");
    ends_as(&fix, "usage");
}

static void collected_ids_are_listed_one_a_line(void **state)
{
    (void)state;
    for (int verbosity = 0; verbosity >= -2; verbosity--) {
        struct fixture fix;
        char golden[30];
        begin(&fix, (struct fst_report_spec){.collect_only = true,
                                             .verbosity = verbosity});
        session(&fix, 3);
        const char *ids[] = {"test_a.py::test_n[1]", "test_a.py::test_n[2]",
                             "test_b.py::test_b"};
        for (int i = 0; i < 3; i++)
            effect(&fix,
                   (struct fst_effect){.type = FST_EF_LISTED, .id = ids[i]});
        effect(&fix,
               (struct fst_effect){.type = FST_EF_DESELECTED, .count = 2});
        run_ends(&fix, 0, NULL);
        snprintf(golden, sizeof golden, "collect%d", verbosity);
        ends_as(&fix, golden);
    }
}

static void a_line_of_letters_ends_with_its_share(void **state)
{
    (void)state;
    struct fixture fix;
    char *ids[100];
    begin(&fix, (struct fst_report_spec){.screen.columns = 40});
    session(&fix, 90);
    for (int i = 0; i < 100; i++) {
        ids[i] = fst_printf("test_a.py::test_n[%d]", i);
        test_passes(&fix, ids[i]);
        if (i == 40) /* the files are not what they looked like */
            fix.counts.expected = 100;
    }
    run_ends(&fix, 0, NULL);
    ends_as(&fix, "wrapped");
    for (int i = 0; i < 100; i++)
        free(ids[i]);
}

static void many_warnings_of_one_message_are_counted_by_file(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 1);
    test_passes(&fix, "test_a.py::test_one");
    for (int i = 0; i < 12; i++) {
        char id[40];
        snprintf(id, sizeof id, "test_%c.py::test[%d]", i ? 'a' : 'b', i);
        fst_report_warning(
            fix.report, &(struct fst_warning){.message = "x.py:1: W: careful\n",
                                              .nodeid = id});
    }
    run_ends(&fix, 0, NULL);
    ends_as(&fix, "warnings-by-file");
}

static void notes_and_warnings_stand_on_lines_of_their_own(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    fst_report_warn(fix.report, "--junitxml is not there yet");
    session(&fix, 2);
    test_passes(&fix, "test_a.py::test_one");
    effect(&fix, (struct fst_effect){.type = FST_EF_NOTE,
                                     .text = "gw0: killed by SIGSEGV"});
    test_passes(&fix, "test_a.py::test_two");
    run_ends(&fix, 0, NULL);
    ends_as(&fix, "notes");
}

static void a_warning_is_shown_where_no_worker_ever_came(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    fst_report_warn(fix.report, "no such thing");
    run_ends(&fix, 3, "no agent is connected");
    ends_as(&fix, "no-agent");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.verbosity = 1});
    session(&fix, 1);
    test_ends(&fix, "test_\x1b[2J.py::test_x", FST_FAILED, NULL, 0);
    run_ends(&fix, 1, NULL);
    char *text = finish(&fix);
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "FAILED test_\\x1b[2J.py::test_x"));
    free(text);
}

static void long_messages_are_cut_to_the_width_in_columns(void **state)
{
    (void)state;
    struct fixture fix;
    struct fst_phase phase = {
        .when = "call",
        .outcome = FST_FAILED,
        .message = "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2 is more than fits"};
    begin(&fix, (struct fst_report_spec){.screen.columns = 40, .tb = "no"});
    session(&fix, 1);
    test_ends(&fix, "test_a.py::test_fails", FST_FAILED, &phase, 1);
    run_ends(&fix, 1, NULL);
    char *text = finish(&fix);
    assert_non_null(strstr(text, "FAILED test_a.py::test_fails - "
                                 "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2...\n"));
    free(text);
}

static void ids_are_shown_relative_to_the_working_directory(void **state)
{
    (void)state;
    struct fixture fix;
    char *root = getcwd(NULL, 0);
    assert_non_null(root);
    *strrchr(root, '/') = '\0'; /* …/tests/unit */
    begin(&fix, (struct fst_report_spec){.verbosity = 1});
    fst_report_session(fix.report, &(struct fst_state){.rootdir = root}, -1);
    test_passes(&fix, "report/test_here.py::test_a");
    test_passes(&fix, "test_above.py::test_b");
    run_ends(&fix, 0, NULL);
    char *text = finish(&fix);
    assert_non_null(strstr(text, "\ntest_here.py::test_a PASSED "));
    assert_non_null(strstr(text, "\n../test_above.py::test_b PASSED "));
    free(text);
    free(root);
}

static void runs_for(struct fixture *fix, const char *id, double call_s,
                     double shared_s)
{
    attempt(fix, FST_ATTEMPT_FIRST, 1,
            (struct fst_result){.id = id,
                                .setup_s = shared_s,
                                .call_s = call_s,
                                .shared_s = shared_s});
    verdict(fix, id, FST_PASSED, 1);
}

static struct fst_times *past_of(const char *id, double seconds)
{
    struct fst_times *past = fst_times_new();
    fst_times_add(past, id, seconds);
    fst_times_add(past, "test_b.py::test_usual", 10);
    return past;
}

static void durations_name_phases_files_and_what_became_slower(void **state)
{
    (void)state;
    struct fixture fix;
    struct fst_times *past = past_of("test_a.py::test_a", 0.5);
    begin(&fix,
          (struct fst_report_spec){.durations = 3, .durations_min = 0.005});
    fst_report_past(fix.report, past);
    session(&fix, 3);
    runs_for(&fix, "test_a.py::test_a", 1.5, 0);
    runs_for(&fix, "test_b.py::test_usual", 11, 0);
    runs_for(&fix, "test_b.py::test_new", 0.001, 3);
    run_ends(&fix, 0, NULL);
    ends_as(&fix, "durations");
    fst_times_free(past);
}

static void durations_below_the_least_are_counted(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.durations = 5, .durations_min = 0.5});
    session(&fix, 2);
    runs_for(&fix, "test_a.py::test_a", 0.75, 0);
    test_ends(&fix, "test_a.py::test_b", FST_SKIPPED,
              &(struct fst_phase){.when = "setup", .outcome = FST_SKIPPED}, 1);
    run_ends(&fix, 0, NULL);
    char *text = finish(&fix);
    assert_non_null(
        strstr(text, "= slowest 5 durations ==============================\n"
                     "0.75s call     test_a.py::test_a\n\n"
                     "(4 durations < 0.5s hidden.  Use -vv to show these "
                     "durations.)\n="));
    assert_null(strstr(text, "files ="));
    free(text);
}

static void a_run_that_is_slower_as_a_whole_blames_no_test(void **state)
{
    (void)state;
    struct fixture fix;
    struct fst_times *past = past_of("test_a.py::test_a", 5);
    begin(&fix, (struct fst_report_spec){.verbosity = 1});
    fst_report_past(fix.report, past);
    session(&fix, 2);
    runs_for(&fix, "test_a.py::test_a", 15, 0);
    runs_for(&fix, "test_b.py::test_usual", 30, 0);
    run_ends(&fix, 0, NULL);
    char *text = finish(&fix);
    assert_null(strstr(text, "slower than before"));
    free(text);
    fst_times_free(past);
}

static void the_header_says_what_earlier_runs_let_it_expect(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{-1, "2 workers\n"},
                 {0.2, "2 workers, about 1s by history\n"},
                 {59.4, "2 workers, about 59s by history\n"},
                 {72, "2 workers, about 1:12 by history\n"},
                 {3723, "2 workers, about 1:02:03 by history\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fix;
        begin(&fix, (struct fst_report_spec){0});
        fst_report_session(fix.report, &(struct fst_state){0},
                           cases[i].seconds);
        char *text = finish(&fix);
        assert_non_null(strstr(text, cases[i].text));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_printed_as_pytest_prints_it),
        cmocka_unit_test(quiet_has_no_header_and_no_bars),
        cmocka_unit_test(very_quiet_has_no_last_line),
        cmocka_unit_test(verbose_has_a_line_for_each_report),
        cmocka_unit_test(verbose_lines_keep_id_and_word_and_cut_reasons),
        cmocka_unit_test(all_characters_show_passes_skips_and_xfails),
        cmocka_unit_test(skips_alone_are_folded_by_place_and_reason),
        cmocka_unit_test(without_tracebacks_the_summary_stays),
        cmocka_unit_test(without_summary_only_the_last_line_stays),
        cmocka_unit_test(colours_are_pytests),
        cmocka_unit_test(tracebacks_of_one_line_have_no_headlines),
        cmocka_unit_test(what_passes_is_green_and_short),
        cmocka_unit_test(nothing_to_run_is_said),
        cmocka_unit_test(an_interrupted_run_counts_what_did_not_run),
        cmocka_unit_test(a_run_stopped_by_maxfail_says_why),
        cmocka_unit_test(a_confirmed_test_is_named_with_its_first_failure),
        cmocka_unit_test(a_flaky_test_is_seen_named_and_counted),
        cmocka_unit_test(a_flaky_test_whose_fixture_fails_later_is_an_error),
        cmocka_unit_test(what_a_worker_writes_stands_on_lines_behind_its_name),
        cmocka_unit_test(a_failure_without_a_text_is_counted),
        cmocka_unit_test(a_later_teardown_error_is_shown_and_counted),
        cmocka_unit_test(usage_errors_are_pytests_text_alone),
        cmocka_unit_test(collected_ids_are_listed_one_a_line),
        cmocka_unit_test(a_line_of_letters_ends_with_its_share),
        cmocka_unit_test(many_warnings_of_one_message_are_counted_by_file),
        cmocka_unit_test(notes_and_warnings_stand_on_lines_of_their_own),
        cmocka_unit_test(a_warning_is_shown_where_no_worker_ever_came),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(long_messages_are_cut_to_the_width_in_columns),
        cmocka_unit_test(ids_are_shown_relative_to_the_working_directory),
        cmocka_unit_test(durations_name_phases_files_and_what_became_slower),
        cmocka_unit_test(durations_below_the_least_are_counted),
        cmocka_unit_test(a_run_that_is_slower_as_a_whole_blames_no_test),
        cmocka_unit_test(the_header_says_what_earlier_runs_let_it_expect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
