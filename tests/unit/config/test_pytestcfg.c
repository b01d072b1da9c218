#include "shared/config/pytestcfg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/buf.h"

#include "tests/unit/config/tree.h"

enum { MAX_FILES = 6 };

struct file {
    const char *name, *text;
};

static const char *join(const struct fst_strings *list, struct fst_buf *out)
{
    fst_buf_clear(out);
    for (size_t i = 0; i < list->count; i++)
        fst_buf_addf(out, "%s%s", i ? "|" : "", list->items[i]);
    return fst_buf_str(out);
}

static struct fst_pytest_version version = {7, 2};
static int asked;

static struct fst_pytest_version tell_version(const char *python)
{
    assert_string_equal(python, "py");
    asked++;
    return version;
}

/* Loads with one argument (NULL: none) from root/cwd. */
static int load(struct fst_pytest_config *cfg, const char *root,
                const char *cwd, const char *arg, struct fst_err *err)
{
    char *dir = fst_printf("%s%s", root, cwd);
    struct fst_pytest_inputs inputs = {.cwd = dir,
                                       .args = &arg,
                                       .n_args = arg ? 1 : 0,
                                       .python = "py",
                                       .ask = tell_version};
    int result = fst_pytest_config_load(cfg, &inputs, err);
    free(dir);
    return result;
}

#define INI "[pytest]\n"
#define TOML "[tool.pytest.ini_options]\n"

