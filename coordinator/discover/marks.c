#include "coordinator/discover/marks.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 6 };

void fst_marks_init(struct fst_marks *marks)
{
    *marks = (struct fst_marks){.instances = 1};
}

void fst_marks_release(struct fst_marks *marks)
{
    fst_vec_free(&marks->names);
    fst_vec_free(&marks->fixtures);
    fst_vec_free(&marks->params);
}

bool fst_names_has(const struct fst_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->items[i], name))
            return true;
    return false;
}

void fst_names_add(struct fst_names *names, const char *name)
{
    if (!fst_names_has(names, name))
        fst_vec_add(names, name);
}

void fst_marks_copy(struct fst_marks *marks, const struct fst_marks *from)
{
    fst_marks_init(marks);
    for (size_t i = 0; i < from->names.count; i++)
        fst_vec_add(&marks->names, from->names.items[i]);
    for (size_t i = 0; i < from->fixtures.count; i++)
        fst_vec_add(&marks->fixtures, from->fixtures.items[i]);
    for (size_t i = 0; i < from->params.count; i++)
        fst_vec_add(&marks->params, from->params.items[i]);
    marks->instances = from->instances;
}

/* Where an expression stands. */
struct place {
    struct fst_project *project;
    struct fst_module *module;
    struct fst_class *cls;
    int depth;
};

static const struct fst_expr *argument(const struct fst_expr *call,
                                       size_t index, const char *keyword)
{
    if (index < call->n_parts && !call->parts[index].keyword)
        return &call->parts[index];
    for (size_t i = 0; i < call->n_parts; i++)
        if (call->parts[i].keyword && !strcmp(call->parts[i].keyword, keyword))
            return &call->parts[i];
    return NULL;
}

/* range(n), range(a, b), range(a, b, c) of literal numbers; -1. */
static int64_t range_size(const struct fst_expr *call)
{
    int64_t at[3] = {0, 0, 1};
    if (call->n_parts < 1 || call->n_parts > 3)
        return -1;
    for (size_t i = 0; i < call->n_parts; i++) {
        if (call->parts[i].kind != FST_EXPR_INT)
            return -1;
        at[call->n_parts == 1 ? 1 : i] = call->parts[i].number;
    }
    if (at[2] <= 0)
        return -1;
    return at[1] > at[0] ? (at[1] - at[0] + at[2] - 1) / at[2] : 0;
}

/* How many elements an expression has, -1: not known. */
static int64_t arity(const struct place *place, const struct fst_expr *values)
{
    if (!values || place->depth > DEPTH)
        return -1;
    if (values->kind == FST_EXPR_LIST)
        return values->number;
    if (values->kind == FST_EXPR_CALL && values->text &&
        !strcmp(values->text, "range"))
        return range_size(values);
    if (values->kind != FST_EXPR_NAME)
        return -1;
    struct fst_obj obj =
        fst_resolve_name(place->project, place->module, place->cls,
                         values->text, UINT32_MAX, true);
    if (obj.kind != FST_OBJ_VALUE)
        return -1;
    struct place there = {place->project, obj.module, NULL, place->depth + 1};
    return arity(&there, obj.expr);
}

/* "a, b" or ["a", "b"]: adds the names. */
static void add_argnames(struct fst_marks *marks, const struct place *place,
                         const struct fst_expr *names)
{
    if (names->kind == FST_EXPR_LIST) {
        for (size_t i = 0; i < names->n_parts; i++)
            if (names->parts[i].kind == FST_EXPR_STRING)
                fst_names_add(&marks->params, names->parts[i].text);
        return;
    }
    if (names->kind != FST_EXPR_STRING)
        return;
    for (const char *at = names->text; *at;) {
        at += strspn(at, ", \t\n");
        size_t len = strcspn(at, ", \t\n");
        if (len)
            fst_names_add(&marks->params,
                          fst_arena_strn(&place->project->arena, at, len));
        at += len;
    }
}

