#include "coordinator/discover/collect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/fspath.h"
#include "coordinator/discover/marks.h"
#include "shared/base/fnmatch.h"

/* Of classes in classes; an alias of a class in itself would have no end. */
enum { DEPTH = 16 };

struct collector {
    struct fst_project *project;
    const struct fst_pytest_config *cfg;
    struct fst_module *file;
    const char *id_path;
    struct fst_arena *arena;
    struct fst_found *found;
    bool generates; /* the module has its own pytest_generate_tests */
};

struct level { /* where in the file's tree of collectors we are */
    const struct collector *collector;
    const char *class_name; /* "A::B", NULL: the module */
    const struct fst_obj *cls;
    struct fst_marks marks; /* of the module and the classes */
    bool unittest;
    int depth;
};

static bool name_matches(const struct fst_strings *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++) {
        const char *option = options->items[i];
        if (!strncmp(name, option, strlen(option)))
            return true;
        if (strpbrk(option, "*?[") && fst_fnmatch(name, option))
            return true;
    }
    return false;
}

/* __test__ of a namespace's entry: 1, 0, or -1 where none is literal. */
static int test_flag(const struct fst_entry *entry)
{
    if (!entry || entry->binding->kind != FST_BIND_VALUE ||
        entry->binding->unpacked)
        return -1;
    const struct fst_expr *value = entry->binding->value;
    if (value->kind == FST_EXPR_BOOL || value->kind == FST_EXPR_INT)
        return value->number != 0;
    return value->kind == FST_EXPR_NONE ? 0 : -1;
}

static void set_names(struct fst_arena *arena, const struct fst_names *names,
                      const char *const **list, size_t *count)
{
    const char **copy = fst_arena_array(arena, names->count, sizeof *copy);
    for (size_t i = 0; i < names->count; i++)
        copy[i] = fst_arena_str(arena, names->items[i]);
    *list = copy;
    *count = names->count;
}

/* What pytest's getfuncargnames() would ask for, without parametrized names. */
static void add_fixtures(const struct level *level, const struct fst_obj *obj,
                         const struct fst_marks *marks,
                         struct fst_names *fixtures)
{
    struct fst_project *project = level->collector->project;
    const struct fst_function *function = obj->function;
    if (function && !level->unittest) {
        bool bound = level->cls && !fst_marks_is_static(function);
        size_t skip = bound + fst_marks_patched(project, obj->module, function);
        for (size_t i = skip; i < function->n_params; i++)
            if (!fst_names_has(&marks->params, function->params[i]))
                fst_names_add(fixtures, function->params[i]);
    }
    for (size_t i = 0; i < marks->fixtures.count; i++)
        fst_names_add(fixtures, marks->fixtures.items[i]);
}

static void add_test(const struct level *level, const struct fst_entry *entry,
                     const struct fst_obj *obj)
{
    const struct collector *collector = level->collector;
    struct fst_arena *arena = collector->arena;
    const struct fst_function *function = obj->function;
    struct fst_marks marks;
    struct fst_names fixtures = {0};
    fst_marks_copy(&marks, &level->marks);
    for (size_t i = 0; function && i < function->n_decorators; i++)
        fst_marks_add(&marks, collector->project, obj->module, entry->scope,
                      &function->decorators[i]);
    add_fixtures(level, obj, &marks, &fixtures);
    struct fst_test test = {
        .class_name = fst_arena_str(arena, level->class_name),
        .function = fst_arena_str(arena, entry->name),
        .line = function ? function->line : entry->binding->line,
        .params = collector->generates ? -1 : marks.instances,
        .digest =
            fst_arena_str(arena, function ? function->digest : obj->expr->text),
    };
    test.id = level->class_name
                  ? fst_arena_printf(arena, "%s::%s::%s", collector->id_path,
                                     test.class_name, test.function)
                  : fst_arena_printf(arena, "%s::%s", collector->id_path,
                                     test.function);
    set_names(arena, &marks.names, &test.markers, &test.n_markers);
    set_names(arena, &fixtures, &test.fixtures, &test.n_fixtures);
    fst_vec_add(collector->found, test);
    fst_vec_free(&fixtures);
    fst_marks_release(&marks);
}

