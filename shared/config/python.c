#include "shared/config/python.h"

#include <stdlib.h>

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
