/* What the reporter makes itself of JUnit's report: the order, the numbers, and
 * testcases of results that came without. */
#include "suite.h"

#include "shared/base/mem.h"

struct place {
    char folder[40];
    char file[60];
};

static int set_up(void **state)
{
    struct place *place = fst_alloc(sizeof *place);
    strcpy(place->folder, "/tmp/fst_junit_XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    snprintf(place->file, sizeof place->file, "%s/j.xml", place->folder);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    unlink(place->file);
    int result = rmdir(place->folder);
    free(place);
    return result;
}

/* What was written, the caller's. Ends the fixture. */
static char *written(struct fixture *fix, const struct place *place)
{
    free(finish(fix));
    FILE *file = fopen(place->file, "r");
    assert_non_null(file);
    char *text = read_fd(fileno(file));
    fclose(file);
    return text;
}

static void start(struct fixture *fix, const struct place *place,
                  const char *frame)
{
    begin(fix, (struct fst_report_spec){.junit_path = place->file,
                                        .junit_prefix = "p"});
    fst_report_file(fix->report, "a.py");
    fst_report_file(fix->report, "b.py");
    fst_report_session(fix->report,
                       &(struct fst_state){.python = "3",
                                           .pytest = "7",
                                           .junit = frame,
                                           .junit_family = "xunit1"},
                       -1);
}

static void told(struct fixture *fix, const char *id, const char *junit,
                 const char *properties)
{
    attempt(fix, FST_ATTEMPT_FIRST, 1,
            (struct fst_result){.id = id,
                                .junit = junit,
                                .junit_tests = 1,
                                .junit_properties = properties});
    verdict(fix, id, FST_PASSED, 1);
}

static void tests_stand_in_pytests_order_within_the_workers_frame(void **state)
{
    struct place *place = *state;
    struct fixture fix;
    struct fst_item items[] = {{.id = "a.py::two"}, {.id = "a.py::one"}};
    start(&fix, place,
          "<testsuites name=\"x tests\"><testsuite name=\"&quot; tests=\" "
          "errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"0\" "
          "time=\"0.001\" timestamp=\"T\" /></testsuites>");
    told(&fix, "b.py::x", "<x/>", "<property name=\"n\" value=\"1\" />");
    told(&fix, "a.py::one",
         "<testcase><error message=\"m\">&lt;error "
         "</error><skipped/></testcase>",
         "<property name=\"n\" value=\"1\" /><property name=\"n\" "
         "value=\"2\" />");
    effect(&fix, (struct fst_effect){
                     .type = FST_EF_LIST,
                     .list = &(struct fst_collected){
                         .file = "a.py", .items = items, .n_items = 2}});
    told(&fix, "a.py::two", "<two/>", NULL);
    told(&fix, "b.py", "<b/>", NULL);
    run_ends(&fix, 0, NULL);
    char *text = written(&fix, place);
    assert_string_equal(
        text, "<testsuites name=\"x tests\"><testsuite name=\"&quot; tests=\" "
              "errors=\"1\" failures=\"0\" skipped=\"1\" tests=\"4\" "
              "time=\"0.120\" timestamp=\"T\"><properties>"
              "<property name=\"n\" value=\"1\" /><property name=\"n\" "
              "value=\"2\" /></properties><b/><two/><testcase><error "
              "message=\"m\">&lt;error </error><skipped/></testcase><x/>"
              "</testsuite></testsuites>");
    free(text);
}

static void since_pytest_8_files_and_folders_stand_by_name(void **state)
{
    struct place *place = *state;
    struct fixture fix;
    static const char *const given[] = {
        "t/b.py",     "t/sub.py",          "t/__init__.py",
        "t/sub/z.py", "t/sub/__init__.py", "a/c.py"};
    begin(&fix, (struct fst_report_spec){.junit_path = place->file,
                                         .one_place = true});
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        fst_report_file(fix.report, given[i]);
    fst_report_session(fix.report, &(struct fst_state){.pytest = "8.0.2"}, -1);
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        char *junit = fst_printf("<f n=\"%s\"/>", given[i]);
        struct fst_item item = {.id = given[i]};
        told(&fix, given[i], junit, NULL);
        effect(&fix, (struct fst_effect){
                         .type = FST_EF_LIST,
                         .list = &(struct fst_collected){
                             .file = given[i], .items = &item, .n_items = 1}});
        free(junit);
    }
    run_ends(&fix, 0, NULL);
    char *text = written(&fix, place);
    assert_non_null(strstr(
        text, "><f n=\"a/c.py\"/><f n=\"t/__init__.py\"/><f n=\"t/b.py\"/>"
              "<f n=\"t/sub/__init__.py\"/><f n=\"t/sub/z.py\"/>"
              "<f n=\"t/sub.py\"/></testsuite>"));
    free(text);
}

