#include "coordinator/discover/wholelist.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/fspath.h"
#include "coordinator/discover/source.h"
#include "coordinator/discover/syntax.h"
#include "shared/base/err.h"
#include "shared/base/relpath.h"

const TSLanguage *tree_sitter_python(void);

/* How far a list is followed into functions of the same module. */
enum { CALLS_DEEP = 4, NODES_DEEP = 400 };

struct look { /* at one module */
    struct fst_syntax syntax;
    TSNode root;
    const char *why; /* the first reason that was found */
};

static const char hook_name[] = "pytest_collection_modifyitems";
static const char unknown[] = "hands on the list of tests";

static bool text_is(const struct look *look, TSNode node, const char *text)
{
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    return end - start == strlen(text) &&
           !memcmp(look->syntax.source + start, text, end - start);
}

/* The function's name, below any if or try, the last one; or a null node. */
static TSNode find_function(const struct look *look, TSNode block,
                            const char *name)
{
    TSNode found = {0};
    uint32_t count = ts_node_named_child_count(block);
    for (uint32_t i = 0; i < count; i++) {
        TSNode child = ts_node_named_child(block, i), inner = {0};
        if (fst_syntax_is(child, "decorated_definition"))
            child = fst_syntax_field(child, "definition");
        if (fst_syntax_is(child, "function_definition")) {
            if (text_is(look, fst_syntax_field(child, "name"), name))
                found = child;
        } else if (!fst_syntax_is(child, "class_definition") &&
                   (strstr(ts_node_type(child), "_statement") ||
                    strstr(ts_node_type(child), "_clause") ||
                    fst_syntax_is(child, "block"))) {
            inner = find_function(look, child, name);
        }
        if (!ts_node_is_null(inner))
            found = inner;
    }
    return found;
}

/* The name of a parameter: its identifier, whatever annotates it. */
static TSNode parameter_name(TSNode parameter)
{
    if (fst_syntax_is(parameter, "identifier"))
        return parameter;
    TSNode name = fst_syntax_field(parameter, "name");
    return ts_node_is_null(name) ? ts_node_named_child(parameter, 0) : name;
}

/* The parameter at that place, or with that name (at < 0); or a null node. */
static TSNode find_parameter(const struct look *look, TSNode function,
                             int64_t at, const char *name)
{
    TSNode parameters = fst_syntax_field(function, "parameters");
    uint32_t count = ts_node_named_child_count(parameters);
    for (uint32_t i = 0; i < count; i++) {
        TSNode found = parameter_name(ts_node_named_child(parameters, i));
        if (!fst_syntax_is(found, "identifier"))
            continue;
        if (at >= 0 ? i == at : text_is(look, found, name))
            return found;
    }
    return (TSNode){0};
}

static void look_at_uses(struct look *look, TSNode node, const char *name,
                         int calls, int depth);

/* The list is an argument: fine where the function, of this module, does
 * nothing but look at each item either. */
static const char *follow_call(struct look *look, TSNode call, TSNode argument,
                               int calls)
{
    TSNode callee = fst_syntax_field(call, "function");
    TSNode arguments = fst_syntax_field(call, "arguments");
    const char *keyword = NULL;
    int64_t at = -1;
    if (fst_syntax_is(callee, "identifier")) {
        static const char *const measures[] = {"len", "sum", "max",  "min",
                                               "any", "all", "bool", "id"};
        for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
            if (text_is(look, callee, measures[i]))
                return "measures the list of tests";
        if (text_is(look, callee, "sorted") ||
            text_is(look, callee, "reversed"))
            return "sorts the list of tests";
    }
    if (calls == CALLS_DEEP || !fst_syntax_is(callee, "identifier"))
        return unknown;
    if (fst_syntax_is(argument, "keyword_argument")) {
        keyword =
            fst_syntax_text(&look->syntax, fst_syntax_field(argument, "name"));
    } else {
        uint32_t count = ts_node_named_child_count(arguments);
        for (uint32_t i = 0; i < count && at < 0; i++)
            if (ts_node_eq(ts_node_named_child(arguments, i), argument))
                at = i;
    }
    const char *name = fst_syntax_text(&look->syntax, callee);
    TSNode function = find_function(look, look->root, name);
    if (ts_node_is_null(function))
        return unknown;
    TSNode parameter = find_parameter(look, function, at, keyword);
    if (ts_node_is_null(parameter))
        return unknown;
    look_at_uses(look, fst_syntax_field(function, "body"),
                 fst_syntax_text(&look->syntax, parameter), calls + 1, 0);
    return look->why;
}

/* What a mention of the list makes of it; NULL: it looks at each item. */
static const char *judge(struct look *look, TSNode mention, int calls)
{
    TSNode parent = ts_node_parent(mention);
    TSNode left = fst_syntax_field(parent, "left");
    TSNode right = fst_syntax_field(parent, "right");
    if (fst_syntax_is(parent, "for_statement") && ts_node_eq(right, mention))
        return NULL;
    if (fst_syntax_is(parent, "attribute")) {
        TSNode name = fst_syntax_field(parent, "attribute");
        bool sorts =
            text_is(look, name, "sort") || text_is(look, name, "reverse");
        return sorts ? "sorts the list of tests" : "changes the list of tests";
    }
    if (fst_syntax_is(parent, "subscript"))
        return "slices the list of tests";
    if (fst_syntax_is(parent, "assignment") ||
        fst_syntax_is(parent, "augmented_assignment"))
        return !ts_node_is_null(left) && ts_node_eq(left, mention)
                   ? "assigns to the list of tests"
                   : unknown;
    if (fst_syntax_is(parent, "for_in_clause"))
        return "picks from the list of tests";
    if (fst_syntax_is(parent, "argument_list"))
        return follow_call(look, ts_node_parent(parent), mention, calls);
    if (fst_syntax_is(parent, "keyword_argument")) {
        TSNode arguments = ts_node_parent(parent);
        return follow_call(look, ts_node_parent(arguments), parent, calls);
    }
    return "measures the list of tests";
}

