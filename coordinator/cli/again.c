#include "coordinator/cli/again.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/cli/suitename.h"
#include "coordinator/store/store.h"
#include "shared/base/mem.h"
#include "shared/json/json.h"

/* Exit codes of runs that went to their end; or were stopped by -x, which only
 * --rerun-failed goes on with. */
enum { EXIT_PASSED = 0, EXIT_FAILED = 1, EXIT_NONE = 5 };

/* ---- command lines as JSON: {argv, cwd, selection} */

/* The options that say which earlier run is meant, with their values. */
static bool is_again(const char *const *argv, int argc, int *at)
{
    static const char *const names[] = {"--resume", "--rerun-failed"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(argv[*at], names[i], len) != 0)
            continue;
        if (argv[*at][len] == '=')
            return true;
        if (argv[*at][len])
            continue;
        *at += *at + 1 < argc && fst_settings_is_run(argv[*at + 1]);
        return true;
    }
    return false;
}

/* What only changes how things are shown is no part of the selection. */
bool fst_again_only_shows(const char *arg)
{
    static const char *const shows[] = {
        "--tb=", "--capture=", "--junitxml=", "--junit-prefix="};
    for (size_t i = 0; i < sizeof shows / sizeof *shows; i++)
        if (!strncmp(arg, shows[i], strlen(shows[i])))
            return true;
    return !strcmp(arg, "-v") || !strcmp(arg, "-q");
}

static char *describe(const struct fst_settings *settings, int argc,
                      const char *const *argv)
{
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer json;
    fst_jw_init(&json, &out);
    fst_jw_object(&json);
    fst_jw_key(&json, "argv");
    fst_jw_array(&json);
    bool rest = false;
    for (int i = 0; i < argc; i++) {
        rest = rest || !strcmp(argv[i], "--");
        if (rest || !is_again(argv, argc, &i))
            fst_jw_string(&json, argv[i]);
    }
    fst_jw_array_end(&json);
    fst_jw_key(&json, "cwd");
    fst_jw_string(&json, settings->pytest.cwd);
    fst_jw_key(&json, "selection");
    fst_jw_array(&json);
    for (size_t i = 0; i < settings->pytest_args.count; i++)
        if (!fst_again_only_shows(settings->pytest_args.items[i]))
            fst_jw_string(&json, settings->pytest_args.items[i]);
    fst_jw_array_end(&json);
    fst_jw_object_end(&json);
    return fst_buf_take(&out);
}

/* The strings of an array, borrowed from the document. */
static int take_strings(const struct fst_json *document, const char *key,
                        const char ***items)
{
    const struct fst_json *array = fst_json_get(document, key);
    int count = 0;
    *items = NULL;
    if (!array || fst_json_type(array) != FST_JSON_ARRAY)
        return 0;
    *items = fst_calloc(fst_json_count(array) + 1, sizeof **items);
    for (const struct fst_json *item = fst_json_first(array); item;
         item = fst_json_next(item))
        if (fst_json_type(item) == FST_JSON_STRING)
            (*items)[count++] = fst_json_string(item);
    return count;
}

/* ---- which run */

static int check_run(const struct fst_again *again, struct fst_err *err)
{
    const struct fst_oldrun *run = &again->run;
    bool whole = run->ended &&
                 (run->exit_code == EXIT_PASSED ||
                  run->exit_code == EXIT_FAILED || run->exit_code == EXIT_NONE);
    if (run->owner)
        return fst_fail(err, FST_E_USAGE,
                        "run %s still goes on, as process %" PRId64, run->name,
                        run->owner);
    if (!again->failed && whole)
        return fst_fail(
            err, FST_E_USAGE,
            "run %s went to its end with exit status %d: nothing to "
            "resume; --rerun-failed runs its failures",
            run->name, run->exit_code);
    return 0;
}

static int find_run(const struct fst_settings *settings,
                    struct fst_again *again, struct fst_err *err)
{
    const char *option = again->failed ? "--rerun-failed" : "--resume";
    const char *name =
        again->failed ? settings->rerun_failed : settings->resume;
    if (settings->resume && settings->rerun_failed)
        return fst_fail(err, FST_E_USAGE,
                        "--resume and --rerun-failed exclude each other");
    if (settings->no_history || settings->collect_only)
        return fst_fail(err, FST_E_USAGE, "%s doesn't go with %s", option,
                        settings->no_history ? "--no-history"
                                             : "--collect-only");
    char *file = fst_suite_history(settings->pytest.root, settings->history);
    char *suite = fst_suite_name(settings->pytest.root);
    struct fst_store *store = fst_store_open(file, 0, err);
    int result = -1;
    if (store)
        result = fst_oldrun_find(store, suite, *name ? name : NULL, &again->run,
                                 err);
    fst_store_close(store);
    free(suite);
    free(file);
    if (result) {
        err->code = FST_E_USAGE;
        return fst_wrap(err, "%s", option);
    }
    return check_run(again, err);
}

/* ---- its command line */

static bool selects(const struct fst_settings *settings, int argc,
                    const char *const *argv)
{
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--"))
            return true;
    return settings->paths.count > 0;
}

/* 0: it is no --listen; else how many arguments it takes. */
static int listens(const char *arg)
{
    static const char name[] = "--listen";
    size_t len = sizeof name - 1;
    if (strncmp(arg, name, len) != 0)
        return 0;
    return arg[len] == '=' ? 1 : arg[len] ? 0 : 2;
}

/* The earlier command line, and this one's options behind it (before its
 * "--"). Places add up elsewhere; here new ones stand for the earlier ones. */
