#include "agent/pool/memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/config/tree.h"

enum { MIB = 1 << 20 };

static const char meminfo[] = "MemTotal:       16384 kB\n"
                              "MemFree:         1024 kB\n"
                              "MemAvailable:    8192 kB\n";

struct file {
    const char *name, *text;
};

static void check(const struct file *files, int64_t total, int64_t left)
{
    char *root = tree_new();
    for (; files->name; files++)
        tree_add(root, files->name, files->text);
    assert_int_equal(fst_memory_total(root), total);
    assert_int_equal(fst_memory_left(root), left);
    tree_remove(root);
}

static void without_cgroups_the_machine_counts(void **state)
{
    (void)state;
    const struct file files[] = {{"proc/meminfo", meminfo}, {NULL, NULL}};
    check(files, 16 * MIB, 8 * MIB);
}

static void nothing_is_known_of_an_empty_root(void **state)
{
    (void)state;
    const struct file none[] = {{NULL, NULL}};
    check(none, 0, INT64_MAX);
}

static void each_cgroup_on_the_way_up_counts(void **state)
{
    (void)state;
    const struct file files[] = {
        {"proc/meminfo", meminfo},
        {"proc/self/cgroup", "0::/a/b\n"},
        {"sys/fs/cgroup/a/b/memory.max", "max\n"},
        {"sys/fs/cgroup/a/b/memory.high", "10485760\n"},
        {"sys/fs/cgroup/a/b/memory.current", "1048576\n"},
        {"sys/fs/cgroup/a/memory.max", "12582912\n"},
        {"sys/fs/cgroup/a/memory.current", "11534336\n"},
        {NULL, NULL}};
    check(files, 10 * MIB, 1 * MIB);
}

static void pages_of_files_count_as_left(void **state)
{
    (void)state;
    const struct file files[] = {
        {"proc/meminfo", meminfo},
        {"proc/self/cgroup", "1:name=systemd:/\n0::/\n"},
        {"sys/fs/cgroup/memory.max", "12582912\n"},
        {"sys/fs/cgroup/memory.current", "11534336\n"},
        {"sys/fs/cgroup/memory.stat",
         "anon 1\ninactive_anon 7\ninactive_file 2097152\n"
         "active_file 1048576\n"},
        {NULL, NULL}};
    check(files, 12 * MIB, 4 * MIB);
}

static void version_1_is_read_too(void **state)
{
    (void)state;
    const struct file files[] = {
        {"proc/meminfo", meminfo},
        {"proc/self/cgroup", "5:cpu,memory:/x\n3:pids:/\n0::/\n"},
        {"sys/fs/cgroup/memory/x/memory.limit_in_bytes",
         "9223372036854771712\n"},
        {"sys/fs/cgroup/memory/memory.limit_in_bytes", "4194304\n"},
        {"sys/fs/cgroup/memory/memory.usage_in_bytes", "3145728\n"},
        {"sys/fs/cgroup/memory/memory.stat",
         "inactive_file 9\ntotal_inactive_file 1048576\n"},
        {NULL, NULL}};
    check(files, 4 * MIB, 2 * MIB);
}

static void a_cgroup_that_is_not_there_leaves_its_mount(void **state)
{
    (void)state;
    const struct file files[] = {{"proc/meminfo", meminfo},
                                 {"proc/self/cgroup", "0::/../../outside\n"},
                                 {"sys/fs/cgroup/memory.max", "4194304\n"},
                                 {NULL, NULL}};
    check(files, 4 * MIB, 8 * MIB);
}

static void the_bound_is_what_was_said_or_a_share(void **state)
{
    (void)state;
    char *root = tree_new();
    assert_true(fst_memory_bound(root, 0) == INT64_MAX);
    tree_add(root, "proc/meminfo", "MemTotal: 102400 kB\n");
    assert_int_equal(fst_memory_bound(root, 7 * MIB), 7 * MIB);
    assert_int_equal(fst_memory_bound(root, 0), 80 * MIB);
    assert_int_equal(fst_memory_bound(root, -50), 50 * MIB);
    tree_remove(root);
}

/* A child that has `mib` MiB of its own, and a child of its own with as much.
 */
static pid_t start_pair(int mib, int said[2])
{
    pid_t pid = fork();
    if (pid)
        return pid;
    bool outer = fork() != 0;
    char *bytes = malloc((size_t)mib << 20);
    memset(bytes, 1, (size_t)mib << 20);
    if (write(said[1], bytes, 1) != 1)
        _exit(1);
    for (;;)
        pause();
    _exit(outer);
}

/* What a process of a test has besides; a sanitizer's shadow is large. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static const int64_t own_mib = 1024;
#else
static const int64_t own_mib = 20;
#endif

static void a_process_is_measured_with_its_children(void **state)
{
    (void)state;
    int said[2];
    char bytes[4];
    assert_int_equal(pipe(said), 0);
    int64_t pids[3] = {start_pair(20, said), 0, start_pair(5, said)};
    int64_t sizes[3], total;
    for (int got = 0; got < 4;)
        got += (int)read(said[0], bytes, sizeof bytes);
    for (int exact = 0; exact < 2; exact++) {
        fst_memory_measure(pids, 3, exact ? 0 : INT64_MAX, sizes, &total);
        assert_in_range(sizes[0], 40 * MIB, (40 + own_mib) * MIB);
        assert_int_equal(sizes[1], 0);
        assert_in_range(sizes[2], 10 * MIB, (10 + own_mib) * MIB);
        assert_int_equal(total, sizes[0] + sizes[2]);
    }
    for (int i = 0; i < 3; i += 2) {
        char path[64], line[64] = "";
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pids[i],
                 (int)pids[i]);
        FILE *file = fopen(path, "re");
        assert_non_null(fgets(line, sizeof line, file));
        fclose(file);
        kill(atoi(line), SIGKILL);
        kill((pid_t)pids[i], SIGKILL);
        waitpid((pid_t)pids[i], NULL, 0);
    }
    fst_memory_measure(pids, 1, 0, sizes, &total);
    assert_int_equal(sizes[0], 0);
    close(said[0]);
    close(said[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_cgroups_the_machine_counts),
        cmocka_unit_test(nothing_is_known_of_an_empty_root),
        cmocka_unit_test(each_cgroup_on_the_way_up_counts),
        cmocka_unit_test(pages_of_files_count_as_left),
        cmocka_unit_test(version_1_is_read_too),
        cmocka_unit_test(a_cgroup_that_is_not_there_leaves_its_mount),
        cmocka_unit_test(the_bound_is_what_was_said_or_a_share),
        cmocka_unit_test(a_process_is_measured_with_its_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
