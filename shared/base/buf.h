/* A growing run of bytes with a ceiling, always followed by a NUL.
 *
 * Whatever grows from outside input (a message, a child's output, a source
 * file) has a ceiling; past it the append fails and the buffer is unchanged.
 * Out of memory aborts: the programs are crash-only.
 */
#ifndef FST_BASE_BUF_H
#define FST_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct fst_buf {
    char *data; /* never NULL once something was appended; data[len] is NUL */
    size_t len;
    size_t cap;
    size_t limit; /* ceiling of len in bytes; 0: none */
};

#define FST_BUF_INIT ((struct fst_buf){0})

/* limit in bytes, 0 for none. */
void fst_buf_init(struct fst_buf *buf, size_t limit);
/* Frees the bytes; the buffer can be used again and keeps its limit. */
void fst_buf_release(struct fst_buf *buf);
/* Forgets the bytes, keeps the memory. */
void fst_buf_clear(struct fst_buf *buf);

/* Each returns 0, or -1 past the limit. */
int fst_buf_add(struct fst_buf *buf, const void *bytes, size_t len);
int fst_buf_adds(struct fst_buf *buf, const char *text);
int fst_buf_addc(struct fst_buf *buf, char c);
int fst_buf_addf(struct fst_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int fst_buf_addv(struct fst_buf *buf, const char *fmt, va_list args);

/* Room for `len` more bytes behind data+len, for a read(); NULL past the
 * limit. The caller adds what it used to buf->len and calls fst_buf_end(). */
char *fst_buf_room(struct fst_buf *buf, size_t len);
void fst_buf_end(struct fst_buf *buf);
/* Drops the first `len` bytes. */
void fst_buf_drop(struct fst_buf *buf, size_t len);
/* The bytes as a C string ("" when empty). */
const char *fst_buf_str(const struct fst_buf *buf);
/* The string becomes the caller's (free()); the buffer is empty afterwards. */
char *fst_buf_take(struct fst_buf *buf);

#endif