/* Is obj, found under that entry, a function that pytest can run? */
static bool is_test_function(const struct level *level,
                             const struct fst_entry *entry,
                             const struct fst_obj *obj)
{
    if (obj->kind != FST_OBJ_FUNCTION || entry->refused)
        return false;
    if (!obj->function)
        return true;
    enum fst_role role = fst_marks_role(level->collector->project, obj->module,
                                        entry->scope, obj->function);
    /* From the class, unittest gets a bound method; pytest 7 looks into
     * __dict__ and sees what can't be called. */
    return role == FST_ROLE_FUNCTION ||
           (role == FST_ROLE_CLASSMETHOD && level->unittest);
}

/* Is the class's constructor its own? External classes other than the ones
 * known to be bare are taken to have none, except Python's own. */
static bool external_has_init(const char *name)
{
    static const char *const own[] = {"builtins.",
                                      "enum.",
                                      "threading.",
                                      "socketserver.",
                                      "http.",
                                      "logging.",
                                      "json.",
                                      "io.",
                                      "argparse.",
                                      "asyncio.",
                                      "ctypes.",
                                      "multiprocessing.",
                                      "queue.",
                                      "string.",
                                      "socket.",
                                      "cmd.",
                                      "html.",
                                      "email.",
                                      "pickle.",
                                      "tempfile.",
                                      "types.",
                                      "ast.",
                                      "optparse.",
                                      "configparser.",
                                      "urllib.",
                                      "xml.",
                                      "subprocess.",
                                      "datetime.",
                                      "decimal.",
                                      "fractions.",
                                      "random.",
                                      "typing.NamedTuple",
                                      "typing.TypedDict",
                                      "collections.UserDict",
                                      "collections.OrderedDict",
                                      "collections.defaultdict",
                                      "collections.UserList",
                                      "codeop.",
                                      "code."};
    if (!strcmp(name, "builtins.object"))
        return false;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strncmp(name, own[i], strlen(own[i])))
            return true;
    return false;
}

static bool has_constructor(struct fst_project *project,
                            const struct fst_obj *cls)
{
    const struct fst_class_facts *facts = fst_resolve_mro(project, cls);
    for (size_t i = 0; i < facts->n_mro; i++) {
        const struct fst_obj *base = &facts->mro[i];
        if (base->kind == FST_OBJ_EXTERNAL && external_has_init(base->name))
            return true;
        if (base->kind != FST_OBJ_CLASS)
            continue;
        const struct fst_ns *ns = fst_resolve_facts(project, base)->ns;
        if (fst_ns_find(ns, "__init__", UINT32_MAX) ||
            fst_ns_find(ns, "__new__", UINT32_MAX) ||
            fst_marks_makes_init(project, base))
            return true;
    }
    return false;
}

/* Bases that are known to bring no tests. */
static bool is_tame(const struct fst_obj *base)
{
    static const char *const tame[] = {"builtins.",   "abc.",  "typing.",
                                       "unittest.",   "enum.", "object",
                                       "collections."};
    if (base->kind != FST_OBJ_EXTERNAL)
        return base->kind == FST_OBJ_CLASS;
    for (size_t i = 0; i < sizeof tame / sizeof *tame; i++)
        if (!strncmp(base->name, tame[i], strlen(tame[i])))
            return true;
    return fst_fspath_suffix(base->name, "TestCase");
}

static void note_strangeness(const struct collector *collector,
                             const struct fst_obj *cls,
                             const struct fst_class_facts *facts)
{
    bool strange = facts->called_base;
    for (size_t i = 0; i < facts->n_mro && !strange; i++) {
        const struct fst_obj *base = &facts->mro[i];
        strange = !is_tame(base) ||
                  (base->kind == FST_OBJ_CLASS && base->cls->metaclass);
    }
    if (strange || fst_marks_is_strange(collector->project, cls))
        collector->found->dynamic = true;
}

/* The class's and its bases' decorators and pytestmarks. */
static void add_class_marks(struct level *level)
{
    struct fst_project *project = level->collector->project;
    const struct fst_class_facts *facts = fst_resolve_mro(project, level->cls);
    for (size_t i = 0; i < facts->n_mro; i++) {
        const struct fst_obj *base = &facts->mro[i];
        if (base->kind != FST_OBJ_CLASS)
            continue;
        for (size_t k = 0; k < base->cls->n_decorators; k++)
            fst_marks_add(&level->marks, project, base->module,
                          base->cls->outer, &base->cls->decorators[k]);
        struct fst_entry *entry = fst_ns_find(
            fst_resolve_facts(project, base)->ns, "pytestmark", UINT32_MAX);
        if (entry && entry->binding->kind == FST_BIND_VALUE)
            fst_marks_add(&level->marks, project, base->module, base->cls,
                          entry->binding->value);
    }
}

