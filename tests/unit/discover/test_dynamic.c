#include "tree.h"

static bool is_dynamic(struct tree *tree, const char *text)
{
    tree_ids_of(tree, text);
    return tree_file(tree, "test_a.py")->dynamic;
}

static void files_that_make_tests_at_run_time_are_dynamic(void **state)
{
    struct tree *tree = *state;
    static const char *const texts[] = {
        "globals()['test_a'] = 1\n",
        "globals().update(make())\n",
        "for i in x:\n    setattr(TestA, f'test_{i}', make(i))\n",
        "exec('def test_a(): pass')\n",
        "class TestA(make_base(1)):\n    def test_a(self): pass\n",
        "TestA = make_class()\n",
        "test_a, test_b = make_both()\n",
        "class TestA(metaclass=Meta):\n    def test_a(self): pass\n",
        "@instantiate(1)\nclass TestA:\n    def test_a(self): pass\n",
        "class TestA:\n    def test_a(self): pass\nregister(TestA)\n",
        "import unittest\nclass A(unittest.TestCase): pass\nspread(A)\n",
        "from somewhere.testing import *\n",
        "from somewhere import TestMany\n",
        "from somewhere import Base\nclass TestA(Base): pass\n",
        "def test_a(:\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!is_dynamic(tree, texts[i]))
            fail_msg("not dynamic: %s", texts[i]);
}

static void ordinary_files_are_not(void **state)
{
    struct tree *tree = *state;
    static const char *const texts[] = {
        "def test_a():\n    globals()['x'] = 1\n    setattr(a, 'b', 1)\n",
        "import pytest\npytest.importorskip('x')\ntest_data = load()\n",
        "import abc\nclass TestA(metaclass=abc.ABCMeta):\n"
        "    def test_a(self): pass\n",
        "import pytest\nslow = pytest.mark.slow\n@slow\n@pytest.mark.x(1)\n"
        "class TestA:\n    def test_a(self): pass\n",
        "import unittest\n@unittest.skipIf(x, 'y')\n"
        "class A(unittest.TestCase):\n    def test_a(self): pass\n",
        "class Helper(make_base()): pass\nHelper2 = make()\n",
        "from django.test import TestCase\nclass A(TestCase):\n"
        "    def test_a(self): pass\n",
        "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
        "class TestA(Generic[T]):\n    def test_a(self): pass\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (is_dynamic(tree, texts[i]))
            fail_msg("dynamic: %s", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(files_that_make_tests_at_run_time_are_dynamic),
        TREE_TEST(ordinary_files_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
