#include "agent/pool/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/base/vec.h"

enum {
    PERCENT = 80, /* of all there is, where nothing was said */
    TEXT = 8192,  /* bytes of a kernel's file that are read */
};

/* ---- the kernel's files */

/* The beginning of a file; false: there is none. */
static bool read_text(const char *path, char text[TEXT])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, TEXT - 1);
    close(fd);
    while (len == TEXT - 1 && !strchr(" \n", text[len - 1]))
        len--; /* no half number */
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

/* The number that a file begins with; -1: none ("max", no such file). */
static int64_t read_number(const char *dir, const char *name)
{
    char text[TEXT], *end;
    char *path = fst_printf("%s/%s", dir, name);
    bool any = read_text(path, text);
    free(path);
    if (!any)
        return -1;
    long long number = strtoll(text, &end, 10);
    return end == text || number < 0 ? -1 : number;
}

/* The number behind `name` at the beginning of a line; 0: none. */
static int64_t find_field(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, len))
            return strtoll(line + len, NULL, 10);
    }
    return 0;
}

static int64_t read_field(const char *dir, const char *file, const char *name)
{
    char text[TEXT];
    char *path = fst_printf("%s/%s", dir, file);
    int64_t value = read_text(path, text) ? find_field(text, name) : 0;
    free(path);
    return value;
}

/* In /proc/meminfo, which counts in kB. */
static int64_t read_meminfo(const char *root, const char *name)
{
    char *dir = fst_printf("%s/proc", root);
    int64_t kib = read_field(dir, "meminfo", name);
    free(dir);
    return kib * 1024;
}

/* ---- cgroups */

struct bounds {
    int64_t limit, left;
};

static void lower(int64_t *least, int64_t value)
{
    if (value >= 0 && value < *least)
        *least = value;
}

/* One cgroup's bounds. Pages of files can be dropped; tmpfs isn't on their
 * lists. */
static void see_cgroup(const char *dir, bool v2, struct bounds *bounds)
{
    int64_t limit = INT64_MAX;
    lower(&limit,
          read_number(dir, v2 ? "memory.max" : "memory.limit_in_bytes"));
    if (v2)
        lower(&limit, read_number(dir, "memory.high"));
    if (limit == INT64_MAX)
        return;
    lower(&bounds->limit, limit);
    int64_t used =
        read_number(dir, v2 ? "memory.current" : "memory.usage_in_bytes");
    if (used < 0)
        return;
    used -= read_field(dir, "memory.stat",
                       v2 ? "inactive_file " : "total_inactive_file ");
    used -= read_field(dir, "memory.stat",
                       v2 ? "active_file " : "total_active_file ");
    int64_t left = limit - (used > 0 ? used : 0);
    lower(&bounds->left, left > 0 ? left : 0);
}

/* From mount/path up to mount. In a container the path may not be there, and
 * the mount is what counts. */
static void see_cgroups(const char *mount, const char *path, bool v2,
                        struct bounds *bounds)
{
    char *dir = fst_printf("%s%s", mount, path);
    size_t top = strlen(mount);
    for (;;) {
        see_cgroup(dir, v2, bounds);
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < top)
            break;
        *slash = '\0';
    }
    free(dir);
}

/* One line of /proc/self/cgroup: "0::/path" (v2), "4:memory:/path" (v1). */
static void see_line(const char *root, char *line, struct bounds *bounds)
{
    char *names = strchr(line, ':');
    char *path = names ? strchr(names + 1, ':') : NULL;
    if (!path)
        return;
    *path++ = '\0';
    names++;
    bool v2 = !*names;
    bool memory = false;
    for (char *save, *name = strtok_r(names, ",", &save); name;
         name = strtok_r(NULL, ",", &save))
        memory |= !strcmp(name, "memory");
    if (!v2 && !memory)
        return;
    char *mount = fst_printf("%s/sys/fs/cgroup%s", root, v2 ? "" : "/memory");
    see_cgroups(mount, path, v2, bounds);
    free(mount);
}

static struct bounds read_bounds(const char *root)
{
    struct bounds bounds = {INT64_MAX, INT64_MAX};
    char text[TEXT];
    char *path = fst_printf("%s/proc/self/cgroup", root);
    bool any = read_text(path, text);
    free(path);
    char *save, *line = any ? strtok_r(text, "\n", &save) : NULL;
    for (; line; line = strtok_r(NULL, "\n", &save))
        see_line(root, line, &bounds);
    return bounds;
}

