#include "shared/config/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/config/table.h"
#include "tests/unit/config/tree.h"

enum { MAX_TOKENS = 10 };

/* One load: the tree's files, the environment, the command line. */
struct input {
    const char *ini, *toml; /* pytest.ini's addopts; pyproject.toml's text */
    const char *env[3];
    const char *argv[MAX_TOKENS];
};

struct loaded {
    struct fst_settings settings;
    struct fst_err err;
    const char *unknown;
    int result;
    char *root;
    struct fst_buf text;
};

static struct fst_pytest_version version = {7, 2};

static struct fst_pytest_version tell_version(const char *python)
{
    (void)python;
    return version;
}

static void load_command(struct loaded *loaded, enum fst_command command,
                         const struct input *input)
{
    *loaded = (struct loaded){.root = tree_new()};
    tree_add(loaded->root, "tests/test_a.py", "");
    if (input->ini) {
        char *text = fst_printf("[pytest]\naddopts = %s\n", input->ini);
        tree_add(loaded->root, "pytest.ini", text);
        free(text);
    }
    if (input->toml)
        tree_add(loaded->root, "pyproject.toml", input->toml);
    const char *env[5] = {"PATH=/bin"};
    for (size_t i = 0; i < 3 && input->env[i]; i++)
        env[i + 1] = input->env[i];
    int argc = 0;
    while (argc < MAX_TOKENS && input->argv[argc])
        argc++;
    struct fst_settings_sources sources = {.argc = argc,
                                           .argv = input->argv,
                                           .env = env,
                                           .cwd = loaded->root,
                                           .ask = tell_version};
    loaded->result = fst_settings_load(&loaded->settings, command, &sources,
                                       &loaded->unknown, &loaded->err);
}

static void load(struct loaded *loaded, const struct input *input)
{
    load_command(loaded, FST_CMD_RUN, input);
}

static void release(struct loaded *loaded)
{
    fst_settings_release(&loaded->settings);
    fst_buf_release(&loaded->text);
    tree_remove(loaded->root);
}

static const char *join(struct loaded *loaded, const struct fst_strings *list)
{
    fst_buf_clear(&loaded->text);
    for (size_t i = 0; i < list->count; i++)
        fst_buf_addf(&loaded->text, "%s%s", i ? " " : "", list->items[i]);
    return fst_buf_str(&loaded->text);
}

