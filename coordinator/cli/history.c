#include "coordinator/cli/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "coordinator/cli/ask.h"
#include "coordinator/cli/suitename.h"
#include "coordinator/store/history.h"
#include "coordinator/store/upkeep.h"
#include "shared/base/mem.h"
#include "shared/config/pytestcfg.h"
#include "shared/json/json.h"

enum { EXIT_USAGE = 4, SHOWN = 20, DURATIONS_MAX = 256 << 20 };

struct wishes {
    char *file, *rootdir;
    bool json;
    int limit, keep;
};

#define AT(field) FST_OPTION_AT(struct wishes, field)

static const struct fst_option_word format_words[] = {
    {"table", 0}, {"json", 1}, {NULL, 0}};

static const struct fst_option option_table[] = {
    {.names = "--history",
     .key = "history",
     .kind = FST_OPTION_STRING,
     .value = "FILE",
     .help = "the history (else .fastest/history.db under the root)",
     .group = "Options",
     AT(file),
     .commands = 1},
    {.names = "--rootdir",
     .key = "rootdir",
     .kind = FST_OPTION_STRING,
     .value = "DIR",
     .help = "the project's root, as for run",
     .group = "Options",
     AT(rootdir),
     .commands = 1},
    {.names = "--format",
     .key = "format",
     .kind = FST_OPTION_INT,
     .value = "table|json",
     .help = "how top, flaky and show print",
     .standard = "table",
     .words = format_words,
     .min = 1,
     .group = "Options",
     AT(json),
     .commands = 1},
    {.names = "--limit",
     .key = "limit",
     .kind = FST_OPTION_INT,
     .value = "N",
     .help = "print N tests at most; 0: all",
     .standard = "20",
     .max = 1 << 30,
     .group = "Options",
     AT(limit),
     .commands = 1},
    {.names = "--keep",
     .key = "keep",
     .kind = FST_OPTION_INT,
     .value = "N",
     .help = "gc: how many runs back a test must have been met to stay",
     .standard = "100",
     .min = 1,
     .max = 1 << 30,
     .group = "Options",
     AT(keep),
     .commands = 1},
    {.names = "-h --help",
     .kind = FST_OPTION_FLAG,
     .help = "show this text",
     .group = "Options",
     .commands = 1},
};

static const struct fst_options options = {
    .items = option_table,
    .count = sizeof option_table / sizeof *option_table,
    .commands = 1,
    .env = "FASTEST_",
};

struct fst_options fst_cli_history_table(void)
{
    return options;
}

static const char usage[] =
    "usage: fastest-coord history top|flaky|gc [OPTIONS]\n"
    "       fastest-coord history show ID [OPTIONS]\n"
    "       fastest-coord history import|export FILE [OPTIONS]\n"
    "       fastest-coord history merge FILE... [OPTIONS]\n"
    "\n"
    "  top     the tests that take longest\n"
    "  flaky   the tests whose outcome changes from run to run\n"
    "  show    one test, or all whose node ids begin so\n"
    "  import  durations from pytest-split's JSON, where there are none yet\n"
    "  export  durations as pytest-split's JSON (\"-\": standard output)\n"
    "  merge   what other histories know, those of parallel jobs for example\n"
    "  gc      forget tests that no run meets any more, and give room back\n"
    "\n"
    "OUTCOMES, newest last: . passed, R passed on a retry, F failed, E error,\n"
    "s skipped, x xfailed, X xpassed.\n"
    "\n";

struct row {
    char *id, outcomes[FST_HISTORY_OUTCOMES + 1];
    double estimate_s, last_s, flakiness;
};

struct task {
    const struct wishes *wishes;
    const char *argument;            /* ID or FILE, or NULL */
    const struct fst_strings *words; /* the verb and its arguments */
    const char *file;                /* the history */
    struct fst_store *store;
    char *suite;
    FST_VEC(struct row) rows;
    bool only_flaky;
};

/* ---- reading */

