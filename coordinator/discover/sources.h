/* Which files a suite's tests depend on. Private to coordinator/discover. */
#ifndef FST_DISCOVER_SOURCES_H
#define FST_DISCOVER_SOURCES_H

#include "coordinator/discover/discover.h"
#include "coordinator/discover/project.h"
#include "coordinator/discover/walk.h"

/* Fills suite->sources: the modules that were met, what the parsed ones import
 * from the project, and `others` (absolute paths). Reads those that nobody has
 * read yet. */
void fst_sources_list(struct fst_project *project,
                      const struct fst_names *others, const char *root,
                      struct fst_suite *suite);

#endif
