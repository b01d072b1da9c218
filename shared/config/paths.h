/* Paths as Python's os.path takes them apart, without asking the file system
 * where a path is only text. Results are the caller's (free()). */
#ifndef FST_CONFIG_PATHS_H
#define FST_CONFIG_PATHS_H

#include <stdbool.h>

/* os.path.abspath() for a given working directory. */
char *fst_path_absolute(const char *cwd, const char *path);
/* The folder of an absolute, normal path; of "/" it is "/". */
char *fst_path_parent(const char *path);
/* The longest path that both are in or equal to. */
char *fst_path_common(const char *a, const char *b);
/* pathlib's dir / name, for an absolute dir: name alone where that is absolute,
 * "." left out, ".." kept. */
char *fst_path_join(const char *dir, const char *name);
/* os.path.expandvars(): $NAME and ${NAME}; what isn't set stays. */
char *fst_path_expand(const char *path);

bool fst_path_is_file(const char *path);
bool fst_path_is_dir(const char *path);
bool fst_path_exists(const char *path);

#endif
