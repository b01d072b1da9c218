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

/* A search for the ini file. */
struct search {
    struct fst_pytest_rules *rules;
    struct fst_inicfg *ini;
    char *dir;       /* where something was found (owned), else NULL */
    char *pyproject; /* the first that was met (owned), else NULL */
    struct fst_err *err;
};

/* Reads a file that doesn't count, since another one does, by the rules of a
 * pytest that would look at it: -1 where it refuses, else 1. */
static int check(struct search *search, const char *path)
{
    struct fst_pytest_rules newest = {0};
    struct fst_inicfg ignored;
    struct fst_err err;
    int result = fst_inicfg_load(&ignored, path, &newest, &err);
    fst_inicfg_release(&ignored);
    if (result >= 0 ||
        !fst_pytest_follows(search->rules, FST_RULE_ALL_IN_FOLDER))
        return 1;
    return fst_fail(search->err, err.code, "%s", err.msg);
}

/* The first file of pytest's list in dir that is a configuration of its own;
 * returns as fst_inicfg_load(). */
static int load_from_dir(struct search *search, const char *dir)
{
    static const struct {
        const char *name;
        bool always;
        enum fst_pytest_rule rule; /* where not always */
    } files[] = {
        {"pytest.toml", false, FST_RULE_NATIVE_TOML},
        {".pytest.toml", false, FST_RULE_NATIVE_TOML},
        {"pytest.ini", .always = true},
        {".pytest.ini", false, FST_RULE_HIDDEN_INI},
        {"pyproject.toml", .always = true},
        {"tox.ini", .always = true},
        {"setup.cfg", .always = true},
    };
    int found = 0;
    for (size_t i = 0; found >= 0 && i < sizeof files / sizeof *files; i++) {
        char *path = fst_path_join(dir, files[i].name);
        if (!fst_path_is_file(path)) {
            free(path);
            continue;
        }
        if (found)
            found = check(search, path);
        else if (files[i].always ||
                 fst_pytest_follows(search->rules, files[i].rule))
            found =
                fst_inicfg_load(search->ini, path, search->rules, search->err);
        if (!search->pyproject && !strcmp(files[i].name, "pyproject.toml"))
            search->pyproject = fst_strdup(path);
        free(path);
    }
    return found;
}

/* One folder and its parents. */
static int climb(struct search *search, const char *start)
{
    char *base = fst_strdup(start);
    for (;;) {
        int found = load_from_dir(search, base);
        if (found || !strcmp(base, "/")) {
            if (found == 1)
                search->dir = base;
            else
                free(base);
            return found < 0 ? -1 : 0;
        }
        char *parent = fst_path_parent(base);
        free(base);
        base = parent;
    }
}

/* locate_config() */
static int locate(struct search *search, const char *const *starts,
                  size_t count)
{
    int result = 0;
    search->pyproject = NULL;
    for (size_t i = 0; !result && !search->dir && i < count; i++)
        result = climb(search, starts[i]);
    if (!result && !search->dir && search->pyproject &&
        fst_pytest_follows(search->rules, FST_RULE_BARE_PYPROJECT)) {
        search->dir = fst_path_parent(search->pyproject);
        search->ini->path = fst_strdup(search->pyproject);
    }
    free(search->pyproject);
    return result;
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

/* Without -c. Leaves search->dir NULL where nothing settled the root. */
static int search_all(struct search *search, bool rootdir_given,
                      const struct fst_strings *dirs, const char *ancestor)
{
    if (locate(search, &ancestor, 1))
        return -1;
    if (search->dir || rootdir_given)
        return 0;
    search->dir = find_setup_py(ancestor);
    return search->dir
               ? 0
               : locate(search, (const char *const *)dirs->items, dirs->count);
}

static int load_named(const struct fst_pytest_inputs *inputs,
                      struct fst_inicfg *ini, struct fst_pytest_rules *rules,
                      struct fst_err *err)
{
    char *path = fst_path_absolute(inputs->cwd, inputs->inifile);
    int result = -1;
    if (!fst_path_is_file(path))
        fst_fail(err, FST_E_NOTFOUND, "-c %s: there is no such file",
                 inputs->inifile);
    else if (fst_inicfg_load(ini, path, rules, err) >= 0)
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
    struct fst_pytest_rules rules = {.ask = inputs->ask,
                                     .python = inputs->python};
    struct fst_strings dirs = {0};
    find_dirs(inputs, &dirs);
    char *ancestor = common_ancestor(&dirs, cfg->cwd), *settled = NULL;
    int result;
    if (inputs->inifile) {
        result = load_named(inputs, ini, &rules, err);
        if (!result)
            settled = fst_path_parent(ini->path);
    } else {
        struct search search = {.rules = &rules, .ini = ini, .err = err};
        result = search_all(&search, inputs->rootdir, &dirs, ancestor);
        settled = search.dir;
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
    struct fst_pytest_config *cfg;
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
                            "(got: '%s').",
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
        fst_strings_add(&source->cfg->from_override, name);
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
    fst_strings_add(&source->cfg->from_file, name);
    if (value->wanted)
        return fst_fail(source->err, FST_E_SYNTAX, "%s:%zu: %s: expected %s",
                        source->ini->path, value->line, name, value->wanted);
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

/* os.path.expanduser() of the user's own folder, then expandvars(). */
static char *expand_home(const char *path)
{
    const char *home = getenv("HOME");
    bool own = path[0] == '~' && (!path[1] || path[1] == '/') && home;
    char *whole = own ? fst_printf("%s%s", home, path + 1) : fst_strdup(path);
    char *expanded = fst_path_expand(whole);
    free(whole);
    return expanded;
}

/* resolve_from_str(getini("cache_dir")); no value: pytest's default. */
static void read_cache_dir(struct fst_pytest_config *cfg,
                           const struct source *source)
{
    const char *text = find_override(source->inputs, "cache_dir");
    const char *tox = getenv("TOX_ENV_DIR");
    const struct fst_inicfg_value *value =
        fst_inicfg_get(source->ini, "cache_dir");
    if (!text && value)
        text = value->text;
    char *expanded = text          ? expand_home(text)
                     : tox && *tox ? fst_path_join(tox, ".pytest_cache")
                                   : fst_strdup(".pytest_cache");
    cfg->cache_dir = fst_path_absolute(cfg->rootdir, expanded);
    free(expanded);
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
    struct source source = {cfg, inputs, &ini, err};
    *cfg =
        (struct fst_pytest_config){.cwd = fst_path_absolute("/", inputs->cwd)};
    fst_strings_add(&cfg->doctest_glob, FST_DOCTEST_GLOB);
    int result = check_overrides(inputs, err);
    if (!result)
        result = find_root(cfg, inputs, &ini, err);
    if (!result)
        read_cache_dir(cfg, &source);
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
        &cfg->deselect,       &cfg->doctest_glob,     &cfg->from_override,
        &cfg->from_file};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        fst_strings_clear(lists[i]);
    free(cfg->cwd);
    free(cfg->rootdir);
    free(cfg->root);
    free(cfg->inifile);
    free(cfg->cache_dir);
    free(cfg->confcutdir);
    *cfg = (struct fst_pytest_config){0};
}
