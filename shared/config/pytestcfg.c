#include "shared/config/pytestcfg.h"

#include <stdlib.h>
#include <string.h>

#include "shared/config/inicfg.h"
#include "shared/config/paths.h"
#include "shared/config/shlex.h"

/* ------------------------------------------------- root and ini file */

/* get_dirs_from_args(): the folders of the arguments that exist. */
static void find_dirs(const struct fst_pytest_inputs *inputs,
                      struct fst_strings *dirs)
{
    for (size_t i = 0; i < inputs->n_args; i++) {
        const char *arg = inputs->args[i];
        if (*arg == '-')
            continue;
        const char *colons = strstr(arg, "::");
        char *file =
            colons ? fst_strndup(arg, (size_t)(colons - arg)) : fst_strdup(arg);
        char *path = fst_path_absolute(inputs->cwd, file);
        char *parent = fst_path_parent(path);
        if (fst_path_exists(path))
            fst_strings_add(dirs, fst_path_is_dir(path) ? path : parent);
        free(parent);
        free(path);
        free(file);
    }
}

static char *common_ancestor(const struct fst_strings *dirs, const char *cwd)
{
    char *ancestor = NULL;
    for (size_t i = 0; i < dirs->count; i++) {
        char *common = ancestor ? fst_path_common(ancestor, dirs->items[i])
                                : fst_strdup(dirs->items[i]);
        free(ancestor);
        ancestor = common;
    }
    return ancestor ? ancestor : fst_strdup(cwd);
}

/* The first file of pytest's list in dir that is a configuration of its own;
 * returns as fst_inicfg_load(). */
static int load_from_dir(const char *dir, struct fst_inicfg *ini,
                         struct fst_err *err)
{
    static const char *const names[] = {
        "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"};
    int found = 0;
    for (size_t i = 0; !found && i < sizeof names / sizeof *names; i++) {
        char *path = fst_path_join(dir, names[i]);
        if (fst_path_is_file(path))
            found = fst_inicfg_load(ini, path, err);
        free(path);
    }
    return found;
}

/* locate_config() for one folder: it and its parents. *dir becomes the folder
 * where something was found (owned), else NULL. */
static int locate(const char *start, char **dir, struct fst_inicfg *ini,
                  struct fst_err *err)
{
    char *base = fst_strdup(start);
    *dir = NULL;
    for (;;) {
        int found = load_from_dir(base, ini, err);
        if (found || !strcmp(base, "/")) {
            if (found == 1)
                *dir = base;
            else
                free(base);
            return found < 0 ? -1 : 0;
        }
        char *parent = fst_path_parent(base);
        free(base);
        base = parent;
    }
}

/* The nearest folder from `start` upwards with a setup.py, or NULL. */
static char *find_setup_py(const char *start)
{
    char *base = fst_strdup(start);
    for (;;) {
        char *file = fst_path_join(base, "setup.py");
        bool found = fst_path_is_file(file);
        free(file);
        if (found)
            return base;
        char *parent = fst_path_parent(base);
        bool top = !strcmp(parent, base);
        free(base);
        if (top) {
            free(parent);
            return NULL;
        }
        base = parent;
    }
}

/* Without -c. Leaves *dir NULL where nothing settled the root. */
static int search(const struct fst_pytest_inputs *inputs,
                  const struct fst_strings *dirs, const char *ancestor,
                  char **dir, struct fst_inicfg *ini, struct fst_err *err)
{
    if (locate(ancestor, dir, ini, err))
        return -1;
    if (*dir || inputs->rootdir)
        return 0;
    *dir = find_setup_py(ancestor);
    for (size_t i = 0; !*dir && i < dirs->count; i++)
        if (locate(dirs->items[i], dir, ini, err))
            return -1;
    return 0;
}

static int load_named(const struct fst_pytest_inputs *inputs,
                      struct fst_inicfg *ini, struct fst_err *err)
{
    char *path = fst_path_absolute(inputs->cwd, inputs->inifile);
    int result = -1;
    if (!fst_path_is_file(path))
        fst_fail(err, FST_E_NOTFOUND, "-c %s: there is no such file",
                 inputs->inifile);
    else if (fst_inicfg_load(ini, path, err) >= 0)
        result = 0;
    /* What isn't a configuration of pytest's is one without values. */
    if (!result && !ini->path)
        ini->path = fst_strdup(path);
    free(path);
    return result;
}

static int take_rootdir(struct fst_pytest_config *cfg, const char *rootdir,
                        struct fst_err *err)
{
    char *expanded = fst_path_expand(rootdir);
    cfg->rootdir = fst_path_absolute(cfg->cwd, expanded);
    free(expanded);
    if (fst_path_is_dir(cfg->rootdir))
        return 0;
    return fst_fail(err, FST_E_NOTFOUND,
                    "Directory '%s' not found. Check your '--rootdir' option.",
                    cfg->rootdir);
}

/* determine_setup() */
static int find_root(struct fst_pytest_config *cfg,
                     const struct fst_pytest_inputs *inputs,
                     struct fst_inicfg *ini, struct fst_err *err)
{
    struct fst_strings dirs = {0};
    find_dirs(inputs, &dirs);
    char *ancestor = common_ancestor(&dirs, cfg->cwd), *settled = NULL;
    int result;
    if (inputs->inifile) {
        result = load_named(inputs, ini, err);
        if (!result)
            settled = fst_path_parent(ini->path);
    } else {
        result = search(inputs, &dirs, ancestor, &settled, ini, err);
    }
    if (!result && inputs->rootdir) {
        result = take_rootdir(cfg, inputs->rootdir, err);
    } else if (!result && settled) {
        cfg->rootdir = fst_strdup(settled);
    } else if (!result) {
        cfg->rootdir = fst_path_common(cfg->cwd, ancestor);
        if (!strcmp(cfg->rootdir, "/")) {
            free(cfg->rootdir);
            cfg->rootdir = fst_strdup(ancestor);
        }
    }
    if (!result)
        cfg->root =
            fst_strdup(settled || inputs->rootdir ? cfg->rootdir : cfg->cwd);
    free(settled);
    free(ancestor);
    fst_strings_clear(&dirs);
    return result;
}

