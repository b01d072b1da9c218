#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "coordinator/cli/suitename.h"
#include "shared/base/mem.h"

static void addresses_lose_what_differs_between_people(void **state)
{
    static const struct {
        const char *url, *name;
    } cases[] = {
        {"https://example.org/group/project.git", "example.org/group/project"},
        {"https://me:secret@example.org:8443/project/", "example.org/project"},
        {"ssh://git@example.org:22/group/project.git",
         "example.org/group/project"},
        {"git@example.org:group/project.git", "example.org/group/project"},
        {"example.org:project", "example.org/project"},
        {"/home/me/project", ""},
        {"../project", ""},
        {"file:///home/me/project", ""},
        {"https://example.org", ""},
        {"https://example.org/", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = fst_suite_name_of_url(cases[i].url);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char *path = fst_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

static void is_named(const char *root, const char *expected)
{
    char *name = fst_suite_name(root);
    assert_string_equal(name, expected);
    free(name);
}

static void a_checkout_is_named_by_its_origin(void **state)
{
    char folder[] = "/tmp/fst_suitename_XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    is_named(folder, folder + 5);
    char *git = fst_printf("%s/.git", folder);
    char *inside = fst_printf("%s/src/tests", folder);
    char *src = fst_printf("%s/src", folder);
    assert_int_equal(mkdir(git, 0777) | mkdir(src, 0777) | mkdir(inside, 0777),
                     0);
    is_named(folder, folder + 5);
    write_file(git, "config",
               "[remote \"fork\"]\n\turl = git@example.org:me/thing\n"
               "[remote \"origin\"]\n\tfetch = x\n\turl = "
               "https://example.org/all/thing.git\n[branch \"main\"]\n"
               "\turl = no\n");
    is_named(folder, "example.org/all/thing");
    is_named(inside, "example.org/all/thing:src/tests");
    char *tree = fst_printf("%s/tree", folder);
    assert_int_equal(mkdir(tree, 0777), 0);
    write_file(tree, ".git", "gitdir: ../.git\n");
    is_named(tree, "example.org/all/thing");
    char *command = fst_printf("rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(tree);
    free(src);
    free(inside);
    free(git);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_lose_what_differs_between_people),
        cmocka_unit_test(a_checkout_is_named_by_its_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