static void add_parametrize(struct fst_marks *marks, const struct place *place,
                            const struct fst_expr *call)
{
    const struct fst_expr *names = argument(call, 0, "argnames");
    int64_t count = arity(place, argument(call, 1, "argvalues"));
    if (names && !argument(call, 2, "indirect"))
        add_argnames(marks, place, names);
    /* pytest makes one skipped item of an empty list */
    count = count == 0 ? 1 : count;
    if (count < 0 || marks->instances < 0 ||
        marks->instances > INT32_MAX / count)
        marks->instances = -1;
    else
        marks->instances *= count;
}

static void add_expr(struct fst_marks *marks, const struct place *place,
                     const struct fst_expr *expr);

/* expr is text, or a call of it, and means `name` outside the project. */
static void add_mark(struct fst_marks *marks, const struct place *place,
                     const struct fst_expr *expr, const char *name)
{
    static const char prefix[] = "pytest.mark.";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return;
    name += sizeof prefix - 1;
    if (strchr(name, '.')) /* pytest.mark.x.with_args(…) */
        name = fst_arena_strn(&place->project->arena, name, strcspn(name, "."));
    fst_names_add(&marks->names, name);
    if (expr->kind != FST_EXPR_CALL)
        return;
    if (!strcmp(name, "parametrize"))
        add_parametrize(marks, place, expr);
    for (size_t i = 0; i < expr->n_parts && !strcmp(name, "usefixtures"); i++)
        if (expr->parts[i].kind == FST_EXPR_STRING)
            fst_names_add(&marks->fixtures, expr->parts[i].text);
}

static void add_expr(struct fst_marks *marks, const struct place *place,
                     const struct fst_expr *expr)
{
    if (place->depth > DEPTH)
        return;
    if (expr->kind == FST_EXPR_LIST) {
        struct place deeper = *place;
        deeper.depth++;
        for (size_t i = 0; i < expr->n_parts; i++)
            add_expr(marks, &deeper, &expr->parts[i]);
        return;
    }
    if (!expr->text ||
        (expr->kind != FST_EXPR_NAME && expr->kind != FST_EXPR_CALL))
        return;
    struct fst_obj obj =
        fst_resolve_name(place->project, place->module, place->cls, expr->text,
                         UINT32_MAX, true);
    if (obj.kind == FST_OBJ_EXTERNAL) {
        add_mark(marks, place, expr, obj.name);
    } else if (obj.kind == FST_OBJ_VALUE && expr->kind == FST_EXPR_NAME) {
        /* slow = pytest.mark.slow(…), and then @slow */
        struct place there = {place->project, obj.module, NULL,
                              place->depth + 1};
        add_expr(marks, &there, obj.expr);
    }
}

void fst_marks_add(struct fst_marks *marks, struct fst_project *project,
                   struct fst_module *module, struct fst_class *cls,
                   const struct fst_expr *expr)
{
    struct place place = {project, module, cls, 0};
    add_expr(marks, &place, expr);
}

