/* Paths as pytest sees them: absolute and normalised by their text only
 * (os.path.abspath: symbolic links are not followed), with '/'. */
#ifndef FST_DISCOVER_FSPATH_H
#define FST_DISCOVER_FSPATH_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/arena.h"
#include "shared/base/vec.h"

/* path, taken from base where it is relative, without ".", ".." and doubled
 * slashes. base: absolute and normal. The result lives in the arena. */
char *fst_fspath_normal(struct fst_arena *arena, const char *base,
                        const char *path);
/* "dir/name". */
char *fst_fspath_join(struct fst_arena *arena, const char *dir,
                      const char *name);
/* The directory of an absolute path; "/" is its own. */
char *fst_fspath_parent(struct fst_arena *arena, const char *path);
const char *fst_fspath_name(const char *path); /* behind the last '/' */
/* Is path dir itself or below it? */
bool fst_fspath_below(const char *path, const char *dir);
bool fst_fspath_suffix(const char *path, const char *suffix);

/* _pytest.pathlib.fnmatch_ex: a pattern without '/' is held against the name,
 * one with it against the whole path, at any depth unless it begins with '/'.
 */
bool fst_fspath_match(const char *path, const char *pattern);
bool fst_fspath_match_any(const char *path, const struct fst_strings *patterns);

/* sorted(glob.glob(pattern, recursive=True)) in the directory base; results
 * are added as the pattern spells them (relative stays relative). Hidden names
 * are matched only by patterns that begin with a dot. */
void fst_fspath_glob(const char *base, const char *pattern,
                     struct fst_strings *found);

#endif
