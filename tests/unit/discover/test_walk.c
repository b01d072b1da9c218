#include "tree.h"

static void files_come_before_folders_and_all_by_name(void **state)
{
    struct tree *tree = *state;
    static const char *const names[] = {
        "test_z.py",   "a/test_1.py", "a/b/test.py", "a/b/test_2.py",
        "B/test_3.py", "test_a.py",   "a/c_test.py", "a/other.py"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        tree_write(tree, names[i], "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree),
                        "test_a.py\ntest_z.py\nB/test_3.py\na/c_test.py\n"
                        "a/test_1.py\na/b/test_2.py\n");
}

static void an_init_file_is_first_where_the_patterns_take_it(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "pkg/__init__.py", "def test_init(): pass");
    tree_write(tree, "pkg/A_test.py", "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "pkg/A_test.py\n");
    fst_strings_add(&tree->cfg.python_files, "__init__.py");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "pkg/__init__.py\npkg/A_test.py\n");
}

static void folders_of_norecursedirs_and_caches_are_left_out(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, ".hidden/test_a.py", "");
    tree_write(tree, "build/test_b.py", "");
    tree_write(tree, "x.egg/test_c.py", "");
    tree_write(tree, "__pycache__/test_d.py", "");
    tree_write(tree, "deep/down/test_e.py", "");
    tree_write(tree, "deep/up/test_f.py", "");
    fst_strings_add(&tree->cfg.norecursedirs, "deep/down");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "deep/up/test_f.py\n");
    assert_int_equal(tree_discover(tree, "build", NULL), 0);
    assert_string_equal(tree_files(tree), "build/test_b.py\n");
}

static void virtual_environments_are_left_out_unless_wanted(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "env/bin/activate", "");
    tree_write(tree, "env/test_a.py", "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "");
    tree->cfg.collect_in_virtualenv = true;
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "env/test_a.py\n");
}

static void
ignored_paths_and_globs_are_left_out_but_not_named_files(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "a/test_1.py", "");
    tree_write(tree, "a/test_2.py", "");
    tree_write(tree, "b/test_3.py", "");
    tree_write(tree, "c/test_4.py", "");
    fst_strings_add(&tree->cfg.ignore, "a/test_1.py");
    fst_strings_add(&tree->cfg.ignore, "./b");
    fst_strings_add(&tree->cfg.ignore_glob, "c/*_4.py");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "a/test_2.py\n");
    assert_int_equal(tree_discover(tree, "a/test_1.py", NULL), 0);
    assert_string_equal(tree_files(tree), "a/test_1.py\n");
}

static void the_nearest_conftests_literal_lists_are_heeded(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "conftest.py",
               "collect_ignore = ['a/test_1.py', 'b']\n"
               "collect_ignore_glob = ['*_glob.py']\n");
    tree_write(tree, "a/test_1.py", "");
    tree_write(tree, "a/test_2.py", "");
    tree_write(tree, "a/test_glob.py", "");
    tree_write(tree, "b/test_3.py", "");
    tree_write(tree, "c/conftest.py", "collect_ignore = ['test_4.py']\n");
    tree_write(tree, "c/test_4.py", "");
    tree_write(tree, "c/test_5.py", "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "a/test_2.py\nc/test_5.py\n");
    assert_int_equal(tree->suite.list_dirs.count, 0);
}

static void folders_whose_conftest_decides_are_to_be_listed(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "a/conftest.py",
               "def pytest_collect_file(path, parent): pass\n");
    tree_write(tree, "a/test_1.py", "");
    tree_write(tree, "a/sub/conftest.py", "from x import pytest_collect_file");
    tree_write(tree, "a/sub/test_2.py", "");
    tree_write(tree, "b/conftest.py",
               "collect_ignore = []\n"
               "if True > 0:\n"
               "    collect_ignore.append('x.py')\n");
    tree_write(tree, "b/test_3.py", "");
    tree_write(tree, "c/conftest.py",
               "# pytest_collect_file\n'''\n"
               "def pytest_ignore_collect(): 0'''\n");
    tree_write(tree, "c/test_4.py", "");
    tree_write(tree, "d/conftest.py",
               "@hookimpl\n"
               "def pytest_ignore_collect(p): pass\n");
    tree_write(tree, "d/e/test_5.py", "");
    assert_int_equal(tree_discover(tree, "a", "b", "c", "d/e", NULL), 0);
    assert_string_equal(tree_join(tree, tree->suite.list_dirs.items,
                                  tree->suite.list_dirs.count),
                        "a b d/e ");
    assert_true(tree_file(tree, "a/test_1.py")->held);
    assert_true(tree_file(tree, "a/sub/test_2.py")->held);
    assert_true(tree_file(tree, "b/test_3.py")->held);
    assert_false(tree_file(tree, "c/test_4.py")->held);
    assert_true(tree_file(tree, "d/e/test_5.py")->held);
}

