#include "coordinator/discover/syntax.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/map.h"
#include "shared/base/hash.h"
#include "shared/base/vec.h"

enum { DOTTED_DEPTH = 32, DIGITS = 18 };

bool fst_syntax_is(TSNode node, const char *type)
{
    return !ts_node_is_null(node) && !strcmp(ts_node_type(node), type);
}

TSNode fst_syntax_field(TSNode node, const char *field)
{
    return ts_node_child_by_field_name(node, field, (uint32_t)strlen(field));
}

char *fst_syntax_text(const struct fst_syntax *syntax, TSNode node)
{
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    return fst_arena_strn(syntax->arena, syntax->source + start, end - start);
}

char *fst_syntax_dotted(const struct fst_syntax *syntax, TSNode node)
{
    const char *parts[DOTTED_DEPTH];
    size_t lens[DOTTED_DEPTH], count = 0, total = 0;
    while (!ts_node_is_null(node)) {
        bool attribute = fst_syntax_is(node, "attribute");
        TSNode name = attribute ? fst_syntax_field(node, "attribute") : node;
        if (!fst_syntax_is(name, "identifier") || count == DOTTED_DEPTH)
            return NULL;
        uint32_t start = ts_node_start_byte(name);
        parts[count] = syntax->source + start;
        lens[count] = ts_node_end_byte(name) - start;
        total += lens[count++] + 1;
        if (!attribute)
            break;
        node = fst_syntax_field(node, "object");
    }
    char *out = fst_arena_alloc(syntax->arena, total + 1), *at = out;
    while (count--) {
        memcpy(at, parts[count], lens[count]);
        at += lens[count];
        if (count)
            *at++ = '.';
    }
    return out;
}

static struct fst_expr make_expr(const struct fst_syntax *syntax, TSNode node,
                                 int depth);

static const char *digest(const struct fst_syntax *syntax, TSNode node)
{
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    return fst_arena_printf(syntax->arena, "%016" PRIx64,
                            fst_hash(syntax->source + start, end - start));
}

static struct fst_expr other(void)
{
    return (struct fst_expr){.kind = FST_EXPR_OTHER};
}

/* The text between the quotes; OTHER for f-strings and bytes. */
static struct fst_expr make_string(const struct fst_syntax *syntax, TSNode node)
{
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    const char *text = syntax->source + start, *stop = syntax->source + end;
    while (text < stop && *text != '"' && *text != '\'') {
        if (strchr("fFbBtT", *text))
            return other();
        text++;
    }
    size_t quotes =
        stop - text >= 6 && text[1] == *text && text[2] == *text ? 3 : 1;
    if ((size_t)(stop - text) < 2 * quotes)
        return other();
    return (struct fst_expr){
        .kind = FST_EXPR_STRING,
        .text = fst_arena_strn(syntax->arena, text + quotes,
                               (size_t)(stop - text) - 2 * quotes)};
}

static struct fst_expr make_concatenated(const struct fst_syntax *syntax,
                                         TSNode node)
{
    const char *all = "";
    uint32_t count = ts_node_named_child_count(node);
    if (count > 256)
        return other();
    for (uint32_t i = 0; i < count; i++) {
        TSNode child = ts_node_named_child(node, i);
        if (fst_syntax_is(child, "comment"))
            continue;
        struct fst_expr part = make_string(syntax, child);
        if (part.kind != FST_EXPR_STRING)
            return other();
        all = fst_arena_printf(syntax->arena, "%s%s", all, part.text);
    }
    return (struct fst_expr){.kind = FST_EXPR_STRING, .text = all};
}

static struct fst_expr make_int(const struct fst_syntax *syntax, TSNode node)
{
    const char *text = fst_syntax_text(syntax, node);
    char *end;
    char digits[DIGITS + 1];
    size_t len = 0;
    for (; *text && len < DIGITS; text++)
        if (*text != '_')
            digits[len++] = *text;
    digits[len] = 0;
    int64_t value = strtoll(digits, &end, 0);
    if (*text || *end)
        return other();
    return (struct fst_expr){.kind = FST_EXPR_INT, .number = value};
}

