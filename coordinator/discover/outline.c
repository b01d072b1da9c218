#include "coordinator/discover/outline.h"

#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

#include "coordinator/discover/map.h"
#include "coordinator/discover/source.h"
#include "coordinator/discover/syntax.h"
#include "shared/base/err.h"
#include "shared/base/hash.h"
#include "shared/base/vec.h"

const TSLanguage *tree_sitter_python(void);

/* Blocks in blocks; CPython itself refuses more than 100 levels of indentation
 * and 20 nested blocks. */
enum { DEPTH = 100 };

struct fst_parser {
    TSParser *ts;
    struct fst_buf source;
};

struct bindings {
    struct fst_binding *items;
    size_t count, cap;
};

struct walk { /* of one scope */
    struct fst_syntax syntax;
    struct fst_outline *outline;
    struct fst_class *cls; /* NULL: module level */
    struct bindings *bindings;
    struct fst_expr_list *calls; /* the module's */
    int depth;
    bool weak, guarded;
};

struct fst_parser *fst_parser_new(void)
{
    struct fst_parser *parser = fst_alloc(sizeof *parser);
    parser->ts = ts_parser_new();
    fst_buf_init(&parser->source, FST_SOURCE_LIMIT + 1);
    FST_ASSERT(ts_parser_set_language(parser->ts, tree_sitter_python()));
    return parser;
}

void fst_parser_free(struct fst_parser *parser)
{
    if (!parser)
        return;
    ts_parser_delete(parser->ts);
    fst_buf_release(&parser->source);
    free(parser);
}

static void visit_block(const struct walk *walk, TSNode block);
static void visit_definition(const struct walk *walk, TSNode node,
                             TSNode outer);

static struct fst_binding *bind(const struct walk *walk,
                                enum fst_bind_kind kind, const char *name,
                                TSNode node)
{
    struct fst_binding *binding = fst_vec_push(walk->bindings);
    *binding = (struct fst_binding){.kind = kind,
                                    .name = name,
                                    .line = ts_node_start_point(node).row + 1,
                                    .weak = walk->weak,
                                    .guarded = walk->guarded};
    return binding;
}

/* A block that may not run: what it binds is guarded, and weak where another
 * block of the statement comes first. */
static void visit_branch(const struct walk *walk, TSNode block, bool weak)
{
    struct walk inner = *walk;
    if (ts_node_is_null(block))
        return;
    inner.guarded = true;
    inner.weak |= weak;
    inner.depth++;
    visit_block(&inner, block);
}

/* Does the statement's text begin with, or hold, a way to write into a
 * namespace by name? */
static void look_for_magic(const struct walk *walk, TSNode node)
{
    static const char *const words[] = {"globals(",   "vars(", "locals(",
                                        "setattr(",   "exec(", "__dict__",
                                        "sys.modules"};
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    size_t len = end - start < 4096 ? end - start : 4096;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(walk->syntax.source + start, len, words[i],
                   strlen(words[i])))
            walk->outline->dynamic = true;
}

/* Binds the names of a target: "a", "a.b", "(a, b)". */
static void bind_target(const struct walk *walk, TSNode target,
                        const struct fst_expr *value, bool unpacked)
{
    if (fst_syntax_is(target, "identifier")) {
        struct fst_binding *binding =
            bind(walk, FST_BIND_VALUE, fst_syntax_text(&walk->syntax, target),
                 target);
        binding->value = value;
        binding->unpacked = unpacked;
    } else if (fst_syntax_is(target, "attribute")) {
        char *name = fst_syntax_dotted(&walk->syntax,
                                       fst_syntax_field(target, "object"));
        if (!name)
            return;
        struct fst_binding *binding = bind(walk, FST_BIND_ATTR, name, target);
        binding->attr = fst_syntax_text(&walk->syntax,
                                        fst_syntax_field(target, "attribute"));
        binding->value = value;
    } else if (fst_syntax_is(target, "pattern_list") ||
               fst_syntax_is(target, "tuple_pattern") ||
               fst_syntax_is(target, "list_pattern")) {
        uint32_t count = ts_node_named_child_count(target);
        for (uint32_t i = 0; i < count && i < DEPTH; i++) {
            TSNode child = ts_node_named_child(target, i);
            if (fst_syntax_is(child, "identifier"))
                bind_target(walk, child, value, true);
        }
    }
}

