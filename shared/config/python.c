#include "shared/config/python.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/err.h"
#include "shared/base/mem.h"

char *fst_python_find(const char *asked)
{
    const char *environment = getenv("VIRTUAL_ENV");
    if (asked && *asked)
        return fst_strdup(asked);
    if (environment && *environment)
        return fst_printf("%s/bin/python", environment);
    return fst_strdup("python3");
}

char *fst_python_worker(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    FST_ASSERT(len > 0);
    path[len] = '\0';
    *strrchr(path, '/') = '\0';
    return fst_printf("%s/../lib/fastest/fastest_worker", path);
}
