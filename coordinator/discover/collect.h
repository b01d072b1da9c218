/* From a module to its tests, as pytest's own collectors would find them there
 * (_pytest/python.py and unittest.py of pytest 7; 8 agrees). */
#ifndef FST_DISCOVER_COLLECT_H
#define FST_DISCOVER_COLLECT_H

#include "coordinator/discover/discover.h"
#include "coordinator/discover/project.h"

struct fst_found {
    struct fst_test *items;
    size_t count, cap; /* the caller's: fst_vec_free() */
    bool dynamic;      /* discover.h's */
};

/* id_path: what stands before "::". The tests' strings are copied to arena, or
 * live there already. */
void fst_collect_module(struct fst_project *project,
                        const struct fst_pytest_config *cfg,
                        struct fst_module *module, const char *id_path,
                        struct fst_arena *arena, struct fst_found *found);

#endif