static void
named_files_are_taken_whatever_their_name_and_never_held(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "conftest.py", "def pytest_collect_file(): pass\n");
    tree_write(tree, "odd.py", "def test_odd(): pass\n");
    tree_write(tree, "data.yaml", "");
    tree_write(tree, "read.rst", "");
    assert_int_equal(tree_discover(tree, "odd.py", "data.yaml", "read.rst",
                                   "./odd.py", NULL),
                     0);
    assert_string_equal(tree_files(tree), "odd.py\ndata.yaml\nread.rst\n");
    assert_string_equal(tree_ids(tree), "odd.py::test_odd\n");
    assert_false(tree_file(tree, "odd.py")->held);
    assert_false(tree_file(tree, "data.yaml")->python);
    assert_true(tree_file(tree, "data.yaml")->dynamic);
}

static void arguments_keep_their_order_and_count_once(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "a/test_1.py", "");
    tree_write(tree, "a/test_2.py", "");
    tree_write(tree, "b/test_3.py", "");
    assert_int_equal(
        tree_discover(tree, "b", "a/test_2.py", "a", "a/../b", NULL), 0);
    assert_string_equal(tree_files(tree),
                        "b/test_3.py\na/test_2.py\na/test_1.py\n");
}

static void patterns_with_a_slash_are_held_against_the_path(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "unit/check.py", "");
    tree_write(tree, "other/check.py", "");
    fst_strings_add(&tree->cfg.python_files, "unit/*.py");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "unit/check.py\n");
}

static void a_link_to_a_folder_above_is_not_entered(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "a/test_1.py", "");
    assert_int_equal(symlink("..", tree_path(tree, "a/loop")), 0);
    assert_int_equal(symlink(".", tree_path(tree, "self")), 0);
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "a/test_1.py\n");
}

static void linked_files_and_folders_count_under_their_own_paths(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "a/test_1.py", "");
    assert_int_equal(symlink("a", tree_path(tree, "b")), 0);
    assert_int_equal(symlink("a/test_1.py", tree_path(tree, "test_2.py")), 0);
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree),
                        "test_2.py\na/test_1.py\nb/test_1.py\n");
}

static void testpaths_are_globs_and_count_only_in_the_root(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "one/tests/test_1.py", "");
    tree_write(tree, "two/x/tests/test_2.py", "");
    tree_write(tree, "test_3.py", "");
    fst_strings_add(&tree->cfg.testpaths, "**/tests");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree),
                        "one/tests/test_1.py\ntwo/x/tests/test_2.py\n");
    assert_int_equal(tree_discover(tree, "test_3.py", NULL), 0);
    assert_string_equal(tree_files(tree), "test_3.py\n");
    char cwd[128];
    snprintf(cwd, sizeof cwd, "%s/two/x", tree->root);
    tree->cfg.cwd = cwd;
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "two/x/tests/test_2.py\n");
    tree->cfg.cwd = tree->root;
    fst_strings_clear(&tree->cfg.testpaths);
    fst_strings_add(&tree->cfg.testpaths, "missing");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_int_equal(tree->suite.files.count, 3);
}

static void doctest_files_are_whole_and_without_names(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "test_doc.txt", ">>> 1\n1\n");
    tree_write(tree, "other.txt", "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "test_doc.txt\n");
    const struct fst_file *file = tree_file(tree, "test_doc.txt");
    assert_false(file->python);
    assert_true(file->dynamic);
    assert_int_equal(file->n_tests, 0);
}

