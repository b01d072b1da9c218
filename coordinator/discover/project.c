#include "coordinator/discover/project.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/fspath.h"
#include "coordinator/discover/source.h"
#include "shared/config/paths.h"

void fst_project_init(struct fst_project *project)
{
    *project = (struct fst_project){.parser = fst_parser_new()};
}

static void release_ns(struct fst_ns *ns)
{
    free(ns->items);
    fst_map_release(&ns->map);
}

void fst_project_release(struct fst_project *project)
{
    for (size_t i = 0; i < project->modules.cap; i++) {
        struct fst_module *module = project->modules.slots[i].value;
        if (project->modules.slots[i].key && module) {
            release_ns(&module->ns);
            fst_vec_free(&module->imports);
        }
    }
    for (size_t i = 0; i < project->class_ns.count; i++)
        release_ns(project->class_ns.items[i]);
    for (size_t i = 0; i < project->outlines.count; i++)
        fst_outline_free(project->outlines.items[i]);
    fst_map_release(&project->modules);
    fst_map_release(&project->found);
    fst_map_release(&project->tops);
    fst_vec_free(&project->list_hooks);
    fst_vec_free(&project->roots);
    fst_vec_free(&project->outlines);
    fst_vec_free(&project->class_ns);
    fst_parser_free(project->parser);
    fst_arena_release(&project->arena);
}

void fst_project_add_root(struct fst_project *project, const char *dir)
{
    for (size_t i = 0; i < project->roots.count; i++)
        if (!strcmp(project->roots.items[i], dir))
            return;
    fst_vec_add(&project->roots, fst_arena_str(&project->arena, dir));
}

char *fst_project_base(struct fst_arena *arena, const char *path)
{
    char *dir = fst_fspath_parent(arena, path);
    while (strcmp(dir, "/") != 0 &&
           fst_path_is_file(fst_fspath_join(arena, dir, "__init__.py")))
        dir = fst_fspath_parent(arena, dir);
    return dir;
}

/* The module of a path, made where it is new. A directory's: a package
 * without __init__.py. */
static struct fst_module *module_of(struct fst_project *project,
                                    const char *path, bool is_dir)
{
    void **known = fst_map_find(&project->modules, path);
    if (known)
        return *known;
    struct fst_module *module =
        fst_arena_alloc(&project->arena, sizeof *module);
    module->path = fst_arena_str(&project->arena, path);
    module->package = is_dir || !strcmp(fst_fspath_name(path), "__init__.py");
    module->dir =
        is_dir ? module->path : fst_fspath_parent(&project->arena, path);
    module->base = is_dir ? fst_fspath_parent(&project->arena, path)
                          : fst_project_base(&project->arena, path);
    *fst_map_put(&project->modules, module->path) = module;
    return module;
}

struct fst_module *fst_project_module(struct fst_project *project,
                                      const char *path)
{
    return module_of(project, path, false);
}

struct fst_module *fst_project_adopt(struct fst_project *project,
                                     struct fst_outline *outline)
{
    struct fst_module *module = module_of(project, outline->path, false);
    fst_vec_add(&project->outlines, outline);
    if (!module->outline) {
        module->outline = outline;
        project->n_parsed++;
    }
    return module;
}

/* The module name in the directory dir; NULL: there is none. */
static struct fst_module *find_in(struct fst_project *project, const char *dir,
                                  const char *name)
{
    char *stem = fst_fspath_join(&project->arena, dir, name);
    void **known = fst_map_find(&project->found, stem);
    if (known)
        return *known;
    struct fst_module *module = NULL;
    char *init = fst_fspath_join(&project->arena, stem, "__init__.py");
    char *file = fst_arena_printf(&project->arena, "%s.py", stem);
    if (fst_path_is_file(init))
        module = module_of(project, init, false);
    else if (fst_path_is_file(file))
        module = module_of(project, file, false);
    else if (fst_path_is_dir(stem))
        module = module_of(project, stem, true);
    *fst_map_put(&project->found, stem) = module;
    return module;
}

static bool is_namespace(const struct fst_module *module)
{
    return module->path == module->dir;
}

/* A top-level module: one with a file goes before a bare directory, wherever
 * they are. */
