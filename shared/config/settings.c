#include "shared/config/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/config/cpus.h"
#include "shared/config/envnames.h"
#include "shared/config/paths.h"
#include "shared/config/pytestargs.h"
#include "shared/config/shlex.h"
#include "shared/config/table.h"
#include "shared/config/text.h"
#include "shared/config/toml.h"

/* What a load reads from. */
struct inputs {
    struct fst_options options;
    int argc, rest; /* rest: index in argv of what follows "--" */
    const char *const *argv, *const *env;
    const char *cwd;
    fst_pytest_ask *ask;
    struct fst_strings env_addopts; /* PYTEST_ADDOPTS, split */
    bool ini_overrides;             /* -o counts in addopts, too */
};

static const char *find_env(const struct inputs *inputs, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *env = inputs->env; *env; env++)
        if (!strncmp(*env, name, len) && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

static void init_settings(struct fst_settings *settings,
                          const struct inputs *inputs)
{
    settings->max_worker_restart = -1;
    settings->durations = -1;
    fst_options_defaults(&inputs->options, settings);
}

/* ------------------------------------------------------ [tool.fastest] */

/* Whether TOML's type fits the option: words are strings, numbers numbers. */
static bool type_fits(const struct fst_option *option,
                      const struct fst_toml *value)
{
    switch (option->kind) {
    case FST_OPTION_FLAG:
        return value->kind == FST_TOML_BOOLEAN;
    case FST_OPTION_COUNT:
        return value->kind == FST_TOML_INTEGER;
    case FST_OPTION_INT:
        return value->kind == FST_TOML_INTEGER ||
               (option->words && value->kind == FST_TOML_STRING);
    case FST_OPTION_SIZE:
        return value->kind == FST_TOML_INTEGER ||
               value->kind == FST_TOML_STRING;
    case FST_OPTION_SECONDS:
        return value->kind == FST_TOML_INTEGER ||
               value->kind == FST_TOML_OTHER ||
               (option->words && value->kind == FST_TOML_STRING);
    case FST_OPTION_LIST:
        if (value->kind != FST_TOML_ARRAY)
            return value->kind == FST_TOML_STRING;
        for (value = value->first; value; value = value->next)
            if (value->kind != FST_TOML_STRING)
                return false;
        return true;
    case FST_OPTION_STRING:
        break;
    }
    return value->kind == FST_TOML_STRING;
}

static const char *wanted_type(const struct fst_option *option)
{
    switch (option->kind) {
    case FST_OPTION_FLAG:
        return "true or false";
    case FST_OPTION_COUNT:
        return "a number";
    case FST_OPTION_INT:
        return option->min > option->max ? "a string" : "a number";
    case FST_OPTION_SIZE:
        return "a string or a number";
    case FST_OPTION_SECONDS:
        return "a number";
    case FST_OPTION_LIST:
        return "a string or an array of strings";
    case FST_OPTION_STRING:
        break;
    }
    return "a string";
}

static int set_from_toml(struct fst_settings *settings,
                         const struct fst_options *options,
                         const struct fst_toml *value, struct fst_err *err)
{
    const struct fst_option *option = fst_options_key(options, value->key);
    if (!option || option->no_config) {
        const char *near = fst_options_nearest(options, value->key, true);
        const char *what =
            option ? "belongs on the command line" : "is no option of fastest";
        if (near && !option)
            return fst_fail(err, FST_E_USAGE, "%s %s (did you mean %s?)",
                            value->key, what, near);
        return fst_fail(err, FST_E_USAGE, "%s %s", value->key, what);
    }
    if (!type_fits(option, value))
        return fst_fail(err, FST_E_USAGE, "%s: expected %s, not %s", value->key,
                        wanted_type(option), fst_toml_kind_name(value->kind));
    if (value->kind != FST_TOML_ARRAY)
        return fst_options_set(options, option, settings, value->key,
                               value->text, err);
    for (const struct fst_toml *item = value->first; item; item = item->next)
        if (fst_options_set(options, option, settings, value->key, item->text,
                            err))
            return -1;
    return 0;
}

/* A key of one command is no mistake while another one runs: it is checked all
 * the same, into settings that nobody reads. */
static int take_key(struct fst_settings *settings, const struct inputs *inputs,
                    const struct fst_toml *value, struct fst_err *err)
{
    if (fst_options_key(&inputs->options, value->key)) {
        struct fst_options options = inputs->options;
        char *where = fst_printf("pyproject.toml:%zu", value->line);
        options.where = where;
        int status = set_from_toml(settings, &options, value, err);
        free(where);
        return status;
    }
    struct fst_options all = inputs->options;
    struct fst_settings scratch = {0};
    all.commands = ~0U;
    all.heard = NULL;
    int result = set_from_toml(&scratch, &all, value, err);
    fst_options_release(&all, &scratch);
    return result;
}

static int take_table(struct fst_settings *settings,
                      const struct inputs *inputs, const char *path,
                      const struct fst_toml *table, struct fst_err *err)
{
    if (table->kind != FST_TOML_TABLE)
        return fst_fail(err, FST_E_USAGE, "%s:%zu: tool.fastest is no table",
                        path, table->line);
    for (const struct fst_toml *value = table->first; value;
         value = value->next)
        if (take_key(settings, inputs, value, err))
            return fst_wrap(err, "%s:%zu: [tool.fastest]", path, value->line);
    return 0;
}

/* pyproject.toml under the root. One that is broken is none of pytest's where
 * pytest.ini goes before it, so it is only told of. */
static int take_pyproject(struct fst_settings *settings,
                          const struct inputs *inputs, struct fst_err *err)
{
    char *path = fst_path_join(settings->pytest.root, "pyproject.toml");
    struct fst_buf text = FST_BUF_INIT;
    struct fst_arena arena = {0};
    const struct fst_toml *root = NULL;
    int result = 0;
    if (fst_path_is_file(path)) {
        struct fst_err reason = {0};
        if (!fst_text_read(path, &text, &reason))
            root = fst_toml_parse(path, fst_buf_str(&text), text.len, &arena,
                                  &reason);
        if (!root) {
            char *line = fst_printf("%s: what it says to fastest is not heard",
                                    reason.msg);
            fst_strings_add(&settings->warnings, line);
            free(line);
        }
    }
    const struct fst_toml *table =
        fst_toml_get(fst_toml_get(root, "tool"), "fastest");
    if (table)
        result = take_table(settings, inputs, path, table, err);
    fst_arena_release(&arena);
    fst_buf_release(&text);
    free(path);
    return result;
}

/* ------------------------------------------------------------ sources */

/* What pytest would have from each source, on its way to its command line. */
struct kept {
    struct fst_strings addopts, env_addopts, typed, rest;
};

static void release_kept(struct kept *kept)
{
    fst_strings_clear(&kept->addopts);
    fst_strings_clear(&kept->env_addopts);
    fst_strings_clear(&kept->typed);
    fst_strings_clear(&kept->rest);
}

static int take_words(struct fst_settings *settings,
                      const struct inputs *inputs, const char *where,
                      const struct fst_strings *words, struct fst_strings *kept,
                      struct fst_err *err)
{
    struct fst_pytest_source source = {.where = where,
                                       .ini = !strcmp(where, "addopts"),
                                       .overrides = inputs->ini_overrides,
                                       .cwd = inputs->cwd,
                                       .count = words->count,
                                       .tokens =
                                           (const char *const *)words->items};
    struct fst_options options = inputs->options;
    options.where = source.where;
    return fst_pytest_args_take(&source, &options, settings, kept, err);
}

static int take_rest(struct fst_settings *settings, const struct inputs *inputs,
                     struct fst_strings *kept, struct fst_err *err)
{
    struct fst_pytest_source source = {
        .where = "behind --",
        .last = true,
        .cwd = inputs->cwd,
        .count = (size_t)(inputs->argc - inputs->rest),
        .tokens = inputs->argv + inputs->rest};
    struct fst_options options = inputs->options;
    options.where = source.where;
    return fst_pytest_args_take(&source, &options, settings, kept, err);
}

static const char typed_here[] = "command line";

/* The command line up to "--". */
static int take_line(struct fst_settings *settings, struct inputs *inputs,
                     struct fst_strings *typed, const char **unknown,
                     struct fst_err *err)
{
    struct fst_options options = inputs->options;
    options.where = typed_here;
    return fst_options_parse(&options, settings, inputs->argc, inputs->argv,
                             typed, &inputs->rest, unknown, err);
}

static void add_all(struct fst_strings *to, const struct fst_strings *from)
{
    for (size_t i = 0; i < from->count; i++)
        fst_strings_add(to, from->items[i]);
}

/* Where -o stands in addopts and counts there, the ini values are read again.
 */
static int hear_overrides(struct fst_settings *settings, struct inputs *inputs,
                          const struct fst_pytest_inputs *pytest,
                          struct fst_err *err)
{
    struct fst_settings ini = {0};
    struct fst_strings kept = {0};
    struct fst_pytest_rules rules = {.ask = inputs->ask,
                                     .python = pytest->python};
    inputs->ini_overrides = true;
    int result = take_words(&ini, inputs, "addopts", &settings->pytest.addopts,
                            &kept, err);
    inputs->ini_overrides =
        !result && ini.overrides.count &&
        fst_pytest_follows(&rules, FST_RULE_ADDOPTS_OVERRIDE);
    if (inputs->ini_overrides) {
        struct fst_pytest_inputs both = *pytest;
        for (size_t i = 0; i < pytest->n_overrides; i++)
            fst_strings_add(&ini.overrides, pytest->overrides[i]);
        both.overrides = (const char *const *)ini.overrides.items;
        both.n_overrides = ini.overrides.count;
        fst_pytest_config_release(&settings->pytest);
        result = fst_pytest_config_load(&settings->pytest, &both, err);
    }
    fst_strings_clear(&kept);
    fst_settings_release(&ini);
    return result;
}

/* Root, ini file and ini values: from what pytest would see of -c, -o,
 * --rootdir and paths before it reads the ini file. Also the first reading of
 * the command line, which says what is wrong with it. */
static int load_pytest_config(struct fst_settings *settings,
                              struct inputs *inputs, const char **unknown,
                              struct fst_err *err)
{
    struct fst_settings early = {0};
    struct kept kept = {0};
    struct fst_strings typed = {0};
    init_settings(&early, inputs);
    /* The caller asks this interpreter about an unknown option. What is wrong
     * with the environment is said below. */
    fst_options_env(&inputs->options, &early, inputs->env, NULL);
    int result = take_line(&early, inputs, &typed, unknown, err);
    settings->python = early.python;
    early.python = NULL;
    fst_options_release(&inputs->options, &early);
    early = (struct fst_settings){0};
    fst_strings_clear(&typed);
    if (!result)
        result = take_words(&early, inputs, "PYTEST_ADDOPTS",
                            &inputs->env_addopts, &kept.env_addopts, err);
    if (!result)
        result = take_rest(&early, inputs, &kept.rest, err);
    if (!result)
        result = fst_options_env(&inputs->options, &early, inputs->env, err);
    if (!result)
        result = take_line(&early, inputs, &early.paths, unknown, err);
    struct fst_pytest_inputs pytest = {
        .cwd = inputs->cwd,
        .rootdir = early.rootdir,
        .inifile = early.inifile,
        .overrides = (const char *const *)early.overrides.items,
        .n_overrides = early.overrides.count,
        .args = (const char *const *)early.paths.items,
        .n_args = early.paths.count,
        .python = early.python,
        .ask = inputs->ask};
    if (!result)
        result = fst_pytest_config_load(&settings->pytest, &pytest, err);
    if (!result)
        result = hear_overrides(settings, inputs, &pytest, err);
    release_kept(&kept);
    fst_settings_release(&early);
    return result;
}

/* From the weakest source to the strongest. */
static int take_sources(struct fst_settings *settings, struct inputs *inputs,
                        struct kept *kept, struct fst_err *err)
{
    const char *unknown;
    struct fst_strings *paths = &settings->paths, rest_paths = {0};
    if (take_words(settings, inputs, "addopts", &settings->pytest.addopts,
                   &kept->addopts, err) ||
        take_words(settings, inputs, "PYTEST_ADDOPTS", &inputs->env_addopts,
                   &kept->env_addopts, err))
        return -1;
    size_t before = paths->count;
    if (take_rest(settings, inputs, &kept->rest, err))
        return -1;
    /* What follows "--" is weaker than the command line, but its paths come
     * behind those typed, as pytest would have them. */
    for (size_t i = before; i < paths->count; i++)
        fst_vec_add(&rest_paths, paths->items[i]);
    paths->count = before;
    int result = take_pyproject(settings, inputs, err);
    if (!result)
        result = fst_options_env(&inputs->options, settings, inputs->env, err);
    if (!result)
        result = take_line(settings, inputs, &kept->typed, &unknown, err);
    add_all(paths, &kept->typed);
    add_all(paths, &rest_paths);
    fst_strings_clear(&rest_paths);
    return result;
}

static void resolve_workers(struct fst_settings *settings,
                            const struct inputs *inputs)
{
    const char *asked = find_env(inputs, "PYTEST_XDIST_AUTO_NUM_WORKERS");
    if (settings->workers >= 0)
        return;
    if (asked && *asked) {
        const struct fst_option *option =
            fst_options_key(&inputs->options, "workers");
        if (option &&
            !fst_options_set(&inputs->options, option, settings,
                             "PYTEST_XDIST_AUTO_NUM_WORKERS", asked, NULL) &&
            settings->workers >= 0)
            return;
        char *line = fst_printf("PYTEST_XDIST_AUTO_NUM_WORKERS: \"%s\" is not "
                                "a number of workers: ignored",
                                asked);
        fst_strings_add(&settings->warnings, line);
        free(line);
    }
    settings->workers = fst_cpus_available();
}

static void make_pytest_args(struct fst_settings *settings,
                             const struct inputs *inputs,
                             const struct kept *kept)
{
    struct fst_strings *args = &settings->pytest_args;
    fst_strings_add(args, "-o");
    fst_strings_add(args, "addopts=");
    add_all(args, &kept->addopts);
    add_all(args, &kept->env_addopts);
    fst_pytest_args_give(settings, &inputs->options, args);
    add_all(args, &kept->typed);
    add_all(args, &kept->rest);
}

int fst_settings_load(struct fst_settings *settings, enum fst_command command,
                      const struct fst_settings_sources *sources,
                      const char **unknown, struct fst_err *err)
{
    struct inputs inputs = {.options = fst_settings_table(command),
                            .argc = sources->argc,
                            .argv = sources->argv,
                            .env = sources->env,
                            .cwd = sources->cwd,
                            .ask = sources->ask};
    struct kept kept = {0};
    const char *addopts = find_env(&inputs, "PYTEST_ADDOPTS");
    int result = 0;
    *settings = (struct fst_settings){0};
    settings->heard = fst_calloc(inputs.options.count, sizeof(char *));
    *unknown = NULL;
    if (addopts && fst_shlex_split(addopts, &inputs.env_addopts, err))
        result = fst_wrap(err, "PYTEST_ADDOPTS");
    if (!result)
        result = load_pytest_config(settings, &inputs, unknown, err);
    if (!result) {
        init_settings(settings, &inputs);
        inputs.options.heard = settings->heard;
        fst_strings_clear(&settings->pytest.doctest_glob);
        result = take_sources(settings, &inputs, &kept, err);
    }
    if (!result && !settings->pytest.doctest_glob.count)
        fst_strings_add(&settings->pytest.doctest_glob, FST_DOCTEST_GLOB);
    if (!result) {
        if (command != FST_CMD_DISCOVER)
            resolve_workers(settings, &inputs);
        make_pytest_args(settings, &inputs, &kept);
        fst_env_unknown(&inputs.options, inputs.env, &settings->warnings);
    }
    release_kept(&kept);
    fst_strings_clear(&inputs.env_addopts);
    return result;
}

bool fst_settings_one_worker(const struct fst_settings *settings)
{
    return (settings->workers == 0 && !settings->listen.count) ||
           settings->dist == FST_DIST_NO || fst_settings_stepwise(settings);
}

bool fst_settings_typed(const struct fst_settings *settings, const char *name)
{
    const struct fst_options options = fst_settings_table(FST_CMD_RUN);
    const struct fst_option *option =
        fst_options_find(&options, name, strlen(name));
    const char *heard = settings->heard[option - options.items];
    return heard && !strcmp(heard, typed_here);
}

void fst_settings_release(struct fst_settings *settings)
{
    struct fst_options all = fst_settings_table(FST_CMD_RUN);
    all.commands = ~0U;
    fst_options_release(&all, settings);
    for (size_t i = 0; settings->heard && i < all.count; i++)
        free(settings->heard[i]);
    free(settings->heard);
    settings->heard = NULL;
    fst_strings_clear(&settings->paths);
    fst_strings_clear(&settings->pytest_args);
    fst_strings_clear(&settings->warnings);
    fst_pytest_config_release(&settings->pytest);
}

bool fst_settings_is_run(const char *word)
{
    size_t len = strspn(word, "0123456789abcdef");
    return len >= 4 && len <= 32 && !word[len];
}

/* Those that the environment and the configuration call by another name. */
static void add_keys(const struct fst_options *options, struct fst_buf *out)
{
    fst_buf_adds(out,
                 "\nEach option may also be set as FASTEST_<LONG_NAME> or, "
                 "by its long name, in\n[tool.fastest] of pyproject.toml. "
                 "Those without one are called there:\n");
    for (size_t i = 0; i < options->count; i++) {
        const struct fst_option *option = &options->items[i];
        if (option->commands & options->commands && option->key &&
            !strstr(option->names, "--"))
            fst_buf_addf(out, "  %-6s%s\n", option->names, option->key);
    }
}

void fst_settings_help(enum fst_command command, const char *group,
                       struct fst_buf *out)
{
    static const char *const usage[] = {
        [FST_CMD_RUN] =
            "usage: fastest-coord run [OPTIONS] [PATH | NODEID]... "
            "[-- PYTEST_ARGS...]\n\n"
            "Finds the tests and runs them on warm workers; the verdict is "
            "pytest's.\n\n",
        [FST_CMD_DISCOVER] =
            "usage: fastest-coord discover [OPTIONS] [PATH | NODEID]...\n\n"
            "Lists the tests without running or importing anything.\n\n",
        [FST_CMD_CONFIG] =
            "usage: fastest-coord config show [OPTIONS of run] "
            "[PATH | NODEID]... [-- PYTEST_ARGS...]\n\n"
            "Prints every setting that such a run would have, its value and "
            "where it came\nfrom.\n\n"};
    static const char *const commands[] = {
        [FST_CMD_RUN] = "fastest-coord run",
        [FST_CMD_DISCOVER] = "fastest-coord discover",
        [FST_CMD_CONFIG] = "fastest-coord config show"};
    const struct fst_options options = fst_settings_table(command);
    if (!group || !strcasecmp(group, "all"))
        fst_buf_adds(out, usage[command]);
    fst_options_help(&options, group, commands[command], out);
    if (group && !strcasecmp(group, "all"))
        add_keys(&options, out);
}
