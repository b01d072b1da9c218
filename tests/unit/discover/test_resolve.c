#include "tree.h"

static void functions_and_methods_come_in_definition_order(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "def test_b(): pass\n"
                                          "class TestZ:\n"
                                          "    def test_2(self): pass\n"
                                          "    def helper(self): pass\n"
                                          "    async def test_1(self): pass\n"
                                          "def test_a(): pass\n"
                                          "def other(): pass\n"
                                          "class Other:\n"
                                          "    def test_no(self): pass\n"),
                        "test_b TestZ::test_2 TestZ::test_1 test_a ");
}

static void the_last_binding_of_a_name_wins_at_its_first_place(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "def test_a(): pass\n"
                                          "def test_b(): pass\n"
                                          "def test_c(): pass\n"
                                          "def test_a(): pass\n"
                                          "test_b = None\n"
                                          "del test_c\n"
                                          "def test_d(): pass\n"
                                          "def test_c(): pass\n"),
                        "test_a test_d test_c ");
    assert_int_equal(tree_test(tree, "test_a.py::test_a")->line, 4);
}

static void inherited_methods_come_before_own_ones(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "class Base:\n"
                                          "    def test_base(self): pass\n"
                                          "    def test_both(self): pass\n"
                                          "    test_hidden = test_base\n"
                                          "class TestA(Base):\n"
                                          "    def test_own(self): pass\n"
                                          "    def test_both(self): pass\n"
                                          "    test_hidden = None\n"),
                        "TestA::test_base TestA::test_own TestA::test_both ");
}

static void bases_are_ordered_by_c3(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "class O:\n"
                                          "    def test_o(self): pass\n"
                                          "class A(O):\n"
                                          "    def test_a(self): pass\n"
                                          "class B(O):\n"
                                          "    def test_b(self): pass\n"
                                          "class TestC(A, B):\n"
                                          "    def test_c(self): pass\n"),
                        "TestC::test_o TestC::test_b TestC::test_a "
                        "TestC::test_c ");
}

static void classes_with_a_constructor_are_no_tests(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "import enum, dataclasses\n"
                                          "from typing import NamedTuple\n"
                                          "class Base:\n"
                                          "    def __init__(self): pass\n"
                                          "class TestA(Base):\n"
                                          "    def test_a(self): pass\n"
                                          "class TestB:\n"
                                          "    def __new__(cls): pass\n"
                                          "    def test_b(self): pass\n"
                                          "class TestC(Exception):\n"
                                          "    def test_c(self): pass\n"
                                          "class TestD(enum.Enum):\n"
                                          "    def test_d(self): pass\n"
                                          "@dataclasses.dataclass\n"
                                          "class TestE:\n"
                                          "    def test_e(self): pass\n"
                                          "class TestF(NamedTuple):\n"
                                          "    def test_f(self): pass\n"
                                          "class TestG(object):\n"
                                          "    def test_g(self): pass\n"),
                        "TestG::test_g ");
}

static void unittest_cases_count_under_any_name_and_by_name(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(
        tree_ids_of(tree, "import unittest\n"
                          "from unittest import TestCase as Case\n"
                          "from django.test import SimpleTestCase\n"
                          "class Some(unittest.TestCase):\n"
                          "    def __init__(self): pass\n"
                          "    def test_b(self): pass\n"
                          "    def testA(self): pass\n"
                          "    @classmethod\n"
                          "    def test_c(cls): pass\n"
                          "    @property\n"
                          "    def test_p(self): pass\n"
                          "    class TestInner:\n"
                          "        def test_inner(self): pass\n"
                          "class More(Some):\n"
                          "    def test_aa(self): pass\n"
                          "class Single(Case):\n"
                          "    def runTest(self): pass\n"
                          "class Async(unittest.IsolatedAsyncioTestCase):\n"
                          "    async def test_z(self): pass\n"
                          "class Web(SimpleTestCase):\n"
                          "    def test_w(self): pass\n"),
        "Some::testA Some::test_b Some::test_c More::testA More::test_aa "
        "More::test_b More::test_c Single::runTest Async::test_z Web::test_w ");
}

static void python_functions_does_not_bind_unittest(void **state)
{
    struct tree *tree = *state;
    fst_strings_clear(&tree->cfg.python_functions);
    fst_strings_add(&tree->cfg.python_functions, "check_*");
    fst_strings_add(&tree->cfg.python_classes, "*Suite");
    assert_string_equal(tree_ids_of(tree, "import unittest\n"
                                          "def check_a(): pass\n"
                                          "def test_b(): pass\n"
                                          "class FirstSuite:\n"
                                          "    def check_c(self): pass\n"
                                          "class A(unittest.TestCase):\n"
                                          "    def test_d(self): pass\n"
                                          "    def check_e(self): pass\n"),
                        "check_a FirstSuite::check_c A::test_d ");
}

