#include "shared/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *memory)
{
    if (!memory) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *fst_alloc(size_t size)
{
    return check(calloc(1, size ? size : 1));
}

void *fst_calloc(size_t count, size_t size)
{
    return check(calloc(count ? count : 1, size ? size : 1));
}

void *fst_realloc(void *old, size_t size)
{
    return check(realloc(old, size ? size : 1));
}

char *fst_strdup(const char *text)
{
    return text ? check(strdup(text)) : NULL;
}

char *fst_strndup(const char *text, size_t len)
{
    return check(strndup(text, len));
}

char *fst_printf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    return check(text);
}
