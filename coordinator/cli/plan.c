#include "coordinator/cli/plan.h"

#include <string.h>

static void plan_file(const struct fst_file *file, struct fst_arena *arena,
                      struct fst_file_plan *plan)
{
    const char **functions =
        fst_arena_array(arena, file->n_tests, sizeof *functions);
    for (size_t i = 0; i < file->n_tests; i++)
        functions[i] = file->tests[i].id;
    *plan = (struct fst_file_plan){
        .path = file->path,
        .functions = functions,
        .n_functions = file->n_tests,
        .selectors = file->selectors,
        .n_selectors = file->n_selectors,
        .earlier = file->earlier,
        .n_earlier = file->n_earlier,
        .verify = file->verify,
        .held = file->held,
    };
}

void fst_plan_make(const struct fst_suite *suite,
                   const struct fst_settings *settings, struct fst_arena *arena,
                   struct fst_run_spec *spec)
{
    struct fst_file_plan *files =
        fst_arena_array(arena, suite->files.count, sizeof *files);
    for (size_t i = 0; i < suite->files.count; i++)
        plan_file(&suite->files.items[i], arena, &files[i]);
    enum fst_core_full full =
        settings->collect == FST_COLLECT_LAZY ? FST_FULL_NEVER
        : settings->collect == FST_COLLECT_FULL || suite->whole_list
            ? FST_FULL_ALWAYS
            : FST_FULL_ASKED;
    *spec = (struct fst_run_spec){
        .full = full,
        .files = files,
        .n_files = suite->files.count,
        .list_dirs = suite->list_dirs.items,
        .n_list_dirs = suite->list_dirs.count,
        .roots = suite->roots.items,
        .n_roots = suite->roots.count,
        .maxfail = settings->maxfail,
        /* What runs alone has nothing to be confirmed. */
        .confirm = settings->confirm &&
                   !(settings->isolate && !strcmp(settings->isolate, "test")),
        .retries = settings->retries,
        .fail_flaky = settings->fail_flaky,
        .collect_only = settings->collect_only,
        .one_worker = settings->workers == 0 || fst_settings_stepwise(settings),
        .max_worker_restart = settings->max_worker_restart,
    };
}
