/* Node ids of the command line, and who claims whose module name. */
#ifndef FST_DISCOVER_SELECT_H
#define FST_DISCOVER_SELECT_H

#include "coordinator/discover/collect.h"
#include "coordinator/discover/walk.h"

/* Splits "path::A::b[x::y]" as pytest does: the path is returned, *selector is
 * "A::b[x::y]", or NULL where there is no "::" before the first "[". */
char *fst_select_split(struct fst_arena *arena, const char *argument,
                       const char **selector);
/* --pyargs: the file or package directory of a dotted name below pythonpath,
 * rootdir or the working directory; NULL: none. */
char *fst_select_pyarg(struct fst_arena *arena,
                       const struct fst_pytest_config *cfg, const char *dotted);
/* Gives file the selectors, and those of the found tests that they name, in
 * the selectors' order; sets verify. */
void fst_select_tests(struct fst_file *file, const struct fst_found *found,
                      const struct fst_names *selectors,
                      struct fst_arena *arena);
/* Sets `earlier` of all files; suite's files are walk's candidates, in the
 * same order. */
void fst_select_earlier(struct fst_suite *suite, const struct fst_walk *walk,
                        struct fst_project *project);

#endif
