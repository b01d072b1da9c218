#include "shared/base/options.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { RUN = 1, LIST = 2, MAX_TOKENS = 8 };

enum mode { MODE_SLOW = 3, MODE_FAST = 7 };

struct values {
    int workers, verbosity;
    uint32_t maxfail;
    enum mode mode;
    bool split, quick;
    char *keyword, *style;
    struct fst_strings ignore;
};

static const struct fst_option_word counts[] = {{"auto", -1}, {NULL, 0}};
static const struct fst_option_word modes[] = {
    {"slow", MODE_SLOW}, {"fast", MODE_FAST}, {NULL, 0}};
static const struct fst_option_word switches[] = {
    {"none", 0}, {"split", 1}, {NULL, 0}};
static const struct fst_option_word styles[] = {
    {"long", 0}, {"short", 0}, {NULL, 0}};

static const struct fst_option items[] = {
    {.names = "-n --workers",
     .key = "workers",
     .kind = FST_OPTION_INT,
     .value = "N",
     .help = "workers of the local agent, a number or auto, which is as many "
             "as there are CPUs that this process may use",
     .group = "Execution",
     .standard = "auto",
     .words = counts,
     FST_OPTION_AT(struct values, workers),
     .max = 4096,
     .commands = RUN},
    {.names = "-x --exitfirst",
     .key = "exitfirst",
     .kind = FST_OPTION_FLAG,
     .help = "stop after the first failure",
     .group = "Execution",
     FST_OPTION_AT(struct values, maxfail),
     .constant = 1,
     .commands = RUN},
    {.names = "--maxfail",
     .key = "maxfail",
     .kind = FST_OPTION_INT,
     .value = "N",
     .help = "stop after N failures",
     .group = "Execution",
     FST_OPTION_AT(struct values, maxfail),
     .max = INT_MAX,
     .commands = RUN},
    {.names = "--mode",
     .key = "mode",
     .kind = FST_OPTION_INT,
     .value = "slow|fast",
     .help = "how",
     .group = "Execution",
     .standard = "slow",
     .words = modes,
     FST_OPTION_AT(struct values, mode),
     .min = 1,
     .commands = RUN},
    {.names = "--confirm",
     .key = "confirm",
     .kind = FST_OPTION_INT,
     .value = "none|split",
     .help = "which",
     .group = "Execution",
     .words = switches,
     FST_OPTION_AT(struct values, split),
     .min = 1,
     .commands = RUN},
    {.names = "-k",
     .key = "keyword",
     .kind = FST_OPTION_STRING,
     .value = "EXPR",
     .help = "what",
     .group = "Selection",
     FST_OPTION_AT(struct values, keyword),
     .commands = RUN | LIST},
    {.names = "--tb",
     .key = "tb",
     .kind = FST_OPTION_STRING,
     .value = "STYLE",
     .help = "tracebacks",
     .group = "Report",
     .words = styles,
     FST_OPTION_AT(struct values, style),
     .commands = RUN},
    {.names = "--ignore",
     .key = "ignore",
     .kind = FST_OPTION_LIST,
     .value = "PATH",
     .help = "leave out",
     .group = "Selection",
     FST_OPTION_AT(struct values, ignore),
     .commands = RUN | LIST},
    {.names = "--quick",
     .key = "quick",
     .kind = FST_OPTION_FLAG,
     .help = "soon",
     .group = "Execution",
     FST_OPTION_AT(struct values, quick),
     .constant = 1,
     .commands = RUN},
    {.names = "-v --verbose",
     .key = "verbose",
     .kind = FST_OPTION_COUNT,
     .help = "more",
     .group = "Report",
     FST_OPTION_AT(struct values, verbosity),
     .constant = 1,
     .commands = RUN},
    {.names = "-q --quiet",
     .key = "quiet",
     .kind = FST_OPTION_COUNT,
     .help = "less",
     .group = "Report",
     FST_OPTION_AT(struct values, verbosity),
     .constant = -1,
     .commands = RUN},
};

static const struct fst_options table = {
    .items = items,
    .count = sizeof items / sizeof *items,
    .commands = RUN,
    .env = "FASTEST_",
};

struct parsed {
    struct values values;
    struct fst_strings positionals;
    int rest, result;
    const char *unknown;
    struct fst_err err;
};

