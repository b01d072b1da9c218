#include "coordinator/discover/discover.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/discover/collect.h"
#include "coordinator/discover/fspath.h"
#include "coordinator/discover/select.h"
#include "coordinator/discover/sources.h"
#include "coordinator/discover/walk.h"
#include "coordinator/discover/wholelist.h"
#include "shared/base/relpath.h"
#include "shared/config/paths.h"

/* Threads that parse; fewer files than that are not worth one. */
enum { THREADS = 8, FILES_A_THREAD = 8 };

struct job { /* files to be parsed, by whoever comes */
    const struct fst_walk *walk;
    struct fst_outline **outlines;
    atomic_size_t next;
};

struct discovery {
    const struct fst_pytest_config *cfg;
    struct fst_suite *suite;
    struct fst_project project;
    struct fst_walk walk;
    struct fst_names anchors; /* absolute: what was typed, else where */
};

static void *parse_files(void *argument)
{
    struct job *job = argument;
    struct fst_parser *parser = fst_parser_new();
    for (;;) {
        size_t at = atomic_fetch_add(&job->next, 1);
        if (at >= job->walk->candidates.count)
            break;
        const struct fst_candidate *file = &job->walk->candidates.items[at];
        if (file->python)
            job->outlines[at] = fst_outline_read(parser, file->path);
    }
    fst_parser_free(parser);
    return NULL;
}

/* All candidates, on as many threads as pay. */
static void parse_all(struct discovery *discovery)
{
    struct fst_walk *walk = &discovery->walk;
    size_t count = walk->candidates.count, started = 0;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = count / FILES_A_THREAD;
    struct job job = {.walk = walk};
    pthread_t ids[THREADS];
    job.outlines = fst_calloc(count + 1, sizeof(struct fst_outline *));
    if (cpus > 0 && threads > (size_t)cpus)
        threads = (size_t)cpus;
    /* One that can't be started is not missed: the others take its files. */
    for (; started + 1 < threads && started < THREADS; started++)
        if (pthread_create(&ids[started], NULL, parse_files, &job))
            break;
    parse_files(&job);
    while (started--)
        pthread_join(ids[started], NULL);
    for (size_t i = 0; i < count; i++)
        if (job.outlines[i])
            fst_project_adopt(&discovery->project, job.outlines[i]);
    free(job.outlines);
}

/* Where imports are looked for: what pytest puts on sys.path, as far as it can
 * be known, and the usual place of a project's packages. */
static void add_roots(struct discovery *discovery)
{
    struct fst_project *project = &discovery->project;
    const struct fst_pytest_config *cfg = discovery->cfg;
    struct fst_arena *arena = &project->arena;
    for (size_t i = 0; i < cfg->pythonpath.count; i++)
        fst_project_add_root(
            project,
            fst_fspath_normal(arena, cfg->rootdir, cfg->pythonpath.items[i]));
    fst_project_add_root(project, cfg->rootdir);
    fst_project_add_root(project, cfg->cwd);
    fst_project_add_root(project, fst_fspath_join(arena, cfg->rootdir, "src"));
    const struct fst_candidate *file;
    const char *last = "";
    fst_vec_each (file, &discovery->walk.candidates) {
        const char *dir = fst_fspath_parent(arena, file->path);
        if (!strcmp(dir, last))
            continue;
        last = dir;
        fst_project_add_root(project, fst_project_base(arena, file->path));
        /* conftest.py files above are imported, and so on the path, too. */
        for (; !cfg->no_conftest && strlen(dir) > strlen(discovery->walk.cut);
             dir = fst_fspath_parent(arena, dir)) {
            char *conftest = fst_fspath_join(arena, dir, "conftest.py");
            if (fst_path_is_file(conftest))
                fst_project_add_root(project,
                                     fst_project_base(arena, conftest));
        }
    }
}

static void add_problem(struct discovery *discovery, const char *path,
                        const char *text)
{
    struct fst_arena *arena = &discovery->suite->arena;
    struct fst_problem problem = {
        fst_relpath(arena, discovery->cfg->root, path),
        fst_arena_str(arena, text)};
    fst_vec_add(&discovery->suite->problems, problem);
}

static void collect_file(struct discovery *discovery,
                         const struct fst_candidate *candidate)
{
    struct fst_suite *suite = discovery->suite;
    struct fst_arena *arena = &suite->arena;
    struct fst_found found = {0};
    struct fst_file file = {
        .path = fst_relpath(arena, discovery->cfg->root, candidate->path),
        .python = candidate->python,
        .dynamic = candidate->doctests,
        .held = candidate->held,
    };
    if (candidate->python) {
        struct fst_module *module =
            fst_project_module(&discovery->project, candidate->path);
        char *id_path =
            fst_relpath(arena, discovery->cfg->rootdir, candidate->path);
        fst_collect_module(&discovery->project, discovery->cfg, module, id_path,
                           arena, &found);
        file.dynamic |= found.dynamic;
        if (module->outline->problem)
            add_problem(discovery, candidate->path, module->outline->problem);
    }
    if (candidate->whole) {
        file.tests = fst_arena_array(arena, found.count, sizeof *file.tests);
        if (found.count)
            memcpy(file.tests, found.items, found.count * sizeof *file.tests);
        file.n_tests = found.count;
    } else {
        fst_select_tests(&file, &found, &candidate->selectors, arena);
    }
    suite->n_tests += file.n_tests;
    fst_vec_add(&suite->files, file);
    fst_vec_free(&found);
}

