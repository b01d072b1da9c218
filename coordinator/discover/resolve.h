/* What names mean: across imports, aliases and base classes. */
#ifndef FST_DISCOVER_RESOLVE_H
#define FST_DISCOVER_RESOLVE_H

#include "coordinator/discover/project.h"

enum fst_obj_kind {
    FST_OBJ_UNKNOWN,  /* nothing is known of it */
    FST_OBJ_VALUE,    /* expr, in module; no function, class or module */
    FST_OBJ_FUNCTION, /* function, or a lambda: expr */
    FST_OBJ_CLASS,
    FST_OBJ_MODULE,
    FST_OBJ_EXTERNAL /* name: dotted, "unittest.TestCase"; of builtins:
                        "builtins.dict" */
};

struct fst_obj {
    enum fst_obj_kind kind;
    struct fst_module *module; /* it stands in, or is */
    struct fst_function *function;
    struct fst_class *cls;
    const struct fst_expr *expr;
    const char *name;
};

struct fst_class_facts { /* filled as they are asked for */
    struct fst_module *module;
    struct fst_ns *ns;
    struct fst_obj *mro; /* itself first; CLASS, EXTERNAL, or UNKNOWN */
    size_t n_mro;
    bool in_mro;      /* its mro is being made */
    bool called_base; /* a base is a call that can't be followed */
    enum { FST_CASE_NEW, FST_CASE_ASKED, FST_CASE_YES, FST_CASE_NO } testcase;
};

/* light: don't read modules that can't have to do with unittest: what stands
 * in them is UNKNOWN. */
struct fst_obj fst_resolve_entry(struct fst_project *project,
                                 const struct fst_entry *entry, bool light);
/* A dotted name as module says it, in cls (or NULL), before `order` of the
 * innermost scope. */
struct fst_obj fst_resolve_name(struct fst_project *project,
                                struct fst_module *module,
                                struct fst_class *cls, const char *dotted,
                                uint32_t order, bool light);
/* The dotted name by which the world knows what dotted means ("pytest.mark.x"
 * for "mark.x" after "from pytest import mark"); dotted itself where it is of
 * the project or unknown. */
const char *fst_resolve_external(struct fst_project *project,
                                 struct fst_module *module,
                                 struct fst_class *cls, const char *dotted);

struct fst_class_facts *fst_resolve_facts(struct fst_project *project,
                                          const struct fst_obj *cls);
/* The class's linearization; C3 (Python 2.3 MRO), depth-first where that
 * fails. */
const struct fst_class_facts *fst_resolve_mro(struct fst_project *project,
                                              const struct fst_obj *cls);
/* The first entry of that name along the mro, or NULL. */
struct fst_entry *fst_resolve_member(struct fst_project *project,
                                     const struct fst_obj *cls,
                                     const char *name);
/* Does it descend from unittest.TestCase? Externals named …TestCase do. */
bool fst_resolve_is_testcase(struct fst_project *project,
                             const struct fst_obj *cls);

#endif
