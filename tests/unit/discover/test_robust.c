#include "tree.h"

#include <stdlib.h>

enum { NOBODY = 65534 };

static const char *problem_of(const struct tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->suite.problems.count; i++)
        if (!strcmp(tree->suite.problems.items[i].path, path))
            return tree->suite.problems.items[i].text;
    return NULL;
}

static void what_is_no_regular_file_is_passed_by(void **state)
{
    struct tree *tree = *state;
    assert_int_equal(mkfifo(tree_path(tree, "test_fifo.py"), 0644), 0);
    tree_write(tree, "test_dir.py/test_in.py", "");
    assert_int_equal(symlink("nowhere", tree_path(tree, "test_dangling.py")),
                     0);
    assert_int_equal(symlink("test_self.py", tree_path(tree, "test_self.py")),
                     0);
    assert_int_equal(symlink("/dev/null", tree_path(tree, "test_null.py")), 0);
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_files(tree), "test_dir.py/test_in.py\n");
    assert_int_equal(tree->suite.problems.count, 0);
}

static void a_fifo_as_argument_is_refused(void **state)
{
    struct tree *tree = *state;
    assert_int_equal(mkfifo(tree_path(tree, "test_fifo.py"), 0644), 0);
    assert_int_equal(tree_discover(tree, "test_fifo.py", NULL), -1);
    assert_int_equal(tree->err.code, FST_E_USAGE);
}

static void unreadable_files_and_folders_are_reported(void **state)
{
    struct tree *tree = *state;
    bool root = !geteuid(); /* who may read everything: be someone else */
    tree_write(tree, "test_a.py", "def test_a(): pass");
    tree_write(tree, "closed/test_b.py", "");
    chmod(tree_path(tree, "test_a.py"), 0);
    chmod(tree_path(tree, "closed"), 0);
    chmod(tree->root, 0755);
    if (root && seteuid(NOBODY))
        skip();
    int status = tree_discover(tree, NULL);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(status, 0);
    chmod(tree_path(tree, "closed"), 0755);
    assert_string_equal(problem_of(tree, "test_a.py"),
                        "unreadable: Permission denied");
    assert_string_equal(problem_of(tree, "closed"),
                        "unreadable: Permission denied");
    assert_true(tree_file(tree, "test_a.py")->dynamic);
}

static void bytes_that_python_refuses_are_reported(void **state)
{
    struct tree *tree = *state;
    static const char nul[] = "def test_a(): pass\0\n";
    static const char utf16[] = "\xff\xfe"
                                "d\0e\0f\0 \0t\0(\0)\0:\0";
    static const char latin[] = "# \xe9\ndef test_a(): pass\n";
    static const char sjis[] = "# coding: shift_jis\nx = '\x83\x5c'\n";
    tree_bytes(tree, "test_nul.py", nul, sizeof nul - 1);
    tree_bytes(tree, "test_16.py", utf16, sizeof utf16 - 1);
    tree_bytes(tree, "test_latin.py", latin, sizeof latin - 1);
    tree_bytes(tree, "test_sjis.py", sjis, sizeof sjis - 1);
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_string_equal(tree_ids(tree), "");
    assert_string_equal(problem_of(tree, "test_nul.py"), "holds NUL bytes");
    assert_string_equal(problem_of(tree, "test_16.py"), "holds NUL bytes");
    assert_string_equal(problem_of(tree, "test_latin.py"),
                        "not UTF-8 (line 1)");
    assert_string_equal(problem_of(tree, "test_sjis.py"),
                        "unknown encoding: shift_jis");
    for (size_t i = 0; i < tree->suite.files.count; i++)
        assert_true(tree->suite.files.items[i].dynamic);
}

