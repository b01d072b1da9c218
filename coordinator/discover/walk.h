/* From paths to the files that pytest would open, in its order.
 *
 * Follows Session.collect, Package.collect, visit() and
 * pytest_ignore_collect() of pytest 7: a directory's files by name,
 * __init__.py first, then its directories by name. Two differences: a file is
 * listed once, however often it is named; a directory that is its own ancestor
 * by a link is not entered (pytest goes on until the system refuses).
 */
#ifndef FST_DISCOVER_WALK_H
#define FST_DISCOVER_WALK_H

#include "coordinator/discover/conftest.h"
#include "coordinator/discover/discover.h"

struct fst_candidate {
    const char *path; /* absolute, normal */
    bool python;      /* collected as a module: its tests can be looked for */
    bool doctests;    /* collected for its doctests, too or only */
    bool held;        /* discover.h's */
    bool whole;       /* named without a selector, or found on a walk */
    struct fst_names selectors;
};

struct fst_walk {
    struct fst_project *project; /* its arena holds the paths */
    const struct fst_pytest_config *cfg;
    const char *cut; /* confcutdir */
    struct fst_names ignore, ignore_glob;
    struct fst_map known; /* path -> index + 1 in candidates */
    FST_VEC(struct fst_candidate) candidates;
    struct fst_names list_dirs;           /* absolute */
    FST_VEC(struct fst_problem) problems; /* paths absolute */
};

void fst_walk_init(struct fst_walk *walk, struct fst_project *project,
                   const struct fst_pytest_config *cfg);
void fst_walk_release(struct fst_walk *walk);
/* path: absolute, normal, there. selector: what stands behind "::", or NULL;
 * only with a file. */
void fst_walk_file(struct fst_walk *walk, const char *path,
                   const char *selector);
void fst_walk_dir(struct fst_walk *walk, const char *path);

#endif