static void visit_assignment(const struct walk *walk, TSNode node)
{
    TSNode targets[16];
    size_t count = 0;
    TSNode right = node;
    while (fst_syntax_is(right, "assignment") && count < 16) {
        targets[count++] = fst_syntax_field(right, "left");
        right = fst_syntax_field(right, "right");
    }
    if (ts_node_is_null(right)) /* only an annotation */
        return;
    struct fst_expr *value = fst_arena_alloc(walk->syntax.arena, sizeof *value);
    *value = fst_syntax_expr(&walk->syntax, right);
    for (size_t i = 0; i < count; i++) {
        if (fst_syntax_is(targets[i], "subscript"))
            look_for_magic(walk, targets[i]);
        bind_target(walk, targets[i], value, false);
    }
}

static void visit_expression(const struct walk *walk, TSNode statement)
{
    TSNode node = ts_node_named_child(statement, 0);
    if (ts_node_is_null(node))
        return;
    if (fst_syntax_is(node, "assignment")) {
        visit_assignment(walk, node);
    } else if (fst_syntax_is(node, "augmented_assignment")) {
        struct fst_expr *value =
            fst_arena_alloc(walk->syntax.arena, sizeof *value);
        bind_target(walk, fst_syntax_field(node, "left"), value, false);
    } else if (fst_syntax_is(node, "call")) {
        look_for_magic(walk, node);
        if (!walk->cls)
            fst_vec_add(walk->calls, fst_syntax_expr(&walk->syntax, node));
    }
}

static void visit_import(const struct walk *walk, TSNode node)
{
    uint32_t count = ts_node_named_child_count(node);
    for (uint32_t i = 0; i < count; i++) {
        TSNode child = ts_node_named_child(node, i);
        bool aliased = fst_syntax_is(child, "aliased_import");
        TSNode path = aliased ? fst_syntax_field(child, "name") : child;
        if (!fst_syntax_is(path, "dotted_name"))
            continue;
        char *module = fst_syntax_text(&walk->syntax, path);
        char *name = aliased ? fst_syntax_text(&walk->syntax,
                                               fst_syntax_field(child, "alias"))
                             : fst_arena_strn(walk->syntax.arena, module,
                                              strcspn(module, "."));
        struct fst_binding *binding = bind(walk, FST_BIND_IMPORT, name, child);
        binding->module = aliased ? module : name;
    }
}

/* The module of a from-import, its leading dots apart. */
static const char *from_module(const struct walk *walk, TSNode node, int *level)
{
    TSNode module = fst_syntax_field(node, "module_name");
    *level = 0;
    if (ts_node_is_null(module))
        return "";
    const char *text = fst_syntax_text(&walk->syntax, module);
    for (; *text == '.' || *text == ' '; text++)
        *level += *text == '.';
    return text;
}

static void visit_from(const struct walk *walk, TSNode node)
{
    int level;
    const char *module = from_module(walk, node, &level);
    uint32_t module_at =
        ts_node_start_byte(fst_syntax_field(node, "module_name"));
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        if (!ts_node_is_named(child) || ts_node_start_byte(child) == module_at)
            continue;
        struct fst_binding *binding;
        if (fst_syntax_is(child, "wildcard_import")) {
            binding = bind(walk, FST_BIND_STAR, NULL, child);
        } else if (fst_syntax_is(child, "aliased_import")) {
            binding = bind(walk, FST_BIND_FROM,
                           fst_syntax_text(&walk->syntax,
                                           fst_syntax_field(child, "alias")),
                           child);
            binding->attr =
                fst_syntax_text(&walk->syntax, fst_syntax_field(child, "name"));
        } else if (fst_syntax_is(child, "dotted_name")) {
            binding = bind(walk, FST_BIND_FROM,
                           fst_syntax_text(&walk->syntax, child), child);
            binding->attr = binding->name;
        } else {
            continue;
        }
        binding->module = module;
        binding->level = level;
    }
    ts_tree_cursor_delete(&cursor);
}

