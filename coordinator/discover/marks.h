/* What decorators say: pytest's marks, what parametrize multiplies, what else
 * makes a function or a class no test. */
#ifndef FST_DISCOVER_MARKS_H
#define FST_DISCOVER_MARKS_H

#include "coordinator/discover/resolve.h"

struct fst_names {
    const char **items;
    size_t count, cap;
};

struct fst_marks {          /* strings are borrowed from outlines and project */
    struct fst_names names; /* of marks; each once */
    struct fst_names fixtures; /* usefixtures' arguments */
    struct fst_names params;   /* parametrize's argument names */
    int64_t instances;         /* product of arities; -1: not known */
};

void fst_marks_init(struct fst_marks *marks);
void fst_marks_release(struct fst_marks *marks);
void fst_marks_copy(struct fst_marks *marks, const struct fst_marks *from);
/* Adds what expr (a decorator, or the value of a pytestmark) says, as it stands
 * in module, in cls or NULL. What is no mark adds nothing. */
void fst_marks_add(struct fst_marks *marks, struct fst_project *project,
                   struct fst_module *module, struct fst_class *cls,
                   const struct fst_expr *expr);
/* Adds name where it is new. */
void fst_names_add(struct fst_names *names, const char *name);
bool fst_names_has(const struct fst_names *names, const char *name);

enum fst_role {
    FST_ROLE_FUNCTION,
    FST_ROLE_FIXTURE,
    FST_ROLE_PROPERTY, /* or whatever isn't callable on the class */
    FST_ROLE_CLASSMETHOD,
    FST_ROLE_REFUSED /* @nottest */
};

/* What the decorators make of a function; module and cls as above. */
enum fst_role fst_marks_role(struct fst_project *project,
                             struct fst_module *module, struct fst_class *cls,
                             const struct fst_function *function);
bool fst_marks_is_static(const struct fst_function *function);
/* How many of the function's last arguments mock.patch supplies; they are its
 * first behind self. */
size_t fst_marks_patched(struct fst_project *project, struct fst_module *module,
                         const struct fst_function *function);
/* Does a decorator of the class give it an __init__ (dataclass, attrs)? */
bool fst_marks_makes_init(struct fst_project *project,
                          const struct fst_obj *cls);
/* Is there a decorator that may make or change tests? */
bool fst_marks_is_strange(struct fst_project *project,
                          const struct fst_obj *cls);

#endif
