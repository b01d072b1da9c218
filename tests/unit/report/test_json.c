#include "suite.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "shared/base/mem.h"
#include "shared/json/json.h"

struct folder {
    char path[40];
    char file[60];
};

static int set_up(void **state)
{
    struct folder *folder = fst_alloc(sizeof *folder);
    strcpy(folder->path, "/tmp/fst_report_XXXXXX");
    if (!mkdtemp(folder->path))
        return -1;
    snprintf(folder->file, sizeof folder->file, "%s/r.json", folder->path);
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    int result = rmdir(folder->path);
    free(folder);
    return result;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("no file %s", path);
    char *text = read_fd(fileno(file));
    fclose(file);
    return text;
}

static struct fst_json *read_json(const char *path)
{
    struct fst_err err;
    char *text = read_file(path);
    struct fst_json *json = fst_json_parse(text, strlen(text), &err);
    if (!json)
        fail_msg("%s: %s", path, err.msg);
    free(text);
    return json;
}

static const struct fst_json *get(const struct fst_json *value, const char *key)
{
    const struct fst_json *found = fst_json_get(value, key);
    if (!found)
        fail_msg("no key %s", key);
    return found;
}

static double number(const struct fst_json *value, const char *key)
{
    return fst_json_number(get(value, key));
}

static const char *string(const struct fst_json *value, const char *key)
{
    return fst_json_string(get(value, key));
}

static bool is_null(const struct fst_json *value, const char *key)
{
    return fst_json_type(get(value, key)) == FST_JSON_NULL;
}

static const struct fst_json *find_test(const struct fst_json *report,
                                        const char *id)
{
    const struct fst_json *test = fst_json_first(get(report, "tests"));
    for (; test; test = fst_json_next(test))
        if (strcmp(string(test, "nodeid"), id) == 0)
            return test;
    fail_msg("no test %s", id);
    return NULL;
}

/* A schema of ours: type, required, properties, items, enum, $ref. */
static bool is_type(const struct fst_json *value, const char *type)
{
    enum fst_json_type is = fst_json_type(value);
    if (strcmp(type, "integer") == 0)
        return is == FST_JSON_NUMBER &&
               fst_json_number(value) == floor(fst_json_number(value));
    if (strcmp(type, "boolean") == 0)
        return is == FST_JSON_BOOL;
    return strcmp(type, fst_json_type_name(is)) == 0;
}

static bool has_type(const struct fst_json *value, const struct fst_json *types)
{
    if (fst_json_type(types) == FST_JSON_STRING)
        return is_type(value, fst_json_string(types));
    const struct fst_json *type = fst_json_first(types);
    for (; type; type = fst_json_next(type))
        if (is_type(value, fst_json_string(type)))
            return true;
    return false;
}

static void check_words(const struct fst_json *value,
                        const struct fst_json *words, const char *at)
{
    const struct fst_json *word = words ? fst_json_first(words) : NULL;
    for (; word; word = fst_json_next(word))
        if (strcmp(fst_json_string(word), fst_json_string(value)) == 0)
            return;
    if (words)
        fail_msg("%s: %s is no word of it", at, fst_json_string(value));
}

static void check(const struct fst_json *schema, const struct fst_json *value,
                  const struct fst_json *root, const char *at)
{
    if (fst_json_get(schema, "$ref"))
        schema = get(get(root, "$defs"), "outcome");
    const struct fst_json *types = fst_json_get(schema, "type");
    if (types && !has_type(value, types))
        fail_msg("%s has the wrong type", at);
    check_words(value, fst_json_get(schema, "enum"), at);
    const struct fst_json *required = fst_json_get(schema, "required");
    const struct fst_json *key = required ? fst_json_first(required) : NULL;
    for (; key; key = fst_json_next(key))
        get(value, fst_json_string(key));
    const struct fst_json *properties = fst_json_get(schema, "properties");
    const struct fst_json *items = fst_json_get(schema, "items");
    if (!properties && !items)
        return;
    const struct fst_json *member = fst_json_first(value);
    for (; member; member = fst_json_next(member)) {
        const char *name = fst_json_key(member);
        if (items)
            check(items, member, root, at);
        else
            check(get(properties, name), member, root, name);
    }
}

static void the_report_follows_its_schema(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    fst_report_warn(fix.report, "dropped");
    effect(&fix, (struct fst_effect){.type = FST_EF_NOT_RUN, .id = "t.py::x"});
    run_suite(&fix);
    free(finish(&fix));
    struct fst_json *schema = read_json("../../../schema/report.schema.json");
    struct fst_json *report = read_json(folder->file);
    check(schema, report, schema, "report");
    fst_json_free(report);
    fst_json_free(schema);
}