static void visit_if(const struct walk *walk, TSNode node)
{
    int truth =
        fst_syntax_truth(&walk->syntax, fst_syntax_field(node, "condition"));
    TSNode consequence = fst_syntax_field(node, "consequence");
    struct walk inner = *walk;
    inner.depth++;
    if (truth == 1)
        visit_block(&inner, consequence);
    else if (truth)
        visit_branch(walk, consequence, false);
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more && truth != 1;
         more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        bool is_elif = fst_syntax_is(child, "elif_clause");
        if (!is_elif && !fst_syntax_is(child, "else_clause"))
            continue;
        TSNode body = fst_syntax_field(child, is_elif ? "consequence" : "body");
        /* the else of what is never true always runs */
        if (!is_elif && !truth)
            visit_block(&inner, body);
        else
            visit_branch(walk, body, true);
        truth = truth ? truth : -1;
    }
    ts_tree_cursor_delete(&cursor);
}

/* The blocks of try, with, for, while and match, wherever they hang. */
static void visit_compound(const struct walk *walk, TSNode node, bool weak,
                           bool guarded)
{
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        if (!ts_node_is_named(child))
            continue;
        if (fst_syntax_is(child, "block")) {
            struct walk inner = *walk;
            inner.depth++;
            inner.weak |= weak;
            inner.guarded |= guarded;
            visit_block(&inner, child);
        } else if (fst_syntax_is(child, "except_clause") ||
                   fst_syntax_is(child, "except_group_clause")) {
            visit_compound(walk, child, true, guarded);
        } else if (fst_syntax_is(child, "else_clause") ||
                   fst_syntax_is(child, "finally_clause") ||
                   fst_syntax_is(child, "case_clause")) {
            visit_compound(walk, child, weak, guarded);
        }
    }
    ts_tree_cursor_delete(&cursor);
}

static void visit_class(const struct walk *walk, TSNode node, TSNode outer)
{
    struct fst_class *cls = fst_arena_alloc(walk->syntax.arena, sizeof *cls);
    struct bindings bindings = {0};
    struct walk inner = *walk;
    cls->name = fst_syntax_text(&walk->syntax, fst_syntax_field(node, "name"));
    cls->line = ts_node_start_point(node).row + 1;
    cls->order = (uint32_t)walk->bindings->count;
    cls->outer = walk->cls;
    if (fst_syntax_is(outer, "decorated_definition"))
        fst_syntax_decorators(&walk->syntax, outer, &cls->decorators,
                              &cls->n_decorators);
    fst_syntax_bases(&walk->syntax, node, cls);
    inner.cls = cls;
    inner.bindings = &bindings;
    inner.depth++;
    inner.weak = inner.guarded = false;
    visit_block(&inner, fst_syntax_field(node, "body"));
    cls->scope.items = fst_arena_array(walk->syntax.arena, bindings.count,
                                       sizeof *bindings.items);
    if (bindings.count)
        memcpy(cls->scope.items, bindings.items,
               bindings.count * sizeof *bindings.items);
    cls->scope.count = bindings.count;
    fst_vec_free(&bindings);
    bind(walk, FST_BIND_CLASS, cls->name, node)->cls = cls;
}

static void visit_definition(const struct walk *walk, TSNode node, TSNode outer)
{
    if (fst_syntax_is(node, "class_definition")) {
        visit_class(walk, node, outer);
    } else if (fst_syntax_is(node, "function_definition")) {
        struct fst_function *function =
            fst_syntax_function(&walk->syntax, node, outer);
        bind(walk, FST_BIND_DEF, function->name, node)->function = function;
    }
}

static void visit_delete(const struct walk *walk, TSNode node)
{
    TSNode target = ts_node_named_child(node, 0);
    if (fst_syntax_is(target, "identifier")) {
        bind(walk, FST_BIND_DEL, fst_syntax_text(&walk->syntax, target), node);
        return;
    }
    if (!fst_syntax_is(target, "expression_list"))
        return;
    uint32_t count = ts_node_named_child_count(target);
    for (uint32_t i = 0; i < count; i++) {
        TSNode child = ts_node_named_child(target, i);
        if (fst_syntax_is(child, "identifier"))
            bind(walk, FST_BIND_DEL, fst_syntax_text(&walk->syntax, child),
                 node);
    }
}

