#include "tree.h"

static const struct fst_test *test_of(struct tree *tree, const char *text,
                                      const char *id)
{
    tree_ids_of(tree, text);
    return tree_test(tree, id);
}

static void a_test_knows_its_place(void **state)
{
    struct tree *tree = *state;
    const struct fst_test *test =
        test_of(tree,
                "\n\nclass TestA:\n    class TestB:\n"
                "        @deco\n        def test_c(self):\n"
                "            pass\n",
                "test_a.py::TestA::TestB::test_c");
    assert_int_equal(test->line, 6);
    assert_string_equal(test->class_name, "TestA::TestB");
    assert_string_equal(test->function, "test_c");
    test = test_of(tree, "def test_a(): pass\n", "test_a.py::test_a");
    assert_null(test->class_name);
    assert_int_equal(test->line, 1);
}

static void markers_are_its_own_its_classes_and_its_modules(void **state)
{
    struct tree *tree = *state;
    const struct fst_test *test =
        test_of(tree,
                "import pytest as pt\n"
                "from pytest import mark\n"
                "needs_net = pt.mark.skipif(True, reason='x')\n"
                "pytestmark = [pt.mark.module, mark.both(1)]\n"
                "@pt.mark.base\n"
                "class Base:\n"
                "    pytestmark = mark.attribute\n"
                "    @needs_net\n"
                "    @mark.both\n"
                "    @mark.own.with_args(1)\n"
                "    @other.mark.nothing\n"
                "    def test_a(self): pass\n"
                "@mark.outer\n"
                "class TestA(Base): pass\n",
                "test_a.py::TestA::test_a");
    assert_string_equal(tree_join(tree, test->markers, test->n_markers),
                        "module both outer base attribute skipif own ");
}

static void
fixtures_are_parameters_without_defaults_and_usefixtures(void **state)
{
    struct tree *tree = *state;
    const struct fst_test *test =
        test_of(tree,
                "import pytest\n"
                "from unittest import mock\n"
                "@pytest.mark.usefixtures('of_class')\n"
                "class TestA:\n"
                "    @pytest.mark.parametrize('x, y', [(1, 2)])\n"
                "    @pytest.mark.parametrize(['z'], [(1,)], indirect=True)\n"
                "    @mock.patch('a.b')\n"
                "    @mock.patch.object(a, 'c', 3)\n"
                "    @pytest.mark.usefixtures('own', 'two')\n"
                "    def test_a(self, mocked, x, db: 'DB', z, y, *, kw, d=1,\n"
                "               **rest): pass\n"
                "    @staticmethod\n"
                "    def test_b(first, /, second): pass\n",
                "test_a.py::TestA::test_a");
    assert_string_equal(tree_join(tree, test->fixtures, test->n_fixtures),
                        "db z kw of_class own two ");
    test = tree_test(tree, "test_a.py::TestA::test_b");
    assert_string_equal(tree_join(tree, test->fixtures, test->n_fixtures),
                        "first second of_class ");
}

static void unittest_methods_have_no_parameters_to_fill(void **state)
{
    struct tree *tree = *state;
    const struct fst_test *test =
        test_of(tree,
                "import unittest, pytest\n"
                "@pytest.mark.usefixtures('db')\n"
                "class A(unittest.TestCase):\n"
                "    def test_a(self, mocked): pass\n",
                "test_a.py::A::test_a");
    assert_string_equal(tree_join(tree, test->fixtures, test->n_fixtures),
                        "db ");
}

static int64_t params_of(struct tree *tree, const char *decorators)
{
    char text[1024];
    snprintf(text, sizeof text,
             "import pytest\n"
             "VALUES = (1, 2, 3)\n"
             "DICT = {'a': 1}\n"
             "%s\n"
             "def test_a(a, b): pass\n",
             decorators);
    return test_of(tree, text, "test_a.py::test_a")->params;
}