/* Is it the name of an argument, an attribute or a parameter? */
static bool is_label(TSNode node)
{
    TSNode parent = ts_node_parent(node);
    bool named = fst_syntax_is(parent, "keyword_argument") &&
                 ts_node_eq(fst_syntax_field(parent, "name"), node);
    bool attribute = fst_syntax_is(parent, "attribute") &&
                     ts_node_eq(fst_syntax_field(parent, "attribute"), node);
    return named || attribute;
}

static void look_at_uses(struct look *look, TSNode node, const char *name,
                         int calls, int depth)
{
    if (look->why)
        return;
    if (depth == NODES_DEEP) {
        look->why = unknown;
        return;
    }
    if (fst_syntax_is(node, "identifier")) {
        if (text_is(look, node, name) && !is_label(node))
            look->why = judge(look, node, calls);
        return;
    }
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more && !look->why; more = ts_tree_cursor_goto_next_sibling(&cursor))
        look_at_uses(look, ts_tree_cursor_current_node(&cursor), name, calls,
                     depth + 1);
    ts_tree_cursor_delete(&cursor);
}

/* The hook of that name in a file that was found to have one. */
static const char *look_at_file(struct fst_project *project, const char *path,
                                const char *name)
{
    struct fst_buf source;
    fst_buf_init(&source, FST_SOURCE_LIMIT + 1);
    const char *why = unknown;
    if (!fst_source_read(path, &source, &project->arena)) {
        TSParser *parser = ts_parser_new();
        FST_ASSERT(ts_parser_set_language(parser, tree_sitter_python()));
        TSTree *tree = ts_parser_parse_string(
            parser, NULL, fst_buf_str(&source), (uint32_t)source.len);
        struct look look = {.syntax = {fst_buf_str(&source), &project->arena},
                            .root = ts_tree_root_node(tree)};
        TSNode hook = find_function(&look, look.root, name);
        if (!ts_node_is_null(hook)) {
            if (!ts_node_is_null(find_parameter(&look, hook, -1, "items")))
                look_at_uses(&look, fst_syntax_field(hook, "body"), "items", 0,
                             0);
            why = look.why;
        }
        ts_tree_delete(tree);
        ts_parser_delete(parser);
    }
    fst_buf_release(&source);
    return why;
}

/* What the conftest.py's hook does with the list; NULL: it looks at each item.
 */
static const char *judge_hook(struct fst_project *project,
                              const struct fst_entry *entry)
{
    const struct fst_binding *binding = entry->binding;
    const struct fst_module *home = entry->home;
    const char *name = hook_name;
    if (binding->kind == FST_BIND_FROM) {
        home =
            fst_project_import(project, home, binding->level, binding->module);
        name = binding->attr;
    } else if (binding->kind != FST_BIND_DEF) {
        return unknown;
    }
    return home ? look_at_file(project, home->path, name) : unknown;
}

void fst_wholelist_note(struct fst_project *project,
                        struct fst_module *conftest, const char *path,
                        const char *dir)
{
    const struct fst_entry *entry =
        fst_ns_find(fst_project_ns(project, conftest), hook_name, UINT32_MAX);
    const struct fst_list_hook *known;
    if (!entry)
        return;
    fst_vec_each (known, &project->list_hooks) {
        if (!strcmp(known->dir, dir))
            return;
    }
    struct fst_list_hook hook = {path, dir, judge_hook(project, entry)};
    fst_vec_add(&project->list_hooks, hook);
}

/* Is the folder's conftest.py loaded before anything is collected? Those of the
 * anchors, of the folders above, and of an anchor's folders named test*. */
static bool is_initial(const char *dir, const struct fst_names *anchors)
{
    for (size_t i = 0; i < anchors->count; i++) {
        const char *anchor = anchors->items[i];
        size_t len = strlen(anchor);
        if (fst_fspath_below(anchor, dir))
            return true;
        if (fst_fspath_below(dir, anchor) &&
            !strncmp(dir + len, "/test", strlen("/test")) &&
            !strchr(dir + len + 1, '/'))
            return true;
    }
    return false;
}

static bool holds_all(const char *dir, const struct fst_names *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (!fst_fspath_below(files->items[i], dir))
            return false;
    return true;
}

const char *fst_wholelist_why(const struct fst_project *project,
                              const struct fst_names *anchors,
                              const struct fst_names *files, const char *root,
                              struct fst_arena *arena)
{
    const struct fst_list_hook *hook;
    fst_vec_each (hook, &project->list_hooks) {
        const char *why = hook->why;
        if (!why && !is_initial(hook->dir, anchors) &&
            !holds_all(hook->dir, files))
            why = "is loaded late and may change tests of other folders";
        if (why)
            return fst_arena_printf(arena, "%s %s",
                                    fst_relpath(arena, root, hook->path), why);
    }
    return NULL;
}