static void pytests_command_line_is_made_from_all_sources(void **state)
{
    (void)state;
    static const struct {
        struct input input;
        const char *args; /* behind "-o addopts=" */
    } cases[] = {
        {{0}, ""},
        {{.argv = {"tests", "tests/test_a.py::x"}},
         " tests tests/test_a.py::x"},
        {{.argv = {"-k", "a", "-m", "b"}}, " -k a -m b"},
        {{.argv = {"-k=-a", "-k=-b"}}, " -k=-b"},
        {{.argv = {"-k", ""}}, " -k="},
        {{.ini = "-k a", .argv = {"-m", "c"}}, " -k a -m c"},
        {{.ini = "-k a", .argv = {"-k", "b"}}, " -k b"},
        {{.ini = "-vv --tb=short", .argv = {"-q"}}, " --tb=short -v"},
        {{.ini = "-q", .argv = {"-q"}}, " -q -q"},
        {{.argv = {"--", "--setup-show", "-l"}}, " --setup-show -l"},
        {{.argv = {"tests", "--", "--cov"}}, " tests --cov"},
        {{.ini = "--cov src --cov-report term", .argv = {"tests"}},
         " --cov=src --cov-report=term tests"},
        {{.ini = "--unknown x -Z y --foo=z", .argv = {"tests"}},
         " --unknown x -Z y --foo=z tests"},
        {{.ini = "-n3 -x --maxfail 2 --color=yes -rA --no-header "
                 "--no-summary --co --max-worker-restart=1"},
         ""},
        {{.ini = "-xvs -lZq", .argv = {"-v"}}, " -l -Zq --capture=no -v -v"},
        {{.ini = "--deselect a --ignore=b -p no:x -W error",
          .argv = {"--deselect", "c", "-p", "y"}},
         " --deselect=a --deselect=c --ignore=b -p no:x -p y -W error"},
        {{.ini = "-o python_files=x -c y.ini --rootdir z"}, ""},
        {{.argv = {"-o", "addopts=-x --foo", "-o", "testpaths=a"}},
         " --foo -o testpaths=a"},
        {{.env = {"PYTEST_ADDOPTS=--strict-markers -m 'a b' --bar"},
          .ini = "--foo"},
         " --foo --bar -m a b --strict-markers"},
        {{.argv = {"--import-mode=importlib", "--pyargs"}},
         " --pyargs --import-mode=importlib"},
        {{.ini = "--import-mode=importlib",
          .argv = {"--import-mode", "prepend"}},
         ""},
        {{.argv = {"--", "--capture=tee-sys", "--log-level", "INFO"}},
         " --capture=tee-sys --log-level=INFO"},
        {{.argv = {"--", "tests", "--", "x"}}, " tests -- x"},
        {{.ini = "--junit-xml r.xml --junitprefix=a --durations=3",
          .argv = {"--events=-", "--github"}},
         " --junitxml=r.xml --junit-prefix=a"},
        {{.argv = {"--confirm=none", "-x", "--python", "p", "--report-json",
                   "r", "--log-level=info", "--color=no"}},
         ""},
        {{.ini = "--verbosity=2", .argv = {"-v"}}, " -v -v -v"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded got;
        load(&got, &cases[i].input);
        assert_int_equal(got.result, 0);
        const char *args = join(&got, &got.settings.pytest_args);
        assert_ptr_equal(strstr(args, "-o addopts="), args);
        assert_string_equal(args + strlen("-o addopts="), cases[i].args);
        release(&got);
    }
}

static void a_stronger_source_replaces_what_a_weaker_one_says(void **state)
{
    (void)state;
    static const struct {
        struct input input;
        int workers;
    } cases[] = {
        {{.ini = "-n 2"}, 2},
        {{.ini = "-n 2", .env = {"PYTEST_ADDOPTS=-n3"}}, 3},
        {{.ini = "-n 2",
          .env = {"PYTEST_ADDOPTS=-n3"},
          .argv = {"--", "-n", "4"}},
         4},
        {{.ini = "-n 2",
          .toml = "[tool.fastest]\nworkers = 5\n",
          .argv = {"--", "-n", "4"}},
         5},
        {{.toml = "[tool.fastest]\nworkers = 5\n",
          .env = {"FASTEST_WORKERS=6"}},
         6},
        {{.env = {"FASTEST_WORKERS=6", "PYTEST_ADDOPTS=-n3"},
          .argv = {"-n", "7", "--", "-n4"}},
         7},
        {{.argv = {"-n", "0"}}, 0},
        {{.argv = {"--numprocesses=9"}}, 9},
        {{.env = {"PYTEST_XDIST_AUTO_NUM_WORKERS=11"}}, 11},
        {{.env = {"PYTEST_XDIST_AUTO_NUM_WORKERS=11"},
          .argv = {"-n", "logical"}},
         11},
        {{.env = {"PYTEST_XDIST_AUTO_NUM_WORKERS=11"}, .argv = {"-n", "2"}}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded got;
        load(&got, &cases[i].input);
        assert_int_equal(got.result, 0);
        assert_int_equal(got.settings.workers, cases[i].workers);
        release(&got);
    }
}

static void auto_is_at_least_one_worker(void **state)
{
    (void)state;
    struct loaded got;
    load(&got, &(struct input){.env = {"PYTEST_XDIST_AUTO_NUM_WORKERS=x"}});
    assert_int_equal(got.result, 0);
    assert_true(got.settings.workers >= 1);
    assert_string_equal(join(&got, &got.settings.warnings),
                        "PYTEST_XDIST_AUTO_NUM_WORKERS: \"x\" is not a number "
                        "of workers: ignored");
    release(&got);
}

static void coordinators_options_are_heard_from_addopts(void **state)
{
    (void)state;
    struct loaded got;
    load(&got,
         &(struct input){.ini = "-xqq -rA --color=no --tb short "
                                "--no-header --no-summary --collectonly "
                                "--max-worker-restart 3 --dist=loadscope --ff "
                                "--last-failed-no-failures=none",
                         .env = {"PYTEST_ADDOPTS=--sw-skip --nf"}});
    assert_int_equal(got.result, 0);
    assert_int_equal(got.settings.dist, FST_DIST_LOADSCOPE);
    assert_string_equal(got.settings.order, "history");
    assert_true(got.settings.failed_first && got.settings.new_first);
    assert_true(got.settings.none_without_failures);
    assert_true(fst_settings_stepwise(&got.settings));
    assert_false(got.settings.last_failed || got.settings.stepwise);
    assert_int_equal(got.settings.maxfail, 1);
    assert_int_equal(got.settings.verbosity, -2);
    assert_string_equal(got.settings.report_chars, "A");
    assert_string_equal(got.settings.tb, "short");
    assert_int_equal(got.settings.color, FST_COLOR_NO);
    assert_true(got.settings.no_header && got.settings.no_summary);
    assert_true(got.settings.collect_only);
    assert_int_equal(got.settings.max_worker_restart, 3);
    assert_true(got.settings.confirm);
    assert_int_equal(got.settings.warnings.count, 0);
    release(&got);
}

static void what_is_dropped_is_told_once_with_its_source(void **state)
{
    (void)state;
    static const char not_yet[] = "fastest has no such option yet";
    static const struct {
        struct input input;
        const char *source;
        struct {
            const char *name, *why;
        } dropped[4];
    } cases[] = {
        {{.ini = "--pastebin all --pastebin=all --debug"},
         "addopts",
         {{"--pastebin", not_yet}, {"--debug", not_yet}}},
        {{.env = {"PYTEST_ADDOPTS=--tx popen -d -f"}},
         "PYTEST_ADDOPTS",
         {{"--tx", "xdist's way to other machines is not fastest's"},
          {"-d", "it is --dist load"},
          {"-f", "nothing watches files here"}}},
        {{.argv = {"--", "-v", "--pastebin=all"}},
         "behind --",
         {{"--pastebin", not_yet}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded got;
        load(&got, &cases[i].input);
        assert_int_equal(got.result, 0);
        size_t count = 0;
        for (; count < 4 && cases[i].dropped[count].name; count++) {
            char *line = fst_printf("%s: %s was left out: %s", cases[i].source,
                                    cases[i].dropped[count].name,
                                    cases[i].dropped[count].why);
            assert_true(count < got.settings.warnings.count);
            assert_string_equal(got.settings.warnings.items[count], line);
            free(line);
        }
        assert_int_equal(got.settings.warnings.count, count);
        release(&got);
    }
}

static void an_override_in_addopts_counts_from_pytest_9_1_on(void **state)
{
    (void)state;
    for (int minor = 0; minor <= 1; minor++) {
        struct loaded got;
        version = (struct fst_pytest_version){9, minor};
        load(&got, &(struct input){.ini = "-o python_files=a.py -o testpaths=t",
                                   .argv = {"-o", "testpaths=u"}});
        assert_int_equal(got.result, 0);
        const struct fst_pytest_config *cfg = &got.settings.pytest;
        assert_string_equal(cfg->python_files.items[0],
                            minor ? "a.py" : "test_*.py");
        assert_string_equal(cfg->testpaths.items[0], "u");
        assert_int_equal(got.settings.overrides.count, minor ? 3 : 1);
        release(&got);
    }
    version = (struct fst_pytest_version){7, 2};
}

static void what_changes_discovery_is_seen_wherever_it_stands(void **state)
{
    (void)state;
    struct loaded got;
    load_command(&got, FST_CMD_DISCOVER,
                 &(struct input){
                     .ini = "--doctest-modules --ignore=a -n 3",
                     .env = {"PYTEST_ADDOPTS=--doctest-glob=*.rst --pyargs"},
                     .argv = {"--ignore-glob", "b*", "--deselect=c", "--",
                              "--import-mode=append", "--collect-in-virtualenv",
                              "-o", "testpaths=t", "--ignore", "d"}});
    assert_int_equal(got.result, 0);
    const struct fst_pytest_config *cfg = &got.settings.pytest;
    assert_true(cfg->doctest_modules && cfg->pyargs);
    assert_true(cfg->collect_in_virtualenv);
    assert_int_equal(cfg->import_mode, FST_IMPORT_APPEND);
    assert_string_equal(join(&got, &cfg->ignore), "a d");
    assert_string_equal(join(&got, &cfg->ignore_glob), "b*");
    assert_string_equal(join(&got, &cfg->deselect), "c");
    assert_string_equal(join(&got, &cfg->doctest_glob), "*.rst");
    assert_string_equal(join(&got, &cfg->testpaths), "t");
    release(&got);
}

static void words_of_pytests_sources_are_paths_or_values(void **state)
{
    (void)state;
    static const struct {
        struct input input;
        const char *paths;
    } cases[] = {
        {{.argv = {"x", "--", "y", "-l", "z"}}, "x y z"},
        {{.ini = "tests", .argv = {"y"}}, "tests y"},
        {{.argv = {"--", "--foo", "value"}}, ""},
        {{.argv = {"--", "--foo", "tests"}}, "tests"},
        {{.argv = {"--", "--foo", "tests/test_a.py::x"}}, "tests/test_a.py::x"},
        {{.argv = {"--", "--foo=1", "value"}}, "value"},
        {{.argv = {"--", "--timeout", "3", "value"}}, "value"},
        {{.argv = {"--", "--cov", "src", "--cov", "-l", "value"}}, "value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded got;
        load(&got, &cases[i].input);
        assert_int_equal(got.result, 0);
        assert_string_equal(join(&got, &got.settings.paths), cases[i].paths);
        release(&got);
    }
}

static void the_configuration_file_sets_every_kind(void **state)
{
    (void)state;
    struct loaded got;
    load(&got, &(struct input){.toml = "[tool.fastest]\nworkers = 'auto'\n"
                                       "exitfirst = true\nconfirm = 'none'\n"
                                       "verbose = 2\nignore = ['a', 'b']\n"
                                       "deselect = 'c'\nformat = 'json'\n"
                                       "keyword = 'k'\ncolor = 'yes'\n",
                               .argv = {"-n", "1"}});
    assert_int_equal(got.result, 0);
    assert_int_equal(got.settings.maxfail, 1);
    assert_false(got.settings.confirm);
    assert_int_equal(got.settings.verbosity, 2);
    assert_int_equal(got.settings.pytest.ignore.count, 2);
    assert_string_equal(got.settings.keyword, "k");
    assert_int_equal(got.settings.color, FST_COLOR_YES);
    assert_null(got.settings.format);
    release(&got);
}

static void wrong_settings_are_refused_in_one_line(void **state)
{
    (void)state;
    static const struct {
        struct input input;
        const char *message, *unknown; /* message: its end */
    } cases[] = {
        {{.argv = {"--repot-json=x"}},
         "unknown option --repot-json (did you mean --report-json?)",
         "--repot-json=x"},
        {{.argv = {"--lf-only=x"}}, "unknown option --lf-only", "--lf-only=x"},
        {{.argv = {"--capture=none"}},
         "--capture: \"none\" is not accepted: expected fd, sys, no or "
         "tee-sys (did you mean no?)",
         NULL},
        {{.argv = {"--confirm=full"}},
         "--confirm: \"full\" is not accepted: expected none or split",
         NULL},
        {{.argv = {"-n", "4097"}},
         "-n: \"4097\" is not accepted: expected a number from 0 to 4096, auto "
         "or logical",
         NULL},
        {{.ini = "-n foo"},
         "addopts: -n: \"foo\" is not accepted: expected a number from 0 to "
         "4096, auto or logical",
         NULL},
        {{.ini = "--maxfail"}, "addopts: --maxfail needs a value", NULL},
        {{.ini = "-x=1"}, "addopts: -x takes no value, but got \"1\"", NULL},
        {{.ini = "a -- b"},
         "addopts: \"--\" would make paths of all options that follow",
         NULL},
        {{.env = {"PYTEST_ADDOPTS='x"}},
         "PYTEST_ADDOPTS: No closing quotation",
         NULL},
        {{.env = {"FASTEST_TB=x"}},
         "FASTEST_TB: \"x\" is not accepted: expected auto, long, short, line, "
         "native or no",
         NULL},
        {{.toml = "[tool.fastest]\nworker = 3\n"},
         "/pyproject.toml:2: [tool.fastest]: worker is no option of fastest "
         "(did you mean workers?)",
         NULL},
        {{.toml = "[tool.fastest]\nworkers = true\n"},
         "/pyproject.toml:2: [tool.fastest]: workers: expected a number, not a "
         "boolean",
         NULL},
        {{.toml = "[tool.fastest]\nignore = [1]\n"},
         "/pyproject.toml:2: [tool.fastest]: ignore: expected a string or an "
         "array of strings, not an array",
         NULL},
        {{.toml = "[tool.fastest]\nrootdir = 'x'\n"},
         "/pyproject.toml:2: [tool.fastest]: rootdir belongs on the command "
         "line",
         NULL},
        {{.toml = "[tool.fastest]\nformat = 'x'\n"},
         "/pyproject.toml:2: [tool.fastest]: format: \"x\" is not accepted: "
         "expected text, json or count",
         NULL},
        {{.toml = "[tool]\nfastest = 3\n"},
         "/pyproject.toml:2: tool.fastest is no table",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded got;
        load(&got, &cases[i].input);
        assert_int_equal(got.result, -1);
        assert_int_equal(fst_code_exit(got.err.code), 4);
        size_t len = strlen(got.err.msg), end = strlen(cases[i].message);
        assert_true(len >= end);
        assert_string_equal(got.err.msg + len - end, cases[i].message);
        if (cases[i].unknown)
            assert_string_equal(got.unknown, cases[i].unknown);
        else
            assert_null(got.unknown);
        release(&got);
    }
}

static void a_broken_pyproject_behind_pytest_ini_is_only_told_of(void **state)
{
    (void)state;
    struct loaded got;
    load(&got, &(struct input){.ini = "-x", .toml = "[broken\n"});
    assert_int_equal(got.result, 0);
    assert_int_equal(got.settings.warnings.count, 1);
    assert_non_null(strstr(got.settings.warnings.items[0],
                           "/pyproject.toml:1: not valid TOML"));
    release(&got);
    version = (struct fst_pytest_version){9, 0}; /* it reads both */
    load(&got, &(struct input){.ini = "-x", .toml = "[broken\n"});
    version = (struct fst_pytest_version){7, 2};
    assert_int_equal(got.result, -1);
    assert_non_null(strstr(got.err.msg, "/pyproject.toml:1: not valid TOML"));
    release(&got);
}

static void
the_interpreter_asked_for_is_known_when_an_option_is_not(void **state)
{
    (void)state;
    struct loaded got;
    load(&got, &(struct input){.argv = {"--python", "p", "--setup-show"}});
    assert_int_equal(got.result, -1);
    assert_string_equal(got.unknown, "--setup-show");
    assert_string_equal(got.settings.python, "p");
    release(&got);
    load(&got, &(struct input){.env = {"FASTEST_PYTHON=e"},
                               .argv = {"--setup-show"}});
    assert_int_equal(got.result, -1);
    assert_string_equal(got.settings.python, "e");
    release(&got);
}

static void help_fits_80_columns_and_names_each_commands_options(void **state)
{
    (void)state;
    static const char *const own[] = {
        [FST_CMD_RUN] = "--workers", [FST_CMD_DISCOVER] = "--format FORMAT"};
    for (int i = 0; i < 2; i++) {
        struct fst_buf out = FST_BUF_INIT;
        fst_settings_help((enum fst_command)i, "all", &out);
        const char *text = fst_buf_str(&out);
        assert_non_null(strstr(text, own[i]));
        assert_null(strstr(text, own[1 - i]));
        for (const char *line = text; *line;) {
            size_t len = strcspn(line, "\n");
            assert_true(len <= 80);
            line += len + (line[len] == '\n');
        }
        fst_buf_release(&out);
    }
}

static void help_and_each_group_of_it_fit_a_screen(void **state)
{
    (void)state;
    const struct fst_options options = fst_settings_table(FST_CMD_RUN);
    for (size_t i = 0; i <= options.count; i++) {
        const char *group = i < options.count ? options.items[i].group : NULL;
        if (i < options.count && !(options.items[i].commands & 1))
            continue;
        struct fst_buf out = FST_BUF_INIT;
        fst_settings_help(FST_CMD_RUN, group, &out);
        size_t lines = 0;
        for (size_t at = 0; at < out.len; at++)
            lines += out.data[at] == '\n';
        assert_true(lines > 2 && lines <= 24);
        if (group)
            assert_memory_equal(out.data, group, strlen(group));
        fst_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pytests_command_line_is_made_from_all_sources),
        cmocka_unit_test(a_stronger_source_replaces_what_a_weaker_one_says),
        cmocka_unit_test(auto_is_at_least_one_worker),
        cmocka_unit_test(coordinators_options_are_heard_from_addopts),
        cmocka_unit_test(what_is_dropped_is_told_once_with_its_source),
        cmocka_unit_test(an_override_in_addopts_counts_from_pytest_9_1_on),
        cmocka_unit_test(what_changes_discovery_is_seen_wherever_it_stands),
        cmocka_unit_test(words_of_pytests_sources_are_paths_or_values),
        cmocka_unit_test(the_configuration_file_sets_every_kind),
        cmocka_unit_test(wrong_settings_are_refused_in_one_line),
        cmocka_unit_test(a_broken_pyproject_behind_pytest_ini_is_only_told_of),
        cmocka_unit_test(
            the_interpreter_asked_for_is_known_when_an_option_is_not),
        cmocka_unit_test(help_fits_80_columns_and_names_each_commands_options),
        cmocka_unit_test(help_and_each_group_of_it_fit_a_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