static void collect_item(const struct level *level,
                         const struct fst_entry *entry);

struct seen { /* an entry, and how far up the mro it was met */
    struct fst_entry *entry;
    size_t depth;
};

struct members {
    struct seen *items;
    size_t count, cap;
};

/* All names along the mro, the nearest binding of each. */
static void list_members(struct fst_project *project, const struct fst_obj *cls,
                         struct members *members)
{
    const struct fst_class_facts *facts = fst_resolve_mro(project, cls);
    struct fst_map known = {0};
    for (size_t i = 0; i < facts->n_mro; i++) {
        if (facts->mro[i].kind != FST_OBJ_CLASS)
            continue;
        struct fst_ns *ns = fst_resolve_facts(project, &facts->mro[i])->ns;
        for (size_t k = 0; k < ns->count; k++) {
            if (fst_map_find(&known, ns->items[k]->name))
                continue;
            fst_map_put(&known, ns->items[k]->name);
            fst_vec_add(members, ((struct seen){ns->items[k], i}));
        }
    }
    fst_map_release(&known);
}

/* Names of base classes come first (PyCollector.collect reverses the mro). */
static void collect_plain(const struct level *level)
{
    struct members members = {0};
    list_members(level->collector->project, level->cls, &members);
    size_t end = members.count;
    while (end) {
        size_t start = end - 1;
        while (start &&
               members.items[start - 1].depth == members.items[end - 1].depth)
            start--;
        for (size_t i = start; i < end; i++)
            collect_item(level, members.items[i].entry);
        end = start;
    }
    fst_vec_free(&members);
}

static int by_name(const void *one, const void *two)
{
    return strcmp(((const struct seen *)one)->entry->name,
                  ((const struct seen *)two)->entry->name);
}

/* trial's own runTest is no test (unittest.py asks for it by identity). */
static bool is_run_test(const struct level *level,
                        const struct fst_entry *entry)
{
    struct fst_obj obj =
        fst_resolve_entry(level->collector->project, entry, false);
    return is_test_function(level, entry, &obj) &&
           !fst_fspath_suffix(entry->home->path,
                              "twisted/trial/_synctest.py") &&
           !fst_fspath_suffix(entry->home->path, "twisted/trial/_asynctest.py");
}

/* As unittest's loader lists them: by name, whatever python_functions says. */
static void collect_unittest(const struct level *level)
{
    struct fst_project *project = level->collector->project;
    struct members members = {0};
    size_t before = level->collector->found->count;
    list_members(project, level->cls, &members);
    if (members.count)
        qsort(members.items, members.count, sizeof *members.items, by_name);
    for (size_t i = 0; i < members.count; i++) {
        const struct fst_entry *entry = members.items[i].entry;
        if (strncmp(entry->name, "test", 4) != 0)
            continue;
        struct fst_obj obj = fst_resolve_entry(project, entry, false);
        if (is_test_function(level, entry, &obj))
            add_test(level, entry, &obj);
    }
    fst_vec_free(&members);
    struct fst_entry *run = fst_resolve_member(project, level->cls, "runTest");
    if (run && level->collector->found->count == before &&
        is_run_test(level, run)) {
        struct fst_obj obj = fst_resolve_entry(project, run, false);
        add_test(level, run, &obj);
    }
}

static void collect_class(const struct level *outer,
                          const struct fst_entry *entry,
                          const struct fst_obj *cls, bool unittest)
{
    const struct collector *collector = outer->collector;
    struct fst_project *project = collector->project;
    struct level level = {.collector = collector,
                          .cls = cls,
                          .unittest = unittest,
                          .depth = outer->depth + 1};
    if (level.depth > DEPTH || entry->refused ||
        !test_flag(fst_resolve_member(project, cls, "__test__")))
        return;
    if (!unittest && has_constructor(project, cls))
        return;
    level.class_name = outer->class_name
                           ? fst_arena_printf(collector->arena, "%s::%s",
                                              outer->class_name, entry->name)
                           : entry->name;
    note_strangeness(collector, cls, fst_resolve_mro(project, cls));
    fst_marks_copy(&level.marks, &outer->marks);
    add_class_marks(&level);
    if (unittest)
        collect_unittest(&level);
    else
        collect_plain(&level);
    fst_marks_release(&level.marks);
}

