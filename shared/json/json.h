/* JSON in both directions. The only place that knows cJSON.
 *
 * The reader checks before it believes (RFC 8259, and what cJSON 1.7.15 lets
 * pass): valid UTF-8, no NUL and no \u0000, no control characters in strings,
 * no duplicate keys, no number that is too large for a double, nothing behind
 * the value, at most FST_JSON_DEPTH levels and FST_JSON_VALUES values (each
 * takes 64 bytes, whatever it is). The writer needs no tree: it
 * appends to a buffer as it is called. Any thread, one owner at a time.
 */
#ifndef FST_JSON_JSON_H
#define FST_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"

enum { FST_JSON_DEPTH = 64, FST_JSON_VALUES = 8 << 20 };

enum fst_json_type {
    FST_JSON_NULL,
    FST_JSON_BOOL,
    FST_JSON_NUMBER,
    FST_JSON_STRING,
    FST_JSON_ARRAY,
    FST_JSON_OBJECT,
};

/* A value of a parsed document; lives as long as the document. */
struct fst_json;

/* The document's top value, or NULL: FST_E_SYNTAX with what is wrong. */
struct fst_json *fst_json_parse(const char *bytes, size_t len,
                                struct fst_err *err);
void fst_json_free(struct fst_json *document);

enum fst_json_type fst_json_type(const struct fst_json *value);
const char *fst_json_type_name(enum fst_json_type type);
/* Member of an object; NULL where there is none or value is no object. */
const struct fst_json *fst_json_get(const struct fst_json *value,
                                    const char *key);
/* Members of an array or object, in order; NULL at the end. */
const struct fst_json *fst_json_first(const struct fst_json *value);
const struct fst_json *fst_json_next(const struct fst_json *value);
size_t fst_json_count(const struct fst_json *value); /* O(n) */
/* A member's key; NULL in an array. */
const char *fst_json_key(const struct fst_json *value);
/* Of a STRING, NUMBER, BOOL; asserted. */
const char *fst_json_string(const struct fst_json *value);
double fst_json_number(const struct fst_json *value);
bool fst_json_bool(const struct fst_json *value);

struct fst_json_writer {
    struct fst_buf *out;
    bool full;  /* out's limit was hit: what follows is dropped */
    bool comma; /* the next value needs one */
};

/* Appends to out; it stays the caller's. */
void fst_jw_init(struct fst_json_writer *writer, struct fst_buf *out);
/* 0, or -1 where the limit was hit (FST_E_LIMIT). */
int fst_jw_end(const struct fst_json_writer *writer, struct fst_err *err);

void fst_jw_object(struct fst_json_writer *writer);
void fst_jw_object_end(struct fst_json_writer *writer);
void fst_jw_array(struct fst_json_writer *writer);
void fst_jw_array_end(struct fst_json_writer *writer);
/* key: plain ASCII of ours; written as it is. */
void fst_jw_key(struct fst_json_writer *writer, const char *key);
/* NULL becomes null; invalid UTF-8 becomes U+FFFD, control characters are
 * escaped. */
void fst_jw_string(struct fst_json_writer *writer, const char *text);
void fst_jw_stringn(struct fst_json_writer *writer, const char *text,
                    size_t len);
void fst_jw_int(struct fst_json_writer *writer, int64_t value);
/* As a decimal string: readers make doubles of numbers. */
void fst_jw_u64(struct fst_json_writer *writer, uint64_t value);
/* Microsecond precision, no exponent, independent of the locale; NaN and
 * infinities become null. */
void fst_jw_double(struct fst_json_writer *writer, double value);
void fst_jw_bool(struct fst_json_writer *writer, bool value);
void fst_jw_null(struct fst_json_writer *writer);

#endif
