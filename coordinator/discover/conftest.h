/* What the conftest.py files on the way to a directory say about collecting.
 *
 * Only what can be known without running them: literal collect_ignore and
 * collect_ignore_glob; for the rest there is `asks`. */
#ifndef FST_DISCOVER_CONFTEST_H
#define FST_DISCOVER_CONFTEST_H

#include "coordinator/discover/marks.h"

struct fst_conftest { /* what holds in a directory */
    /* absolute; of the nearest conftest.py that has such a list; may be NULL */
    const struct fst_names *ignore, *ignore_glob;
    bool asks; /* a conftest.py here or above has a hook that decides what is
                  collected, or computes one of the lists */
};

/* Adds dir's own conftest.py, if there is one, to what holds above. The lists
 * live as long as the project. */
struct fst_conftest fst_conftest_enter(struct fst_project *project,
                                       const struct fst_conftest *above,
                                       const char *dir);
/* What holds in dir: all conftest.py from the top down. cut: pytest's
 * confcutdir; nothing above it is read. */
struct fst_conftest fst_conftest_at(struct fst_project *project,
                                    const char *cut, const char *dir);

#endif
