/* The modules of a project: which file an import names, and what each module
 * and class binds, in the order of its namespace.
 *
 * Imports are looked for below the importing file's own base directory (the
 * first directory upwards without __init__.py), then below the roots. What
 * isn't found there is external: known by its dotted name only. Files are read
 * when they are first needed, once each. One thread.
 */
#ifndef FST_DISCOVER_PROJECT_H
#define FST_DISCOVER_PROJECT_H

#include "coordinator/discover/map.h"
#include "coordinator/discover/outline.h"
#include "shared/base/vec.h"

struct fst_entry { /* a name in a namespace */
    const char *name;
    const struct fst_binding *binding;
    struct fst_module *home; /* where the binding stands */
    struct fst_class *scope; /* the class it stands in, or NULL */
    uint32_t order;          /* place in the scope, of the star import too */
    struct fst_entry *older; /* what the name was bound to before */
    bool deleted;
    bool refused; /* name.__test__ = False */
};

struct fst_ns {
    struct fst_entry **items; /* as Python's dict orders them */
    size_t count, cap;
    struct fst_map map;
};

struct fst_module {
    const char *path; /* absolute; of a namespace package: its
                         directory */
    const char *dir;  /* where its submodules are, or are beside */
    const char *base; /* the directory that makes it importable */
    bool package;
    struct fst_outline *outline; /* NULL: not read yet, or namespace package */
    FST_VEC(struct fst_module *) imports; /* of the project; by sources.c, as */
    uint64_t digest;                      /* is this: of its bytes */
    size_t seen;                          /* by the closure of that file */
    enum { FST_NS_NEW, FST_NS_BUILDING, FST_NS_READY } state;
    struct fst_ns ns;
    bool star_unknown; /* an external module's names came in by a star */
    enum { FST_MENTIONS_UNKNOWN, FST_MENTIONS, FST_MENTIONS_NOT } mentions;
};

/* A pytest_collection_modifyitems of a conftest.py. */
struct fst_list_hook {
    const char *path; /* of the conftest.py, absolute */
    const char *dir;
    const char *why; /* it must see the whole selection: what it does with
                        the list, in words; or NULL */
};

struct fst_project {
    struct fst_arena arena;
    struct fst_map modules; /* path -> struct fst_module */
    struct fst_map found;   /* "dir/name" -> struct fst_module, or NULL */
    struct fst_map tops;    /* name -> struct fst_module below the roots */
    FST_VEC(const char *) roots;
    FST_VEC(struct fst_outline *) outlines;
    FST_VEC(struct fst_ns *) class_ns;
    FST_VEC(struct fst_list_hook) list_hooks; /* in order of being met */
    struct fst_parser *parser;
    size_t n_parsed;
};

void fst_project_init(struct fst_project *project);
void fst_project_release(struct fst_project *project);
/* A directory of sys.path; a second time is ignored. dir is copied. */
void fst_project_add_root(struct fst_project *project, const char *dir);
/* The module in that file, not read yet where it is new. */
struct fst_module *fst_project_module(struct fst_project *project,
                                      const char *path);
/* Takes an outline that was made elsewhere. */
struct fst_module *fst_project_adopt(struct fst_project *project,
                                     struct fst_outline *outline);
/* The module that "from <dots>dotted import" or "import dotted" in `from`
 * names; NULL: external. dotted may be empty where level > 0. */
struct fst_module *fst_project_import(struct fst_project *project,
                                      const struct fst_module *from, int level,
                                      const char *dotted);
struct fst_module *fst_project_submodule(struct fst_project *project,
                                         const struct fst_module *package,
                                         const char *name);
/* Reads the module where that has not been done; fills its namespace. */
struct fst_ns *fst_project_ns(struct fst_project *project,
                              struct fst_module *module);
struct fst_ns *fst_project_class_ns(struct fst_project *project,
                                    struct fst_class *cls,
                                    struct fst_module *module);
/* Does the module's text hold "TestCase" or "unittest" in any case? Packages'
 * __init__.py always do. Cheap beside reading the module. */
bool fst_project_mentions_tests(struct fst_project *project,
                                struct fst_module *module);

/* The name's last binding before `order`, or, where there is none, the last
 * one; NULL where it is not bound (any more). order UINT32_MAX: the last. */
struct fst_entry *fst_ns_find(const struct fst_ns *ns, const char *name,
                              uint32_t order);

/* The first directory from path's own upwards without __init__.py. In the
 * arena. */
char *fst_project_base(struct fst_arena *arena, const char *path);

#endif
