#include "coordinator/cli/plan.h"

#include <stdlib.h>
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

int fst_plan_seed(const struct fst_settings *settings, const char **seed,
                  struct fst_err *err)
{
    static const char random[] = "random";
    const char *order = settings->order;
    size_t len = strlen(random);
    *seed = NULL;
    if (!strcmp(order, "history") || !strcmp(order, "file"))
        return 0;
    if (strncmp(order, random, len) != 0 ||
        (order[len] && (order[len] != ':' || !order[len + 1])))
        return fst_fail(err, FST_E_USAGE,
                        "--order: \"%s\" is not accepted: expected history, "
                        "file, random or random:SEED",
                        order);
    *seed = order[len] ? order + len + 1 : "";
    return 0;
}

/* A file's place by the seed: 64-bit FNV-1a, so that it is the same on any
 * machine and for any selection. */
static uint64_t place(const char *seed, const char *path)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *seed; seed++)
        hash = (hash ^ (unsigned char)*seed) * UINT64_C(0x100000001b3);
    for (hash *= UINT64_C(0x100000001b3); *path; path++)
        hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

struct placed {
    uint64_t place;
    struct fst_file_plan plan;
};

static int by_place(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return strcmp(x->plan.path, y->plan.path);
}

void fst_plan_shuffle(struct fst_run_spec *spec, const char *seed,
                      struct fst_arena *arena)
{
    struct fst_file_plan *files =
        fst_arena_array(arena, spec->n_files, sizeof *files);
    struct placed *placed =
        fst_arena_array(arena, spec->n_files, sizeof *placed);
    for (size_t i = 0; i < spec->n_files; i++)
        placed[i] = (struct placed){.place = place(seed, spec->files[i].path),
                                    .plan = spec->files[i]};
    if (spec->n_files)
        qsort(placed, spec->n_files, sizeof *placed, by_place);
    for (size_t i = 0; i < spec->n_files; i++)
        files[i] = placed[i].plan;
    spec->files = files;
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
        .one_worker = fst_settings_one_worker(settings),
        .keep_files = settings->dist == FST_DIST_LOADFILE,
        .given_order = strcmp(settings->order, "history") != 0,
        .max_worker_restart = settings->max_worker_restart,
    };
}