static const char **join(const char *const *before, int n_before,
                         const char *const *argv, int argc, int *count)
{
    const char **all = fst_calloc((size_t)(n_before + argc + 1), sizeof *all);
    int cut = 0;
    bool elsewhere = false;
    while (cut < n_before && strcmp(before[cut], "--"))
        cut++;
    for (int i = 0; i < argc; i++)
        elsewhere |= listens(argv[i]) > 0;
    *count = 0;
    for (int i = 0; i < cut; i++) {
        int old = elsewhere ? listens(before[i]) : 0;
        if (old)
            i += old - 1;
        else
            all[(*count)++] = before[i];
    }
    for (int i = 0; i < argc; i++)
        all[(*count)++] = argv[i];
    for (int i = cut; i < n_before; i++)
        all[(*count)++] = before[i];
    return all;
}

static int check_selection(const struct fst_again *again,
                           const struct fst_json *then,
                           const struct fst_settings *settings,
                           struct fst_err *err)
{
    struct fst_json *now =
        fst_json_parse(again->arguments, strlen(again->arguments), err);
    const char **one, **two;
    int n_one = take_strings(then, "selection", &one);
    int n_two = take_strings(now, "selection", &two);
    const struct fst_json *cwd = fst_json_get(then, "cwd");
    int result = 0;
    bool same = n_one == n_two;
    for (int i = 0; same && i < n_one; i++)
        same = !strcmp(one[i], two[i]);
    if (!same)
        result = fst_fail(err, FST_E_USAGE,
                          "run %s was started with another selection or other "
                          "options of pytest: leave them out to go on with its "
                          "own",
                          again->run.name);
    else if (cwd && fst_json_type(cwd) == FST_JSON_STRING &&
             strcmp(fst_json_string(cwd), settings->pytest.cwd) != 0)
        result = fst_fail(err, FST_E_USAGE, "run %s was started in %s",
                          again->run.name, fst_json_string(cwd));
    free(one);
    free(two);
    fst_json_free(now);
    return result;
}

int fst_again_load(struct fst_settings *settings, struct fst_again *again,
                   const struct fst_settings_sources *sources,
                   const char **unknown, struct fst_err *err)
{
    *again = (struct fst_again){0};
    const char *const *argv = sources->argv;
    int argc = sources->argc;
    if (fst_settings_load(settings, FST_CMD_RUN, sources, unknown, err))
        return -1;
    again->failed = settings->rerun_failed != NULL;
    again->wanted = again->failed || settings->resume;
    if (!again->wanted) {
        again->arguments = describe(settings, argc, argv);
        return 0;
    }
    if (find_run(settings, again, err))
        return -1;
    struct fst_json *then =
        fst_json_parse(again->run.arguments, strlen(again->run.arguments), err);
    if (!then)
        return fst_wrap(err, "the command line of run %s", again->run.name);
    const char **before, **all = NULL;
    int n_before = take_strings(then, "argv", &before), n_all = argc;
    int result = 0;
    if (!selects(settings, argc, argv)) {
        all = join(before, n_before, argv, argc, &n_all);
        struct fst_settings_sources both = *sources;
        both.argv = all;
        both.argc = n_all;
        fst_settings_release(settings);
        result = fst_settings_load(settings, FST_CMD_RUN, &both, unknown, err);
    }
    if (!result) {
        again->arguments = describe(settings, n_all, all ? all : argv);
        result = check_selection(again, then, settings, err);
    }
    free(all);
    free(before);
    fst_json_free(then);
    return result;
}

void fst_again_release(struct fst_again *again)
{
    fst_oldrun_release(&again->run);
    free(again->arguments);
}

/* ---- the checkout */

char *fst_again_checkout(const struct fst_suite *suite)
{
    struct fst_buf out = FST_BUF_INIT;
    const struct fst_source *source;
    fst_vec_each (source, &suite->sources)
        fst_buf_addf(&out, "%016" PRIx64 " %s\n", source->digest, source->path);
    return fst_buf_take(&out);
}

struct line { /* of a checkout; nothing: the end */
    const char *text, *path;
    size_t len; /* of the path */
};

static struct line line_at(const char *text)
{
    struct line line = {.text = text, .path = strchr(text, ' ')};
    if (line.path)
        line.len = strcspn(++line.path, "\n");
    return line;
}

static struct line line_behind(struct line line)
{
    const char *end = line.path + line.len;
    return line_at(*end ? end + 1 : end);
}

/* As strcmp; the end comes last. */
static int compare(struct line one, struct line two)
{
    if (!one.path || !two.path)
        return (one.path == NULL) - (two.path == NULL);
    size_t least = one.len < two.len ? one.len : two.len;
    int order = memcmp(one.path, two.path, least);
    return order ? order : (one.len > two.len) - (one.len < two.len);
}

void fst_again_differences(const char *before, const char *now,
                           struct fst_strings *paths)
{
    struct line old = line_at(before), new = line_at(now);
    while (old.path || new.path) {
        int order = compare(old, new);
        struct line line = order <= 0 ? old : new;
        if (order ||
            memcmp(old.text, new.text, (size_t)(old.path - old.text)) != 0) {
            char *path = fst_strndup(line.path, line.len);
            fst_strings_add(paths, path);
            free(path);
        }
        if (order <= 0)
            old = line_behind(old);
        if (order >= 0)
            new = line_behind(new);
    }
}

void fst_again_name_some(const struct fst_strings *paths, char *text,
                         size_t size)
{
    enum { MOST = 20, TAIL = 24 };
    size_t len = 0, i = 0;
    *text = 0;
    for (; i < paths->count && i < MOST; i++) {
        size_t more = strlen(paths->items[i]) + 2;
        if (len + more + TAIL > size)
            break;
        len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "",
                                paths->items[i]);
    }
    if (i < paths->count)
        snprintf(text + len, size - len, "%s%zu%s", i ? " and " : "",
                 paths->count - i, i ? " more" : " files");
}
