#include "coordinator/discover/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/fspath.h"

/* Of names that lead to names; cycles end here too. */
enum { DEPTH = 60 };

struct ask {
    struct fst_project *project;
    bool light;
    int depth;
};

static const struct fst_obj unknown = {.kind = FST_OBJ_UNKNOWN};

static struct fst_obj resolve_dotted(const struct ask *ask,
                                     struct fst_module *module,
                                     struct fst_class *cls, const char *dotted,
                                     uint32_t order);
static struct fst_obj resolve_entry(const struct ask *ask,
                                    const struct fst_entry *entry);

static struct fst_obj external(const struct ask *ask, const char *head,
                               const char *tail)
{
    const char *dot = *head && *tail ? "." : "";
    return (struct fst_obj){
        .kind = FST_OBJ_EXTERNAL,
        .name =
            fst_arena_printf(&ask->project->arena, "%s%s%s", head, dot, tail)};
}

static struct fst_obj of_module(struct fst_module *module)
{
    return (struct fst_obj){.kind = FST_OBJ_MODULE, .module = module};
}

static struct fst_obj module_attribute(const struct ask *ask,
                                       struct fst_module *module,
                                       const char *name)
{
    if (ask->light && !fst_project_mentions_tests(ask->project, module))
        return unknown;
    struct fst_ns *ns = fst_project_ns(ask->project, module);
    struct fst_entry *entry = fst_ns_find(ns, name, UINT32_MAX);
    if (entry)
        return resolve_entry(ask, entry);
    struct fst_module *sub = fst_project_submodule(ask->project, module, name);
    return sub ? of_module(sub) : unknown;
}

static struct fst_obj attribute(const struct ask *ask,
                                const struct fst_obj *obj, const char *name)
{
    if (obj->kind == FST_OBJ_MODULE)
        return module_attribute(ask, obj->module, name);
    if (obj->kind == FST_OBJ_EXTERNAL)
        return external(ask, obj->name, name);
    if (obj->kind == FST_OBJ_CLASS) {
        struct fst_entry *entry = fst_resolve_member(ask->project, obj, name);
        return entry ? resolve_entry(ask, entry) : unknown;
    }
    return unknown;
}

static struct fst_obj resolve_from(const struct ask *ask,
                                   const struct fst_entry *entry)
{
    const struct fst_binding *binding = entry->binding;
    struct fst_module *module = fst_project_import(
        ask->project, entry->home, binding->level, binding->module);
    if (!module)
        return binding->level ? unknown
                              : external(ask, binding->module, binding->attr);
    /* "from . import x" in a package's own __init__ is the submodule. */
    if (module == entry->home) {
        struct fst_module *sub =
            fst_project_submodule(ask->project, module, binding->attr);
        return sub ? of_module(sub) : unknown;
    }
    return module_attribute(ask, module, binding->attr);
}

/* f in "deco(f)", "partial(f, 1)": the first argument, where that is a
 * function; else the value itself. */
static struct fst_obj resolve_value(const struct ask *ask,
                                    const struct fst_entry *entry)
{
    const struct fst_expr *value = entry->binding->value;
    struct fst_obj self = {
        .kind = FST_OBJ_VALUE, .module = entry->home, .expr = value};
    if (entry->binding->unpacked)
        return self;
    if (value->kind == FST_EXPR_LAMBDA)
        self.kind = FST_OBJ_FUNCTION;
    if (value->kind == FST_EXPR_NAME)
        return resolve_dotted(ask, entry->home, entry->scope, value->text,
                              entry->order);
    if (value->kind != FST_EXPR_CALL || !value->n_parts ||
        value->parts[0].kind != FST_EXPR_NAME || value->parts[0].keyword)
        return self;
    struct fst_obj first = resolve_dotted(ask, entry->home, entry->scope,
                                          value->parts[0].text, entry->order);
    return first.kind == FST_OBJ_FUNCTION ? first : self;
}

static struct fst_obj resolve_entry(const struct ask *ask,
                                    const struct fst_entry *entry)
{
    struct ask deeper = *ask;
    const struct fst_binding *binding = entry->binding;
    if (++deeper.depth > DEPTH)
        return unknown;
    struct fst_module *module;
    switch (binding->kind) {
    case FST_BIND_DEF:
        return (struct fst_obj){.kind = FST_OBJ_FUNCTION,
                                .module = entry->home,
                                .function = binding->function};
    case FST_BIND_CLASS:
        return (struct fst_obj){
            .kind = FST_OBJ_CLASS, .module = entry->home, .cls = binding->cls};
    case FST_BIND_IMPORT:
        module =
            fst_project_import(ask->project, entry->home, 0, binding->module);
        return module ? of_module(module) : external(ask, binding->module, "");
    case FST_BIND_FROM:
        return resolve_from(&deeper, entry);
    case FST_BIND_VALUE:
        return resolve_value(&deeper, entry);
    case FST_BIND_STAR:
    case FST_BIND_DEL:
    case FST_BIND_ATTR:
        break;
    }
    return unknown;
}

