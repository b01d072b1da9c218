/* A source tree of a test's own, in a temporary directory, and what discovery
 * finds in it. Each test's tree is removed by tree_fini(). */
#ifndef FST_TESTS_UNIT_DISCOVER_TREE_H
#define FST_TESTS_UNIT_DISCOVER_TREE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "coordinator/discover/discover.h"
#include "shared/base/buf.h"

#define TREE_MAY_BE_UNUSED __attribute__((unused)) static

struct tree {
    char root[64];
    struct fst_pytest_config cfg;
    struct fst_suite suite;
    struct fst_err err;
    struct fst_buf text; /* of the last tree_…() that gave text */
};

static int tree_remove(const char *path, const struct stat *st, int type,
                       struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* pytest's defaults; what a test sets besides, it sets itself. */
TREE_MAY_BE_UNUSED void tree_init(struct tree *tree)
{
    static const char *const norecurse[] = {"*.egg", ".*",           "_darcs",
                                            "build", "CVS",          "dist",
                                            "venv",  "node_modules", "{arch}"};
    *tree = (struct tree){.root = "/tmp/fst-discover-XXXXXX"};
    assert_non_null(mkdtemp(tree->root));
    tree->cfg.cwd = tree->cfg.rootdir = tree->cfg.root = tree->root;
    for (size_t i = 0; i < sizeof norecurse / sizeof *norecurse; i++)
        fst_strings_add(&tree->cfg.norecursedirs, norecurse[i]);
    fst_strings_add(&tree->cfg.python_files, "test_*.py");
    fst_strings_add(&tree->cfg.python_files, "*_test.py");
    fst_strings_add(&tree->cfg.python_classes, "Test");
    fst_strings_add(&tree->cfg.python_functions, "test");
    fst_strings_add(&tree->cfg.doctest_glob, "test*.txt");
}

TREE_MAY_BE_UNUSED void tree_fini(struct tree *tree)
{
    struct fst_strings *lists[] = {
        &tree->cfg.testpaths,        &tree->cfg.norecursedirs,
        &tree->cfg.python_files,     &tree->cfg.python_classes,
        &tree->cfg.python_functions, &tree->cfg.pythonpath,
        &tree->cfg.ignore,           &tree->cfg.ignore_glob,
        &tree->cfg.doctest_glob};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        fst_strings_clear(lists[i]);
    fst_suite_release(&tree->suite);
    fst_buf_release(&tree->text);
    nftw(tree->root, tree_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* root/name. Of the test's lifetime: until the next call. */
TREE_MAY_BE_UNUSED const char *tree_path(const struct tree *tree,
                                         const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", tree->root, name);
    return path;
}

TREE_MAY_BE_UNUSED void tree_mkdir(const struct tree *tree, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", tree->root, name);
    for (char *at = path + strlen(tree->root) + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        mkdir(path, 0755);
        *at = '/';
    }
    mkdir(path, 0755);
}

TREE_MAY_BE_UNUSED void tree_bytes(const struct tree *tree, const char *name,
                                   const void *bytes, size_t len)
{
    const char *slash = strrchr(name, '/');
    if (slash) {
        char dir[256];
        snprintf(dir, sizeof dir, "%.*s", (int)(slash - name), name);
        tree_mkdir(tree, dir);
    }
    FILE *file = fopen(tree_path(tree, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

TREE_MAY_BE_UNUSED void tree_write(const struct tree *tree, const char *name,
                                   const char *text)
{
    tree_bytes(tree, name, text, strlen(text));
}

/* args: NULL-terminated; no argument: NULL alone. */
TREE_MAY_BE_UNUSED int tree_discover(struct tree *tree, ...)
{
    const char *args[16];
    size_t count = 0;
    va_list list;
    va_start(list, tree);
    while ((args[count] = va_arg(list, const char *)))
        count++;
    va_end(list);
    fst_suite_release(&tree->suite);
    return fst_discover(&tree->cfg, args, count, true, &tree->suite,
                        &tree->err);
}

/* All ids, each with a newline behind it. */
TREE_MAY_BE_UNUSED const char *tree_ids(struct tree *tree)
{
    fst_buf_clear(&tree->text);
    fst_buf_adds(&tree->text, "");
    for (size_t i = 0; i < tree->suite.files.count; i++)
        for (size_t k = 0; k < tree->suite.files.items[i].n_tests; k++)
            fst_buf_addf(&tree->text, "%s\n",
                         tree->suite.files.items[i].tests[k].id);
    return fst_buf_str(&tree->text);
}

/* All files, each with a newline behind it. */
TREE_MAY_BE_UNUSED const char *tree_files(struct tree *tree)
{
    fst_buf_clear(&tree->text);
    for (size_t i = 0; i < tree->suite.files.count; i++)
        fst_buf_addf(&tree->text, "%s\n", tree->suite.files.items[i].path);
    return fst_buf_str(&tree->text);
}

TREE_MAY_BE_UNUSED const struct fst_file *tree_file(const struct tree *tree,
                                                    const char *path)
{
    for (size_t i = 0; i < tree->suite.files.count; i++)
        if (!strcmp(tree->suite.files.items[i].path, path))
            return &tree->suite.files.items[i];
    fail_msg("%s is not among the files", path);
    return NULL;
}

TREE_MAY_BE_UNUSED const struct fst_test *tree_test(const struct tree *tree,
                                                    const char *id)
{
    for (size_t i = 0; i < tree->suite.files.count; i++) {
        const struct fst_file *file = &tree->suite.files.items[i];
        for (size_t k = 0; k < file->n_tests; k++)
            if (!strcmp(file->tests[k].id, id))
                return &file->tests[k];
    }
    fail_msg("%s is not among the tests", id);
    return NULL;
}

/* The names, each with a space behind it. */
TREE_MAY_BE_UNUSED const char *tree_join(struct tree *tree,
                                         const char *const *names, size_t count)
{
    fst_buf_clear(&tree->text);
    for (size_t i = 0; i < count; i++)
        fst_buf_addf(&tree->text, "%s ", names[i]);
    return fst_buf_str(&tree->text);
}

/* Only test_a.py with that text; its ids without the path. */
TREE_MAY_BE_UNUSED const char *tree_ids_of(struct tree *tree, const char *text)
{
    tree_write(tree, "test_a.py", text);
    assert_int_equal(tree_discover(tree, "test_a.py", NULL), 0);
    fst_buf_clear(&tree->text);
    const struct fst_file *file = tree_file(tree, "test_a.py");
    for (size_t i = 0; i < file->n_tests; i++)
        fst_buf_addf(&tree->text, "%s ",
                     file->tests[i].id + strlen("test_a.py::"));
    return fst_buf_str(&tree->text);
}

TREE_MAY_BE_UNUSED int tree_setup(void **state)
{
    struct tree *tree = fst_alloc(sizeof *tree);
    tree_init(tree);
    *state = tree;
    return 0;
}

TREE_MAY_BE_UNUSED int tree_teardown(void **state)
{
    tree_fini(*state);
    free(*state);
    return 0;
}

#define TREE_TEST(name)                                                        \
    cmocka_unit_test_setup_teardown(name, tree_setup, tree_teardown)

#endif