static void take_row(void *user, const struct fst_history_test *test)
{
    struct task *task = user;
    if (task->only_flaky && test->flakiness <= 0)
        return;
    struct row *row = fst_vec_push(&task->rows);
    *row = (struct row){.id = fst_strdup(test->id),
                        .estimate_s = test->estimate_s,
                        .last_s = test->last_s,
                        .flakiness = test->flakiness};
    snprintf(row->outcomes, sizeof row->outcomes, "%s", test->outcomes);
}

static int compare(double a, double b, const char *id_a, const char *id_b)
{
    if (a != b)
        return a < b ? 1 : -1;
    return strcmp(id_a, id_b);
}

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return compare(x->estimate_s, y->estimate_s, x->id, y->id);
}

static int by_flakiness(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return compare(x->flakiness, y->flakiness, x->id, y->id);
}

/* ---- printing */

static void print_json(const struct task *task, size_t count)
{
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer json;
    fst_jw_init(&json, &out);
    fst_jw_array(&json);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &task->rows.items[i];
        fst_jw_object(&json);
        fst_jw_key(&json, "nodeid");
        fst_jw_string(&json, row->id);
        fst_jw_key(&json, "estimate_s");
        fst_jw_double(&json, row->estimate_s);
        fst_jw_key(&json, "last_s");
        fst_jw_double(&json, row->last_s);
        fst_jw_key(&json, "flakiness");
        fst_jw_double(&json, row->flakiness);
        fst_jw_key(&json, "outcomes");
        fst_jw_string(&json, row->outcomes);
        fst_jw_object_end(&json);
    }
    fst_jw_array_end(&json);
    printf("%s\n", fst_buf_str(&out));
    fst_buf_release(&out);
}

static void print_table(const struct task *task, size_t count)
{
    printf("%9s  %9s  %5s  %-*s  TEST\n", "EXPECTED", "LAST", "FLAKY",
           FST_HISTORY_OUTCOMES, "OUTCOMES");
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &task->rows.items[i];
        printf("%8.3fs  %8.3fs  %4.0f%%  %-*s  %s\n", row->estimate_s,
               row->last_s, row->flakiness * 100, FST_HISTORY_OUTCOMES,
               row->outcomes, row->id);
    }
    if (count < task->rows.count)
        printf("… %zu more (--limit 0 shows all)\n", task->rows.count - count);
}

static void print_rows(const struct task *task)
{
    size_t count = task->rows.count;
    if (task->wishes->limit && count > (size_t)task->wishes->limit)
        count = (size_t)task->wishes->limit;
    if (task->wishes->json)
        print_json(task, count);
    else
        print_table(task, count);
}

/* ---- the verbs */

static int list(struct task *task, int (*order)(const void *, const void *),
                struct fst_err *err)
{
    if (fst_history_tests(task->store, task->suite, take_row, task, err))
        return -1;
    if (task->rows.count)
        qsort(task->rows.items, task->rows.count, sizeof *task->rows.items,
              order);
    print_rows(task);
    return 0;
}

static int top(struct task *task, struct fst_err *err)
{
    return list(task, by_time, err);
}

static int flaky(struct task *task, struct fst_err *err)
{
    task->only_flaky = true;
    return list(task, by_flakiness, err);
}

static int show(struct task *task, struct fst_err *err)
{
    size_t kept = 0;
    if (fst_history_tests(task->store, task->suite, take_row, task, err))
        return -1;
    for (size_t i = 0; i < task->rows.count; i++) {
        struct row row = task->rows.items[i];
        if (!strncmp(row.id, task->argument, strlen(task->argument)))
            task->rows.items[kept++] = row;
        else
            free(row.id);
    }
    task->rows.count = kept;
    if (!kept)
        return fst_fail(err, FST_E_NOTFOUND,
                        "%s: no test of this name in the history of %s",
                        task->argument, task->suite);
    print_rows(task);
    return 0;
}