int64_t fst_memory_total(const char *root)
{
    int64_t machine = read_meminfo(root, "MemTotal:");
    int64_t total = read_bounds(root).limit;
    if (machine > 0)
        lower(&total, machine);
    return total == INT64_MAX ? 0 : total;
}

int64_t fst_memory_left(const char *root)
{
    int64_t available = read_meminfo(root, "MemAvailable:");
    int64_t left = read_bounds(root).left;
    if (available > 0)
        lower(&left, available);
    return left;
}

int64_t fst_memory_bound(const char *root, int64_t max_memory)
{
    if (max_memory > 0)
        return max_memory;
    int64_t total = fst_memory_total(root);
    int64_t percent = max_memory ? -max_memory : PERCENT;
    return total ? total / 100 * percent : INT64_MAX;
}

/* ---- processes */

struct process {
    int64_t pid;
    size_t of; /* index of the worker that it is or descends from; n: none */
    int64_t size;
};

struct family { /* all descendants of this process */
    const int64_t *pids;
    size_t n;
    FST_VEC(struct process) list;
};

static size_t find_worker(const struct family *family, int64_t pid,
                          size_t otherwise)
{
    for (size_t i = 0; i < family->n; i++)
        if (family->pids[i] == pid)
            return i;
    return otherwise;
}

static void add_process(struct family *family, int64_t pid, size_t parent_of)
{
    struct process *process = fst_vec_push(&family->list);
    *process =
        (struct process){.pid = pid, .of = find_worker(family, pid, parent_of)};
}

/* Those that one thread of a process has started. */
static void add_children_of_thread(struct family *family, int64_t pid,
                                   const char *thread, size_t of)
{
    char path[64 + NAME_MAX], text[TEXT];
    snprintf(path, sizeof path, "/proc/%lld/task/%s/children", (long long)pid,
             thread);
    if (!read_text(path, text))
        return;
    for (char *save, *word = strtok_r(text, " ", &save); word;
         word = strtok_r(NULL, " ", &save))
        add_process(family, strtoll(word, NULL, 10), of);
}

static void add_children(struct family *family, int64_t pid, size_t of)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/task", (long long)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return;
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.')
            add_children_of_thread(family, pid, entry->d_name, of);
    closedir(tasks);
}

/* A process may end in between: then it has nothing. */
static int64_t read_resident(int64_t pid)
{
    char path[64], text[TEXT];
    long long pages = 0;
    snprintf(path, sizeof path, "/proc/%lld/statm", (long long)pid);
    if (!read_text(path, text) || sscanf(text, "%*s %lld", &pages) != 1)
        return 0;
    return pages * sysconf(_SC_PAGESIZE);
}

/* Falls back on resident pages: another user's process, an old kernel. */
static int64_t read_proportional(const struct process *process)
{
    char dir[64];
    snprintf(dir, sizeof dir, "/proc/%lld", (long long)process->pid);
    int64_t kib = read_field(dir, "smaps_rollup", "Pss:");
    return kib > 0 ? kib * 1024 : process->size;
}

static int64_t sum_up(const struct family *family, int64_t *sizes)
{
    int64_t total = 0;
    memset(sizes, 0, family->n * sizeof *sizes);
    const struct process *process;
    fst_vec_each (process, &family->list) {
        total += process->size;
        if (process->of < family->n)
            sizes[process->of] += process->size;
    }
    return total;
}

void fst_memory_measure(const int64_t *pids, size_t n, int64_t exact_from,
                        int64_t *sizes, int64_t *total)
{
    struct family family = {.pids = pids, .n = n};
    add_children(&family, getpid(), n);
    /* The list grows while it is read: a tree, level by level. */
    for (size_t i = 0; i < family.list.count; i++)
        add_children(&family, family.list.items[i].pid,
                     family.list.items[i].of);
    for (size_t i = 0; i < n; i++) {
        bool known = !pids[i];
        for (size_t j = 0; j < family.list.count && !known; j++)
            known = family.list.items[j].pid == pids[i];
        if (!known) /* the kernel was built without lists of children */
            add_process(&family, pids[i], i);
    }
    struct process *process;
    fst_vec_each (process, &family.list) {
        process->size = read_resident(process->pid);
    }
    *total = sum_up(&family, sizes);
    if (*total >= exact_from) {
        fst_vec_each (process, &family.list) {
            process->size = read_proportional(process);
        }
        *total = sum_up(&family, sizes);
    }
    fst_vec_free(&family.list);
}
