/* What one Python file says at module and class level: imports, functions,
 * classes, assignments, calls. Nothing is resolved yet.
 *
 * Made by tree-sitter from the whole file (the tree is gone afterwards). One
 * thread makes an outline; then it is read-only, but for the fields that are
 * the resolver's. All lives in the outline's own arena.
 */
#ifndef FST_DISCOVER_OUTLINE_H
#define FST_DISCOVER_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/arena.h"

enum fst_expr_kind {
    FST_EXPR_OTHER,
    FST_EXPR_NAME,   /* text: "a" or "a.b.c" */
    FST_EXPR_CALL,   /* text: the function's dotted name, or NULL */
    FST_EXPR_STRING, /* text: between the quotes, escapes as they stand */
    FST_EXPR_INT,    /* number */
    FST_EXPR_BOOL,   /* number: 0, 1 */
    FST_EXPR_NONE,
    FST_EXPR_LIST,     /* list, tuple or set display; number: elements, -1: not
                          known (a splat) */
    FST_EXPR_LAMBDA,   /* text: its digest */
    FST_EXPR_SUBSCRIPT /* text: the dotted name of what is subscripted */
};

struct fst_expr {
    enum fst_expr_kind kind;
    const char *text;
    int64_t number;
    const char *keyword;    /* as an argument: its name, else NULL */
    struct fst_expr *parts; /* CALL: arguments, LIST: elements (the first
                               FST_EXPR_PARTS of them) */
    size_t n_parts;
    struct fst_expr *callee; /* CALL without text: what is called */
};

enum { FST_EXPR_PARTS = 20000, FST_EXPR_DEPTH = 12 };

struct fst_function {
    const char *name;
    uint32_t line; /* 1-based, of the def */
    const struct fst_expr *decorators;
    size_t n_decorators;
    const char *const *params; /* that have no default; not *args, **kwargs */
    size_t n_params;
    const char *digest; /* hex: of decorators, header and body */
};

struct fst_scope {
    struct fst_binding *items; /* in source order */
    size_t count;
};

struct fst_class {
    const char *name;
    uint32_t line;
    uint32_t order; /* its binding's place in the scope it stands in */
    const struct fst_expr *decorators;
    size_t n_decorators;
    const struct fst_expr *bases;
    size_t n_bases;
    bool metaclass; /* one is named, other than ABCMeta */
    struct fst_scope scope;
    struct fst_class *outer;       /* the class it stands in, or NULL */
    struct fst_class_facts *facts; /* the resolver's */
};

enum fst_bind_kind {
    FST_BIND_DEF,
    FST_BIND_CLASS,
    FST_BIND_IMPORT, /* import module [as name]; "import a.b" binds "a" to
                        module "a" */
    FST_BIND_FROM,   /* from module import attr as name; level: dots */
    FST_BIND_STAR,   /* from module import *; no name */
    FST_BIND_VALUE,  /* name = value */
    FST_BIND_DEL,
    FST_BIND_ATTR /* name.attr = value */
};

struct fst_binding {
    enum fst_bind_kind kind;
    const char *name;
    uint32_t line;
    bool weak;     /* of an except, else or elif: only if not bound before */
    bool guarded;  /* below any if, try, for, while, match */
    bool unpacked; /* VALUE: name is one of several; value is the whole */
    const char *module, *attr;
    int level;
    union {
        struct fst_function *function;
        struct fst_class *cls;
        const struct fst_expr *value;
    };
};

struct fst_outline {
    struct fst_arena arena;
    const char *path;    /* absolute */
    uint64_t digest;     /* of its text; 0: unreadable */
    const char *problem; /* why nothing (or not all) was understood, or NULL */
    bool unreadable;     /* problem: there is nothing at all */
    bool dynamic;        /* module level touches globals(), setattr, exec … */
    struct fst_scope scope;
    struct fst_expr *calls; /* calls that stand alone at module level */
    size_t n_calls;
};

/* A parser, one a thread. */
struct fst_parser;
struct fst_parser *fst_parser_new(void);
void fst_parser_free(struct fst_parser *parser);

/* Reads and parses the file at path (copied). Never NULL: what is wrong stands
 * in `problem`. Freed with fst_outline_free(). */
struct fst_outline *fst_outline_read(struct fst_parser *parser,
                                     const char *path);
void fst_outline_free(struct fst_outline *outline);

#endif
