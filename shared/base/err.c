#include "shared/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes a character off the end that a full message has only a part of. */
static void drop_partial(struct fst_err *err)
{
    const size_t full = sizeof err->msg - 1;
    if (strlen(err->msg) < full)
        return;
    size_t start = full - 1;
    while (start > full - 4 && ((unsigned char)err->msg[start] & 0xc0) == 0x80)
        start--;
    unsigned char first = (unsigned char)err->msg[start];
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (start + len > full)
        err->msg[start] = '\0';
}

static void put(struct fst_err *err, enum fst_code code, const char *fmt,
                va_list args)
{
    err->code = code;
    if (vsnprintf(err->msg, sizeof err->msg, fmt, args) < 0)
        err->msg[0] = '\0';
    drop_partial(err);
}

int fst_fail(struct fst_err *err, enum fst_code code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        put(err, code, fmt, args);
        va_end(args);
    }
    return -1;
}

static enum fst_code code_of(int number)
{
    switch (number) {
    case ENOENT:
        return FST_E_NOTFOUND;
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT:
        return FST_E_LACKING;
    default:
        return FST_E_IO;
    }
}

int fst_fail_sys(struct fst_err *err, const char *fmt, ...)
{
    int number = errno;
    if (err) {
        va_list args;
        va_start(args, fmt);
        put(err, code_of(number), fmt, args);
        va_end(args);
        size_t used = strlen(err->msg);
        snprintf(err->msg + used, sizeof err->msg - used, ": %s",
                 strerror(number));
        drop_partial(err);
    }
    errno = number;
    return -1;
}

int fst_wrap(struct fst_err *err, const char *fmt, ...)
{
    if (err) {
        char inner[sizeof err->msg];
        memcpy(inner, err->msg, sizeof inner);
        va_list args;
        va_start(args, fmt);
        put(err, err->code, fmt, args);
        va_end(args);
        size_t used = strlen(err->msg);
        snprintf(err->msg + used, sizeof err->msg - used, ": %s", inner);
        drop_partial(err);
    }
    return -1;
}

const char *fst_code_name(enum fst_code code)
{
    static const char *const names[] = {
#define FST_CODE_NAME(code, wire, text, status) wire,
        FST_CODES(FST_CODE_NAME)
#undef FST_CODE_NAME
    };
    return names[code];
}

int fst_code_exit(enum fst_code code)
{
    static const int statuses[] = {
#define FST_CODE_EXIT(code, wire, text, status) status,
        FST_CODES(FST_CODE_EXIT)
#undef FST_CODE_EXIT
    };
    return statuses[code];
}

void fst_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: internal error: %s\n", file, line, what);
    abort();
}