static void counts_are_of_verdicts_not_of_phases(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    run_suite(&fix);
    free(finish(&fix));
    struct fst_json *report = read_json(folder->file);
    const struct fst_json *summary = get(report, "summary");
    assert_int_equal(number(summary, "passed"), 3);
    assert_int_equal(number(summary, "failed"), 2);
    assert_int_equal(number(summary, "error"), 3);
    assert_int_equal(number(summary, "skipped"), 3);
    assert_int_equal(number(summary, "xfailed"), 1);
    assert_int_equal(number(summary, "xpassed"), 1);
    assert_int_equal(number(summary, "total"), 13);
    assert_int_equal(number(summary, "deselected"), 1);
    assert_int_equal(fst_json_count(get(report, "tests")), 13);
    assert_int_equal(number(report, "exit_code"), 1);
    const struct fst_json *agent = fst_json_first(get(report, "agents"));
    assert_string_equal(string(agent, "name"), "local");
    assert_int_equal(number(agent, "tests"), 13);
    assert_true(number(agent, "busy_s") == 13 * 0.875);
    assert_false(fst_json_bool(get(agent, "lost")));
    fst_json_free(report);
}

static void a_test_tells_where_how_long_and_what_it_printed(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    run_suite(&fix);
    free(finish(&fix));
    struct fst_json *report = read_json(folder->file);
    const struct fst_json *test = find_test(report, "test_a.py::test_fails");
    assert_string_equal(string(test, "outcome"), "failed");
    assert_string_equal(string(test, "stdout"), "printed by the test\n");
    assert_string_equal(string(test, "stderr"), "complained\n");
    assert_string_equal(string(test, "agent"), "local");
    assert_int_equal(number(test, "worker_pid"), 77);
    assert_true(number(test, "start_s") == 0.01);
    assert_true(number(test, "call_s") == 0.5);
    assert_non_null(strstr(string(test, "longrepr"), "At index 1 diff"));
    assert_true(is_null(test, "reason"));
    test = find_test(report, "test_a.py::test_passes");
    assert_string_equal(string(test, "stdout"), "hello\n");
    assert_true(is_null(test, "longrepr"));
    test = find_test(report, "test_a.py::test_skips[1]");
    assert_string_equal(string(test, "reason"), "because");
    fst_json_free(report);
}

static void a_confirmed_test_has_both_attempts_the_last_counts(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    const char *id = "test_a.py::test_leans";
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    session(&fix, 1);
    struct fst_phase failed = {.when = "call",
                               .outcome = FST_FAILED,
                               .longrepr = "\x1b[1m\x1b[31mE  no\x1b[0m"};
    struct fst_result first = {
        .id = id, .outcome = FST_FAILED, .phases = &failed, .n_phases = 1};
    attempt(&fix, FST_ATTEMPT_FIRST, 1, first);
    attempt(&fix, FST_ATTEMPT_CONFIRM, 2, (struct fst_result){.id = id});
    verdict(&fix, id, FST_PASSED, 2);
    attempt(&fix, FST_ATTEMPT_DUPLICATE, 3, first);
    run_ends(&fix, 0, NULL);
    free(finish(&fix));
    struct fst_json *report = read_json(folder->file);
    const struct fst_json *test = find_test(report, id);
    assert_string_equal(string(test, "outcome"), "passed");
    assert_int_equal(fst_json_count(get(test, "attempts")), 2);
    const struct fst_json *one = fst_json_first(get(test, "attempts"));
    assert_string_equal(string(one, "outcome"), "failed");
    assert_string_equal(string(one, "longrepr"), "E  no");
    const struct fst_json *two = fst_json_next(one);
    assert_string_equal(string(two, "outcome"), "passed");
    assert_string_equal(string(two, "reason"), "confirmation");
    fst_json_free(report);
}

static void sections_that_phases_repeat_are_told_once(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    struct fst_section sections[] = {{"Captured stdout setup", "one\n"},
                                     {"Captured stdout call", "two\n"},
                                     {"Captured stdout teardown", "two\n"}};
    struct fst_phase phases[] = {
        {.when = "setup", .sections = sections, .n_sections = 1},
        {.when = "call", .sections = sections, .n_sections = 2},
        {.when = "teardown", .sections = sections, .n_sections = 3}};
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    session(&fix, 1);
    test_ends(&fix, "t.py::x", FST_PASSED, phases, 3);
    run_ends(&fix, 0, NULL);
    free(finish(&fix));
    struct fst_json *report = read_json(folder->file);
    const struct fst_json *test = find_test(report, "t.py::x");
    assert_string_equal(string(test, "stdout"), "one\ntwo\ntwo\n");
    fst_json_free(report);
}