static void a_result_without_a_testcase_gets_one(void **state)
{
    struct place *place = *state;
    struct fixture fix;
    struct fst_phase phases[] = {
        {.when = "call",
         .outcome = FST_FAILED,
         .message = "no\x01",
         .longrepr = "\x1b[31mE  1 < 2\x1b[0m"},
        {.when = "teardown", .outcome = FST_ERROR, .message = "late"}};
    struct fst_phase skip = {.when = "setup",
                             .outcome = FST_SKIPPED,
                             .message = "why",
                             .location = "a.py:3"};
    start(&fix, place, NULL);
    test_ends(&fix, "d/a.py::TestA::test_b[c.py::d]", FST_ERROR, phases, 2);
    test_ends(&fix, "d/a.py::s", FST_SKIPPED, &skip, 1);
    run_ends(&fix, 3, "broken");
    char *text = written(&fix, place);
    const char *at = strstr(text, "<testcase");
    assert_non_null(at);
    assert_string_equal(
        at, "<testcase classname=\"p.d.a.TestA\" name=\"test_b[c.py::d]\" "
            "file=\"d/a.py\" time=\"0.875\"><failure message=\"no#x01\">E  1 "
            "&lt; 2</failure></testcase><testcase classname=\"p.d.a.TestA\" "
            "name=\"test_b[c.py::d]\" file=\"d/a.py\" time=\"0.000\"><error "
            "message=\"failed on teardown with &quot;late&quot;\" />"
            "</testcase><testcase classname=\"p.d.a\" name=\"s\" "
            "file=\"d/a.py\" time=\"0.875\"><skipped type=\"pytest.skip\" "
            "message=\"why\">a.py:3: why</skipped></testcase><testcase "
            "classname=\"pytest\" name=\"internal\" time=\"0.000\"><error "
            "message=\"internal error\">broken</error></testcase></testsuite>"
            "</testsuites>");
    assert_non_null(strstr(text, " errors=\"2\" failures=\"1\" skipped=\"1\" "
                                 "tests=\"3\" "));
    free(text);
}

static void a_later_tear_down_replaces_or_joins(void **state)
{
    struct place *place = *state;
    struct fixture fix;
    struct fst_phase late = {.when = "teardown",
                             .outcome = FST_ERROR,
                             .message = "m",
                             .longrepr = "text"};
    struct fst_result more = {
        .id = "a.py::x", .outcome = FST_ERROR, .phases = &late, .n_phases = 1};
    struct fst_effect amend = {.type = FST_EF_AMEND,
                               .id = "a.py::x",
                               .attempt = 1,
                               .outcome = FST_ERROR,
                               .result = &more};
    start(&fix, place, NULL);
    told(&fix, "a.py::x", "<old/>", NULL);
    more.junit = "<new/>";
    more.junit_tests = 2;
    effect(&fix, amend);
    more.junit = NULL; /* by the agent: the worker is dead */
    effect(&fix, amend);
    told(&fix, "a.py::brief", NULL, NULL);
    amend.id = more.id = "a.py::brief";
    effect(&fix, amend);
    run_ends(&fix, 1, NULL);
    char *text = written(&fix, place);
    assert_null(strstr(text, "<old/>"));
    assert_non_null(strstr(text, "><new/><testcase classname=\"p.a\" "));
    assert_non_null(strstr(text, "tests=\"5\""));
    assert_non_null(strstr(text, ">text</error></testcase></testsuite>"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            tests_stand_in_pytests_order_within_the_workers_frame, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            since_pytest_8_files_and_folders_stand_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_result_without_a_testcase_gets_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_tear_down_replaces_or_joins,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