static void a_false_test_attribute_takes_a_class_or_module_out(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "class TestBase:\n"
                                          "    __test__ = False\n"
                                          "    def test_a(self): pass\n"
                                          "class TestA(TestBase): pass\n"
                                          "class TestB(TestBase):\n"
                                          "    __test__ = True\n"
                                          "class TestC:\n"
                                          "    def test_c(self): pass\n"
                                          "TestC.__test__ = False\n"
                                          "class Named:\n"
                                          "    __test__ = True\n"
                                          "    def test_d(self): pass\n"),
                        "TestB::test_a Named::test_d ");
    assert_string_equal(
        tree_ids_of(tree, "__test__ = False\ndef test_a(): pass\n"), "");
}

static void fixtures_and_what_cannot_be_called_are_no_tests(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "import pytest\n"
                                          "from pytest import fixture as fx\n"
                                          "@pytest.fixture\n"
                                          "def test_a(): pass\n"
                                          "@pytest.fixture(scope='module')\n"
                                          "def test_b(): pass\n"
                                          "@fx\n"
                                          "def test_c(): pass\n"
                                          "test_d = [1]\n"
                                          "test_e = make(3)\n"
                                          "class TestA:\n"
                                          "    @property\n"
                                          "    def test_f(self): pass\n"
                                          "    @classmethod\n"
                                          "    def test_g(cls): pass\n"
                                          "    @staticmethod\n"
                                          "    def test_h(): pass\n"),
                        "TestA::test_h ");
}

static void aliases_and_wrapped_functions_are_tests(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "def check(): pass\n"
                                          "test_a = check\n"
                                          "test_b = lambda: None\n"
                                          "test_c = deco(check, 1)\n"
                                          "class Base:\n"
                                          "    def test_m(self): pass\n"
                                          "test_d = Base.test_m\n"
                                          "class TestA:\n"
                                          "    def helper(self): pass\n"
                                          "    test_e = helper\n"
                                          "TestB = TestA\n"),
                        "test_a test_b test_c test_d TestA::test_e "
                        "TestB::test_e ");
}

static void nested_classes_count(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(tree_ids_of(tree, "class TestA:\n"
                                          "    class TestB:\n"
                                          "        class TestC:\n"
                                          "            def test_c(self): 0\n"
                                          "        def test_b(self): 0\n"
                                          "    def test_a(self): 0\n"),
                        "TestA::TestB::TestC::test_c TestA::TestB::test_b "
                        "TestA::test_a ");
}

static void a_class_that_holds_itself_has_an_end(void **state)
{
    struct tree *tree = *state;
    tree_ids_of(tree, "class TestA:\n"
                      "    def test_a(self): pass\n"
                      "class TestB(TestB): pass\n"
                      "class TestC(TestD): pass\n"
                      "class TestD(TestC): pass\n"
                      "test_x = test_y\n"
                      "test_y = test_x\n"
                      "from test_a import *\n"
                      "from test_a import TestE\n");
    assert_string_equal(tree_ids(tree), "test_a.py::TestA::test_a\n");
}

static void guards_are_weighed(void **state)
{
    struct tree *tree = *state;
    assert_string_equal(
        tree_ids_of(tree, "import typing\n"
                          "from typing import TYPE_CHECKING\n"
                          "if TYPE_CHECKING:\n"
                          "    def test_a(): pass\n"
                          "elif True:\n"
                          "    def test_b(): pass\n"
                          "if not typing.TYPE_CHECKING:\n"
                          "    def test_c(): pass\n"
                          "else:\n"
                          "    def test_d(): pass\n"
                          "if __name__ == '__main__':\n"
                          "    def test_e(): pass\n"
                          "if 0:\n"
                          "    def test_f(): pass\n"
                          "if unknown():\n"
                          "    def test_g(): pass\n"
                          "try:\n"
                          "    def test_h(): pass\n"
                          "except ImportError:\n"
                          "    test_h = None\n"
                          "    def test_i(): pass\n"
                          "with open(x) as f:\n"
                          "    def test_j(): pass\n"
                          "for i in ():\n"
                          "    def test_k(): pass\n"
                          "match x:\n"
                          "    case 1:\n"
                          "        def test_l(): pass\n"),
        "test_b test_c test_g test_h test_i test_j test_k test_l ");
}

static void a_class_may_take_its_bases_name(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "base.py",
               "class TestA:\n"
               "    def test_base(self): pass\n");
    assert_string_equal(tree_ids_of(tree, "from base import TestA\n"
                                          "class TestA(TestA):\n"
                                          "    def test_own(self): pass\n"),
                        "TestA::test_base TestA::test_own ");
}