struct fst_obj fst_resolve_entry(struct fst_project *project,
                                 const struct fst_entry *entry, bool light)
{
    struct ask ask = {.project = project, .light = light};
    return resolve_entry(&ask, entry);
}

static bool is_builtin(const char *name)
{
    static const char *const names[] = {
        "object",   "dict",       "list",         "tuple",       "set",
        "str",      "int",        "float",        "bytes",       "type",
        "property", "frozenset",  "bytearray",    "complex",     "bool",
        "super",    "memoryview", "staticmethod", "classmethod", "map"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return fst_fspath_suffix(name, "Error") ||
           fst_fspath_suffix(name, "Warning") ||
           fst_fspath_suffix(name, "Exception") ||
           !strcmp(name, "SystemExit") || !strcmp(name, "KeyboardInterrupt");
}

/* A plain name: in the class, then in the module, then among the builtins. */
static struct fst_obj resolve_plain(const struct ask *ask,
                                    struct fst_module *module,
                                    struct fst_class *cls, const char *name,
                                    uint32_t order)
{
    struct fst_entry *entry = NULL;
    if (cls) {
        struct fst_obj self = {
            .kind = FST_OBJ_CLASS, .module = module, .cls = cls};
        struct fst_class_facts *facts = fst_resolve_facts(ask->project, &self);
        entry = fst_ns_find(facts->ns, name, order);
    }
    if (!entry)
        entry = fst_ns_find(fst_project_ns(ask->project, module), name,
                            cls ? UINT32_MAX : order);
    if (entry)
        return resolve_entry(ask, entry);
    return is_builtin(name) ? external(ask, "builtins", name) : unknown;
}

static struct fst_obj resolve_dotted(const struct ask *ask,
                                     struct fst_module *module,
                                     struct fst_class *cls, const char *dotted,
                                     uint32_t order)
{
    struct ask deeper = *ask;
    if (++deeper.depth > DEPTH)
        return unknown;
    struct fst_arena *arena = &ask->project->arena;
    size_t len = strcspn(dotted, ".");
    struct fst_obj obj = resolve_plain(
        &deeper, module, cls, fst_arena_strn(arena, dotted, len), order);
    while (dotted[len] && obj.kind != FST_OBJ_UNKNOWN) {
        dotted += len + 1;
        len = strcspn(dotted, ".");
        obj = attribute(&deeper, &obj, fst_arena_strn(arena, dotted, len));
    }
    return obj;
}

struct fst_obj fst_resolve_name(struct fst_project *project,
                                struct fst_module *module,
                                struct fst_class *cls, const char *dotted,
                                uint32_t order, bool light)
{
    struct ask ask = {.project = project, .light = light};
    return resolve_dotted(&ask, module, cls, dotted, order);
}

const char *fst_resolve_external(struct fst_project *project,
                                 struct fst_module *module,
                                 struct fst_class *cls, const char *dotted)
{
    struct fst_obj obj =
        fst_resolve_name(project, module, cls, dotted, UINT32_MAX, true);
    return obj.kind == FST_OBJ_EXTERNAL ? obj.name : dotted;
}

struct fst_class_facts *fst_resolve_facts(struct fst_project *project,
                                          const struct fst_obj *cls)
{
    if (!cls->cls->facts) {
        struct fst_class_facts *facts =
            fst_arena_alloc(&project->arena, sizeof *facts);
        cls->cls->facts = facts;
        facts->module = cls->module;
        facts->ns = fst_project_class_ns(project, cls->cls, cls->module);
    }
    return cls->cls->facts;
}

static bool is_called(const char *dotted, const char *name)
{
    const char *dot = dotted ? strrchr(dotted, '.') : NULL;
    return dotted && !strcmp(dot ? dot + 1 : dotted, name);
}

/* What a base expression means. Its `with_metaclass(Meta, Base)` is Base. */
static struct fst_obj resolve_base(struct fst_project *project,
                                   const struct fst_obj *cls, size_t index,
                                   bool light)
{
    const struct fst_expr *base = &cls->cls->bases[index];
    const char *text = base->text;
    if (base->kind == FST_EXPR_CALL) {
        if (is_called(text, "namedtuple") || is_called(text, "NamedTuple"))
            return (struct fst_obj){.kind = FST_OBJ_EXTERNAL,
                                    .name = "builtins.tuple"};
        bool meta = is_called(text, "with_metaclass") && base->n_parts >= 2 &&
                    base->parts[1].kind == FST_EXPR_NAME;
        if (!meta)
            return unknown;
        text = base->parts[1].text;
    } else if (base->kind != FST_EXPR_NAME &&
               base->kind != FST_EXPR_SUBSCRIPT) {
        return unknown;
    }
    struct fst_obj obj = fst_resolve_name(project, cls->module, cls->cls->outer,
                                          text, cls->cls->order, light);
    return obj.kind == FST_OBJ_CLASS || obj.kind == FST_OBJ_EXTERNAL ? obj
                                                                     : unknown;
}

static bool same(const struct fst_obj *one, const struct fst_obj *two)
{
    if (one->kind != two->kind)
        return false;
    if (one->kind == FST_OBJ_CLASS)
        return one->cls == two->cls;
    return one->kind == FST_OBJ_EXTERNAL && !strcmp(one->name, two->name);
}

struct sequence {
    const struct fst_obj *items;
    size_t count;
};

static bool in_tails(const struct sequence *seqs, size_t count,
                     const struct fst_obj *obj)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 1; k < seqs[i].count; k++)
            if (same(&seqs[i].items[k], obj))
                return true;
    return false;
}

