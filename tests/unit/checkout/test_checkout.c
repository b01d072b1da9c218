#include "shared/checkout/checkout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/mem.h"

struct place { /* two machines' checkouts */
    char root[64], here[80], there[80];
};

static void put(const char *root, const char *name, const char *text)
{
    char *path = fst_printf("%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

static void drop(const char *root, const char *name)
{
    char *path = fst_printf("%s/%s", root, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void make_dir(const char *root, const char *name)
{
    char *path = fst_printf("%s/%s", root, name);
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
}

static void fill(const char *root)
{
    make_dir(root, "");
    make_dir(root, "src");
    make_dir(root, "tests");
    put(root, "pytest.ini", "[pytest]\n");
    put(root, "tox.ini", "not read\n");
    put(root, "src/used.py", "1\n");
    put(root, "src/unused.py", "1\n");
    put(root, "tests/test_a.py", "a\n");
    put(root, "tests/test_ignored.py", "i\n");
    put(root, "tests/data.txt", "d\n");
}

static int set_up(void **state)
{
    struct place *place = fst_alloc(sizeof *place);
    snprintf(place->root, sizeof place->root, "/tmp/fastest-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    snprintf(place->here, sizeof place->here, "%s/here", place->root);
    snprintf(place->there, sizeof place->there, "%s/there", place->root);
    fill(place->here);
    fill(place->there);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char *command = fst_printf("rm -r %s", place->root);
    int status = system(command);
    free(command);
    free(place);
    return status;
}

static const char *const read_files[] = {"pytest.ini", "src/used.py",
                                         "tests/test_a.py"};
static const char *const roots[] = {"tests"};

static void make(struct fst_checkout_tree *tree, const char *root)
{
    static const char *patterns[] = {"test_*.py"};
    *tree = (struct fst_checkout_tree){.root = root};
    fst_vec_add(&tree->patterns, patterns[0]);
    fst_checkout_make(tree,
                      &(struct fst_checkout_spec){read_files, 3, roots, 1});
}

/* Reads what `tree` says of another root, into `other`. */
static void follow(const struct fst_checkout_tree *tree, const char *root,
                   struct fst_checkout_tree *other)
{
    const struct fst_checkout_dir *dir;
    *other = (struct fst_checkout_tree){.root = root};
    fst_vec_add(&other->patterns, tree->patterns.items[0]);
    fst_vec_each (dir, &tree->dirs) {
        struct fst_checkout_dir *copy = fst_vec_push(&other->dirs);
        *copy =
            (struct fst_checkout_dir){.path = dir->path, .walked = dir->walked};
        for (size_t i = 0; i < dir->more.count; i++)
            fst_vec_add(&copy->more, dir->more.items[i]);
        for (size_t i = 0; i < dir->without.count; i++)
            fst_vec_add(&copy->without, dir->without.items[i]);
        fst_checkout_read(other, copy);
    }
    fst_checkout_sum(other);
}

static void collect(const struct fst_checkout_tree *tree,
                    struct fst_checkout_names *lines)
{
    const struct fst_checkout_dir *dir;
    fst_vec_each (dir, &tree->dirs)
        for (size_t i = 0; i < dir->lines.count; i++)
            fst_vec_add(lines, dir->lines.items[i]);
    fst_checkout_sort(lines->items, lines->count);
}

/* Holds both places against each other; says the differences as text. */
static const char *differences(const struct place *place, char text[1000])
{
    static const char signs[] = {'!', '-', '+', '?'};
    struct fst_checkout_tree tree, other;
    struct fst_checkout_difference named[FST_CHECKOUT_NAMED];
    struct fst_checkout_names theirs = {0}, ours = {0};
    make(&tree, place->here);
    follow(&tree, place->there, &other);
    collect(&tree, &theirs);
    collect(&other, &ours);
    size_t n = fst_checkout_compare(
        (const char *const *)theirs.items, theirs.count,
        (const char *const *)ours.items, ours.count, named);
    assert_int_equal(n == 0, !strcmp(tree.digest, other.digest));
    char *at = text;
    *at = '\0';
    for (size_t i = 0; i < n && i < FST_CHECKOUT_NAMED; i++)
        at += sprintf(at, "%s%c%s", i ? " " : "", signs[named[i].what],
                      named[i].path);
    if (n > FST_CHECKOUT_NAMED)
        sprintf(at, " of %zu", n);
    fst_vec_free(&theirs);
    fst_vec_free(&ours);
    fst_checkout_release(&tree);
    fst_checkout_release(&other);
    return text;
}

static void what_was_not_read_does_not_count(void **state)
{
    const struct place *place = *state;
    char text[1000];
    assert_string_equal(differences(place, text), "");
    put(place->there, "src/unused.py", "2\n");
    put(place->there, "src/test_b.py", "beside what was walked\n");
    put(place->there, "tests/test_ignored.py", "j\n");
    put(place->there, "tests/data.txt", "e\n");
    put(place->there, "tests/helper.py", "h\n");
    put(place->there, "tox.ini", "another\n");
    assert_string_equal(differences(place, text), "");
}

static void what_differs_is_missing_or_too_much_is_found(void **state)
{
    const struct place *place = *state;
    char text[1000];
    put(place->there, "src/used.py", "2\n");
    put(place->there, "src/conftest.py", "c\n");
    put(place->there, "tests/conftest.py", "c\n");
    put(place->there, "tests/test_b.py", "b\n");
    put(place->there, "pyproject.toml", "[tool.pytest.ini_options]\n");
    drop(place->there, "tests/test_a.py");
    drop(place->there, "pytest.ini");
    assert_string_equal(differences(place, text),
                        "+pyproject.toml -pytest.ini +src/conftest.py "
                        "!src/used.py +tests/conftest.py -tests/test_a.py "
                        "+tests/test_b.py");
}

static void a_directory_that_is_missing_lacks_all_its_files(void **state)
{
    const struct place *place = *state;
    char text[1000], *from = fst_printf("%s/tests", place->there);
    char *to = fst_printf("%s/elsewhere", place->there);
    assert_int_equal(rename(from, to), 0);
    assert_string_equal(differences(place, text), "-tests/test_a.py");
    free(from);
    free(to);
}

static void twenty_paths_are_named_and_all_are_counted(void **state)
{
    const struct place *place = *state;
    char text[1000], name[32];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "tests/test_%02d.py", i);
        put(place->there, name, "");
    }
    assert_non_null(
        strstr(differences(place, text), "+tests/test_19.py of 30"));
    assert_null(strstr(text, "test_20"));
}

static void the_directories_are_those_of_the_files_and_above(void **state)
{
    static const char *const files[] = {"a/b/c/test_x.py", "../out/y.py",
                                        "z.py"};
    static const char *const walked[] = {"a/b"};
    const struct place *place = *state;
    struct fst_checkout_tree tree = {.root = place->here};
    fst_checkout_make(&tree, &(struct fst_checkout_spec){files, 3, walked, 1});
    static const struct {
        const char *path;
        bool walked;
    } wanted[] = {{".", false},
                  {"../out", false},
                  {"a", false},
                  {"a/b", true},
                  {"a/b/c", true}};
    assert_int_equal(tree.dirs.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(tree.dirs.items[i].path, wanted[i].path);
        assert_int_equal(tree.dirs.items[i].walked, wanted[i].walked);
    }
    assert_ptr_equal(fst_checkout_find(&tree, "a/b"), &tree.dirs.items[3]);
    assert_null(fst_checkout_find(&tree, "b"));
    fst_checkout_release(&tree);
}

static void a_pattern_with_a_slash_is_held_against_the_path(void **state)
{
    const struct place *place = *state;
    char text[1000];
    struct fst_checkout_tree tree = {.root = place->there}, other;
    fst_vec_add(&tree.patterns, "tests/x*.py");
    fst_checkout_make(&tree,
                      &(struct fst_checkout_spec){read_files, 3, roots, 1});
    put(place->there, "tests/x1.py", "");
    put(place->there, "x2.py", "");
    follow(&tree, place->there, &other);
    const struct fst_checkout_dir *dir = fst_checkout_find(&other, "tests");
    text[0] = '\0';
    for (size_t i = 0; i < dir->lines.count; i++) {
        assert_true(fst_checkout_is_line(dir->lines.items[i]));
        strcat(text, strchr(dir->lines.items[i], ' '));
    }
    assert_string_equal(text, " tests/test_a.py tests/x1.py");
    fst_checkout_release(&tree);
    fst_checkout_release(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_not_read_does_not_count),
        TEST(what_differs_is_missing_or_too_much_is_found),
        TEST(a_directory_that_is_missing_lacks_all_its_files),
        TEST(twenty_paths_are_named_and_all_are_counted),
        TEST(the_directories_are_those_of_the_files_and_above),
        TEST(a_pattern_with_a_slash_is_held_against_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
