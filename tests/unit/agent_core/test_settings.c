#include "agent/core/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const no_env[] = {NULL};

static int load(struct fst_agent_settings *settings, struct fst_err *err,
                const char *const *env, const char *const *argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    memset(settings, 0, sizeof *settings);
    return fst_agent_settings_load(settings, argc, argv, env, err);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct fst_agent_settings settings;
    struct fst_err err;
    const char *argv[] = {"--connect", "ipc:///x", NULL};
    assert_int_equal(load(&settings, &err, no_env, argv), 0);
    assert_string_equal(settings.connect, "ipc:///x");
    assert_int_equal(settings.workers, -1);
    assert_int_equal(settings.retry_s, -1);
    assert_int_equal(settings.log_level, 1);
    assert_false(settings.once);
    assert_null(settings.python);
    assert_null(settings.root);
    fst_agent_settings_release(&settings);
}

static void the_command_line_wins_over_the_environment(void **state)
{
    (void)state;
    struct fst_agent_settings settings;
    struct fst_err err;
    const char *env[] = {"FASTEST_WORKERS=7", "FASTEST_PYTHON=p", NULL};
    const char *argv[] = {
        "--connect=ipc:///x", "-n", "3", "--once", "--retry", "5", NULL};
    assert_int_equal(load(&settings, &err, env, argv), 0);
    assert_int_equal(settings.workers, 3);
    assert_string_equal(settings.python, "p");
    assert_true(settings.once);
    assert_int_equal(settings.retry_s, 5);
    fst_agent_settings_release(&settings);
}

static void bad_input_gets_one_line_that_names_it(void **state)
{
    (void)state;
    static const struct {
        const char *argv[4];
        const char *names;
    } cases[] = {
        {{NULL}, "--connect"},
        {{"--connect", "ipc:///x", "tests"}, "tests"},
        {{"--connect=ipc:///x", "-n", "0"}, "-n"},
        {{"--connect=ipc:///x", "-n", "many"}, "many"},
        {{"--connect=ipc:///x", "--retry", "-3"}, "--retry"},
        {{"--connect=ipc:///x", "--onse"}, "--onse"},
        {{"--connect=ipc:///x", "--log-level", "loud"}, "loud"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fst_agent_settings settings;
        struct fst_err err = {0};
        assert_int_equal(load(&settings, &err, no_env, cases[i].argv), -1);
        assert_int_equal(err.code, FST_E_USAGE);
        assert_non_null(strstr(err.msg, cases[i].names));
        assert_null(strchr(err.msg, '\n'));
        fst_agent_settings_release(&settings);
    }
}

static void help_names_every_option(void **state)
{
    (void)state;
    static const char *const names[] = {
        "--connect", "--name",    "--once",    "--retry",
        "-n",        "--python",  "--root",    "--log-level",
        "--help",    "--version", "--workers", "--log-format"};
    struct fst_buf help = FST_BUF_INIT;
    fst_agent_settings_help("all", &help);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(strstr(fst_buf_str(&help), names[i]));
    fst_buf_release(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(the_command_line_wins_over_the_environment),
        cmocka_unit_test(bad_input_gets_one_line_that_names_it),
        cmocka_unit_test(help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