/* C3's merge. Where no head is free (Python would refuse the class), the first
 * sequence's head is taken. */
static void merge(struct sequence *seqs, size_t count, struct fst_obj *out,
                  size_t *n_out)
{
    for (;;) {
        const struct fst_obj *head = NULL, *first = NULL;
        for (size_t i = 0; i < count && !head; i++) {
            if (!seqs[i].count)
                continue;
            first = first ? first : seqs[i].items;
            if (!in_tails(seqs, count, seqs[i].items))
                head = seqs[i].items;
        }
        head = head ? head : first;
        if (!head)
            return;
        struct fst_obj taken = *head;
        bool known = false;
        for (size_t i = 0; i < *n_out; i++)
            known |= same(&out[i], &taken);
        if (!known)
            out[(*n_out)++] = taken;
        for (size_t i = 0; i < count; i++) {
            if (seqs[i].count &&
                (seqs[i].items == head || same(seqs[i].items, &taken))) {
                seqs[i].items++;
                seqs[i].count--;
            }
        }
    }
}

const struct fst_class_facts *fst_resolve_mro(struct fst_project *project,
                                              const struct fst_obj *cls)
{
    struct fst_class_facts *facts = fst_resolve_facts(project, cls);
    if (facts->mro || facts->in_mro)
        return facts;
    facts->in_mro = true;
    size_t bases = cls->cls->n_bases, total = 1 + bases;
    struct fst_obj *direct = fst_calloc(bases + 1, sizeof *direct);
    struct sequence *seqs = fst_calloc(bases + 1, sizeof *seqs);
    for (size_t i = 0; i < bases; i++) {
        direct[i] = resolve_base(project, cls, i, false);
        if (direct[i].kind == FST_OBJ_UNKNOWN)
            facts->called_base |= cls->cls->bases[i].kind == FST_EXPR_CALL;
        seqs[i] = (struct sequence){&direct[i], 1};
        if (direct[i].kind != FST_OBJ_CLASS)
            continue;
        const struct fst_class_facts *base =
            fst_resolve_mro(project, &direct[i]);
        facts->called_base |= base->called_base;
        if (base->mro)
            seqs[i] = (struct sequence){base->mro, base->n_mro};
        total += seqs[i].count;
    }
    seqs[bases] = (struct sequence){direct, bases};
    struct fst_obj *mro =
        fst_arena_array(&project->arena, total + bases, sizeof *mro);
    mro[0] = *cls;
    facts->n_mro = 1;
    merge(seqs, bases + 1, mro, &facts->n_mro);
    facts->mro = mro;
    facts->in_mro = false;
    free(direct);
    free(seqs);
    return facts;
}

struct fst_entry *fst_resolve_member(struct fst_project *project,
                                     const struct fst_obj *cls,
                                     const char *name)
{
    const struct fst_class_facts *facts = fst_resolve_mro(project, cls);
    for (size_t i = 0; i < facts->n_mro && facts->mro; i++) {
        if (facts->mro[i].kind != FST_OBJ_CLASS)
            continue;
        struct fst_entry *entry = fst_ns_find(
            fst_resolve_facts(project, &facts->mro[i])->ns, name, UINT32_MAX);
        if (entry)
            return entry;
    }
    return NULL;
}

bool fst_resolve_is_testcase(struct fst_project *project,
                             const struct fst_obj *cls)
{
    if (cls->kind == FST_OBJ_EXTERNAL)
        return fst_fspath_suffix(cls->name, "TestCase");
    if (cls->kind != FST_OBJ_CLASS)
        return false;
    struct fst_class_facts *facts = fst_resolve_facts(project, cls);
    if (facts->testcase == FST_CASE_NEW) {
        bool found = false;
        facts->testcase = FST_CASE_ASKED;
        for (size_t i = 0; i < cls->cls->n_bases && !found; i++) {
            struct fst_obj base = resolve_base(project, cls, i, true);
            found = fst_resolve_is_testcase(project, &base);
        }
        facts->testcase = found ? FST_CASE_YES : FST_CASE_NO;
    }
    return facts->testcase == FST_CASE_YES;
}
