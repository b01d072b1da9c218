#include "agent/pool/oom.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/mem.h"

#define TOGETHER_NS INT64_C(2000000000)

/* One of the kernel's small files; NULL: there is none. The caller's. */
static char *read_file(const char *path)
{
    char bytes[16384];
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    size_t len = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[len] = '\0';
    return fst_strdup(bytes);
}

/* The number behind "name " at the start of a line. */
static uint64_t read_count(const char *path, const char *name)
{
    char *text = read_file(path);
    uint64_t count = 0;
    size_t len = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, name, len) && line[len] == ' ')
            count = strtoull(line + len, NULL, 10);
    }
    free(text);
    return count;
}

/* This process's group: of v2 (controller "": "0::/path") or of the v1
 * hierarchy with that controller ("4:memory:/path"); the root is "". The
 * caller's, or NULL. */
static char *find_group(const char *list, const char *controller)
{
    for (const char *line = list; line && *line;) {
        const char *names = strchr(line, ':');
        const char *path = names ? strchr(names + 1, ':') : NULL;
        const char *end = line + strcspn(line, "\n");
        if (!path || path > end)
            return NULL;
        char *found = fst_printf(",%.*s,", (int)(path - names - 1), names + 1);
        char *wanted = fst_printf(",%s,", controller);
        bool same = strstr(found, wanted) != NULL;
        free(found);
        free(wanted);
        if (same) /* without the "/" of the root */
            return fst_printf("%.*s", (int)(end - path - 1 - (end == path + 2)),
                              path + 1);
        line = *end ? end + 1 : end;
    }
    return NULL;
}

/* The lowest limit from the group upwards, in bytes; 0: none. */
static uint64_t find_limit(const char *mount, const char *group,
                           const char *name)
{
    uint64_t lowest = 0;
    char *path = fst_strdup(group);
    for (;;) {
        char *file = fst_printf("%s%s/%s", mount, path, name);
        char *text = read_file(file);
        uint64_t limit = text ? strtoull(text, NULL, 10) : 0;
        /* "max" is 0; v1 says "no limit" by a number near 2^63. */
        if (limit && limit < UINT64_C(1) << 60 && (!lowest || limit < lowest))
            lowest = limit;
        free(text);
        free(file);
        char *slash = strrchr(path, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    free(path);
    return lowest;
}

static bool open_group(struct fst_oom *oom, const char *mount,
                       const char *group, const char *counter,
                       const char *limit_name)
{
    oom->counter = fst_printf("%s%s/%s", mount, group, counter);
    if (access(oom->counter, R_OK)) {
        free(oom->counter);
        oom->counter = NULL;
        return false;
    }
    uint64_t limit = find_limit(mount, group, limit_name);
    if (limit)
        oom->limit = fst_printf("cgroup %s, limit %" PRIu64 " MiB",
                                *group ? group : "/", limit >> 20);
    else
        oom->limit = fst_printf("cgroup %s", *group ? group : "/");
    oom->kills = read_count(oom->counter, "oom_kill");
    return true;
}

void fst_oom_open(struct fst_oom *oom, const char *root)
{
    *oom = (struct fst_oom){.changed_ns = INT64_MIN};
    char *path = fst_printf("%s/proc/self/cgroup", root);
    char *list = read_file(path);
    free(path);
    char *mount = fst_printf("%s/sys/fs/cgroup", root);
    char *v1 = fst_printf("%s/memory", mount);
    char *group = find_group(list, "memory");
    /* In a container the mount may begin at our own group. */
    bool found = group && (open_group(oom, v1, group, "memory.oom_control",
                                      "memory.limit_in_bytes") ||
                           open_group(oom, v1, "", "memory.oom_control",
                                      "memory.limit_in_bytes"));
    free(group);
    group = find_group(list, "");
    if (!found && group)
        open_group(oom, mount, group, "memory.events", "memory.max");
    free(group);
    free(v1);
    free(mount);
    free(list);
}

void fst_oom_close(struct fst_oom *oom)
{
    free(oom->counter);
    free(oom->limit);
    oom->counter = oom->limit = NULL;
}

bool fst_oom_look(struct fst_oom *oom, int64_t now_ns)
{
    if (!oom->counter)
        return false;
    uint64_t kills = read_count(oom->counter, "oom_kill");
    if (kills > oom->kills)
        oom->changed_ns = now_ns;
    oom->kills = kills;
    return oom->changed_ns != INT64_MIN &&
           now_ns - oom->changed_ns < TOGETHER_NS;
}
