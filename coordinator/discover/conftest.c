#include "coordinator/discover/conftest.h"

#include <string.h>

#include "coordinator/discover/fspath.h"
#include "coordinator/discover/wholelist.h"
#include "shared/config/paths.h"

static bool has_hook(const struct fst_ns *ns)
{
    static const char *const hooks[] = {"pytest_collect_file",
                                        "pytest_collect_directory",
                                        "pytest_ignore_collect"};
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        if (fst_ns_find(ns, hooks[i], UINT32_MAX))
            return true;
    return false;
}

/* The one literal assignment of name in the file; *computed: there is more to
 * it than that. */
static const struct fst_expr *literal_list(const struct fst_outline *outline,
                                           const char *name, bool *computed)
{
    const struct fst_expr *value = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; i < outline->scope.count; i++) {
        const struct fst_binding *binding = &outline->scope.items[i];
        if (!binding->name || strcmp(binding->name, name) != 0)
            continue;
        bool literal = binding->kind == FST_BIND_VALUE && !binding->guarded &&
                       !value && binding->value->kind == FST_EXPR_LIST &&
                       binding->value->number >= 0;
        *computed |= !literal;
        if (literal)
            value = binding->value;
    }
    for (size_t i = 0; i < outline->n_calls; i++) {
        const char *text = outline->calls[i].text;
        *computed |= text && !strncmp(text, name, len) && text[len] == '.';
    }
    for (size_t i = 0; value && i < value->n_parts; i++)
        *computed |= value->parts[i].kind != FST_EXPR_STRING;
    return *computed ? NULL : value;
}

static struct fst_names *absolute(struct fst_arena *arena, const char *dir,
                                  const struct fst_expr *list)
{
    struct fst_names *names = fst_arena_alloc(arena, sizeof *names);
    names->items = fst_arena_array(arena, list->n_parts, sizeof *names->items);
    for (size_t i = 0; i < list->n_parts; i++)
        names->items[names->count++] =
            fst_fspath_normal(arena, dir, list->parts[i].text);
    return names;
}

struct fst_conftest fst_conftest_enter(struct fst_project *project,
                                       const struct fst_conftest *above,
                                       const char *dir)
{
    struct fst_conftest here = *above;
    struct fst_arena *arena = &project->arena;
    char *path = fst_fspath_join(arena, dir, "conftest.py");
    bool computed = false;
    if (!fst_path_is_file(path))
        return here;
    struct fst_module *module = fst_project_module(project, path);
    struct fst_ns *ns = fst_project_ns(project, module);
    const struct fst_expr *list =
        literal_list(module->outline, "collect_ignore", &computed);
    if (list)
        here.ignore = absolute(arena, dir, list);
    bool computed_glob = false;
    list = literal_list(module->outline, "collect_ignore_glob", &computed_glob);
    if (list)
        here.ignore_glob = absolute(arena, dir, list);
    here.asks |= computed || computed_glob || has_hook(ns);
    fst_wholelist_note(project, module, path, dir);
    return here;
}

struct fst_conftest fst_conftest_at(struct fst_project *project,
                                    const char *cut, const char *dir)
{
    struct fst_conftest here = {0};
    /* The parts of dir from the top: "/", "/a", "/a/b" */
    size_t len = strlen(dir);
    for (size_t end = 1; end <= len; end++) {
        if (end != 1 && dir[end] != '/' && dir[end] != 0)
            continue;
        char *part = fst_arena_strn(&project->arena, dir, end);
        if (!strcmp(part, cut) || !fst_fspath_below(cut, part))
            here = fst_conftest_enter(project, &here, part);
    }
    return here;
}
