#include "coordinator/discover/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "coordinator/discover/fspath.h"
#include "coordinator/discover/source.h"
#include "shared/base/fnmatch.h"

enum { DEPTH = 256 };

struct folder { /* on the way down */
    const struct folder *above;
    const char *path;
    struct fst_conftest conftest;
    bool listed; /* it or one above is among list_dirs */
    int depth;
    dev_t dev;
    ino_t ino;
};

struct item {
    char *name;
    bool is_dir;
};

struct items {
    struct item *items;
    size_t count, cap;
};

void fst_walk_init(struct fst_walk *walk, struct fst_project *project,
                   const struct fst_pytest_config *cfg)
{
    struct fst_arena *arena = &project->arena;
    *walk = (struct fst_walk){.project = project, .cfg = cfg};
    if (cfg->confcutdir)
        walk->cut = fst_fspath_normal(arena, cfg->cwd, cfg->confcutdir);
    else if (cfg->inifile)
        walk->cut = fst_fspath_parent(arena, cfg->inifile);
    else
        walk->cut = cfg->rootdir;
    for (size_t i = 0; i < cfg->ignore.count; i++)
        fst_vec_add(&walk->ignore,
                    fst_fspath_normal(arena, cfg->cwd, cfg->ignore.items[i]));
    for (size_t i = 0; i < cfg->ignore_glob.count; i++)
        fst_vec_add(
            &walk->ignore_glob,
            fst_fspath_normal(arena, cfg->cwd, cfg->ignore_glob.items[i]));
}

void fst_walk_release(struct fst_walk *walk)
{
    for (size_t i = 0; i < walk->candidates.count; i++)
        fst_vec_free(&walk->candidates.items[i].selectors);
    fst_vec_free(&walk->candidates);
    fst_vec_free(&walk->ignore);
    fst_vec_free(&walk->ignore_glob);
    fst_vec_free(&walk->list_dirs);
    fst_vec_free(&walk->problems);
    fst_map_release(&walk->known);
}

static void add_problem(struct fst_walk *walk, const char *path,
                        const char *text)
{
    fst_vec_add(&walk->problems, ((struct fst_problem){path, text}));
}

static struct fst_candidate *candidate(struct fst_walk *walk, const char *path)
{
    char *own = fst_arena_str(&walk->project->arena, path);
    void **slot = fst_map_put(&walk->known, own);
    if (!*slot) {
        struct fst_candidate *fresh = fst_vec_push(&walk->candidates);
        *fresh = (struct fst_candidate){.path = own};
        *slot = (void *)(uintptr_t)walk->candidates.count;
    }
    return &walk->candidates.items[(size_t)(uintptr_t)*slot - 1];
}

/* --doctest-modules leaves out __main__.py, and setup.py that sets up. */
static bool has_module_doctests(struct fst_walk *walk, const char *path)
{
    const char *name = fst_fspath_name(path);
    if (!walk->cfg->doctest_modules || !strcmp(name, "__main__.py"))
        return false;
    if (strcmp(name, "setup.py") != 0)
        return true;
    struct fst_buf text;
    fst_buf_init(&text, FST_SOURCE_LIMIT + 1);
    bool setup = !fst_source_read(path, &text, &walk->project->arena) &&
                 (strstr(fst_buf_str(&text), "setuptools") ||
                  strstr(fst_buf_str(&text), "distutils"));
    fst_buf_release(&text);
    return !setup;
}

void fst_walk_file(struct fst_walk *walk, const char *path,
                   const char *selector)
{
    struct fst_candidate *file = candidate(walk, path);
    file->python = fst_fspath_suffix(path, ".py");
    file->doctests = !file->python || has_module_doctests(walk, path);
    /* What pytest is told by name it doesn't ignore. */
    file->held = false;
    if (!selector)
        file->whole = true;
    else
        fst_names_add(&file->selectors, selector);
}

static bool in_list(const struct fst_names *list, const char *path)
{
    return list && fst_names_has(list, path);
}

static bool in_globs(const struct fst_names *list, const char *path)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (fst_fnmatch(path, list->items[i]))
            return true;
    return false;
}

/* A virtual environment's activate scripts, or the file that marks one. */
static bool is_virtualenv(const char *path)
{
    static const char *const marks[] = {"bin/activate",      "bin/activate.csh",
                                        "bin/activate.fish", "bin/Activate",
                                        "bin/Activate.bat",  "bin/Activate.ps1",
                                        "conda-meta/history"};
    bool found = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks && !found; i++) {
        struct stat st;
        char *mark = fst_printf("%s/%s", path, marks[i]);
        found = !stat(mark, &st);
        free(mark);
    }
    return found;
}

static bool is_ignored(const struct fst_walk *walk, const struct folder *folder,
                       const char *path, bool is_dir)
{
    return in_list(folder->conftest.ignore, path) ||
           in_list(&walk->ignore, path) ||
           in_globs(folder->conftest.ignore_glob, path) ||
           in_globs(&walk->ignore_glob, path) ||
           (is_dir && !walk->cfg->collect_in_virtualenv && is_virtualenv(path));
}