/* One argument, as typed or of testpaths: a path, or a node id. */
static int add_argument(struct discovery *discovery, const char *argument,
                        bool typed_in, struct fst_err *err)
{
    const struct fst_pytest_config *cfg = discovery->cfg;
    struct fst_arena *arena = &discovery->project.arena;
    const char *selector;
    char *typed = fst_select_split(arena, argument, &selector);
    char *path = fst_fspath_normal(arena, cfg->cwd, typed);
    struct stat st;
    if (stat(path, &st) && cfg->pyargs) {
        char *module = fst_select_pyarg(arena, cfg, typed);
        path = module ? module : path;
    }
    if (stat(path, &st))
        return fst_fail(err, FST_E_USAGE,
                        cfg->pyargs ? "module or package not found: %s "
                                      "(missing __init__.py?)"
                                    : "file or directory not found: %s",
                        argument);
    if (typed_in)
        fst_names_add(&discovery->anchors, path);
    if (S_ISDIR(st.st_mode) && selector)
        return fst_fail(err, FST_E_USAGE,
                        "%s argument cannot contain :: selection parts: %s",
                        cfg->pyargs ? "package" : "directory", argument);
    if (S_ISDIR(st.st_mode)) {
        fst_walk_dir(&discovery->walk, path);
        fst_vec_add(&discovery->suite->roots,
                    fst_relpath(&discovery->suite->arena, cfg->root, path));
    } else if (S_ISREG(st.st_mode)) {
        fst_walk_file(&discovery->walk, path, selector);
    } else {
        return fst_fail(err, FST_E_USAGE, "not a file or directory: %s",
                        argument);
    }
    return 0;
}

static int add_arguments(struct discovery *discovery, const char *const *args,
                         size_t n_args, struct fst_err *err)
{
    const struct fst_pytest_config *cfg = discovery->cfg;
    struct fst_strings paths = {0};
    int status = 0;
    for (size_t i = 0; i < n_args; i++)
        fst_strings_add(&paths, args[i]);
    if (!n_args)
        fst_names_add(&discovery->anchors, cfg->cwd);
    /* pytest heeds testpaths only where it was started in its rootdir */
    if (!n_args && !strcmp(cfg->cwd, cfg->rootdir)) {
        for (size_t i = 0; i < cfg->testpaths.count; i++) {
            if (cfg->pyargs)
                fst_strings_add(&paths, cfg->testpaths.items[i]);
            else
                fst_fspath_glob(cfg->cwd, cfg->testpaths.items[i], &paths);
        }
    }
    if (!paths.count)
        fst_strings_add(&paths, cfg->cwd);
    for (size_t i = 0; i < paths.count && !status; i++)
        status = add_argument(discovery, paths.items[i], n_args > 0, err);
    fst_strings_clear(&paths);
    return status;
}

static void finish(struct discovery *discovery)
{
    struct fst_suite *suite = discovery->suite;
    struct fst_walk *walk = &discovery->walk;
    struct fst_arena *arena = &suite->arena;
    const struct fst_pytest_config *cfg = discovery->cfg;
    for (size_t i = 0; i < walk->problems.count; i++)
        add_problem(discovery, walk->problems.items[i].path,
                    walk->problems.items[i].text);
    for (size_t i = 0; i < walk->list_dirs.count; i++)
        fst_vec_add(&suite->list_dirs,
                    fst_relpath(arena, cfg->root, walk->list_dirs.items[i]));
    if (cfg->import_mode != FST_IMPORT_IMPORTLIB)
        fst_select_earlier(suite, walk, &discovery->project);
    suite->n_parsed = discovery->project.n_parsed;
}

static void judge_list_hooks(struct discovery *discovery)
{
    struct fst_names files = {0};
    const struct fst_candidate *file;
    fst_vec_each (file, &discovery->walk.candidates) {
        fst_vec_add(&files, file->path);
    }
    discovery->suite->whole_list =
        fst_wholelist_why(&discovery->project, &discovery->anchors, &files,
                          discovery->cfg->root, &discovery->suite->arena);
    fst_vec_free(&files);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int fst_discover(const struct fst_pytest_config *cfg, const char *const *args,
                 size_t n_args, bool sources, struct fst_suite *suite,
                 struct fst_err *err)
{
    double start = now_s();
    struct discovery discovery = {.cfg = cfg, .suite = suite};
    *suite = (struct fst_suite){0};
    fst_project_init(&discovery.project);
    fst_walk_init(&discovery.walk, &discovery.project, cfg);
    int status = add_arguments(&discovery, args, n_args, err);
    if (!status) {
        add_roots(&discovery);
        parse_all(&discovery);
        for (size_t i = 0; i < discovery.walk.candidates.count; i++)
            collect_file(&discovery, &discovery.walk.candidates.items[i]);
        finish(&discovery);
        judge_list_hooks(&discovery);
        if (sources)
            fst_sources_list(&discovery.project, &discovery.walk, cfg->inifile,
                             cfg->root, suite);
    }
    fst_vec_free(&discovery.anchors);
    fst_walk_release(&discovery.walk);
    fst_project_release(&discovery.project);
    suite->duration_s = now_s() - start;
    return status;
}

void fst_suite_release(struct fst_suite *suite)
{
    fst_vec_free(&suite->files);
    fst_vec_free(&suite->list_dirs);
    fst_vec_free(&suite->roots);
    fst_vec_free(&suite->problems);
    fst_vec_free(&suite->sources);
    fst_arena_release(&suite->arena);
}
