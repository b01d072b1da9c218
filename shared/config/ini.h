/* Ini files by the rules of Python's iniconfig, which pytest reads its
 * configuration with (inih can't follow them: it knows neither their
 * continuation lines nor their errors). Duplicates of sections and names are
 * errors, a value goes on in indented lines, "[x" without its bracket is such a
 * line too, ":" may stand for "=".
 */
#ifndef FST_CONFIG_INI_H
#define FST_CONFIG_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/err.h"
#include "shared/base/vec.h"

struct fst_ini_entry {
    char *section;
    char *name;  /* NULL: the section's own line */
    char *value; /* lines of a continued value are joined by \n */
    size_t line; /* from 1 */
};

struct fst_ini {
    FST_VEC(struct fst_ini_entry) entries; /* in the file's order, owned */
};

/* text: from fst_text_read(). ini: zeroed; release it in any case. FST_E_SYNTAX
 * "PATH:LINE: …" where iniconfig raises ParseError. */
int fst_ini_parse(struct fst_ini *ini, const char *path, const char *text,
                  size_t len, struct fst_err *err);
void fst_ini_release(struct fst_ini *ini);

bool fst_ini_has(const struct fst_ini *ini, const char *section);
/* The entry, or NULL. */
const struct fst_ini_entry *fst_ini_get(const struct fst_ini *ini,
                                        const char *section, const char *name);

#endif
