/* Whether a conftest.py's pytest_collection_modifyitems must see the whole
 * selection at once, or can be given one file's items after the other.
 *
 * Only a hook that does nothing with the list but look at each item in a `for`
 * is sure to do the same either way. One that sorts, slices, assigns to or
 * measures the list, or hands it to what can't be followed, is not; nor is one
 * in a folder whose conftest.py is loaded when tests outside it have been
 * collected already, since pytest asks it about those too. Nothing is run.
 */
#ifndef FST_DISCOVER_WHOLELIST_H
#define FST_DISCOVER_WHOLELIST_H

#include "coordinator/discover/marks.h"
#include "coordinator/discover/project.h"

/* Adds the conftest.py's hook, if it has one, to the project's list_hooks.
 * path and dir live as long as the project. */
void fst_wholelist_note(struct fst_project *project,
                        struct fst_module *conftest, const char *path,
                        const char *dir);
/* Why the selection must be collected as a whole, in the arena, or NULL.
 * anchors: what the command line names, absolute (else the working directory):
 * pytest loads their conftest.py files before it collects. files: of the
 * selection, absolute. root: what paths are shown relative to. */
const char *fst_wholelist_why(const struct fst_project *project,
                              const struct fst_names *anchors,
                              const struct fst_names *files, const char *root,
                              struct fst_arena *arena);

#endif
