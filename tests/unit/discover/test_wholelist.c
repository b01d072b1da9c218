/* Which pytest_collection_modifyitems must see the whole selection at once. */
#include "tree.h"

static const char *why(struct tree *tree, const char *conftest)
{
    tree_write(tree, "conftest.py", conftest);
    tree_write(tree, "test_a.py", "def test_a(): pass");
    assert_int_equal(tree_discover(tree, NULL), 0);
    return tree->suite.whole_list ? tree->suite.whole_list : "";
}

#define HOOK "def pytest_collection_modifyitems(config, items):\n"

static void a_hook_that_looks_at_each_item_needs_no_more(void **state)
{
    static const char *const hooks[] = {
        "",
        "x = 1\n",
        HOOK "    for item in items:\n        item.add_marker('x')\n",
        HOOK "    each(config, items)\n"
             "def each(config, tests):\n    for test in tests: print(test)\n",
        HOOK "    each(tests=items)\n"
             "def each(n=1, *, tests: list = ()):\n"
             "    for test in tests: print(test.items, f(items=1))\n",
        "def pytest_collection_modifyitems(config):\n    config.x = 1\n",
    };
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        assert_string_equal(why(*state, hooks[i]), "");
}

static void a_hook_that_does_more_with_the_list_needs_it_whole(void **state)
{
    static const struct {
        const char *hook, *why;
    } cases[] = {
        {HOOK "    items.sort()\n", "sorts"},
        {HOOK "    items.reverse()\n", "sorts"},
        {HOOK "    x = sorted(items)\n", "sorts"},
        {HOOK "    items[:] = [x for x in items if x]\n", "slices"},
        {HOOK "    del items[2:]\n", "slices"},
        {HOOK "    items.append(1)\n", "changes"},
        {HOOK "    if len(items) > 3: print(1)\n", "measures"},
        {HOOK "    if not items: return\n", "measures"},
        {HOOK "    x = [i for i in items]\n", "picks from"},
        {HOOK "    any(i.x for i in items)\n", "picks from"},
        {HOOK "    items += [1]\n", "assigns to"},
        {HOOK "    random.shuffle(items)\n", "hands on"},
        {HOOK "    other(items)\n", "hands on"},
        {HOOK "    cut(1, items)\n"
              "def cut(n, tests):\n    del tests[n:]\n",
         "slices"},
        {"try:\n    import x\nexcept ImportError: pass\nelse:\n"
         "    def pytest_collection_modifyitems(items):\n"
         "        items.sort()\n",
         "sorts"},
        {"import pytest\n@pytest.hookimpl(tryfirst=True)\n" HOOK
         "    items.sort()\n",
         "sorts"},
        {"pytest_collection_modifyitems = make()\n", "hands on"},
        {"from nowhere import pytest_collection_modifyitems\n", "hands on"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "conftest.py %s the list of tests",
                 cases[i].why);
        assert_string_equal(why(*state, cases[i].hook), text);
    }
}

static void an_imported_hook_is_looked_at_where_it_stands(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "tools.py", "def sort(items):\n    items.sort()\n");
    assert_string_equal(
        why(tree, "from tools import sort as pytest_collection_modifyitems\n"),
        "conftest.py sorts the list of tests");
    tree_write(tree, "tools.py", "def sort(items):\n    for i in items: i()\n");
    assert_string_equal(
        why(tree, "from tools import sort as pytest_collection_modifyitems\n"),
        "");
}

static void a_late_hook_needs_it_whole_where_tests_lie_outside(void **state)
{
    struct tree *tree = *state;
    static const char late[] =
        "a/b/conftest.py is loaded late and may change tests of other folders";
    tree_write(tree, "a/b/conftest.py",
               HOOK "    for item in items: item.x = 1\n");
    tree_write(tree, "a/b/test_b.py", "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_null(tree->suite.whole_list);
    tree_write(tree, "c/test_c.py", "");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree->suite.whole_list, late);
    /* pytest loads what its arguments name first. */
    assert_int_equal(tree_discover(tree, "c", "a/b/test_b.py", NULL), 0);
    assert_null(tree->suite.whole_list);
    /* … and test* folders of those. */
    tree_write(tree, "tests/conftest.py",
               HOOK "    for item in items: item.x = 1\n");
    tree_write(tree, "tests/test_d.py", "");
    assert_int_equal(tree_discover(tree, "c", "tests", NULL), 0);
    assert_null(tree->suite.whole_list);
    assert_int_equal(remove(tree_path(tree, "a/b/conftest.py")), 0);
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_null(tree->suite.whole_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(a_hook_that_looks_at_each_item_needs_no_more),
        TREE_TEST(a_hook_that_does_more_with_the_list_needs_it_whole),
        TREE_TEST(an_imported_hook_is_looked_at_where_it_stands),
        TREE_TEST(a_late_hook_needs_it_whole_where_tests_lie_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