static void instances_are_the_product_of_literal_parametrizes(void **state)
{
    struct tree *tree = *state;
    static const struct {
        const char *decorators;
        int64_t params;
    } cases[] = {
        {"", 1},
        {"@pytest.mark.parametrize('a', [1, 2, # 3\n 4])", 3},
        {"@pytest.mark.parametrize('a', [1, 2])\n"
         "@pytest.mark.parametrize('b', (1, 2, 3))",
         6},
        {"@pytest.mark.parametrize(argvalues=[1, 2], argnames='a')", 2},
        {"@pytest.mark.parametrize('a', VALUES)", 3},
        {"@pytest.mark.parametrize('a', range(5))", 5},
        {"@pytest.mark.parametrize('a', range(2, 9, 3))", 3},
        {"@pytest.mark.parametrize('a', [])", 1},
        {"@pytest.mark.parametrize('a', [pytest.param(1, id='x'), 2])", 2},
        {"@pytest.mark.parametrize('a', [*VALUES])", -1},
        {"@pytest.mark.parametrize('a', DICT)", -1},
        {"@pytest.mark.parametrize('a', [x for x in VALUES])", -1},
        {"@pytest.mark.parametrize('a', made())", -1},
        {"@pytest.mark.parametrize('a', range(99999))\n"
         "@pytest.mark.parametrize('b', range(99999))",
         -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(params_of(tree, cases[i].decorators), cases[i].params);
}

static void parametrize_on_class_and_module_multiplies_too(void **state)
{
    struct tree *tree = *state;
    const struct fst_test *test =
        test_of(tree,
                "import pytest\n"
                "pytestmark = pytest.mark.parametrize('m', [1, 2])\n"
                "@pytest.mark.parametrize('c', [1, 2, 3])\n"
                "class TestA:\n"
                "    def test_a(self, m, c, f): pass\n",
                "test_a.py::TestA::test_a");
    assert_int_equal(test->params, 6);
    assert_string_equal(tree_join(tree, test->fixtures, test->n_fixtures),
                        "f ");
}

static void a_modules_own_generator_makes_the_number_unknown(void **state)
{
    struct tree *tree = *state;
    const struct fst_test *test =
        test_of(tree,
                "def pytest_generate_tests(metafunc): pass\n"
                "def test_a(x): pass\n",
                "test_a.py::test_a");
    assert_int_equal(test->params, -1);
}

static void the_digest_follows_decorators_header_and_body_only(void **state)
{
    struct tree *tree = *state;
    char first[32];
    const struct fst_test *test = test_of(
        tree, "@deco\ndef test_a(x):\n    return 1\n", "test_a.py::test_a");
    assert_int_equal(strlen(test->digest), 16);
    snprintf(first, sizeof first, "%s", test->digest);
    test = test_of(tree,
                   "import os\n\n@deco\ndef test_a(x):\n    return 1\n\n\n"
                   "def test_b(): pass\n",
                   "test_a.py::test_a");
    assert_string_equal(test->digest, first);
    static const char *const others[] = {
        "@deco2\ndef test_a(x):\n    return 1\n",
        "@deco\ndef test_a(y):\n    return 1\n",
        "@deco\ndef test_a(x):\n    return 2\n"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        test = test_of(tree, others[i], "test_a.py::test_a");
        assert_string_not_equal(test->digest, first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(a_test_knows_its_place),
        TREE_TEST(markers_are_its_own_its_classes_and_its_modules),
        TREE_TEST(fixtures_are_parameters_without_defaults_and_usefixtures),
        TREE_TEST(unittest_methods_have_no_parameters_to_fill),
        TREE_TEST(instances_are_the_product_of_literal_parametrizes),
        TREE_TEST(parametrize_on_class_and_module_multiplies_too),
        TREE_TEST(a_modules_own_generator_makes_the_number_unknown),
        TREE_TEST(the_digest_follows_decorators_header_and_body_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
