#include "coordinator/discover/sources.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/fspath.h"
#include "coordinator/discover/source.h"
#include "shared/base/hash.h"
#include "shared/base/relpath.h"

/* The digest of its bytes; 0: unreadable. */
static uint64_t add(struct fst_project *project, struct fst_suite *suite,
                    const char *root, const char *path,
                    const struct fst_outline *outline)
{
    struct fst_source source = {
        .path = fst_relpath(&suite->arena, root, path),
        .digest = outline ? outline->digest : 0,
    };
    if (!outline) {
        struct fst_buf text;
        fst_buf_init(&text, FST_SOURCE_LIMIT + 1);
        if (!fst_source_read(path, &text, &project->arena))
            source.digest = fst_hash(text.data, text.len);
        fst_buf_release(&text);
    }
    fst_vec_add(&suite->sources, source);
    return source.digest;
}

/* The modules that a parsed module imports become known to the project; so do
 * "from package import module"'s. */
static void resolve_imports(struct fst_project *project,
                            const struct fst_outline *outline)
{
    struct fst_module *from = fst_project_module(project, outline->path);
    for (size_t i = 0; i < outline->scope.count; i++) {
        const struct fst_binding *binding = &outline->scope.items[i];
        if (binding->kind != FST_BIND_IMPORT &&
            binding->kind != FST_BIND_FROM && binding->kind != FST_BIND_STAR)
            continue;
        struct fst_module *module =
            fst_project_import(project, from, binding->level, binding->module);
        if (!module)
            continue;
        fst_vec_add(&from->imports, module);
        if (binding->kind != FST_BIND_FROM)
            continue;
        module = fst_project_submodule(project, module, binding->attr);
        if (module)
            fst_vec_add(&from->imports, module);
    }
}

static int by_path(const void *one, const void *two)
{
    return strcmp(((const struct fst_source *)one)->path,
                  ((const struct fst_source *)two)->path);
}

struct closure { /* of one file */
    size_t number;
    uint64_t sum;
    FST_VEC(struct fst_module *) queue;
};

static void reach(struct closure *closure, struct fst_module *module)
{
    if (!module || module->seen == closure->number)
        return;
    module->seen = closure->number;
    closure->sum += module->digest * UINT64_C(0x9e3779b97f4a7c15);
    fst_vec_add(&closure->queue, module);
}

/* All conftest.py files from the file's directory upwards that were met. */
static void reach_conftests(struct fst_project *project,
                            struct closure *closure, const char *path)
{
    char *dir = fst_fspath_parent(&project->arena, path);
    for (size_t last = SIZE_MAX; strlen(dir) < last;
         dir = fst_fspath_parent(&project->arena, dir)) {
        last = strlen(dir);
        void **found =
            fst_map_find(&project->modules,
                         fst_fspath_join(&project->arena, dir, "conftest.py"));
        if (found)
            reach(closure, *found);
    }
}

/* Order doesn't matter: a sum of digests. */
static void make_closures(struct fst_project *project,
                          const struct fst_walk *walk, uint64_t common,
                          struct fst_suite *suite)
{
    struct closure closure = {0};
    for (size_t i = 0; i < suite->files.count; i++) {
        const struct fst_candidate *file = &walk->candidates.items[i];
        if (!file->python)
            continue;
        closure.number = i + 1;
        closure.sum = common;
        closure.queue.count = 0;
        reach(&closure, fst_project_module(project, file->path));
        reach_conftests(project, &closure, file->path);
        for (size_t k = 0; k < closure.queue.count; k++) {
            struct fst_module *from = closure.queue.items[k];
            for (size_t n = 0; n < from->imports.count; n++)
                reach(&closure, from->imports.items[n]);
        }
        suite->files.items[i].closure = closure.sum ? closure.sum : 1;
    }
    fst_vec_free(&closure.queue);
}

void fst_sources_list(struct fst_project *project, const struct fst_walk *walk,
                      const char *inifile, const char *root,
                      struct fst_suite *suite)
{
    uint64_t common = 0;
    for (size_t i = 0; i < project->outlines.count; i++)
        resolve_imports(project, project->outlines.items[i]);
    for (size_t i = 0; i < project->modules.cap; i++) {
        struct fst_module *module = project->modules.slots[i].value;
        if (!project->modules.slots[i].key || !module ||
            module->path == module->dir) /* a directory */
            continue;
        module->digest =
            add(project, suite, root, module->path, module->outline);
    }
    const struct fst_candidate *file;
    fst_vec_each (file, &walk->candidates)
        if (!file->python)
            add(project, suite, root, file->path, NULL);
    if (inifile)
        common = add(project, suite, root, inifile, NULL);
    make_closures(project, walk, common, suite);
    if (suite->sources.count)
        qsort(suite->sources.items, suite->sources.count,
              sizeof *suite->sources.items, by_path);
}