static void
module_doctests_take_every_module_but_main_and_a_real_setup(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "code.py", "def test_not_collected(): pass\n");
    tree_write(tree, "test_a.py", "def test_a(): pass\n");
    tree_write(tree, "__main__.py", "");
    tree_write(tree, "setup.py", "from setuptools import setup\n");
    tree_write(tree, "sub/setup.py", "");
    tree->cfg.doctest_modules = true;
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "code.py\ntest_a.py\nsub/setup.py\n");
    assert_string_equal(tree_ids(tree), "test_a.py::test_a\n");
    assert_true(tree_file(tree, "test_a.py")->dynamic);
    assert_false(tree_file(tree, "code.py")->python);
}

static void what_is_not_there_is_refused_in_pytests_words(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "a/test_1.py", "");
    assert_int_equal(tree_discover(tree, "a", "no/such.py::x", NULL), -1);
    assert_int_equal(tree->err.code, FST_E_USAGE);
    assert_string_equal(tree->err.msg,
                        "file or directory not found: no/such.py::x");
    assert_int_equal(tree_discover(tree, "a::x", NULL), -1);
    assert_string_equal(
        tree->err.msg,
        "directory argument cannot contain :: selection parts: a::x");
}

static void pyargs_names_modules_below_root_and_pythonpath(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "pkg/__init__.py", "");
    tree_write(tree, "pkg/tests/__init__.py", "");
    tree_write(tree, "pkg/tests/test_1.py", "def test_1(): pass");
    tree_write(tree, "lib/other/__init__.py", "");
    tree_write(tree, "lib/other/test_2.py", "");
    tree->cfg.pyargs = true;
    fst_strings_add(&tree->cfg.pythonpath, "lib");
    assert_int_equal(
        tree_discover(tree, "pkg.tests.test_1::test_1", "other", NULL), 0);
    assert_string_equal(tree_files(tree),
                        "pkg/tests/test_1.py\nlib/other/test_2.py\n");
    assert_string_equal(tree_ids(tree), "pkg/tests/test_1.py::test_1\n");
    assert_int_equal(tree_discover(tree, "no.such", NULL), -1);
    assert_string_equal(tree->err.msg, "module or package not found: no.such "
                                       "(missing __init__.py?)");
}

static void paths_outside_the_root_are_relative_to_it(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "proj/test_1.py", "");
    tree_write(tree, "lib/test_2.py", "def test_2(): pass");
    char root[128];
    snprintf(root, sizeof root, "%s/proj", tree->root);
    tree->cfg.cwd = tree->cfg.root = tree->cfg.rootdir = root;
    assert_int_equal(tree_discover(tree, "../lib", NULL), 0);
    assert_string_equal(tree_files(tree), "../lib/test_2.py\n");
    assert_string_equal(tree_ids(tree), "../lib/test_2.py::test_2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(files_come_before_folders_and_all_by_name),
        TREE_TEST(an_init_file_is_first_where_the_patterns_take_it),
        TREE_TEST(folders_of_norecursedirs_and_caches_are_left_out),
        TREE_TEST(virtual_environments_are_left_out_unless_wanted),
        TREE_TEST(ignored_paths_and_globs_are_left_out_but_not_named_files),
        TREE_TEST(the_nearest_conftests_literal_lists_are_heeded),
        TREE_TEST(folders_whose_conftest_decides_are_to_be_listed),
        TREE_TEST(named_files_are_taken_whatever_their_name_and_never_held),
        TREE_TEST(arguments_keep_their_order_and_count_once),
        TREE_TEST(patterns_with_a_slash_are_held_against_the_path),
        TREE_TEST(a_link_to_a_folder_above_is_not_entered),
        TREE_TEST(linked_files_and_folders_count_under_their_own_paths),
        TREE_TEST(testpaths_are_globs_and_count_only_in_the_root),
        TREE_TEST(doctest_files_are_whole_and_without_names),
        TREE_TEST(module_doctests_take_every_module_but_main_and_a_real_setup),
        TREE_TEST(what_is_not_there_is_refused_in_pytests_words),
        TREE_TEST(pyargs_names_modules_below_root_and_pythonpath),
        TREE_TEST(paths_outside_the_root_are_relative_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
