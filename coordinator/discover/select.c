#include "coordinator/discover/select.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/fspath.h"
#include "shared/config/paths.h"

char *fst_select_split(struct fst_arena *arena, const char *argument,
                       const char **selector)
{
    size_t base = strcspn(argument, "[");
    const char *colons = strstr(argument, "::");
    *selector = NULL;
    /* Without a "::" before it, a "[" belongs to nothing: pytest drops it and
     * the rest. */
    if (!colons || (size_t)(colons - argument) >= base)
        return fst_arena_strn(arena, argument, base);
    *selector = fst_arena_str(arena, colons + 2);
    return fst_arena_strn(arena, argument, (size_t)(colons - argument));
}

static char *pyarg_below(struct fst_arena *arena, const char *dir,
                         const char *dotted)
{
    char *path = fst_arena_str(arena, dir);
    while (*dotted) {
        size_t len = strcspn(dotted, ".");
        if (!len)
            return NULL;
        char *name = fst_arena_strn(arena, dotted, len);
        path = fst_fspath_join(arena, path, name);
        dotted += len;
        dotted += *dotted == '.';
    }
    if (fst_path_is_file(fst_fspath_join(arena, path, "__init__.py")))
        return path;
    char *file = fst_arena_printf(arena, "%s.py", path);
    return fst_path_is_file(file) ? file : NULL;
}

char *fst_select_pyarg(struct fst_arena *arena,
                       const struct fst_pytest_config *cfg, const char *dotted)
{
    char *found = NULL;
    if (!*dotted || strchr(dotted, '/'))
        return NULL;
    for (size_t i = 0; i < cfg->pythonpath.count && !found; i++)
        found = pyarg_below(
            arena,
            fst_fspath_normal(arena, cfg->rootdir, cfg->pythonpath.items[i]),
            dotted);
    if (!found)
        found = pyarg_below(arena, cfg->cwd, dotted);
    return found ? found : pyarg_below(arena, cfg->rootdir, dotted);
}

/* Is the test (what stands behind "::" of its id) the selector's, or below
 * it? Parameters don't count. */
static bool selects(const char *selector, const char *test)
{
    size_t len = strcspn(selector, "[");
    return !strncmp(selector, test, len) &&
           (!test[len] || !strncmp(test + len, "::", 2));
}

void fst_select_tests(struct fst_file *file, const struct fst_found *found,
                      const struct fst_names *selectors,
                      struct fst_arena *arena)
{
    const char **list = fst_arena_array(arena, selectors->count, sizeof *list);
    const char **missing =
        fst_arena_array(arena, selectors->count, sizeof *missing);
    bool *taken = fst_calloc(found->count + 1, sizeof *taken);
    file->tests = fst_arena_array(arena, found->count, sizeof *file->tests);
    for (size_t i = 0; i < selectors->count; i++) {
        bool any = false;
        /* Instances are known to pytest only. */
        file->verify = file->verify || strchr(selectors->items[i], '[');
        list[i] = fst_arena_str(arena, selectors->items[i]);
        for (size_t k = 0; k < found->count; k++) {
            const struct fst_test *test = &found->items[k];
            const char *tail =
                test->class_name
                    ? fst_arena_printf(arena, "%s::%s", test->class_name,
                                       test->function)
                    : test->function;
            if (!selects(list[i], tail))
                continue;
            any = true;
            if (!taken[k])
                file->tests[file->n_tests++] = *test;
            taken[k] = true;
        }
        file->verify = file->verify || !any;
        if (!any && !file->dynamic)
            missing[file->n_missing++] = list[i];
    }
    file->missing = missing;
    file->selectors = list;
    file->n_selectors = selectors->count;
    free(taken);
}

struct claim { /* a base directory, and its first file of a module name */
    const char *base, *path;
};

struct claims {
    struct claim *items;
    size_t count, cap;
};

/* The first part of the dotted name under which file is imported. */
static char *top_name(struct fst_arena *arena, const char *base,
                      const char *path)
{
    const char *rest = path + strlen(base);
    rest += strspn(rest, "/");
    size_t len = strcspn(rest, "/");
    if (!rest[len] && len > 3)
        len -= 3; /* ".py" */
    return fst_arena_strn(arena, rest, len);
}

static void claim(struct fst_suite *suite, struct fst_file *file,
                  struct claims *claims, const char *base)
{
    const char **earlier =
        fst_arena_array(&suite->arena, claims->count, sizeof *earlier);
    bool known = false;
    for (size_t i = 0; i < claims->count; i++) {
        if (!strcmp(claims->items[i].base, base))
            known = true;
        else
            earlier[file->n_earlier++] = claims->items[i].path;
    }
    file->earlier = earlier;
    if (!known)
        fst_vec_add(claims, ((struct claim){base, file->path}));
}

void fst_select_earlier(struct fst_suite *suite, const struct fst_walk *walk,
                        struct fst_project *project)
{
    struct fst_map tops = {0};
    struct fst_arena *arena = &project->arena;
    for (size_t i = 0; i < suite->files.count; i++) {
        const struct fst_candidate *candidate = &walk->candidates.items[i];
        if (!fst_fspath_suffix(candidate->path, ".py"))
            continue;
        const char *base = fst_project_base(arena, candidate->path);
        void **slot =
            fst_map_put(&tops, top_name(arena, base, candidate->path));
        if (!*slot)
            *slot = fst_alloc(sizeof(struct claims));
        claim(suite, &suite->files.items[i], *slot, base);
    }
    for (size_t i = 0; i < tops.cap; i++) {
        struct claims *claims = tops.slots[i].value;
        if (claims)
            fst_vec_free(claims);
        free(claims);
    }
    fst_map_release(&tops);
}