static const char *last_part(const char *dotted)
{
    const char *dot = strrchr(dotted, '.');
    return dot ? dot + 1 : dotted;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

#define IS_ONE_OF(name, list)                                                  \
    is_one_of((name), (list), sizeof(list) / sizeof *(list))

static enum fst_role role_of(struct fst_project *project,
                             struct fst_module *module, struct fst_class *cls,
                             const struct fst_expr *decorator)
{
    static const char *const fixtures[] = {"fixture", "yield_fixture"};
    static const char *const properties[] = {
        "property", "cached_property",  "setter",          "getter",
        "deleter",  "abstractproperty", "hybrid_property", "classproperty"};
    const char *text = decorator->text;
    if (!text)
        return FST_ROLE_FUNCTION;
    const char *last = last_part(text);
    /* An alias ("from pytest import fixture as fx") has another last part. */
    if (!IS_ONE_OF(last, fixtures) && !IS_ONE_OF(last, properties))
        last = last_part(fst_resolve_external(project, module, cls, text));
    if (IS_ONE_OF(last, fixtures))
        return FST_ROLE_FIXTURE;
    if (IS_ONE_OF(last, properties))
        return FST_ROLE_PROPERTY;
    if (!strcmp(last, "classmethod"))
        return FST_ROLE_CLASSMETHOD;
    return strcmp(last, "nottest") ? FST_ROLE_FUNCTION : FST_ROLE_REFUSED;
}

enum fst_role fst_marks_role(struct fst_project *project,
                             struct fst_module *module, struct fst_class *cls,
                             const struct fst_function *function)
{
    for (size_t i = 0; i < function->n_decorators; i++) {
        enum fst_role role =
            role_of(project, module, cls, &function->decorators[i]);
        if (role != FST_ROLE_FUNCTION)
            return role;
    }
    return FST_ROLE_FUNCTION;
}

bool fst_marks_is_static(const struct fst_function *function)
{
    for (size_t i = 0; i < function->n_decorators; i++)
        if (function->decorators[i].text &&
            !strcmp(function->decorators[i].text, "staticmethod"))
            return true;
    return false;
}

size_t fst_marks_patched(struct fst_project *project, struct fst_module *module,
                         const struct fst_function *function)
{
    size_t count = 0;
    for (size_t i = 0; i < function->n_decorators; i++) {
        const struct fst_expr *call = &function->decorators[i];
        if (call->kind != FST_EXPR_CALL || !call->text ||
            !strstr(call->text, "patch"))
            continue;
        const char *name =
            fst_resolve_external(project, module, NULL, call->text);
        bool object = !strcmp(last_part(name), "object");
        if (!object && strcmp(last_part(name), "patch") != 0)
            continue;
        /* patch("target", new) and patch.object(thing, "name", new) pass
         * nothing on */
        count += !argument(call, object ? 2 : 1, "new");
    }
    return count;
}

bool fst_marks_makes_init(struct fst_project *project,
                          const struct fst_obj *cls)
{
    static const char *const makers[] = {
        "dataclass",    "attr.s",       "attr.attrs",
        "attr.define",  "attr.frozen",  "attr.mutable",
        "attrs.define", "attrs.frozen", "attrs.mutable"};
    for (size_t i = 0; i < cls->cls->n_decorators; i++) {
        const char *text = cls->cls->decorators[i].text;
        if (!text)
            continue;
        text = fst_resolve_external(project, cls->module, NULL, text);
        if (IS_ONE_OF(text, makers) || !strcmp(last_part(text), "dataclass"))
            return true;
    }
    return false;
}

bool fst_marks_is_strange(struct fst_project *project,
                          const struct fst_obj *cls)
{
    static const char *const harmless[] = {"skip",
                                           "skipIf",
                                           "skipUnless",
                                           "expectedFailure",
                                           "override_settings",
                                           "modify_settings",
                                           "tag",
                                           "total_ordering",
                                           "final",
                                           "runtime_checkable",
                                           "patch",
                                           "object",
                                           "dict",
                                           "multiple",
                                           "dataclass",
                                           "freeze_time",
                                           "unique",
                                           "given",
                                           "settings",
                                           "implementer"};
    for (size_t i = 0; i < cls->cls->n_decorators; i++) {
        const struct fst_expr *decorator = &cls->cls->decorators[i];
        struct fst_marks marks;
        fst_marks_init(&marks);
        fst_marks_add(&marks, project, cls->module, cls->cls->outer, decorator);
        bool known = marks.names.count > 0;
        fst_marks_release(&marks);
        if (!known && decorator->text) {
            const char *name = fst_resolve_external(project, cls->module, NULL,
                                                    decorator->text);
            known = IS_ONE_OF(last_part(name), harmless) ||
                    strstr(name, "skip") || strstr(name, "mark.");
        }
        if (!known)
            return true;
    }
    return false;
}