static void root_and_ini_file_are_found_as_pytest_finds_them(void **state)
{
    (void)state;
    static const struct {
        struct file files[MAX_FILES];
        const char *cwd, *arg, *ini, *rootdir, *root; /* below the tree */
    } cases[] = {
        {{{"pytest.ini", INI}}, "", NULL, "/pytest.ini", "", ""},
        {{{"pytest.ini", ""}}, "", NULL, "/pytest.ini", "", ""},
        {{{"pytest.ini", ""}, {"tox.ini", INI}},
         "",
         NULL,
         "/pytest.ini",
         "",
         ""},
        {{{".pytest.ini", INI}, {"tox.ini", INI}},
         "",
         NULL,
         "/.pytest.ini",
         "",
         ""},
        {{{".pytest.ini", ""}, {"tox.ini", INI}}, "", NULL, "/tox.ini", "", ""},
        {{{"pyproject.toml", TOML}, {"tox.ini", INI}},
         "",
         NULL,
         "/pyproject.toml",
         "",
         ""},
        {{{"pyproject.toml", "[tool.x]\n"}, {"setup.cfg", "[tool:pytest]\n"}},
         "",
         NULL,
         "/setup.cfg",
         "",
         ""},
        {{{"pytest.ini", INI}, {"a/t.py", ""}},
         "",
         "a/t.py::t",
         "/pytest.ini",
         "",
         ""},
        {{{"pytest.ini", INI}, {"a/t.py", ""}},
         "/a",
         NULL,
         "/pytest.ini",
         "",
         ""},
        {{{"pytest.ini", INI}, {"a/tox.ini", INI}},
         "",
         "a",
         "/a/tox.ini",
         "/a",
         "/a"},
        {{{"setup.py", ""}, {"a/t.py", ""}}, "/a", "t.py", NULL, "", ""},
        {{{"a/t.py", ""}}, "", "a/t.py", NULL, "", ""},
        {{{"a/t.py", ""}}, "/a", NULL, NULL, "/a", "/a"},
        {{{"a/t.py", ""}, {"b/t.py", ""}}, "/a", "../b", NULL, "", "/a"},
        {{{"pytest.ini", INI}}, "", "nowhere/x.py", "/pytest.ini", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *root = tree_new();
        for (size_t j = 0; j < MAX_FILES && cases[i].files[j].name; j++)
            tree_add(root, cases[i].files[j].name, cases[i].files[j].text);
        struct fst_pytest_config cfg;
        struct fst_err err = {0};
        assert_int_equal(load(&cfg, root, cases[i].cwd, cases[i].arg, &err), 0);
        size_t len = strlen(root);
        if (cases[i].ini)
            assert_string_equal(cfg.inifile + len, cases[i].ini);
        else
            assert_null(cfg.inifile);
        assert_string_equal(cfg.rootdir + len, cases[i].rootdir);
        assert_string_equal(cfg.root + len, cases[i].root);
        fst_pytest_config_release(&cfg);
        tree_remove(root);
    }
}

static void each_version_reads_the_files_that_it_knows(void **state)
{
    (void)state;
    static const struct {
        struct file files[3];
        const char *at_7_0, *at_7_2, *at_8_1, *at_9_0; /* ini file */
        int asked;
    } cases[] = {
        {{{"pytest.ini", ""}, {"pyproject.toml", "[tool.pytest]\nx=[]\n"}},
         "/pytest.ini",
         "/pytest.ini",
         "/pytest.ini",
         "/pytest.ini",
         0},
        {{{".pytest.ini", INI}},
         NULL,
         "/.pytest.ini",
         "/.pytest.ini",
         "/.pytest.ini",
         1},
        {{{".pytest.ini", ""}}, NULL, NULL, NULL, "/.pytest.ini", 1},
        {{{"pyproject.toml", "[tool.x]\n"}, {"setup.py", ""}},
         NULL,
         NULL,
         "/pyproject.toml",
         "/pyproject.toml",
         1},
        {{{"pyproject.toml", ""}, {"a/tox.ini", INI}},
         "/a/tox.ini",
         "/a/tox.ini",
         "/a/tox.ini",
         "/a/tox.ini",
         0},
        {{{"a/pytest.toml", ""}, {"a/tox.ini", INI}},
         "/a/tox.ini",
         "/a/tox.ini",
         "/a/tox.ini",
         "/a/pytest.toml",
         1},
        {{{"a/.pytest.toml", ""}, {"pytest.ini", ""}},
         "/pytest.ini",
         "/pytest.ini",
         "/pytest.ini",
         "/a/.pytest.toml",
         1},
        {{{"pyproject.toml", "[tool.pytest]\nx=[]\n"}, {"tox.ini", INI}},
         "/tox.ini",
         "/tox.ini",
         "/tox.ini",
         "/pyproject.toml",
         1},
    };
    static const struct fst_pytest_version versions[] = {
        {7, 0}, {7, 2}, {8, 1}, {9, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const wanted[] = {cases[i].at_7_0, cases[i].at_7_2,
                                      cases[i].at_8_1, cases[i].at_9_0};
        char *root = tree_new();
        tree_add(root, "a/t.py", "");
        for (size_t j = 0; j < 3 && cases[i].files[j].name; j++)
            tree_add(root, cases[i].files[j].name, cases[i].files[j].text);
        for (size_t j = 0; j < 4; j++) {
            struct fst_pytest_config cfg;
            struct fst_err err = {0};
            asked = 0;
            version = versions[j];
            assert_int_equal(load(&cfg, root, "", "a", &err), 0);
            assert_int_equal(asked, cases[i].asked);
            if (wanted[j])
                assert_string_equal(cfg.inifile + strlen(root), wanted[j]);
            else
                assert_null(cfg.inifile);
            fst_pytest_config_release(&cfg);
        }
        tree_remove(root);
    }
    version = (struct fst_pytest_version){7, 2};
}

static void native_toml_takes_arrays_alone(void **state)
{
    (void)state;
    static const struct {
        struct file file;
        const char *message; /* behind the tree's path; NULL: read */
    } cases[] = {
        {{"pytest.toml", "[pytest]\ntestpaths = ['a b']\nstrict = true\n"},
         NULL},
        {{"pyproject.toml", "[tool.pytest]\ntestpaths = ['a b']\n"
                            "[tool.pytest.ini_options]\n"},
         NULL},
        {{".pytest.toml", "[pytest]\ntestpaths = 'a b'\n"},
         "/.pytest.toml:2: testpaths: expected an array of strings"},
        {{"pytest.toml", "pytest = 1\n"}, "/pytest.toml:1: pytest is no table"},
        {{"pyproject.toml", "[tool.pytest]\nx = []\n" TOML "y = 1\n"},
         "/pyproject.toml:3: [tool.pytest.ini_options] and values in "
         "[tool.pytest]: pytest takes one of them only"},
    };
    version = (struct fst_pytest_version){9, 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *root = tree_new();
        struct fst_pytest_config cfg;
        struct fst_err err = {0};
        tree_add(root, cases[i].file.name, cases[i].file.text);
        int result = load(&cfg, root, "", NULL, &err);
        assert_int_equal(result, cases[i].message ? -1 : 0);
        if (cases[i].message)
            assert_string_equal(err.msg + strlen(root), cases[i].message);
        else
            assert_string_equal(cfg.testpaths.items[0], "a b");
        fst_pytest_config_release(&cfg);
        tree_remove(root);
    }
    version = (struct fst_pytest_version){7, 2};
}

static void defaults_are_pytests(void **state)
{
    (void)state;
    char *root = tree_new();
    struct fst_pytest_config cfg;
    struct fst_buf text = FST_BUF_INIT;
    assert_int_equal(load(&cfg, root, "", NULL, NULL), 0);
    assert_string_equal(join(&cfg.python_files, &text), "test_*.py|*_test.py");
    assert_string_equal(join(&cfg.python_classes, &text), "Test");
    assert_string_equal(join(&cfg.python_functions, &text), "test");
    assert_string_equal(join(&cfg.norecursedirs, &text),
                        "*.egg|.*|_darcs|build|CVS|dist|node_modules|venv|"
                        "{arch}");
    assert_int_equal(cfg.testpaths.count, 0);
    assert_int_equal(cfg.addopts.count, 0);
    assert_string_equal(join(&cfg.doctest_glob, &text), "test*.txt");
    fst_pytest_config_release(&cfg);
    fst_buf_release(&text);
    tree_remove(root);
}

static void values_of_all_files_are_split_as_pytest_splits_them(void **state)
{
    (void)state;
    static const struct file cases[] = {
        {"pytest.ini", "[pytest]\ntestpaths =\n  a\n  'b c'\npython_files=x*.py"
                       "\naddopts = -k \"not slow\" -x\n"},
        {"tox.ini", "[other]\nx=1\n[pytest]\ntestpaths = a \"b c\"\n"
                    "python_files: x*.py\naddopts=-k 'not slow'\n  -x\n"},
        {"setup.cfg", "[tool:pytest]\ntestpaths = a b\\ c\n"
                      "python_files = x*.py\naddopts = -k not\\ slow -x\n"},
        {"pyproject.toml", TOML "testpaths = ['a', 'b c']\n"
                                "python_files = 'x*.py'\n"
                                "addopts = \"-k 'not slow' -x\"\n"},
        {"pyproject.toml", "tool.pytest.ini_options.testpaths = \"a 'b c'\"\n"
                           "tool.pytest.ini_options.python_files = ['x*.py']\n"
                           "tool.pytest.ini_options.addopts = ['-k', "
                           "'not slow', '-x']\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *root = tree_new();
        struct fst_pytest_config cfg;
        struct fst_buf text = FST_BUF_INIT;
        tree_add(root, cases[i].name, cases[i].text);
        assert_int_equal(load(&cfg, root, "", NULL, NULL), 0);
        assert_string_equal(join(&cfg.testpaths, &text), "a|b c");
        assert_string_equal(join(&cfg.python_files, &text), "x*.py");
        assert_string_equal(join(&cfg.addopts, &text), "-k|not slow|-x");
        fst_pytest_config_release(&cfg);
        fst_buf_release(&text);
        tree_remove(root);
    }
}

static void overrides_go_before_the_file_and_the_last_one_stands(void **state)
{
    (void)state;
    char *root = tree_new();
    tree_add(root, "pytest.ini", "[pytest]\ntestpaths = a\npythonpath = src\n");
    const char *overrides[] = {"testpaths=b", "python_files=", "testpaths=c d"};
    struct fst_pytest_inputs inputs = {
        .cwd = root, .overrides = overrides, .n_overrides = 3};
    struct fst_pytest_config cfg;
    struct fst_buf text = FST_BUF_INIT;
    assert_int_equal(fst_pytest_config_load(&cfg, &inputs, NULL), 0);
    assert_string_equal(join(&cfg.testpaths, &text), "c|d");
    assert_int_equal(cfg.python_files.count, 0);
    assert_string_equal(join(&cfg.pythonpath, &text) + strlen(root), "/src");
    fst_pytest_config_release(&cfg);
    fst_buf_release(&text);
    tree_remove(root);
}

static void named_ini_file_and_root_are_taken_as_they_are(void **state)
{
    (void)state;
    char *root = tree_new();
    tree_add(root, "conf/my.ini", "[pytest]\ntestpaths = z\n");
    tree_add(root, "pytest.ini", "");
    tree_add(root, "other", NULL);
    struct fst_pytest_inputs inputs = {.cwd = root, .inifile = "conf/my.ini"};
    struct fst_pytest_config cfg;
    assert_int_equal(fst_pytest_config_load(&cfg, &inputs, NULL), 0);
    assert_string_equal(cfg.rootdir + strlen(root), "/conf");
    assert_string_equal(cfg.inifile + strlen(root), "/conf/my.ini");
    assert_string_equal(cfg.testpaths.items[0], "z");
    assert_string_equal(cfg.cache_dir + strlen(root), "/conf/.pytest_cache");
    fst_pytest_config_release(&cfg);
    inputs.rootdir = "./other/";
    assert_int_equal(fst_pytest_config_load(&cfg, &inputs, NULL), 0);
    assert_string_equal(cfg.rootdir + strlen(root), "/other");
    assert_string_equal(cfg.root, cfg.rootdir);
    fst_pytest_config_release(&cfg);
    setenv("PLACE", "deep", 1);
    inputs.overrides = (const char *const[]){"cache_dir=../$PLACE/c"};
    inputs.n_overrides = 1;
    assert_int_equal(fst_pytest_config_load(&cfg, &inputs, NULL), 0);
    assert_string_equal(cfg.cache_dir + strlen(root), "/deep/c");
    fst_pytest_config_release(&cfg);
    unsetenv("PLACE");
    tree_remove(root);
}

static void what_pytest_refuses_is_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        struct file file;
        const char *message; /* behind the tree's path */
    } cases[] = {
        {{"pytest.ini", "x\n"}, "/pytest.ini:1: unexpected line \"x\""},
        {{"tox.ini", "[a]\n[a]\n"}, "/tox.ini:2: duplicate section \"a\""},
        {{"pyproject.toml", "[a\n"}, "/pyproject.toml:1: not valid TOML"},
        {{"pyproject.toml", "a = 1\n\nb = \"\n"},
         "/pyproject.toml:3: not valid TOML"},
        {{"setup.cfg", INI},
         "/setup.cfg: [pytest] section in setup.cfg files is no longer "
         "supported, change to [tool:pytest] instead"},
        {{"pytest.ini", INI "addopts = 'x\n"},
         "/pytest.ini:2: addopts: No closing quotation"},
        {{"pyproject.toml", TOML "testpaths = [1]\n"},
         "/pyproject.toml:2: testpaths: expected a string or an array of "
         "strings"},
        {{"pytest.ini", "[pytest]\n\xff = 1\n"}, "/pytest.ini:2: not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *root = tree_new();
        struct fst_pytest_config cfg;
        struct fst_err err = {0};
        tree_add(root, cases[i].file.name, cases[i].file.text);
        assert_int_equal(load(&cfg, root, "", NULL, &err), -1);
        assert_int_equal(fst_code_exit(err.code), 4);
        assert_string_equal(err.msg + strlen(root), cases[i].message);
        fst_pytest_config_release(&cfg);
        tree_remove(root);
    }
}

static void places_that_are_not_there_are_named(void **state)
{
    (void)state;
    char *root = tree_new();
    struct fst_pytest_config cfg;
    struct fst_err err = {0};
    struct fst_pytest_inputs inputs = {.cwd = root, .inifile = "no.ini"};
    assert_int_equal(fst_pytest_config_load(&cfg, &inputs, &err), -1);
    assert_int_equal(err.code, FST_E_NOTFOUND);
    assert_string_equal(err.msg, "-c no.ini: there is no such file");
    fst_pytest_config_release(&cfg);
    inputs = (struct fst_pytest_inputs){.cwd = root, .rootdir = "no"};
    assert_int_equal(fst_pytest_config_load(&cfg, &inputs, &err), -1);
    assert_int_equal(err.code, FST_E_NOTFOUND);
    fst_pytest_config_release(&cfg);
    const char *wrong = "testpaths";
    inputs = (struct fst_pytest_inputs){
        .cwd = root, .overrides = &wrong, .n_overrides = 1};
    assert_int_equal(fst_pytest_config_load(&cfg, &inputs, &err), -1);
    assert_string_equal(err.msg, "-o/--override-ini expects option=value style "
                                 "(got: 'testpaths').");
    fst_pytest_config_release(&cfg);
    tree_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_and_ini_file_are_found_as_pytest_finds_them),
        cmocka_unit_test(each_version_reads_the_files_that_it_knows),
        cmocka_unit_test(native_toml_takes_arrays_alone),
        cmocka_unit_test(defaults_are_pytests),
        cmocka_unit_test(values_of_all_files_are_split_as_pytest_splits_them),
        cmocka_unit_test(overrides_go_before_the_file_and_the_last_one_stands),
        cmocka_unit_test(named_ini_file_and_root_are_taken_as_they_are),
        cmocka_unit_test(what_pytest_refuses_is_refused_with_file_and_line),
        cmocka_unit_test(places_that_are_not_there_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
