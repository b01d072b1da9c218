#include "coordinator/discover/sources.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/discover/fspath.h"
#include "coordinator/discover/source.h"
#include "shared/base/relpath.h"

static void add(struct fst_project *project, struct fst_suite *suite,
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
            source.digest = fst_map_hash(text.data, text.len);
        fst_buf_release(&text);
    }
    fst_vec_add(&suite->sources, source);
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
        if (module && binding->kind == FST_BIND_FROM)
            fst_project_submodule(project, module, binding->attr);
    }
}

static int by_path(const void *one, const void *two)
{
    return strcmp(((const struct fst_source *)one)->path,
                  ((const struct fst_source *)two)->path);
}

void fst_sources_list(struct fst_project *project,
                      const struct fst_names *others, const char *root,
                      struct fst_suite *suite)
{
    for (size_t i = 0; i < project->outlines.count; i++)
        resolve_imports(project, project->outlines.items[i]);
    for (size_t i = 0; i < project->modules.cap; i++) {
        const struct fst_module *module = project->modules.slots[i].value;
        if (!project->modules.slots[i].key || !module ||
            module->path == module->dir) /* a directory */
            continue;
        add(project, suite, root, module->path, module->outline);
    }
    for (size_t i = 0; i < others->count; i++)
        add(project, suite, root, others->items[i], NULL);
    if (suite->sources.count)
        qsort(suite->sources.items, suite->sources.count,
              sizeof *suite->sources.items, by_path);
}
