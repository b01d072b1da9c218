#include "tree.h"

static const char suite_text[] = "class TestA:\n"
                                 "    def test_1(self): pass\n"
                                 "    def test_12(self): pass\n"
                                 "    class TestB:\n"
                                 "        def test_3(self): pass\n"
                                 "def test_1(): pass\n"
                                 "def test_4(): pass\n";

static void node_ids_select_items_and_what_is_below(void **state)
{
    struct tree *tree = *state;
    static const struct {
        const char *arg, *ids;
    } cases[] = {
        {"test_b.py::test_1", "test_1 "},
        {"test_b.py::TestA", "TestA::test_1 TestA::test_12 "
                             "TestA::TestB::test_3 "},
        {"test_b.py::TestA::test_1", "TestA::test_1 "},
        {"test_b.py::TestA::TestB", "TestA::TestB::test_3 "},
        {"./test_b.py::test_4[a::b/c]", "test_4 "},
    };
    tree_write(tree, "test_b.py", suite_text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tree_discover(tree, cases[i].arg, NULL), 0);
        const struct fst_file *file = tree_file(tree, "test_b.py");
        fst_buf_clear(&tree->text);
        for (size_t k = 0; k < file->n_tests; k++)
            fst_buf_addf(&tree->text, "%s ",
                         file->tests[k].id + strlen("test_b.py::"));
        assert_string_equal(fst_buf_str(&tree->text), cases[i].ids);
        assert_int_equal(file->n_selectors, 1);
        assert_string_equal(file->selectors[0], strstr(cases[i].arg, "::") + 2);
        assert_int_equal(file->verify, strchr(cases[i].arg, '[') != NULL);
    }
}

static void selectors_of_one_file_join_in_their_order(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "test_b.py", suite_text);
    assert_int_equal(
        tree_discover(tree, "test_b.py::test_4", "test_b.py::TestA",
                      "test_b.py::TestA::test_1", "test_b.py::test_4", NULL),
        0);
    const struct fst_file *file = tree_file(tree, "test_b.py");
    assert_string_equal(tree_ids(tree), "test_b.py::test_4\n"
                                        "test_b.py::TestA::test_1\n"
                                        "test_b.py::TestA::test_12\n"
                                        "test_b.py::TestA::TestB::test_3\n");
    assert_string_equal(tree_join(tree, file->selectors, file->n_selectors),
                        "test_4 TestA TestA::test_1 ");
}

static void a_file_that_is_also_named_whole_has_no_selectors(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "test_b.py", suite_text);
    assert_int_equal(tree_discover(tree, "test_b.py::test_4", ".", NULL), 0);
    const struct fst_file *file = tree_file(tree, "test_b.py");
    assert_int_equal(file->n_selectors, 0);
    assert_int_equal(file->n_tests, 5);
}

static void a_selector_without_match_is_to_be_verified(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "test_b.py", suite_text);
    assert_int_equal(tree_discover(tree, "test_b.py::test_1", "test_b.py::nope",
                                   "test_b.py::TestA::test_", NULL),
                     0);
    const struct fst_file *file = tree_file(tree, "test_b.py");
    assert_true(file->verify);
    assert_string_equal(tree_join(tree, file->missing, file->n_missing),
                        "nope TestA::test_ ");
    assert_int_equal(file->n_tests, 1);
    tree_write(tree, "test_b.py", "globals()['test_x'] = 1\n");
    assert_int_equal(tree_discover(tree, "test_b.py::test_x", NULL), 0);
    file = tree_file(tree, "test_b.py");
    assert_true(file->verify);
    assert_true(file->dynamic);
    assert_int_equal(file->n_missing, 0);
    assert_int_equal(file->n_selectors, 1);
}

static const char *earlier_of(struct tree *tree, const char *path)
{
    const struct fst_file *file = tree_file(tree, path);
    return tree_join(tree, file->earlier, file->n_earlier);
}

static void earlier_files_of_the_same_module_name_are_known(void **state)
{
    struct tree *tree = *state;
    static const char *const names[] = {
        "a/test_x.py",       "b/test_x.py",         "b/test_y.py",
        "c/test_x.py",       "d/tests/__init__.py", "d/tests/test_x.py",
        "d/tests/test_1.py", "e/tests/__init__.py", "e/tests/test_x.py",
        "e/tests/test_2.py", "f/g-h/__init__.py",   "f/g-h/test_x.py"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        tree_write(tree, names[i], "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(earlier_of(tree, "a/test_x.py"), "");
    assert_string_equal(earlier_of(tree, "b/test_x.py"), "a/test_x.py ");
    assert_string_equal(earlier_of(tree, "b/test_y.py"), "");
    assert_string_equal(earlier_of(tree, "c/test_x.py"),
                        "a/test_x.py b/test_x.py ");
    assert_string_equal(earlier_of(tree, "d/tests/test_x.py"), "");
    assert_string_equal(earlier_of(tree, "e/tests/test_2.py"),
                        "d/tests/test_1.py ");
    assert_string_equal(earlier_of(tree, "e/tests/test_x.py"),
                        "d/tests/test_1.py ");
    tree->cfg.import_mode = FST_IMPORT_IMPORTLIB;
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(earlier_of(tree, "c/test_x.py"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(node_ids_select_items_and_what_is_below),
        TREE_TEST(selectors_of_one_file_join_in_their_order),
        TREE_TEST(a_file_that_is_also_named_whole_has_no_selectors),
        TREE_TEST(a_selector_without_match_is_to_be_verified),
        TREE_TEST(earlier_files_of_the_same_module_name_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