static int by_name(const void *one, const void *two)
{
    return strcmp(((const struct item *)one)->name,
                  ((const struct item *)two)->name);
}

/* Regular files and directories, links followed, by name; __init__.py first,
 * as its package collects it before all else. -1: can't be listed. */
static int list_folder(const char *path, struct items *items)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (!dir)
        return -1;
    while ((entry = readdir(dir))) {
        bool is_dir = entry->d_type == DT_DIR;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (entry->d_type != DT_DIR && entry->d_type != DT_REG) {
            struct stat st;
            if (fstatat(dirfd(dir), entry->d_name, &st, 0) ||
                (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
                continue;
            is_dir = S_ISDIR(st.st_mode);
        }
        fst_vec_add(items, ((struct item){fst_strdup(entry->d_name), is_dir}));
    }
    closedir(dir);
    if (items->count)
        qsort(items->items, items->count, sizeof *items->items, by_name);
    for (size_t i = 0; i < items->count; i++) {
        struct item first = items->items[i];
        if (first.is_dir || strcmp(first.name, "__init__.py") != 0)
            continue;
        memmove(items->items + 1, items->items, i * sizeof *items->items);
        items->items[0] = first;
    }
    return 0;
}

static void visit_file(struct fst_walk *walk, const struct folder *folder,
                       const char *name)
{
    const struct fst_pytest_config *cfg = walk->cfg;
    char *path = fst_fspath_join(&walk->project->arena, folder->path, name);
    bool python = fst_fspath_suffix(name, ".py");
    bool wanted = python && fst_fspath_match_any(path, &cfg->python_files);
    bool doctests = python ? cfg->doctest_modules
                           : fst_fspath_match_any(path, &cfg->doctest_glob);
    if ((!wanted && !doctests) || is_ignored(walk, folder, path, false))
        return;
    doctests = doctests && (!python || has_module_doctests(walk, path));
    if (!wanted && !doctests)
        return;
    size_t before = walk->candidates.count;
    struct fst_candidate *file = candidate(walk, path);
    file->python |= wanted;
    file->doctests |= doctests;
    file->whole = true;
    if (walk->candidates.count > before)
        file->held = folder->listed;
}

static bool is_own_ancestor(const struct folder *folder, const struct stat *st)
{
    for (; folder; folder = folder->above)
        if (folder->dev == st->st_dev && folder->ino == st->st_ino)
            return true;
    return false;
}

/* Does pytest load the folder's conftest.py, if it has one? */
static bool hears_conftest(const struct fst_walk *walk, const char *dir)
{
    return !walk->cfg->no_conftest &&
           (!strcmp(walk->cut, dir) || !fst_fspath_below(walk->cut, dir));
}

static void visit_folder(struct fst_walk *walk, struct folder *folder);

static void enter(struct fst_walk *walk, const struct folder *above,
                  const char *name)
{
    struct stat st;
    char *path = fst_fspath_join(&walk->project->arena, above->path, name);
    if (!strcmp(name, "__pycache__") || is_ignored(walk, above, path, true) ||
        fst_fspath_match_any(path, &walk->cfg->norecursedirs))
        return;
    if (stat(path, &st) || is_own_ancestor(above, &st))
        return;
    if (above->depth == DEPTH) {
        add_problem(walk, path, "nested too deeply");
        return;
    }
    struct folder folder = {.above = above,
                            .path = path,
                            .listed = above->listed,
                            .depth = above->depth + 1,
                            .dev = st.st_dev,
                            .ino = st.st_ino};
    folder.conftest = above->conftest;
    if (hears_conftest(walk, path))
        folder.conftest =
            fst_conftest_enter(walk->project, &above->conftest, path);
    visit_folder(walk, &folder);
}

static void visit_folder(struct fst_walk *walk, struct folder *folder)
{
    struct items items = {0};
    if (folder->conftest.asks && !folder->listed) {
        folder->listed = true;
        fst_names_add(&walk->list_dirs, folder->path);
    }
    if (list_folder(folder->path, &items))
        add_problem(walk, folder->path,
                    fst_arena_printf(&walk->project->arena, "unreadable: %s",
                                     strerror(errno)));
    for (size_t i = 0; i < items.count; i++)
        if (!items.items[i].is_dir)
            visit_file(walk, folder, items.items[i].name);
    for (size_t i = 0; i < items.count; i++)
        if (items.items[i].is_dir)
            enter(walk, folder, items.items[i].name);
    for (size_t i = 0; i < items.count; i++)
        free(items.items[i].name);
    fst_vec_free(&items);
}

void fst_walk_dir(struct fst_walk *walk, const char *path)
{
    struct stat st;
    struct folder folder = {.path = path};
    if (stat(path, &st))
        return;
    folder.dev = st.st_dev;
    folder.ino = st.st_ino;
    if (!walk->cfg->no_conftest)
        folder.conftest = fst_conftest_at(walk->project, walk->cut, path);
    visit_folder(walk, &folder);
}
