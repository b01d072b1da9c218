/* Text files and text as Python sees them: UTF-8, newlines made one, Unicode's
 * white space. Any thread. */
#ifndef FST_CONFIG_TEXT_H
#define FST_CONFIG_TEXT_H

#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"

/* Reads a configuration file as Python's open() in text mode does: \r\n and \r
 * become \n. At most 16 MiB. FST_E_USAGE where the file can't be read (pytest
 * refuses such a file with exit 4 too), FST_E_SYNTAX where it isn't UTF-8 or
 * holds a NUL byte, with path and line. */
int fst_text_read(const char *path, struct fst_buf *out, struct fst_err *err);

/* The same for bytes that are there already; path is for the message. */
int fst_text_take(const char *path, const char *bytes, size_t len,
                  struct fst_buf *out, struct fst_err *err);

/* Bytes (0..3) of the white space character that text[0…len) begins with, by
 * str.isspace()'s list. */
size_t fst_text_space(const char *text, size_t len);

/* str.strip(), str.rstrip(): moves the ends of (*text)[0…*len) inwards. */
void fst_text_strip(const char **text, size_t *len);
void fst_text_rstrip(const char *text, size_t *len);

#endif