static int read_file(const char *path, struct fst_buf *bytes,
                     struct fst_err *err)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
    size_t got = 1;
    if (!file)
        return fst_fail_sys(err, "%s", path);
    fst_buf_init(bytes, DURATIONS_MAX);
    while (got) {
        char *room = fst_buf_room(bytes, 65536);
        if (!room)
            break;
        got = fread(room, 1, 65536, file);
        bytes->len += got;
        fst_buf_end(bytes);
    }
    if (file != stdin)
        fclose(file);
    return got ? fst_fail(err, FST_E_LIMIT, "%s: too large", path) : 0;
}

static int import_all(struct task *task, const struct fst_json *times,
                      struct fst_err *err)
{
    const struct fst_json *time;
    for (time = fst_json_first(times); time; time = fst_json_next(time)) {
        if (fst_json_type(time) != FST_JSON_NUMBER || fst_json_number(time) < 0)
            return fst_fail(err, FST_E_SYNTAX,
                            "%s: the value of %s must be seconds",
                            task->argument, fst_json_key(time));
        if (fst_history_import(task->store, task->suite, fst_json_key(time),
                               fst_json_number(time), err))
            return -1;
    }
    return 0;
}

static int import(struct task *task, struct fst_err *err)
{
    struct fst_buf bytes;
    struct fst_json *times = NULL;
    int result = read_file(task->argument, &bytes, err);
    if (!result) {
        times = fst_json_parse(fst_buf_str(&bytes), bytes.len, err);
        result = times ? 0 : fst_wrap(err, "%s", task->argument);
    }
    if (!result && fst_json_type(times) != FST_JSON_OBJECT)
        result = fst_fail(err, FST_E_SYNTAX,
                          "%s: must be an object, {\"node id\": seconds}",
                          task->argument);
    if (!result && !fst_store_begin(task->store, err)) {
        result = import_all(task, times, err);
        if (!result)
            result = fst_store_commit(task->store, err);
        fst_store_rollback(task->store);
    }
    if (!result)
        printf("imported %zu duration%s\n", fst_json_count(times),
               fst_json_count(times) == 1 ? "" : "s");
    fst_json_free(times);
    fst_buf_release(&bytes);
    return result;
}

static void export_time(void *user, const struct fst_history_times *times)
{
    struct fst_json_writer *json = user;
    double seconds = times->s[FST_PART_CALL] + times->s[FST_PART_SETUP] +
                     times->s[FST_PART_TEARDOWN];
    if (!strstr(times->name, "::"))
        return;
    fst_buf_addc(json->out, json->comma ? ',' : '{');
    fst_buf_adds(json->out, "\n  ");
    json->comma = false;
    fst_jw_string(json, times->name);
    fst_buf_adds(json->out, ": ");
    json->comma = false;
    fst_jw_double(json, seconds);
}

static int export(struct task *task, struct fst_err *err)
{
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer json;
    fst_jw_init(&json, &out);
    int result =
        fst_history_times(task->store, task->suite, export_time, &json, err);
    fst_buf_adds(&out, out.len ? "\n}\n" : "{}\n");
    FILE *file = NULL;
    if (!result) {
        file =
            strcmp(task->argument, "-") ? fopen(task->argument, "we") : stdout;
        if (!file || fwrite(out.data, 1, out.len, file) != out.len ||
            fflush(file))
            result = fst_fail_sys(err, "%s", task->argument);
    }
    if (file && file != stdout)
        fclose(file);
    fst_buf_release(&out);
    return result;
}

static int merge(struct task *task, struct fst_err *err)
{
    for (size_t i = 1; i < task->words->count; i++) {
        const char *file = task->words->items[i];
        struct fst_merged merged = {0};
        if (fst_history_merge(task->store, file, &merged, err))
            return -1;
        printf("%s: %lld new runs, %lld new tests\n", file,
               (long long)merged.runs, (long long)merged.tests);
    }
    return 0;
}

static long long size_of(const char *file)
{
    struct stat st;
    return stat(file, &st) ? 0 : (long long)st.st_size;
}

