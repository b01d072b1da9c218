#include "shared/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/err.h"
#include "shared/base/mem.h"

void fst_buf_init(struct fst_buf *buf, size_t limit)
{
    *buf = (struct fst_buf){.limit = limit};
}

void fst_buf_release(struct fst_buf *buf)
{
    free(buf->data);
    *buf = (struct fst_buf){.limit = buf->limit};
}

void fst_buf_clear(struct fst_buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

char *fst_buf_room(struct fst_buf *buf, size_t len)
{
    if (len > SIZE_MAX / 2 - buf->len)
        return NULL;
    size_t need = buf->len + len;
    if (buf->limit && need > buf->limit)
        return NULL;
    if (need + 1 > buf->cap) {
        size_t cap = buf->cap ? buf->cap : 64;
        while (cap < need + 1)
            cap *= 2;
        buf->data = fst_realloc(buf->data, cap);
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

void fst_buf_end(struct fst_buf *buf)
{
    FST_ASSERT(buf->len < buf->cap);
    buf->data[buf->len] = '\0';
}

int fst_buf_add(struct fst_buf *buf, const void *bytes, size_t len)
{
    char *room = fst_buf_room(buf, len);
    if (!room)
        return -1;
    if (len)
        memcpy(room, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int fst_buf_adds(struct fst_buf *buf, const char *text)
{
    return fst_buf_add(buf, text, strlen(text));
}

int fst_buf_addc(struct fst_buf *buf, char c)
{
    return fst_buf_add(buf, &c, 1);
}

int fst_buf_addv(struct fst_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    char *room = len < 0 ? NULL : fst_buf_room(buf, (size_t)len);
    if (room) {
        vsnprintf(room, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return room ? 0 : -1;
}

int fst_buf_addf(struct fst_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int result = fst_buf_addv(buf, fmt, args);
    va_end(args);
    return result;
}

void fst_buf_drop(struct fst_buf *buf, size_t len)
{
    FST_ASSERT(len <= buf->len);
    if (!len)
        return;
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

const char *fst_buf_str(const struct fst_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *fst_buf_take(struct fst_buf *buf)
{
    char *text = buf->data ? buf->data : fst_strdup("");
    *buf = (struct fst_buf){.limit = buf->limit};
    return text;
}
