#include "shared/config/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"

/* quota / period of one cgroup's cpu.max, rounded up; 0: none. */
static int read_quota(const char *dir)
{
    long long quota, period;
    int cpus = 0;
    char *path = fst_printf("%s/cpu.max", dir);
    FILE *file = fopen(path, "re");
    free(path);
    if (!file)
        return 0;
    if (fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 &&
        period > 0 && quota / period < INT_MAX)
        cpus = (int)(quota / period + (quota % period != 0));
    fclose(file);
    return cpus;
}

int fst_cpus_quota(const char *mount, const char *cgroup)
{
    char *dir = fst_printf("%s%s", mount, cgroup);
    size_t top = strlen(mount);
    int least = 0;
    for (;;) {
        int quota = read_quota(dir);
        if (quota && (!least || quota < least))
            least = quota;
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < top)
            break;
        *slash = '\0';
    }
    free(dir);
    return least;
}

static int own_quota(void)
{
    char line[4096];
    int quota = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::", 3))
            continue;
        line[strcspn(line, "\n")] = '\0';
        quota = fst_cpus_quota("/sys/fs/cgroup", line + 3);
    }
    if (file)
        fclose(file);
    return quota;
}

int fst_cpus_available(void)
{
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    int quota = own_quota();
    return quota && quota < cpus ? quota : cpus;
}
