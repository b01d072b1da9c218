/* Which files a suite's tests depend on. Private to coordinator/discover. */
#ifndef FST_DISCOVER_SOURCES_H
#define FST_DISCOVER_SOURCES_H

#include "coordinator/discover/discover.h"
#include "coordinator/discover/project.h"
#include "coordinator/discover/walk.h"

/* Fills suite->sources: the modules that were met, what the parsed ones import
 * from the project, the candidates that are no modules, and `inifile` (NULL:
 * none). Reads those that nobody has read yet. And the closures of
 * suite->files, which are the candidates in their order. */
void fst_sources_list(struct fst_project *project, const struct fst_walk *walk,
                      const char *inifile, const char *root,
                      struct fst_suite *suite);

#endif