/* Test* = make(), test_a, test_b = make(): who knows. */
static void note_unknown(const struct level *level,
                         const struct fst_entry *entry,
                         const struct fst_obj *obj, bool class_like)
{
    bool made = obj->kind == FST_OBJ_VALUE &&
                obj->expr->kind == FST_EXPR_CALL &&
                (class_like || entry->binding->unpacked);
    bool foreign = entry->binding->kind == FST_BIND_FROM &&
                   (obj->kind == FST_OBJ_UNKNOWN ||
                    (obj->kind == FST_OBJ_EXTERNAL &&
                     !fst_fspath_suffix(obj->name, "TestCase")));
    if (made || foreign)
        level->collector->found->dynamic = true;
}

static void collect_item(const struct level *level,
                         const struct fst_entry *entry)
{
    const struct collector *collector = level->collector;
    struct fst_project *project = collector->project;
    const char *name = entry->name;
    if (!strncmp(name, "__", 2))
        return;
    bool class_like = name_matches(&collector->cfg->python_classes, name);
    bool function_like = name_matches(&collector->cfg->python_functions, name);
    bool light = !class_like && !function_like;
    /* Only a class can be a test under any name, and its name says so. */
    if (light && entry->binding->kind == FST_BIND_FROM && name[0] >= 'a' &&
        name[0] <= 'z')
        return;
    struct fst_obj obj = fst_resolve_entry(project, entry, light);
    if (obj.kind == FST_OBJ_CLASS) {
        bool unittest = fst_resolve_is_testcase(project, &obj);
        if (unittest || class_like)
            collect_class(level, entry, &obj, unittest);
        else if (test_flag(fst_ns_find(fst_resolve_facts(project, &obj)->ns,
                                       "__test__", UINT32_MAX)) == 1)
            collect_class(level, entry, &obj, false);
    } else if (function_like && is_test_function(level, entry, &obj)) {
        add_test(level, entry, &obj);
    } else if (!light) {
        note_unknown(level, entry, &obj, class_like);
    }
}

/* Is a test class handed to a call that stands alone at module level? */
static bool hands_out_tests(const struct collector *collector)
{
    const struct fst_outline *outline = collector->file->outline;
    for (size_t i = 0; i < outline->n_calls; i++) {
        for (size_t k = 0; k < outline->calls[i].n_parts; k++) {
            const struct fst_expr *part = &outline->calls[i].parts[k];
            if (part->kind != FST_EXPR_NAME)
                continue;
            struct fst_obj obj =
                fst_resolve_name(collector->project, collector->file, NULL,
                                 part->text, UINT32_MAX, true);
            if (obj.kind == FST_OBJ_CLASS &&
                (name_matches(&collector->cfg->python_classes, obj.cls->name) ||
                 fst_resolve_is_testcase(collector->project, &obj)))
                return true;
        }
    }
    return false;
}

void fst_collect_module(struct fst_project *project,
                        const struct fst_pytest_config *cfg,
                        struct fst_module *module, const char *id_path,
                        struct fst_arena *arena, struct fst_found *found)
{
    struct fst_ns *ns = fst_project_ns(project, module);
    struct collector collector = {.project = project,
                                  .cfg = cfg,
                                  .file = module,
                                  .id_path = id_path,
                                  .arena = arena,
                                  .found = found};
    struct level level = {.collector = &collector};
    if (!module->outline)
        return;
    collector.generates =
        fst_ns_find(ns, "pytest_generate_tests", UINT32_MAX) != NULL;
    found->dynamic |= module->outline->dynamic || module->star_unknown ||
                      module->outline->problem || hands_out_tests(&collector);
    if (!test_flag(fst_ns_find(ns, "__test__", UINT32_MAX)))
        return;
    fst_marks_init(&level.marks);
    struct fst_entry *mark = fst_ns_find(ns, "pytestmark", UINT32_MAX);
    if (mark && mark->binding->kind == FST_BIND_VALUE)
        fst_marks_add(&level.marks, project, mark->home, NULL,
                      mark->binding->value);
    for (size_t i = 0; i < ns->count; i++)
        collect_item(&level, ns->items[i]);
    fst_marks_release(&level.marks);
}