static struct parsed parse(const char *const *argv)
{
    struct parsed parsed = {0};
    int argc = 0;
    while (argc < MAX_TOKENS && argv[argc])
        argc++;
    fst_options_defaults(&table, &parsed.values);
    parsed.result = fst_options_parse(&table, &parsed.values, argc, argv,
                                      &parsed.positionals, &parsed.rest,
                                      &parsed.unknown, &parsed.err);
    return parsed;
}

static void release(struct parsed *parsed)
{
    fst_options_release(&table, &parsed->values);
    fst_strings_clear(&parsed->positionals);
}

static void defaults_are_set_and_the_rest_is_zero(void **state)
{
    (void)state;
    struct parsed got = parse((const char *[MAX_TOKENS]){NULL});
    assert_int_equal(got.result, 0);
    assert_int_equal(got.values.workers, -1);
    assert_int_equal(got.values.mode, MODE_SLOW);
    assert_int_equal(got.values.maxfail, 0);
    assert_null(got.values.keyword);
    release(&got);
}

static void a_number_may_stand_apart_attached_or_behind_an_equals(void **state)
{
    (void)state;
    static const char *const cases[][MAX_TOKENS] = {
        {"-n", "4"},        {"-n4"},           {"-n=4"},
        {"--workers", "4"}, {"--workers=4"},   {"-n", "9", "-n", "4"},
        {"-xn4"},           {"-vxn", "4"},     {"-vx", "-n=4"},
        {"-n04"},           {"a", "-n4", "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed got = parse(cases[i]);
        assert_int_equal(got.result, 0);
        assert_int_equal(got.values.workers, 4);
        release(&got);
    }
}

static void clusters_set_each_flag_and_counts_add_up(void **state)
{
    (void)state;
    const char *argv[MAX_TOKENS] = {"-vvx", "--verbose", "-qv"};
    struct parsed got = parse(argv);
    assert_int_equal(got.result, 0);
    assert_int_equal(got.values.verbosity, 3);
    assert_int_equal(got.values.maxfail, 1);
    release(&got);
}

static void words_become_their_numbers_and_the_last_one_stands(void **state)
{
    (void)state;
    const char *argv[MAX_TOKENS] = {"--mode=slow", "--mode", "fast",
                                    "--confirm=split", "--tb=short"};
    struct parsed got = parse(argv);
    assert_int_equal(got.result, 0);
    assert_int_equal(got.values.mode, MODE_FAST);
    assert_true(got.values.split);
    assert_string_equal(got.values.style, "short");
    release(&got);
}

static void positionals_keep_their_order_between_options(void **state)
{
    (void)state;
    const char *argv[MAX_TOKENS] = {"b", "-x", "a", "-", "--", "-c", "d"};
    struct parsed got = parse(argv);
    assert_int_equal(got.result, 0);
    assert_int_equal(got.positionals.count, 3);
    assert_string_equal(got.positionals.items[0], "b");
    assert_string_equal(got.positionals.items[1], "a");
    assert_string_equal(got.positionals.items[2], "-");
    assert_int_equal(got.rest, 5);
    release(&got);
}

static void
a_value_may_begin_with_a_dash_only_where_it_is_attached(void **state)
{
    (void)state;
    static const char *const good[][MAX_TOKENS] = {
        {"-k=-a"}, {"-k-a"}, {"-k", "-a b"}, {"-k", "-"}, {"-k", "-7"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct parsed got = parse(good[i]);
        assert_int_equal(got.result, 0);
        assert_int_equal(got.values.keyword[0], '-');
        release(&got);
    }
    struct parsed bad = parse((const char *[MAX_TOKENS]){"-k", "-x"});
    assert_int_equal(bad.err.code, FST_E_USAGE);
    assert_string_equal(bad.err.msg, "-k needs a value (EXPR)");
    release(&bad);
}

static void an_empty_value_is_a_value(void **state)
{
    (void)state;
    struct parsed got =
        parse((const char *[MAX_TOKENS]){"-k", "", "--ignore="});
    assert_int_equal(got.result, 0);
    assert_string_equal(got.values.keyword, "");
    assert_int_equal(got.values.ignore.count, 1);
    release(&got);
}

static void what_is_refused_is_named_with_what_is_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *argv[MAX_TOKENS], *message, *unknown;
    } cases[] = {
        {{"-n", "foo"},
         "-n: \"foo\" is not accepted: expected a number from 0 to 4096 or "
         "auto",
         NULL},
        {{"-n", "4097"},
         "-n: \"4097\" is not accepted: expected a number from 0 to 4096 or "
         "auto",
         NULL},
        {{"-n", "atuo"},
         "-n: \"atuo\" is not accepted: expected a number from 0 to 4096 or "
         "auto (did you mean auto?)",
         NULL},
        {{"-n-1"},
         "-n: \"-1\" is not accepted: expected a number from 0 to 4096 or auto",
         NULL},
        {{"--maxfail=99999999999"},
         "--maxfail: \"99999999999\" is not accepted: expected a number from "
         "0",
         NULL},
        {{"--maxfail= 3"},
         "--maxfail: \" 3\" is not accepted: expected a number from 0",
         NULL},
        {{"--mode=quick"},
         "--mode: \"quick\" is not accepted: expected slow or fast",
         NULL},
        {{"--tb=shrot"},
         "--tb: \"shrot\" is not accepted: expected long or short (did you "
         "mean short?)",
         NULL},
        {{"--workers"}, "--workers needs a value (N)", NULL},
        {{"-n"}, "-n needs a value (N)", NULL},
        {{"--quick=1"}, "--quick takes no value, but got \"1\"", NULL},
        {{"-x=1"}, "-x takes no value, but got \"1\"", NULL},
        {{"--wrokers=3"},
         "unknown option --wrokers (did you mean --workers?)",
         "--wrokers=3"},
        {{"--zzzzzz"}, "unknown option --zzzzzz", "--zzzzzz"},
        {{"-vZ"}, "unknown option -Z", "-vZ"},
        {{"--work"}, "unknown option --work", "--work"},
        {{"-\xc3\xa9"}, "unknown option -\xc3\xa9", "-\xc3\xa9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed got = parse(cases[i].argv);
        assert_int_equal(got.result, -1);
        assert_int_equal(got.err.code, FST_E_USAGE);
        assert_string_equal(got.err.msg, cases[i].message);
        if (cases[i].unknown)
            assert_string_equal(got.unknown, cases[i].unknown);
        else
            assert_null(got.unknown);
        release(&got);
    }
}

static void an_option_of_another_command_is_unknown(void **state)
{
    (void)state;
    struct fst_options other = table;
    other.commands = LIST;
    struct parsed got = {0};
    const char *argv[] = {"--ignore=a", "--maxfail=3"};
    got.result =
        fst_options_parse(&other, &got.values, 2, argv, &got.positionals,
                          &got.rest, &got.unknown, &got.err);
    assert_int_equal(got.result, -1);
    assert_ptr_equal(got.unknown, argv[1]);
    assert_int_equal(got.values.ignore.count, 1);
    release(&got);
}

static void the_environment_sets_every_kind(void **state)
{
    (void)state;
    const char *env[] = {"FASTEST_WORKERS=3",  "FASTEST_QUICK=True",
                         "FASTEST_VERBOSE=2",  "FASTEST_KEYWORD=a or b",
                         "FASTEST_IGNORE=a b", "FASTEST_MAXFAIL=",
                         "FASTEST_RUN_ID=7",   NULL};
    struct values values = {.maxfail = 5};
    struct fst_err err;
    assert_int_equal(fst_options_env(&table, &values, env, &err), 0);
    assert_int_equal(values.workers, 3);
    assert_true(values.quick);
    assert_int_equal(values.verbosity, 2);
    assert_string_equal(values.keyword, "a or b");
    assert_int_equal(values.ignore.count, 2);
    assert_string_equal(values.ignore.items[1], "b");
    assert_int_equal(values.maxfail, 5);
    fst_options_release(&table, &values);
}

static void a_wrong_value_in_the_environment_names_the_variable(void **state)
{
    (void)state;
    static const struct {
        const char *env[2], *message;
    } cases[] = {
        {{"FASTEST_QUICK=maybe"},
         "FASTEST_QUICK: \"maybe\" is not accepted: expected true or false"},
        {{"FASTEST_MODE=3x"},
         "FASTEST_MODE: \"3x\" is not accepted: expected slow or fast"},
        {{"FASTEST_VERBOSE=-1"},
         "FASTEST_VERBOSE: \"-1\" is not accepted: expected a number from 0 to "
         "100"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct values values = {0};
        struct fst_err err;
        assert_int_equal(fst_options_env(&table, &values, cases[i].env, &err),
                         -1);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void a_flag_that_is_off_undoes_a_weaker_source(void **state)
{
    (void)state;
    struct values values = {.quick = true, .maxfail = 1};
    const char *env[] = {"FASTEST_QUICK=off", "FASTEST_EXITFIRST=0", NULL};
    struct fst_err err;
    assert_int_equal(fst_options_env(&table, &values, env, &err), 0);
    assert_false(values.quick);
    assert_int_equal(values.maxfail, 0);
}

static void the_nearest_key_is_found_or_none(void **state)
{
    (void)state;
    assert_string_equal(fst_options_nearest(&table, "worker", true), "workers");
    assert_string_equal(fst_options_nearest(&table, "max-fail", true),
                        "maxfail");
    assert_null(fst_options_nearest(&table, "zzzzzzzz", true));
    assert_null(fst_options_nearest(&table, "", true));
    char longer[400];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(fst_options_nearest(&table, longer, true));
}

static void help_may_be_of_a_group(void **state)
{
    (void)state;
    static const struct {
        const char *argv[3], *group;
        bool asks;
    } cases[] = {
        {{"a", "--help"}, NULL, true},
        {{"-h", "execution"}, "execution", true},
        {{"--help=SELECTION", "x"}, "SELECTION", true},
        {{"--help", "all"}, "all", true},
        {{"--help", "tests"}, NULL, true},
        {{"--", "--help"}, NULL, false},
        {{"-x", "--helper"}, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *group = "unset";
        assert_int_equal(
            fst_options_asks_help(&table, 2, cases[i].argv, &group),
            cases[i].asks);
        if (cases[i].group)
            assert_string_equal(group, cases[i].group);
        else
            assert_null(group);
    }
    struct fst_buf out = FST_BUF_INIT;
    fst_options_help(&table, "selection", "prog", &out);
    assert_memory_equal(fst_buf_str(&out), "Selection:\n  -k EXPR ", 21);
    assert_null(strstr(fst_buf_str(&out), "--workers"));
    fst_buf_release(&out);
}

static void help_has_each_option_of_the_command_in_80_columns(void **state)
{
    (void)state;
    struct fst_buf out = FST_BUF_INIT;
    fst_options_help(&table, "all", "prog", &out);
    const char *text = fst_buf_str(&out);
    assert_non_null(strstr(text, "Execution:\n  -n, --workers N "));
    assert_non_null(strstr(text, "(default: auto)"));
    assert_non_null(strstr(text, "\nSelection:\n  -k EXPR "));
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        assert_true(len <= 80);
        assert_true(len == 0 || line[len - 1] != ' ');
        line += len + (line[len] == '\n');
    }
    fst_buf_release(&out);
    struct fst_options other = table;
    other.commands = LIST;
    fst_options_help(&other, "all", "prog", &out);
    assert_null(strstr(fst_buf_str(&out), "--workers"));
    assert_non_null(strstr(fst_buf_str(&out), "--ignore PATH"));
    fst_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_set_and_the_rest_is_zero),
        cmocka_unit_test(help_may_be_of_a_group),
        cmocka_unit_test(a_number_may_stand_apart_attached_or_behind_an_equals),
        cmocka_unit_test(clusters_set_each_flag_and_counts_add_up),
        cmocka_unit_test(words_become_their_numbers_and_the_last_one_stands),
        cmocka_unit_test(positionals_keep_their_order_between_options),
        cmocka_unit_test(
            a_value_may_begin_with_a_dash_only_where_it_is_attached),
        cmocka_unit_test(an_empty_value_is_a_value),
        cmocka_unit_test(what_is_refused_is_named_with_what_is_accepted),
        cmocka_unit_test(an_option_of_another_command_is_unknown),
        cmocka_unit_test(the_environment_sets_every_kind),
        cmocka_unit_test(a_wrong_value_in_the_environment_names_the_variable),
        cmocka_unit_test(a_flag_that_is_off_undoes_a_weaker_source),
        cmocka_unit_test(the_nearest_key_is_found_or_none),
        cmocka_unit_test(help_has_each_option_of_the_command_in_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
