#include "shared/loop/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/base/text.h"

enum {
    ROUNDS = 100, /* generations of a family that are ended one after another */
    WAITS = 500,  /* of a millisecond, for one process */
    ENVIRONMENT = 128 * 1024,
    COMMAND = 200,
};

/* Up to size - 1 bytes of a file of /proc/PID; their number. */
static size_t read_proc(int64_t pid, const char *name, char *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 1;
    while (fd >= 0 && got > 0 && len < size - 1) {
        got = read(fd, bytes + len, size - 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    bytes[len] = '\0';
    return len;
}

/* 0: there is no such process. */
static int64_t read_parent(int64_t pid)
{
    char text[1024];
    long long parent;
    read_proc(pid, "stat", text, sizeof text);
    const char *end = strrchr(text, ')'); /* a name may hold anything */
    return end && sscanf(end + 1, " %*c %lld", &parent) == 1 ? parent : 0;
}

struct children {
    FST_VEC(int64_t) pids;
};

/* Of whoever became this program: `server & exec fastest run`. */
static struct children early;

/* By the lists of our threads; false: the kernel has none
 * (CONFIG_PROC_CHILDREN). */
static bool list_by_thread(struct children *children)
{
    enum { MOST = 256 * 1024 };
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    bool listed = false;
    char *text = fst_alloc(MOST), *end;
    while (dir && (entry = readdir(dir))) {
        char name[64];
        long tid = strtol(entry->d_name, NULL, 10);
        if (tid <= 0)
            continue;
        snprintf(name, sizeof name, "task/%ld/children", tid);
        read_proc(getpid(), name, text, MOST);
        for (char *at = text;; at = end) {
            int64_t pid = strtoll(at, &end, 10);
            if (end == at)
                break;
            fst_vec_add(&children->pids, pid);
        }
        snprintf(name, sizeof name, "/proc/self/task/%ld/children", tid);
        listed |= !access(name, R_OK);
    }
    if (dir)
        closedir(dir);
    free(text);
    return listed;
}

static void list_by_parent(struct children *children)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int64_t pid = strtoll(entry->d_name, NULL, 10);
        if (pid > 0 && read_parent(pid) == getpid())
            fst_vec_add(&children->pids, pid);
    }
    if (dir)
        closedir(dir);
}

static void list_children(struct children *children)
{
    children->pids.count = 0;
    if (!list_by_thread(children))
        list_by_parent(children);
}

void fst_leftovers_adopt(void)
{
    list_children(&early);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* The value of a variable in an environment of NUL-terminated entries. */
static const char *find_value(const char *env, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = env; at < env + len; at += strlen(at) + 1)
        if (!strncmp(at, name, n) && at[n] == '=')
            return at + n + 1;
    return NULL;
}

/* PYTEST_CURRENT_TEST is "a.py::b (call)". */
static const char *test_of(const char *value, struct fst_arena *arena)
{
    if (!value)
        return NULL;
    const char *space = strrchr(value, ' ');
    size_t len =
        space && space[1] == '(' ? (size_t)(space - value) : strlen(value);
    return fst_text_clean(arena, value, len);
}

static void describe(int64_t pid, struct fst_arena *arena,
                     struct fst_leftover *leftover)
{
    char command[COMMAND];
    char *env = fst_alloc(ENVIRONMENT);
    size_t len = read_proc(pid, "environ", env, ENVIRONMENT);
    const char *worker = find_value(env, len, "FASTEST_SLOT");
    *leftover = (struct fst_leftover){
        .pid = pid,
        .test = test_of(find_value(env, len, "PYTEST_CURRENT_TEST"), arena),
        .worker = worker ? fst_text_clean(arena, worker, strlen(worker)) : NULL,
    };
    free(env);
    len = read_proc(pid, "cmdline", command, sizeof command);
    if (!len)
        len = read_proc(pid, "comm", command, sizeof command);
    while (len && (!command[len - 1] || command[len - 1] == '\n'))
        len--;
    for (size_t i = 0; i < len; i++)
        if (!command[i] || command[i] == '\n')
            command[i] = ' ';
    leftover->command = fst_text_clean(arena, command, len);
}

static bool is_known(int64_t pid, const int64_t *known, size_t n)
{
    for (size_t i = 0; i < early.pids.count; i++)
        if (early.pids.items[i] == pid)
            return true;
    for (size_t i = 0; i < n; i++)
        if (known[i] == pid)
            return true;
    return false;
}

static void end_one(int64_t pid)
{
    static const struct timespec millisecond = {.tv_nsec = 1000000};
    kill((pid_t)pid, SIGKILL);
    for (int i = 0; i < WAITS; i++) {
        if (waitpid((pid_t)pid, NULL, WNOHANG))
            return;
        nanosleep(&millisecond, NULL);
    }
}

void fst_leftovers_end(const int64_t *known, size_t n_known,
                       struct fst_arena *arena, struct fst_leftovers *found)
{
    struct children children = {0};
    bool again = true;
    for (int round = 0; again && round < ROUNDS; round++) {
        again = false;
        list_children(&children);
        for (size_t i = 0; i < children.pids.count; i++) {
            int64_t pid = children.pids.items[i];
            if (is_known(pid, known, n_known) ||
                waitpid((pid_t)pid, NULL, WNOHANG))
                continue;
            describe(pid, arena, fst_vec_push(&found->list));
            end_one(pid);
            again = true;
        }
    }
    fst_vec_free(&children.pids);
}

const char *fst_leftover_line(const struct fst_leftover *leftover,
                              struct fst_arena *arena)
{
    const char *who = leftover->test;
    if (!who && leftover->worker)
        who = fst_arena_printf(arena, "worker 'gw%s'", leftover->worker);
    return fst_arena_printf(
        arena, "left running by %s: process %lld (%s); ended",
        who ? who : "a worker", (long long)leftover->pid, leftover->command);
}