static struct fst_module *find_top(struct fst_project *project,
                                   const struct fst_module *from,
                                   const char *name)
{
    struct fst_module *own = find_in(project, from->base, name);
    if (own && !is_namespace(own))
        return own;
    void **known = fst_map_find(&project->tops, name);
    if (!known) {
        struct fst_module *best = NULL;
        for (size_t i = 0; i < project->roots.count; i++) {
            struct fst_module *module =
                find_in(project, project->roots.items[i], name);
            if (module && (!best || is_namespace(best)))
                best = module;
            if (best && !is_namespace(best))
                break;
        }
        known =
            fst_map_put(&project->tops, fst_arena_str(&project->arena, name));
        *known = best;
    }
    struct fst_module *module = *known;
    return module ? module : own;
}

struct fst_module *fst_project_submodule(struct fst_project *project,
                                         const struct fst_module *package,
                                         const char *name)
{
    return package->package ? find_in(project, package->dir, name) : NULL;
}

struct fst_module *fst_project_import(struct fst_project *project,
                                      const struct fst_module *from, int level,
                                      const char *dotted)
{
    struct fst_module *module = NULL;
    const char *dir = from->dir;
    for (int up = 1; up < level; up++)
        dir = fst_fspath_parent(&project->arena, dir);
    if (level && !*dotted) {
        char *init = fst_fspath_join(&project->arena, dir, "__init__.py");
        bool file = fst_path_is_file(init);
        return module_of(project, file ? init : dir, !file);
    }
    for (bool first = true; *dotted; first = false) {
        size_t len = strcspn(dotted, ".");
        char *name = fst_arena_strn(&project->arena, dotted, len);
        if (!first)
            module = fst_project_submodule(project, module, name);
        else if (level)
            module = find_in(project, dir, name);
        else
            module = find_top(project, from, name);
        if (!module)
            return NULL;
        dotted += len;
        dotted += *dotted == '.';
    }
    return module;
}

struct fst_entry *fst_ns_find(const struct fst_ns *ns, const char *name,
                              uint32_t order)
{
    void **found = fst_map_find(&ns->map, name);
    struct fst_entry *last = found ? *found : NULL;
    for (struct fst_entry *entry = last; entry; entry = entry->older)
        if (entry->order < order)
            return entry->deleted ? NULL : entry;
    return last && !last->deleted ? last : NULL;
}

/* Binds a name: a known one keeps its place, as in a dict. */
static void set_entry(struct fst_project *project, struct fst_ns *ns,
                      const struct fst_entry *fields)
{
    void **slot = fst_map_put(&ns->map, fields->name);
    struct fst_entry *known = *slot;
    struct fst_entry *entry = fst_arena_alloc(&project->arena, sizeof *entry);
    *entry = *fields;
    entry->older = known;
    *slot = entry;
    if (known && !known->deleted) {
        for (size_t i = ns->count; i-- > 0;)
            if (ns->items[i] == known) {
                ns->items[i] = entry;
                return;
            }
    }
    fst_vec_add(ns, entry);
}

static void delete_entry(struct fst_project *project, struct fst_ns *ns,
                         const struct fst_entry *fields)
{
    void **slot = fst_map_find(&ns->map, fields->name);
    struct fst_entry *known = slot ? *slot : NULL;
    if (!known || known->deleted)
        return;
    struct fst_entry *entry = fst_arena_alloc(&project->arena, sizeof *entry);
    *entry = *fields;
    entry->older = known;
    entry->deleted = true;
    *slot = entry;
    for (size_t i = 0; i < ns->count; i++) {
        if (ns->items[i] != known)
            continue;
        memmove(ns->items + i, ns->items + i + 1,
                (ns->count - i - 1) * sizeof(struct fst_entry *));
        ns->count--;
        return;
    }
}

/* The names that __all__ lists; NULL: there is none, or not literally. */
static const struct fst_expr *literal_all(const struct fst_ns *ns)
{
    struct fst_entry *entry = fst_ns_find(ns, "__all__", UINT32_MAX);
    if (!entry || entry->older || entry->binding->kind != FST_BIND_VALUE)
        return NULL;
    const struct fst_expr *value = entry->binding->value;
    return value->kind == FST_EXPR_LIST && value->number >= 0 ? value : NULL;
}

