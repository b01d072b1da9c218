/* TOML 1.0 files, as far as configuration needs them: tables, arrays, strings,
 * booleans and integers by value; floats and dates by their text.
 *
 * The grammar is tree-sitter-toml's; what a grammar can't say (a key given
 * twice, a table defined twice, what an escape means) is done here. One known
 * gap: a backslash, spaces and a newline in a multi-line string, which the
 * grammar refuses.
 */
#ifndef FST_CONFIG_TOML_H
#define FST_CONFIG_TOML_H

#include <stddef.h>

#include "shared/base/arena.h"
#include "shared/base/err.h"

enum fst_toml_kind {
    FST_TOML_TABLE,
    FST_TOML_ARRAY,
    FST_TOML_STRING,
    FST_TOML_BOOLEAN, /* text: "true" or "false" */
    FST_TOML_INTEGER, /* text: decimal, without underscores and plus */
    FST_TOML_OTHER    /* float or date, text as written */
};

struct fst_toml {
    enum fst_toml_kind kind;
    unsigned state;         /* the reader's own */
    const char *key;        /* of a table's member; NULL in an array */
    const char *text;       /* of a scalar; UTF-8 */
    size_t line;            /* from 1 */
    struct fst_toml *first; /* members or elements, in the file's order */
    struct fst_toml *last;
    struct fst_toml *next;
};

/* text: from fst_text_read(). Returns the root table, which lives in the arena.
 * NULL: FST_E_SYNTAX "PATH:LINE: …". */
struct fst_toml *fst_toml_parse(const char *path, const char *text, size_t len,
                                struct fst_arena *arena, struct fst_err *err);

/* The member of a table, or NULL (also where `table` is NULL or no table). */
const struct fst_toml *fst_toml_get(const struct fst_toml *table,
                                    const char *key);

/* "a string", "an array", …: for messages. */
const char *fst_toml_kind_name(enum fst_toml_kind kind);

#endif
