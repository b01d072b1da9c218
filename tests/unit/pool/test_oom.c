#include "agent/pool/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/mem.h"

#define SECOND INT64_C(1000000000)

struct tree { /* a system's root of our own */
    char root[64];
};

static void put(const struct tree *tree, const char *path, const char *text)
{
    char *full = fst_printf("%s/%s", tree->root, path);
    for (char *at = full + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(full, 0700);
        *at = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(full);
}

static struct tree new_tree(void)
{
    struct tree tree = {"/tmp/fastest-oom-XXXXXX"};
    assert_non_null(mkdtemp(tree.root));
    return tree;
}

static void remove_tree(const struct tree *tree)
{
    char *command = fst_printf("rm -r %s", tree->root);
    assert_int_equal(system(command), 0);
    free(command);
}

static void a_kill_of_v2_is_seen_once_it_is_counted(void **state)
{
    (void)state;
    struct tree tree = new_tree();
    struct fst_oom oom;
    put(&tree, "proc/self/cgroup", "1:cpu:/x\n0::/a/b\n");
    put(&tree, "sys/fs/cgroup/a/memory.max", "536870912\n");
    put(&tree, "sys/fs/cgroup/a/b/memory.max", "max\n");
    put(&tree, "sys/fs/cgroup/a/b/memory.events",
        "low 0\noom 4\noom_kill 3\noom_group_kill 9\n");
    fst_oom_open(&oom, tree.root);
    assert_string_equal(oom.limit, "cgroup /a/b, limit 512 MiB");
    assert_false(fst_oom_look(&oom, 100 * SECOND));
    put(&tree, "sys/fs/cgroup/a/b/memory.events", "oom 5\noom_kill 5\n");
    assert_true(fst_oom_look(&oom, 200 * SECOND));
    assert_true(fst_oom_look(&oom, 201 * SECOND)); /* the other of the two */
    assert_false(fst_oom_look(&oom, 210 * SECOND));
    fst_oom_close(&oom);
    remove_tree(&tree);
}

static void v1_has_its_own_files(void **state)
{
    (void)state;
    struct tree tree = new_tree();
    struct fst_oom oom;
    put(&tree, "proc/self/cgroup", "9:cpu,memory:/a\n0::/\n");
    put(&tree, "sys/fs/cgroup/memory/a/memory.oom_control",
        "under_oom 0\noom_kill 0\n");
    put(&tree, "sys/fs/cgroup/memory/a/memory.limit_in_bytes",
        "9223372036854771712\n");
    fst_oom_open(&oom, tree.root);
    assert_string_equal(oom.limit, "cgroup /a");
    put(&tree, "sys/fs/cgroup/memory/a/memory.oom_control", "oom_kill 1\n");
    assert_true(fst_oom_look(&oom, SECOND));
    fst_oom_close(&oom);
    remove_tree(&tree);
}

static void the_root_group_of_a_container_is_named_as_such(void **state)
{
    (void)state;
    struct tree tree = new_tree();
    struct fst_oom oom;
    put(&tree, "proc/self/cgroup", "0::/\n");
    put(&tree, "sys/fs/cgroup/memory.max", "1048576\n");
    put(&tree, "sys/fs/cgroup/memory.events", "oom_kill 0\n");
    fst_oom_open(&oom, tree.root);
    assert_string_equal(oom.limit, "cgroup /, limit 1 MiB");
    fst_oom_close(&oom);
    remove_tree(&tree);
}

static void without_a_count_nothing_is_claimed(void **state)
{
    (void)state;
    struct tree tree = new_tree();
    struct fst_oom oom;
    fst_oom_open(&oom, tree.root);
    assert_false(fst_oom_look(&oom, SECOND));
    fst_oom_close(&oom);
    put(&tree, "proc/self/cgroup", "nonsense\n:\n");
    fst_oom_open(&oom, tree.root);
    assert_false(fst_oom_look(&oom, SECOND));
    fst_oom_close(&oom);
    remove_tree(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_of_v2_is_seen_once_it_is_counted),
        cmocka_unit_test(v1_has_its_own_files),
        cmocka_unit_test(the_root_group_of_a_container_is_named_as_such),
        cmocka_unit_test(without_a_count_nothing_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