static void import_star(struct fst_project *project, struct fst_module *module,
                        struct fst_ns *ns, const struct fst_binding *star,
                        uint32_t order)
{
    struct fst_module *other =
        fst_project_import(project, module, star->level, star->module);
    if (!other) {
        module->star_unknown |= strstr(star->module, "test") != NULL;
        return;
    }
    /* One that is being filled gives what it has so far, as in Python. */
    struct fst_ns *names = fst_project_ns(project, other);
    if (names == ns)
        return;
    const struct fst_expr *all = literal_all(names);
    for (size_t i = 0; all && i < all->n_parts; i++) {
        if (all->parts[i].kind != FST_EXPR_STRING)
            continue;
        const struct fst_entry *found =
            fst_ns_find(names, all->parts[i].text, UINT32_MAX);
        if (!found)
            continue;
        struct fst_entry entry = *found;
        entry.order = order;
        set_entry(project, ns, &entry);
    }
    for (size_t i = 0; !all && i < names->count; i++) {
        struct fst_entry entry = *names->items[i];
        if (entry.name[0] == '_')
            continue;
        entry.order = order;
        set_entry(project, ns, &entry);
    }
    module->star_unknown |= other->star_unknown;
}

/* name.__test__ = False */
static void set_attribute(struct fst_ns *ns, const struct fst_binding *binding)
{
    if (strcmp(binding->attr, "__test__") != 0 ||
        binding->value->kind != FST_EXPR_BOOL)
        return;
    struct fst_entry *entry = fst_ns_find(ns, binding->name, UINT32_MAX);
    if (entry)
        entry->refused = !binding->value->number;
}

static void fill_ns(struct fst_project *project, struct fst_module *module,
                    struct fst_class *cls, struct fst_ns *ns)
{
    const struct fst_scope *scope = cls ? &cls->scope : &module->outline->scope;
    for (size_t i = 0; i < scope->count; i++) {
        const struct fst_binding *binding = &scope->items[i];
        struct fst_entry fields = {.name = binding->name,
                                   .binding = binding,
                                   .home = module,
                                   .scope = cls,
                                   .order = (uint32_t)i};
        if (binding->kind == FST_BIND_STAR)
            import_star(project, module, ns, binding, fields.order);
        else if (binding->kind == FST_BIND_ATTR)
            set_attribute(ns, binding);
        else if (binding->weak && fst_ns_find(ns, binding->name, UINT32_MAX))
            continue;
        else if (binding->kind == FST_BIND_DEL)
            delete_entry(project, ns, &fields);
        else
            set_entry(project, ns, &fields);
    }
}

struct fst_ns *fst_project_ns(struct fst_project *project,
                              struct fst_module *module)
{
    if (module->state != FST_NS_NEW)
        return &module->ns;
    module->state = FST_NS_BUILDING;
    if (!module->outline && !is_namespace(module)) {
        module->outline = fst_outline_read(project->parser, module->path);
        fst_vec_add(&project->outlines, module->outline);
        project->n_parsed++;
    }
    if (module->outline)
        fill_ns(project, module, NULL, &module->ns);
    module->state = FST_NS_READY;
    return &module->ns;
}

struct fst_ns *fst_project_class_ns(struct fst_project *project,
                                    struct fst_class *cls,
                                    struct fst_module *module)
{
    struct fst_ns *ns = fst_arena_alloc(&project->arena, sizeof *ns);
    fst_vec_add(&project->class_ns, ns);
    fill_ns(project, module, cls, ns);
    return ns;
}

bool fst_project_mentions_tests(struct fst_project *project,
                                struct fst_module *module)
{
    if (module->outline || module->package)
        return true;
    if (module->mentions == FST_MENTIONS_UNKNOWN) {
        struct fst_buf text;
        fst_buf_init(&text, FST_SOURCE_LIMIT + 1);
        bool read = !fst_source_read(module->path, &text, &project->arena);
        bool holds = read && text.len &&
                     (memmem(text.data, text.len, "estCase", 7) ||
                      memmem(text.data, text.len, "unittest", 8));
        module->mentions = holds ? FST_MENTIONS : FST_MENTIONS_NOT;
        fst_buf_release(&text);
    }
    return module->mentions == FST_MENTIONS;
}