static void visit_statement(const struct walk *walk, TSNode node)
{
    const char *type = ts_node_type(node);
    if (!strcmp(type, "expression_statement"))
        visit_expression(walk, node);
    else if (!strcmp(type, "function_definition") ||
             !strcmp(type, "class_definition"))
        visit_definition(walk, node, node);
    else if (!strcmp(type, "decorated_definition"))
        visit_definition(walk, fst_syntax_field(node, "definition"), node);
    else if (!strcmp(type, "import_statement"))
        visit_import(walk, node);
    else if (!strcmp(type, "import_from_statement"))
        visit_from(walk, node);
    else if (!strcmp(type, "if_statement"))
        visit_if(walk, node);
    else if (!strcmp(type, "with_statement"))
        visit_compound(walk, node, false, walk->guarded);
    else if (!strcmp(type, "for_statement") ||
             !strcmp(type, "while_statement") || !strcmp(type, "try_statement"))
        visit_compound(walk, node, false, true);
    else if (!strcmp(type, "match_statement"))
        visit_branch(walk, fst_syntax_field(node, "body"), false);
    else if (!strcmp(type, "case_clause"))
        visit_compound(walk, node, false, true);
    else if (!strcmp(type, "delete_statement"))
        visit_delete(walk, node);
    else if (!strcmp(type, "ERROR"))
        visit_branch(walk, node, false);
}

static void visit_block(const struct walk *walk, TSNode block)
{
    if (ts_node_is_null(block))
        return;
    if (walk->depth > DEPTH) {
        walk->outline->problem = "nested too deeply";
        return;
    }
    TSTreeCursor cursor = ts_tree_cursor_new(block);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        if (ts_node_is_named(child))
            visit_statement(walk, child);
    }
    ts_tree_cursor_delete(&cursor);
}

/* The row of the first node that is an error or was left out. */
static uint32_t error_line(TSNode node)
{
    while (ts_node_has_error(node) && !ts_node_is_error(node) &&
           !ts_node_is_missing(node)) {
        TSTreeCursor cursor = ts_tree_cursor_new(node);
        bool more = ts_tree_cursor_goto_first_child(&cursor), found = false;
        for (; more && !found;
             more = ts_tree_cursor_goto_next_sibling(&cursor)) {
            TSNode child = ts_tree_cursor_current_node(&cursor);
            if (ts_node_has_error(child)) {
                node = child;
                found = true;
            }
        }
        ts_tree_cursor_delete(&cursor);
        if (!found)
            break;
    }
    return ts_node_start_point(node).row + 1;
}

static void fill(struct fst_parser *parser, struct fst_outline *outline,
                 const struct fst_buf *source)
{
    struct bindings bindings = {0};
    struct fst_expr_list calls = {0};
    const char *text = fst_buf_str(source);
    TSTree *tree =
        ts_parser_parse_string(parser->ts, NULL, text, (uint32_t)source->len);
    FST_ASSERT(tree);
    TSNode root = ts_tree_root_node(tree);
    struct walk walk = {.syntax = {.source = text, .arena = &outline->arena},
                        .outline = outline,
                        .bindings = &bindings,
                        .calls = &calls};
    visit_block(&walk, root);
    if (!outline->problem && ts_node_has_error(root))
        outline->problem = fst_arena_printf(
            &outline->arena, "not understood near line %u", error_line(root));
    struct fst_arena *arena = &outline->arena;
    outline->scope.items =
        fst_arena_array(arena, bindings.count, sizeof *bindings.items);
    if (bindings.count)
        memcpy(outline->scope.items, bindings.items,
               bindings.count * sizeof *bindings.items);
    outline->scope.count = bindings.count;
    outline->calls = fst_arena_array(arena, calls.count, sizeof *calls.items);
    if (calls.count)
        memcpy(outline->calls, calls.items, calls.count * sizeof *calls.items);
    outline->n_calls = calls.count;
    fst_vec_free(&bindings);
    fst_vec_free(&calls);
    ts_tree_delete(tree);
}

struct fst_outline *fst_outline_read(struct fst_parser *parser,
                                     const char *path)
{
    struct fst_outline *outline = fst_alloc(sizeof *outline);
    outline->path = fst_arena_str(&outline->arena, path);
    outline->problem = fst_source_read(path, &parser->source, &outline->arena);
    if (!outline->problem)
        outline->digest = fst_hash(parser->source.data, parser->source.len);
    if (outline->problem)
        outline->unreadable = true;
    else
        fill(parser, outline, &parser->source);
    return outline;
}

void fst_outline_free(struct fst_outline *outline)
{
    if (!outline)
        return;
    fst_arena_release(&outline->arena);
    free(outline);
}