/* The named children of a list, tuple, set or argument_list. */
static void make_parts(const struct fst_syntax *syntax, TSNode node, int depth,
                       struct fst_expr *into)
{
    struct fst_expr_list list = {0};
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    into->number = 0;
    for (; more; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        if (!ts_node_is_named(child) || fst_syntax_is(child, "comment"))
            continue;
        if (fst_syntax_is(child, "list_splat") ||
            fst_syntax_is(child, "dictionary_splat"))
            into->number = -1;
        else if (into->number >= 0)
            into->number++;
        if (list.count == FST_EXPR_PARTS)
            continue;
        if (fst_syntax_is(child, "keyword_argument")) {
            struct fst_expr value =
                make_expr(syntax, fst_syntax_field(child, "value"), depth + 1);
            value.keyword =
                fst_syntax_text(syntax, fst_syntax_field(child, "name"));
            fst_vec_add(&list, value);
        } else {
            fst_vec_add(&list, make_expr(syntax, child, depth + 1));
        }
    }
    ts_tree_cursor_delete(&cursor);
    into->parts =
        fst_arena_array(syntax->arena, list.count, sizeof *list.items);
    if (list.count)
        memcpy(into->parts, list.items, list.count * sizeof *list.items);
    into->n_parts = list.count;
    fst_vec_free(&list);
}

static struct fst_expr make_call(const struct fst_syntax *syntax, TSNode node,
                                 int depth)
{
    struct fst_expr expr = {.kind = FST_EXPR_CALL};
    TSNode callee = fst_syntax_field(node, "function");
    TSNode arguments = fst_syntax_field(node, "arguments");
    expr.text = fst_syntax_dotted(syntax, callee);
    if (!expr.text) {
        expr.callee = fst_arena_alloc(syntax->arena, sizeof *expr.callee);
        *expr.callee = make_expr(syntax, callee, depth + 1);
    }
    if (fst_syntax_is(arguments, "argument_list"))
        make_parts(syntax, arguments, depth, &expr);
    return expr;
}

static struct fst_expr make_expr(const struct fst_syntax *syntax, TSNode node,
                                 int depth)
{
    struct fst_expr expr = other();
    if (ts_node_is_null(node) || depth > FST_EXPR_DEPTH)
        return expr;
    const char *type = ts_node_type(node);
    if (!strcmp(type, "identifier") || !strcmp(type, "attribute")) {
        expr.text = fst_syntax_dotted(syntax, node);
        expr.kind = expr.text ? FST_EXPR_NAME : FST_EXPR_OTHER;
    } else if (!strcmp(type, "call")) {
        expr = make_call(syntax, node, depth);
    } else if (!strcmp(type, "string")) {
        expr = make_string(syntax, node);
    } else if (!strcmp(type, "concatenated_string")) {
        expr = make_concatenated(syntax, node);
    } else if (!strcmp(type, "integer")) {
        expr = make_int(syntax, node);
    } else if (!strcmp(type, "true") || !strcmp(type, "false")) {
        expr.kind = FST_EXPR_BOOL;
        expr.number = *type == 't';
    } else if (!strcmp(type, "none")) {
        expr.kind = FST_EXPR_NONE;
    } else if (!strcmp(type, "lambda")) {
        expr.kind = FST_EXPR_LAMBDA;
        expr.text = digest(syntax, node);
    } else if (!strcmp(type, "subscript")) {
        expr.text = fst_syntax_dotted(syntax, fst_syntax_field(node, "value"));
        expr.kind = expr.text ? FST_EXPR_SUBSCRIPT : FST_EXPR_OTHER;
    } else if (!strcmp(type, "list") || !strcmp(type, "tuple") ||
               !strcmp(type, "set") || !strcmp(type, "expression_list")) {
        expr.kind = FST_EXPR_LIST;
        make_parts(syntax, node, depth, &expr);
    } else if (!strcmp(type, "parenthesized_expression")) {
        expr = make_expr(syntax, ts_node_named_child(node, 0), depth + 1);
    }
    return expr;
}

struct fst_expr fst_syntax_expr(const struct fst_syntax *syntax, TSNode node)
{
    return make_expr(syntax, node, 0);
}

void fst_syntax_decorators(const struct fst_syntax *syntax, TSNode decorated,
                           const struct fst_expr **decorators, size_t *count)
{
    uint32_t children = ts_node_named_child_count(decorated);
    struct fst_expr *list =
        fst_arena_array(syntax->arena, children, sizeof *list);
    *count = 0;
    for (uint32_t i = 0; i < children; i++) {
        TSNode child = ts_node_named_child(decorated, i);
        if (fst_syntax_is(child, "decorator"))
            list[(*count)++] =
                fst_syntax_expr(syntax, ts_node_named_child(child, 0));
    }
    *decorators = list;
}