/* ----------------------------------------------------------- values */

/* What getini() needs: the file's values and -o's, which go before. */
struct source {
    const struct fst_pytest_inputs *inputs;
    const struct fst_inicfg *ini;
    struct fst_err *err;
};

static int check_overrides(const struct fst_pytest_inputs *inputs,
                           struct fst_err *err)
{
    for (size_t i = 0; i < inputs->n_overrides; i++)
        if (!strchr(inputs->overrides[i], '='))
            return fst_fail(err, FST_E_USAGE,
                            "-o/--override-ini expects option=value style "
                            "(got: '%s')",
                            inputs->overrides[i]);
    return 0;
}

/* The value of the last -o NAME=…, or NULL. */
static const char *find_override(const struct fst_pytest_inputs *inputs,
                                 const char *name)
{
    const char *value = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; i < inputs->n_overrides; i++) {
        const char *item = inputs->overrides[i];
        if (!strncmp(item, name, len) && item[len] == '=')
            value = item + len + 1;
    }
    return value;
}

/* getini() of the kinds args and paths, which differ only in what the caller
 * does with the words. */
static int read_args(const struct source *source, const char *name,
                     const char *const *standard, struct fst_strings *out)
{
    const char *text = find_override(source->inputs, name);
    if (text) {
        if (fst_shlex_split(text, out, source->err))
            return fst_wrap(source->err, "-o %s", name);
        return 0;
    }
    const struct fst_inicfg_value *value = fst_inicfg_get(source->ini, name);
    if (!value) {
        for (; *standard; standard++)
            fst_strings_add(out, *standard);
        return 0;
    }
    if (value->bad)
        return fst_fail(source->err, FST_E_SYNTAX,
                        "%s:%zu: %s: expected a string or an array of strings",
                        source->ini->path, value->line, name);
    if (value->text && fst_shlex_split(value->text, out, source->err))
        return fst_wrap(source->err, "%s:%zu: %s", source->ini->path,
                        value->line, name);
    for (size_t i = 0; !value->text && i < value->list.count; i++)
        fst_strings_add(out, value->list.items[i]);
    return 0;
}

static int read_paths(const struct source *source, const char *name,
                      const char *cwd, struct fst_strings *out)
{
    static const char *const none[] = {NULL};
    struct fst_strings words = {0};
    int result = read_args(source, name, none, &words);
    char *dir = source->ini->path ? fst_path_parent(source->ini->path)
                                  : fst_strdup(cwd);
    for (size_t i = 0; !result && i < words.count; i++) {
        char *path = fst_path_join(dir, words.items[i]);
        fst_strings_add(out, path);
        free(path);
    }
    free(dir);
    fst_strings_clear(&words);
    return result;
}

static int read_values(struct fst_pytest_config *cfg,
                       const struct source *source)
{
    static const char *const none[] = {NULL};
    static const char *const norecursedirs[] = {
        "*.egg", ".*",           "_darcs", "build",  "CVS",
        "dist",  "node_modules", "venv",   "{arch}", NULL};
    static const char *const files[] = {"test_*.py", "*_test.py", NULL};
    static const char *const classes[] = {"Test", NULL};
    static const char *const functions[] = {"test", NULL};
    const struct {
        const char *name, *const *standard;
        struct fst_strings *out;
    } values[] = {
        {"testpaths", none, &cfg->testpaths},
        {"norecursedirs", norecursedirs, &cfg->norecursedirs},
        {"python_files", files, &cfg->python_files},
        {"python_classes", classes, &cfg->python_classes},
        {"python_functions", functions, &cfg->python_functions},
        {"addopts", none, &cfg->addopts},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (read_args(source, values[i].name, values[i].standard,
                      values[i].out))
            return -1;
    return read_paths(source, "pythonpath", cfg->cwd, &cfg->pythonpath);
}

int fst_pytest_config_load(struct fst_pytest_config *cfg,
                           const struct fst_pytest_inputs *inputs,
                           struct fst_err *err)
{
    struct fst_inicfg ini = {0};
    struct source source = {inputs, &ini, err};
    *cfg =
        (struct fst_pytest_config){.cwd = fst_path_absolute("/", inputs->cwd)};
    fst_strings_add(&cfg->doctest_glob, FST_DOCTEST_GLOB);
    int result = check_overrides(inputs, err);
    if (!result)
        result = find_root(cfg, inputs, &ini, err);
    if (!result)
        result = read_values(cfg, &source);
    if (!result)
        cfg->inifile = fst_strdup(ini.path);
    fst_inicfg_release(&ini);
    return result;
}

void fst_pytest_config_release(struct fst_pytest_config *cfg)
{
    struct fst_strings *const lists[] = {
        &cfg->testpaths,      &cfg->norecursedirs,    &cfg->python_files,
        &cfg->python_classes, &cfg->python_functions, &cfg->pythonpath,
        &cfg->addopts,        &cfg->ignore,           &cfg->ignore_glob,
        &cfg->deselect,       &cfg->doctest_glob};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        fst_strings_clear(lists[i]);
    free(cfg->cwd);
    free(cfg->rootdir);
    free(cfg->root);
    free(cfg->inifile);
    *cfg = (struct fst_pytest_config){0};
}