static void unusual_but_valid_bytes_are_understood(void **state)
{
    struct tree *tree = *state;
    static const struct {
        const char *text, *ids;
    } cases[] = {
        {"\xef\xbb\xbf"
         "def test_bom(): pass\n",
         "test_bom "},
        {"def test_cr():\r    pass\rclass TestA:\r    def test_b(self): pass\r",
         "test_cr TestA::test_b "},
        {"def test_crlf():\r\n    pass\r\ndef test_b(): pass\r\n",
         "test_crlf test_b "},
        {"# -*- coding: latin-1 -*-\nx = '\xe9'\ndef test_latin(): pass\n",
         "test_latin "},
        {"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n"
         "def test_vim(): pass # \x80\n",
         "test_vim "},
        {"\fdef test_ff(): pass\n", "test_ff "},
        {"class TestA:\n\tdef test_tab(self):\n\t\tpass", "TestA::test_tab "},
        {"def test_end(): pass", "test_end "},
        {"if 1:\n    def test_a(): pass\n# comment\n    def test_b(): pass\n",
         "test_a test_b "},
        {"x = f'{'a' + f\"{'b'}\"}'\ndef test_f(): pass\n", "test_f "},
        {"x = '''\ndef test_no(): pass\n'''\ndef test_\xc3\xa9(): pass\n",
         "test_\xc3\xa9 "},
        {"", ""},
        {"\n\n", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(tree_ids_of(tree, cases[i].text), cases[i].ids);
        assert_int_equal(tree->suite.problems.count, 0);
    }
}

static void repeat(struct fst_buf *buf, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        fst_buf_adds(buf, text);
}

static void discover_text(struct tree *tree, const struct fst_buf *text)
{
    tree_bytes(tree, "test_a.py", text->data, text->len);
    assert_int_equal(tree_discover(tree, "test_a.py", NULL), 0);
}

static void deep_nesting_ends_without_harm(void **state)
{
    struct tree *tree = *state;
    struct fst_buf text = FST_BUF_INIT;
    fst_buf_adds(&text, "def test_a(): pass\nx = ");
    repeat(&text, "(", 10000);
    repeat(&text, ")", 10000);
    fst_buf_adds(&text, "\ny = a");
    repeat(&text, ".b", 10000);
    fst_buf_adds(&text, "\n");
    discover_text(tree, &text);
    assert_non_null(tree_test(tree, "test_a.py::test_a"));
    fst_buf_clear(&text);
    repeat(&text, "[", 100000);
    discover_text(tree, &text);
    assert_true(tree_file(tree, "test_a.py")->dynamic);
    fst_buf_release(&text);
}

static void blocks_nested_too_deeply_are_reported(void **state)
{
    struct tree *tree = *state;
    struct fst_buf text = FST_BUF_INIT;
    fst_buf_adds(&text, "def test_a(): pass\n");
    for (size_t i = 0; i < 500; i++) {
        repeat(&text, " ", i);
        fst_buf_adds(&text, "if x:\n");
    }
    repeat(&text, " ", 500);
    fst_buf_adds(&text, "pass\n");
    discover_text(tree, &text);
    assert_non_null(tree_test(tree, "test_a.py::test_a"));
    assert_true(tree_file(tree, "test_a.py")->dynamic);
    assert_int_equal(tree->suite.problems.count, 1);
    fst_buf_release(&text);
}

static void large_files_are_read_whole(void **state)
{
    struct tree *tree = *state;
    struct fst_buf text = FST_BUF_INIT;
    fst_buf_adds(&text, "import pytest\nx = '''");
    repeat(&text, "0123456789abcdef", 10 << 16);
    fst_buf_adds(&text, "'''\n@pytest.mark.parametrize('a', [");
    repeat(&text, "1,", 50000);
    fst_buf_adds(&text, "])\ndef test_a(a): pass\n");
    discover_text(tree, &text);
    assert_int_equal(tree_test(tree, "test_a.py::test_a")->params, 50000);
    fst_buf_release(&text);
}

/* A linear congruential generator (Knuth, MMIX): the same bytes every time. */
static unsigned char next_byte(uint64_t *seed)
{
    *seed =
        *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned char)(*seed >> 56);
}

static void noise_does_no_harm(void **state)
{
    struct tree *tree = *state;
    static const char *const tokens[] = {
        "def ",   "test_a", "(",     ")",    ":",     "\n",     "    ",
        "class ", "TestA",  "@",     "if ",  "try",   "except", "import ",
        "from ",  "*",      ".",     "\"",   "'''",   "=",      "lambda ",
        "del ",   "[",      "]",     "\\\n", "#",     "f'{",    "pytestmark",
        "match ", "case ",  "with ", "\xff", "async "};
    struct fst_buf text = FST_BUF_INIT;
    uint64_t seed = 1;
    for (int round = 0; round < 40; round++) {
        fst_buf_clear(&text);
        for (int i = 0; i < 3000; i++) {
            size_t pick = next_byte(&seed) % (sizeof tokens / sizeof *tokens);
            if (round % 4 == 0)
                fst_buf_addc(&text, (char)next_byte(&seed));
            else if (strcmp(tokens[pick], "\xff") || round % 4 == 1)
                fst_buf_adds(&text, tokens[pick]);
        }
        discover_text(tree, &text);
        assert_int_equal(tree->suite.files.count, 1);
    }
    fst_buf_release(&text);
}

static void a_syntax_error_keeps_what_was_understood(void **state)
{
    struct tree *tree = *state;
    tree_write(tree, "test_a.py",
               "def test_a(): pass\n"
               "def broken(:\n    pass\n"
               "def test_b(): pass\n");
    assert_int_equal(tree_discover(tree, NULL), 0);
    assert_non_null(tree_test(tree, "test_a.py::test_a"));
    assert_true(tree_file(tree, "test_a.py")->dynamic);
    assert_non_null(strstr(problem_of(tree, "test_a.py"), "near line 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(what_is_no_regular_file_is_passed_by),
        TREE_TEST(a_fifo_as_argument_is_refused),
        TREE_TEST(unreadable_files_and_folders_are_reported),
        TREE_TEST(bytes_that_python_refuses_are_reported),
        TREE_TEST(unusual_but_valid_bytes_are_understood),
        TREE_TEST(deep_nesting_ends_without_harm),
        TREE_TEST(blocks_nested_too_deeply_are_reported),
        TREE_TEST(large_files_are_read_whole),
        TREE_TEST(noise_does_no_harm),
        TREE_TEST(a_syntax_error_keeps_what_was_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