/* A parameter's name where it has no default and takes one argument. */
static char *plain_param(const struct fst_syntax *syntax, TSNode node)
{
    if (fst_syntax_is(node, "identifier"))
        return fst_syntax_text(syntax, node);
    if (!fst_syntax_is(node, "typed_parameter"))
        return NULL;
    TSNode name = ts_node_named_child(node, 0);
    return fst_syntax_is(name, "identifier") ? fst_syntax_text(syntax, name)
                                             : NULL;
}

static void set_params(const struct fst_syntax *syntax, TSNode params,
                       struct fst_function *function)
{
    if (ts_node_is_null(params))
        return;
    uint32_t children = ts_node_named_child_count(params);
    if (children > 1000)
        children = 1000;
    const char **list = fst_arena_array(syntax->arena, children, sizeof *list);
    for (uint32_t i = 0; i < children; i++) {
        char *name = plain_param(syntax, ts_node_named_child(params, i));
        if (name)
            list[function->n_params++] = name;
    }
    function->params = list;
}

struct fst_function *fst_syntax_function(const struct fst_syntax *syntax,
                                         TSNode definition, TSNode outer)
{
    struct fst_function *function =
        fst_arena_alloc(syntax->arena, sizeof *function);
    function->name =
        fst_syntax_text(syntax, fst_syntax_field(definition, "name"));
    function->line = ts_node_start_point(definition).row + 1;
    if (fst_syntax_is(outer, "decorated_definition"))
        fst_syntax_decorators(syntax, outer, &function->decorators,
                              &function->n_decorators);
    set_params(syntax, fst_syntax_field(definition, "parameters"), function);
    function->digest = digest(syntax, outer);
    return function;
}

static bool ends_with_name(const char *dotted, const char *name)
{
    size_t len = strlen(dotted), tail = strlen(name);
    return len >= tail && !strcmp(dotted + len - tail, name) &&
           (len == tail || dotted[len - tail - 1] == '.');
}

int fst_syntax_truth(const struct fst_syntax *syntax, TSNode condition)
{
    if (ts_node_is_null(condition))
        return -1;
    if (fst_syntax_is(condition, "parenthesized_expression"))
        condition = ts_node_named_child(condition, 0);
    if (fst_syntax_is(condition, "not_operator")) {
        TSNode argument = fst_syntax_field(condition, "argument");
        struct fst_expr name = fst_syntax_expr(syntax, argument);
        bool checking = name.kind == FST_EXPR_NAME &&
                        ends_with_name(name.text, "TYPE_CHECKING");
        return checking ? 1 : -1;
    }
    if (fst_syntax_is(condition, "comparison_operator")) {
        TSNode left = ts_node_named_child(condition, 0);
        TSNode right = ts_node_named_child(condition, 1);
        struct fst_expr one = fst_syntax_expr(syntax, left);
        struct fst_expr two = fst_syntax_expr(syntax, right);
        bool main =
            one.kind == FST_EXPR_NAME && !strcmp(one.text, "__name__") &&
            two.kind == FST_EXPR_STRING && !strcmp(two.text, "__main__");
        return main && fst_syntax_is(ts_node_child(condition, 1), "==") ? 0
                                                                        : -1;
    }
    struct fst_expr value = fst_syntax_expr(syntax, condition);
    if (value.kind == FST_EXPR_BOOL || value.kind == FST_EXPR_INT)
        return value.number != 0;
    if (value.kind == FST_EXPR_NONE)
        return 0;
    if (value.kind == FST_EXPR_NAME &&
        ends_with_name(value.text, "TYPE_CHECKING"))
        return 0;
    return -1;
}

void fst_syntax_bases(const struct fst_syntax *syntax, TSNode definition,
                      struct fst_class *cls)
{
    TSNode arguments = fst_syntax_field(definition, "superclasses");
    struct fst_expr all = {0};
    if (ts_node_is_null(arguments))
        return;
    make_parts(syntax, arguments, 0, &all);
    size_t bases = 0;
    for (size_t i = 0; i < all.n_parts; i++) {
        const struct fst_expr *part = &all.parts[i];
        if (!part->keyword)
            all.parts[bases++] = *part;
        else if (!strcmp(part->keyword, "metaclass"))
            cls->metaclass =
                !part->text || !ends_with_name(part->text, "ABCMeta");
    }
    cls->bases = all.parts;
    cls->n_bases = bases;
}