static void imports_are_followed_through_packages(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "pkg/__init__.py", "from .api import Base, test_far\n");
    tree_write(tree, "pkg/api.py",
               "from pkg.deep.base import *\n"
               "from .deep import base as b\n"
               "test_far = b.test_far\n");
    tree_write(tree, "pkg/deep/__init__.py", "");
    tree_write(tree, "pkg/deep/base.py",
               "__all__ = ['Base']\n"
               "class Base:\n"
               "    def test_base(self): pass\n"
               "class TestHidden:\n"
               "    def test_hidden(self): pass\n"
               "def test_far(): pass\n");
    tree_write(tree, "pkg/tests/__init__.py", "");
    tree_write(tree, "pkg/tests/test_b.py",
               "import pkg.deep.base\n"
               "from pkg import test_far\n"
               "from ..api import *\n"
               "from .. import Base as Other\n"
               "class TestA(pkg.Base): pass\n"
               "class TestB(Other): pass\n"
               "class TestC(pkg.deep.base.TestHidden): pass\n");
    assert_int_equal(tree_discover(tree, "pkg", NULL), 0);
    assert_string_equal(tree_ids(tree),
                        "pkg/tests/test_b.py::test_far\n"
                        "pkg/tests/test_b.py::TestA::test_base\n"
                        "pkg/tests/test_b.py::TestB::test_base\n"
                        "pkg/tests/test_b.py::TestC::test_hidden\n");
}

static void imported_unittest_cases_count_under_any_name(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "cases.py",
               "import unittest\n"
               "class Local(unittest.TestCase):\n"
               "    def test_x(self): pass\n"
               "class Plain:\n"
               "    def test_y(self): pass\n");
    assert_string_equal(tree_ids_of(tree, "from cases import Local, Plain\n"
                                          "import cases\n"
                                          "class A(cases.Local): pass\n"),
                        "Local::test_x A::test_x ");
}

static void imports_are_found_on_pythonpath_and_in_src(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "src/one.py", "def test_one(): pass\n");
    tree_write(tree, "lib/two.py", "def test_two(): pass\n");
    tree_write(tree, "sub/three.py", "def test_three(): pass\n");
    tree_write(tree, "sub/conftest.py", "");
    tree_write(tree, "sub/low/test_b.py",
               "from one import test_one\n"
               "from two import test_two\n"
               "from three import test_three\n");
    fst_strings_add(&tree->cfg.pythonpath, "lib");
    assert_int_equal(tree_discover(tree, "sub/low", NULL), 0);
    assert_string_equal(tree_ids(tree), "sub/low/test_b.py::test_one\n"
                                        "sub/low/test_b.py::test_two\n"
                                        "sub/low/test_b.py::test_three\n");
}

static void star_imports_bring_tests_in_their_place(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "more.py",
               "def test_x(): pass\n"
               "def _test_y(): pass\n"
               "def test_a(): pass\n");
    assert_string_equal(tree_ids_of(tree, "def test_a(): pass\n"
                                          "from more import *\n"
                                          "def test_z(): pass\n"),
                        "test_a test_x test_z ");
    assert_int_equal(tree_test(tree, "test_a.py::test_a")->line, 3);
}

static void many_files_are_parsed_at_once_and_stay_in_order(void **state)
{
    struct tree *tree = *state;
    struct fst_buf expected = FST_BUF_INIT;
    tree_write(tree, "base.py", "class Base:\n    def test_b(self): pass\n");
    for (int i = 100; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "test_%d.py", i);
        tree_write(tree, name,
                   "from base import Base\n"
                   "def test_a(): pass\n"
                   "class TestC(Base): pass\n");
        fst_buf_addf(&expected, "%s::test_a\n%s::TestC::test_b\n", name, name);
    }
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_ids(tree), fst_buf_str(&expected));
    assert_int_equal(tree->suite.n_tests, 400);
    assert_int_equal(tree->suite.n_parsed, 201);
    fst_buf_release(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(functions_and_methods_come_in_definition_order),
        TREE_TEST(the_last_binding_of_a_name_wins_at_its_first_place),
        TREE_TEST(inherited_methods_come_before_own_ones),
        TREE_TEST(bases_are_ordered_by_c3),
        TREE_TEST(classes_with_a_constructor_are_no_tests),
        TREE_TEST(unittest_cases_count_under_any_name_and_by_name),
        TREE_TEST(python_functions_does_not_bind_unittest),
        TREE_TEST(a_false_test_attribute_takes_a_class_or_module_out),
        TREE_TEST(fixtures_and_what_cannot_be_called_are_no_tests),
        TREE_TEST(aliases_and_wrapped_functions_are_tests),
        TREE_TEST(nested_classes_count),
        TREE_TEST(a_class_that_holds_itself_has_an_end),
        TREE_TEST(guards_are_weighed),
        TREE_TEST(a_class_may_take_its_bases_name),
        TREE_TEST(imports_are_followed_through_packages),
        TREE_TEST(imported_unittest_cases_count_under_any_name),
        TREE_TEST(imports_are_found_on_pythonpath_and_in_src),
        TREE_TEST(star_imports_bring_tests_in_their_place),
        TREE_TEST(many_files_are_parsed_at_once_and_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
