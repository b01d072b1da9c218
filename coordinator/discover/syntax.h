/* From tree-sitter's nodes to expressions, functions and their facts; what
 * outline.c needs of a file besides its statements. */
#ifndef FST_DISCOVER_SYNTAX_H
#define FST_DISCOVER_SYNTAX_H

#include <tree_sitter/api.h>

#include "coordinator/discover/outline.h"

struct fst_syntax { /* what a node's text is taken from and goes to */
    const char *source;
    struct fst_arena *arena;
};

struct fst_expr_list {
    struct fst_expr *items;
    size_t count, cap;
};

bool fst_syntax_is(TSNode node, const char *type);
/* The child in that field, or a null node. */
TSNode fst_syntax_field(TSNode node, const char *field);
char *fst_syntax_text(const struct fst_syntax *syntax, TSNode node);
/* "a.b.c" of identifiers and attributes, NULL for anything else. */
char *fst_syntax_dotted(const struct fst_syntax *syntax, TSNode node);
struct fst_expr fst_syntax_expr(const struct fst_syntax *syntax, TSNode node);
/* The decorators of a decorated_definition, in source order. */
void fst_syntax_decorators(const struct fst_syntax *syntax, TSNode decorated,
                           const struct fst_expr **decorators, size_t *count);
/* outer: the definition with its decorators, for the digest. */
struct fst_function *fst_syntax_function(const struct fst_syntax *syntax,
                                         TSNode definition, TSNode outer);
/* A condition's value where it is certain: 1, 0, else -1. __name__ is never
 * "__main__", TYPE_CHECKING is false. */
int fst_syntax_truth(const struct fst_syntax *syntax, TSNode condition);
/* Bases and metaclass of a class_definition. */
void fst_syntax_bases(const struct fst_syntax *syntax, TSNode definition,
                      struct fst_class *cls);

#endif