/* The store is closed here, so that the file has its size. */
static int gc(struct task *task, struct fst_err *err)
{
    struct fst_swept swept = {0};
    long long before = size_of(task->file);
    if (fst_history_sweep(task->store, task->wishes->keep, &swept, err))
        return -1;
    fst_store_close(task->store);
    task->store = NULL;
    printf("removed %lld tests and %lld runs, %lld bytes -> %lld\n",
           (long long)swept.tests, (long long)swept.runs, before,
           size_of(task->file));
    return 0;
}

static const struct verb {
    const char *name, *argument; /* what it needs, or NULL */
    bool creates;                /* the history, where there is none */
    int (*run)(struct task *task, struct fst_err *err);
} verbs[] = {
    {"top", NULL, false, top},         {"flaky", NULL, false, flaky},
    {"show", "ID", false, show},       {"import", "FILE", true, import},
    {"export", "FILE", false, export}, {"merge", "FILE...", true, merge},
    {"gc", NULL, false, gc},
};

static bool fits(const struct verb *verb, size_t arguments)
{
    bool many = verb->argument && strstr(verb->argument, "...");
    return many ? arguments >= 1 : arguments == (verb->argument ? 1u : 0u);
}

/* ---- the command */

static const struct verb *find_verb(const struct fst_strings *words,
                                    struct fst_err *err)
{
    const struct verb *verb = NULL;
    for (size_t i = 0; words->count && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(words->items[0], verbs[i].name))
            verb = &verbs[i];
    if (!verb)
        fst_fail(err, FST_E_USAGE,
                 "history %s: it is top, flaky, show, import, export, merge "
                 "or gc",
                 words->count ? words->items[0] : "needs a verb");
    else if (!fits(verb, words->count - 1))
        fst_fail(err, FST_E_USAGE, "history %s takes %s", verb->name,
                 verb->argument ? verb->argument : "no argument");
    else
        return verb;
    return NULL;
}

static int work(const struct wishes *wishes, const struct fst_strings *words,
                const char *cwd, struct fst_err *err)
{
    struct fst_pytest_config config;
    struct fst_pytest_inputs inputs = {
        .cwd = cwd, .rootdir = wishes->rootdir, .ask = fst_cli_pytest_version};
    const struct verb *verb = find_verb(words, err);
    if (!verb)
        return -1;
    int result = fst_pytest_config_load(&config, &inputs, err);
    if (!result) {
        struct task task = {
            .wishes = wishes,
            .argument = verb->argument ? words->items[1] : NULL,
            .words = words,
            .suite = fst_suite_name(config.root),
        };
        char *file = fst_suite_history(config.root, wishes->file);
        task.file = file;
        task.store =
            fst_store_open(file, verb->creates ? FST_STORE_CREATE : 0, err);
        result = task.store ? verb->run(&task, err) : -1;
        fst_store_close(task.store);
        for (size_t i = 0; i < task.rows.count; i++)
            free(task.rows.items[i].id);
        fst_vec_free(&task.rows);
        free(task.suite);
        free(file);
    }
    fst_pytest_config_release(&config);
    return result;
}

int fst_cli_history(int argc, const char *const *argv, const char *cwd)
{
    struct wishes wishes = {0};
    struct fst_strings words = {0};
    struct fst_err err;
    const char *unknown, *group;
    int rest, status = 0;
    extern char **environ;
    if (fst_options_asks_help(&options, argc, argv, &group)) {
        struct fst_buf help = FST_BUF_INIT;
        fst_options_help(&options, group, "fastest-coord history", &help);
        printf("%s%s", usage, fst_buf_str(&help));
        fst_buf_release(&help);
        return 0;
    }
    fst_options_defaults(&options, &wishes);
    if (fst_options_env(&options, &wishes, (const char *const *)environ,
                        &err) ||
        fst_options_parse(&options, &wishes, argc, argv, &words, &rest,
                          &unknown, &err)) {
        status = EXIT_USAGE;
    } else if (work(&wishes, &words, cwd, &err)) {
        status = fst_code_exit(err.code);
    }
    if (status)
        fprintf(stderr, "ERROR: %s\n", err.msg);
    fst_options_release(&options, &wishes);
    fst_strings_clear(&words);
    return status;
}