static void odd_bytes_give_a_report_that_can_be_read(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    struct fst_section section = {"Captured stdout call", "a\xff\x01z"};
    struct fst_phase phase = {.when = "call",
                              .outcome = FST_FAILED,
                              .longrepr = "\xc3(\x1b[",
                              .sections = &section,
                              .n_sections = 1};
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    session(&fix, 1);
    test_ends(&fix, "t\x80.py::x", FST_FAILED, &phase, 1);
    run_ends(&fix, 1, NULL);
    free(finish(&fix));
    struct fst_json *report = read_json(folder->file);
    const struct fst_json *test = fst_json_first(get(report, "tests"));
    assert_string_equal(string(test, "stdout"), "a\xef\xbf\xbd\x01z");
    fst_json_free(report);
}

/* The first problem; the caller's. */
static char *end_fails(struct fixture *fix)
{
    struct fst_strings problems = {0};
    session(fix, 1);
    test_passes(fix, "t.py::x");
    assert_true(fst_report_end(fix->report, 0, START_S + 0.12, &problems) > 0);
    char *problem = fst_strdup(problems.items[0]);
    fst_strings_clear(&problems);
    return problem;
}

static void a_missing_folder_is_an_error_that_names_the_file(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.json_path = "no/such/r.json"});
    char *problem = end_fails(&fix);
    assert_non_null(strstr(problem, "no/such/r.json"));
    free(problem);
    char *text = finish(&fix);
    assert_non_null(strstr(text, "1 passed"));
    free(text);
}

static size_t files_in(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void a_report_that_does_not_fit_leaves_the_old_one(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    struct rlimit before, small;
    FILE *file = fopen(folder->file, "w");
    assert_non_null(file);
    fputs("old", file);
    fclose(file);
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){100, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    char *problem = end_fails(&fix);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    free(finish(&fix));
    assert_non_null(strstr(problem, folder->file));
    free(problem);
    char *text = read_file(folder->file);
    assert_string_equal(text, "old");
    free(text);
    assert_int_equal(files_in(folder->path), 1);
}

static void a_verdict_without_a_result_has_its_text(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    session(&fix, 1);
    effect(&fix, (struct fst_effect){.type = FST_EF_OUTCOME,
                                     .id = "t.py::x",
                                     .attempt = 1,
                                     .outcome = FST_ERROR,
                                     .text = "lost with 3 agents"});
    run_ends(&fix, 1, NULL);
    char *text = finish(&fix);
    assert_non_null(strstr(text, "ERROR t.py::x - lost with 3 agents"));
    free(text);
    struct fst_json *report = read_json(folder->file);
    const struct fst_json *test = find_test(report, "t.py::x");
    assert_string_equal(string(test, "longrepr"), "lost with 3 agents");
    assert_true(is_null(test, "agent"));
    assert_true(is_null(test, "start_s"));
    fst_json_free(report);
}

static void effects_without_an_agent_are_the_only_ones(void **state)
{
    struct folder *folder = *state;
    struct fixture fix;
    struct fst_result result = {.id = "t.py::x", .pid = 5};
    struct fst_effect ended = {
        .type = FST_EF_ATTEMPT, .id = "t.py::x", .result = &result};
    begin(&fix, (struct fst_report_spec){.json_path = folder->file});
    fst_report_agent(fix.report, 1, NULL, 0, true, NULL);
    fst_report_agent(fix.report, 2, "second", 2, false, NULL);
    session(&fix, 2);
    fst_report_effect(fix.report, &ended, &fix.counts);
    verdict(&fix, "t.py::x", FST_PASSED, 1);
    fst_report_agent(
        fix.report, 3, "third", 2, false,
        &(struct fst_strs){(const char *[]){"rack=b=1", "gpu="}, 2});
    ended.id = result.id = "t.py::y";
    fst_report_effect(fix.report, &ended, &fix.counts);
    verdict(&fix, "t.py::y", FST_PASSED, 1);
    run_ends(&fix, 0, NULL);
    free(finish(&fix));
    struct fst_json *report = read_json(folder->file);
    assert_string_equal(string(find_test(report, "t.py::x"), "agent"),
                        "second");
    assert_true(is_null(find_test(report, "t.py::y"), "agent"));
    assert_true(
        fst_json_bool(get(fst_json_first(get(report, "agents")), "lost")));
    fst_json_free(report);
}

int main(void)
{
#define WITH_FOLDER(test)                                                      \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(the_report_follows_its_schema),
        WITH_FOLDER(counts_are_of_verdicts_not_of_phases),
        WITH_FOLDER(a_test_tells_where_how_long_and_what_it_printed),
        WITH_FOLDER(a_confirmed_test_has_both_attempts_the_last_counts),
        WITH_FOLDER(sections_that_phases_repeat_are_told_once),
        WITH_FOLDER(odd_bytes_give_a_report_that_can_be_read),
        cmocka_unit_test(a_missing_folder_is_an_error_that_names_the_file),
        WITH_FOLDER(a_report_that_does_not_fit_leaves_the_old_one),
        WITH_FOLDER(a_verdict_without_a_result_has_its_text),
        WITH_FOLDER(effects_without_an_agent_are_the_only_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
