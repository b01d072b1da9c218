#include "shared/config/pytestargs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/config/paths.h"

/* What becomes of an option of pytest's or of a plugin that we know. */
enum fate {
    KEEP,      /* pytest in the worker gets it */
    UNSEEN,    /* it too, but a warning says that nothing shows its output */
    TAKE,      /* one of ours */
    PLACE,     /* one of ours; where pytest reads it from an ini file's addopts
                  it is too late to have an effect, so it is left out there */
    DROP,      /* left out with a warning */
    REFUSE,    /* as DROP in addopts, where the user can't help it; else the
                  run would not be what was asked for */
    VERBOSITY, /* sets what -v and -q count */
    DOCTESTS,  /* KEEP, and discovery sees it: */
    DOCTEST_GLOB,
    VIRTUALENVS,
    NO_CONFTEST,
    CONFCUTDIR
};

enum arity { ALONE, VALUE, MAYBE /* a value where the next token is one */ };

struct known {
    const char *names; /* separated by spaces, one at both ends */
    enum arity arity;
    enum fate fate;
    const char *ours; /* TAKE, PLACE: our spelling; DROP, REFUSE: why */
};

#define NOT_YET "fastest has no such option yet"
#define RUNS_NONE "no test runs with it, plain pytest answers it"

/* Options of pytest 7 to 8, xdist, cov, timeout, rerunfailures, asyncio and
 * hypothesis. What isn't here is kept untouched. */
static const struct known table[] = {
    {" -n --numprocesses ", VALUE, TAKE, "-n"},
    {" --max-worker-restart ", VALUE, TAKE, "--max-worker-restart"},
    {" -x --exitfirst ", ALONE, TAKE, "-x"},
    {" --maxfail ", VALUE, TAKE, "--maxfail"},
    {" --collect-only --collectonly --co ", ALONE, TAKE, "--co"},
    {" -k ", VALUE, TAKE, "-k"},
    {" -m ", VALUE, TAKE, "-m"},
    {" --deselect ", VALUE, TAKE, "--deselect"},
    {" --ignore ", VALUE, TAKE, "--ignore"},
    {" --ignore-glob ", VALUE, TAKE, "--ignore-glob"},
    {" --pyargs ", ALONE, TAKE, "--pyargs"},
    {" -p ", VALUE, TAKE, "-p"},
    {" --import-mode ", VALUE, TAKE, "--import-mode"},
    {" -W --pythonwarnings ", VALUE, TAKE, "-W"},
    {" --strict-markers ", ALONE, TAKE, "--strict-markers"},
    {" --strict-config ", ALONE, TAKE, "--strict-config"},
    {" -v --verbose ", ALONE, TAKE, "-v"},
    {" -q --quiet ", ALONE, TAKE, "-q"},
    {" -r ", VALUE, TAKE, "-r"},
    {" --tb ", VALUE, TAKE, "--tb"},
    {" --color ", VALUE, TAKE, "--color"},
    {" --no-header ", ALONE, TAKE, "--no-header"},
    {" --no-summary ", ALONE, TAKE, "--no-summary"},
    {" --show-capture ", VALUE, TAKE, "--show-capture"},
    {" --disable-warnings --disable-pytest-warnings ", ALONE, TAKE,
     "--disable-warnings"},
    {" --durations ", VALUE, TAKE, "--durations"},
    {" --durations-min ", VALUE, TAKE, "--durations-min"},
    {" --dist ", VALUE, TAKE, "--dist"},
    {" --lf --last-failed ", ALONE, TAKE, "--lf"},
    {" --ff --failed-first ", ALONE, TAKE, "--ff"},
    {" --nf --new-first ", ALONE, TAKE, "--nf"},
    {" --lfnf --last-failed-no-failures ", VALUE, TAKE, "--lfnf"},
    {" --sw --stepwise ", ALONE, TAKE, "--sw"},
    {" --sw-skip --stepwise-skip ", ALONE, TAKE, "--sw-skip"},
    {" --sw-reset --stepwise-reset ", ALONE, TAKE, "--sw-reset"},
    {" -c --config-file ", VALUE, PLACE, "-c"},
    {" --rootdir ", VALUE, PLACE, "--rootdir"},
    {" -o --override-ini ", VALUE, PLACE, "-o"},
    {" --verbosity ", VALUE, VERBOSITY, NULL},
    {" --capture ", VALUE, TAKE, "--capture"},
    {" --junitxml --junit-xml ", VALUE, TAKE, "--junitxml"},
    {" --junit-prefix --junitprefix ", VALUE, TAKE, "--junit-prefix"},
    {" -s ", ALONE, TAKE, "-s"},
    {" --doctest-modules ", ALONE, DOCTESTS, NULL},
    {" --doctest-glob ", VALUE, DOCTEST_GLOB, NULL},
    {" --collect-in-virtualenv ", ALONE, VIRTUALENVS, NULL},
    {" --noconftest ", ALONE, NO_CONFTEST, NULL},
    {" --confcutdir ", VALUE, CONFCUTDIR, NULL},

    {" --pdb --trace ", ALONE, REFUSE,
     "workers have no terminal, run that test with plain pytest"},
    {" -f --looponfail ", ALONE, REFUSE, "nothing watches files here"},
    {" --fixtures --funcargs --fixtures-per-test --markers --setup-only "
     "--setuponly --setup-plan --setupplan -h --help -V --version ",
     ALONE, REFUSE, RUNS_NONE},
    {" --cache-show ", MAYBE, REFUSE, RUNS_NONE},
    {" -d ", ALONE, DROP, "it is --dist load"},
    {" --tx --px --rsyncdir --rsyncignore ", VALUE, DROP,
     "xdist's way to other machines is not fastest's"},
    {" --setup-show --setupshow --trace-config ", ALONE, UNSEEN, NULL},
    {" --maxprocesses ", VALUE, DROP, "-n says how many workers"},
    {" --testrunuid ", VALUE, DROP, "the id of the run is its own"},
    {" --loadscope-reorder --no-loadscope-reorder ", ALONE, DROP,
     "the order is that of --order"},
    {" --pdbcls --pastebin ", VALUE, DROP, NOT_YET},
    {" --debug ", MAYBE, DROP, NOT_YET},

    {" -l --showlocals --no-showlocals --full-trace --fulltrace --runxfail "
     "--cache-clear --keep-duplicates --keepduplicates "
     "--continue-on-collection-errors --doctest-ignore-import-errors "
     "--doctest-continue-on-failure --strict --cov-reset --no-cov "
     "--no-cov-on-fail --cov-append "
     "--cov-branch --hypothesis-show-statistics --hypothesis-explain ",
     ALONE, KEEP, NULL},
    {" --basetemp --code-highlight --assert --doctest-report "
     "--log-level --log-format --log-date-format --log-cli-level "
     "--log-cli-format --log-cli-date-format --log-file --log-file-level "
     "--log-file-mode --log-file-format --log-file-date-format "
     "--log-auto-indent --log-disable --cov-report --cov-config "
     "--cov-fail-under --cov-context --reruns --reruns-delay --only-rerun "
     "--rerun-except --timeout --timeout-method --timeout_method "
     "--session-timeout --asyncio-mode --hypothesis-profile "
     "--hypothesis-verbosity --hypothesis-seed ",
     VALUE, KEEP, NULL},
    {" --cov ", MAYBE, KEEP, NULL},
};

static const struct known *find_known(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *at = table[i].names;
        while ((at = memmem(at, strlen(at), name, len))) {
            if (at > table[i].names && at[-1] == ' ' && at[len] == ' ')
                return &table[i];
            at += len;
        }
    }
    return NULL;
}

const char *fst_pytest_args_why_not(const char *name)
{
    const struct known *known = find_known(name, strlen(name));
    bool without = known && (known->fate == DROP || known->fate == REFUSE);
    return without ? known->ours : NULL;
}

/* One source in reading. */
struct reading {
    const struct fst_pytest_source *source;
    const struct fst_options *options;
    struct fst_settings *settings;
    struct fst_strings *kept;
    size_t at;    /* the token being read */
    bool unknown; /* the token before was an option that we don't know */
    struct fst_err *err;
};

/* Once. */
static void warn(struct reading *reading, const char *name, const char *what)
{
    struct fst_strings *warnings = &reading->settings->warnings;
    char *line = fst_printf("%s: %s %s", reading->source->where, name, what);
    bool said = false;
    for (size_t i = 0; i < warnings->count; i++)
        said = said || !strcmp(warnings->items[i], line);
    if (!said)
        fst_strings_add(warnings, line);
    free(line);
}

static void warn_dropped(struct reading *reading, const struct known *known,
                         const char *name)
{
    char *what = fst_printf("was left out: %s", known->ours);
    warn(reading, name, what);
    free(what);
}

static int take(struct reading *reading, const struct known *known,
                const char *name, const char *value)
{
    const struct fst_option *option =
        fst_options_find(reading->options, known->ours, strlen(known->ours));
    bool late = known->fate == PLACE && reading->source->ini &&
                !(reading->source->overrides && !strcmp(known->ours, "-o"));
    if (!option || late)
        return 0;
    if (fst_options_set(reading->options, option, reading->settings, name,
                        value, reading->err))
        return fst_wrap(reading->err, "%s", reading->source->where);
    return 0;
}

static int set_verbosity(struct reading *reading, const char *value)
{
    char *end;
    long level = strtol(value, &end, 10);
    if (!*value || *end || level < -100 || level > 100)
        return fst_fail(reading->err, FST_E_USAGE,
                        "%s: --verbosity: \"%s\" is not accepted: expected a "
                        "number from -100 to 100",
                        reading->source->where, value);
    reading->settings->verbosity = (int)level;
    const struct fst_option *option =
        fst_options_find(reading->options, "-v", 2);
    if (option)
        fst_options_note(reading->options, option, "--verbosity");
    return 0;
}

/* As it stood, but joined where it is a long option: its value may begin with
 * a dash. */
static void keep(struct reading *reading, const char *name, const char *value)
{
    if (value && name[1] == '-') {
        char *joined = fst_printf("%s=%s", name, value);
        fst_strings_add(reading->kept, joined);
        free(joined);
        return;
    }
    fst_strings_add(reading->kept, name);
    if (value)
        fst_strings_add(reading->kept, value);
}

static int meet(struct reading *reading, const struct known *known,
                const char *name, const char *value)
{
    struct fst_pytest_config *pytest = &reading->settings->pytest;
    switch (known->fate) {
    case TAKE:
    case PLACE:
        return take(reading, known, name, value);
    case VERBOSITY:
        return set_verbosity(reading, value);
    case REFUSE:
        if (reading->source->last)
            return fst_fail(reading->err, FST_E_USAGE, "%s: %s: %s",
                            reading->source->where, name, known->ours);
        warn_dropped(reading, known, name);
        return 0;
    case DROP:
        warn_dropped(reading, known, name);
        return 0;
    case DOCTESTS:
        pytest->doctest_modules = true;
        break;
    case DOCTEST_GLOB:
        fst_strings_add(&pytest->doctest_glob, value);
        break;
    case VIRTUALENVS:
        pytest->collect_in_virtualenv = true;
        break;
    case NO_CONFTEST:
        pytest->no_conftest = true;
        break;
    case CONFCUTDIR:
        free(pytest->confcutdir);
        pytest->confcutdir = fst_strdup(value);
        break;
    case UNSEEN:
        warn(reading, name, "shows nothing, workers have no terminal");
        break;
    case KEEP:
        break;
    }
    keep(reading, name, value);
    return 0;
}

/* attached: what stands behind the name in the same token, or NULL. */
static int meet_option(struct reading *reading, const struct known *known,
                       const char *name, const char *attached)
{
    const struct fst_pytest_source *source = reading->source;
    const char *value = attached;
    if (known->arity == ALONE && attached)
        return fst_fail(reading->err, FST_E_USAGE,
                        "%s: %s takes no value, but got \"%s\"", source->where,
                        name, attached);
    if (known->arity != ALONE && !attached && reading->at + 1 < source->count &&
        !fst_options_dashed(source->tokens[reading->at + 1]) &&
        strcmp(source->tokens[reading->at + 1], "--") != 0)
        value = source->tokens[++reading->at];
    if (known->arity == VALUE && !value)
        return fst_fail(reading->err, FST_E_USAGE, "%s: %s needs a value",
                        source->where, name);
    return meet(reading, known, name, value);
}

static int read_long(struct reading *reading, const char *token)
{
    const char *equals = strchr(token, '=');
    size_t len = equals ? (size_t)(equals - token) : strlen(token);
    const struct known *known = find_known(token, len);
    if (!known) {
        fst_strings_add(reading->kept, token);
        reading->unknown = !equals;
        return 0;
    }
    char *name = fst_strndup(token, len);
    int result = meet_option(reading, known, name, equals ? equals + 1 : NULL);
    free(name);
    return result;
}

static int read_cluster(struct reading *reading, const char *token)
{
    for (const char *letter = token + 1; *letter; letter++) {
        char name[3] = {'-', *letter, '\0'};
        const struct known *known = find_known(name, 2);
        if (!known) {
            char *rest = fst_printf("-%s", letter);
            fst_strings_add(reading->kept, rest);
            free(rest);
            reading->unknown = true;
            return 0;
        }
        const char *behind = letter[1] ? letter + 1 : NULL;
        bool equals = behind && *behind == '=';
        if (known->arity != ALONE || equals)
            return meet_option(reading, known, name,
                               equals ? behind + 1 : behind);
        if (meet_option(reading, known, name, NULL))
            return -1;
    }
    return 0;
}

/* A word that is no option: see settings.h for what it is taken for. */
static void read_word(struct reading *reading, const char *word, bool unknown)
{
    fst_strings_add(reading->kept, word);
    if (unknown) {
        const char *colons = strstr(word, "::");
        char *file = colons ? fst_strndup(word, (size_t)(colons - word))
                            : fst_strdup(word);
        char *path = fst_path_absolute(reading->source->cwd, file);
        bool exists = fst_path_exists(path);
        free(path);
        free(file);
        if (!exists)
            return;
    }
    fst_strings_add(&reading->settings->paths, word);
}

static int read_separator(struct reading *reading)
{
    const struct fst_pytest_source *source = reading->source;
    if (!source->last)
        return fst_fail(reading->err, FST_E_USAGE,
                        "%s: \"--\" would make paths of all options that "
                        "follow",
                        source->where);
    fst_strings_add(reading->kept, "--");
    while (++reading->at < source->count)
        read_word(reading, source->tokens[reading->at], false);
    return 0;
}

int fst_pytest_args_take(const struct fst_pytest_source *source,
                         const struct fst_options *options,
                         struct fst_settings *settings,
                         struct fst_strings *kept, struct fst_err *err)
{
    struct reading reading = {.source = source,
                              .options = options,
                              .settings = settings,
                              .kept = kept,
                              .err = err};
    for (; reading.at < source->count; reading.at++) {
        const char *token = source->tokens[reading.at];
        bool unknown = reading.unknown;
        int result = 0;
        reading.unknown = false;
        if (!strcmp(token, "--"))
            result = read_separator(&reading);
        else if (token[0] != '-' || !token[1])
            read_word(&reading, token, unknown);
        else if (token[1] == '-')
            result = read_long(&reading, token);
        else
            result = read_cluster(&reading, token);
        if (result)
            return -1;
    }
    return 0;
}

/* -------------------------------------------------------------- give */

/* Long options joined, short ones apart unless the value looks like an option
 * or is empty: -p alone among pytest's takes no "-p=x". */
static void give_value(const char *name, const char *value,
                       struct fst_strings *out)
{
    bool joined = name[1] == '-' || !*value || fst_options_dashed(value);
    if (!joined) {
        fst_strings_add(out, name);
        fst_strings_add(out, value);
        return;
    }
    char *token = fst_printf("%s=%s", name, value);
    fst_strings_add(out, token);
    free(token);
}

static void give_word(const struct fst_option *option, int value,
                      struct fst_strings *out)
{
    const struct fst_option_word *word = option->words;
    while (word->name && word->value != value)
        word++;
    if (word->name && strcmp(word->name, option->standard) != 0)
        give_value(option->pass, word->name, out);
}

static void give_list(const struct fst_option *option,
                      const struct fst_strings *values, struct fst_strings *out)
{
    /* addopts, whoever set them, are in the command line already. */
    static const char addopts[] = "addopts=";
    bool overrides = !strcmp(option->pass, "-o");
    for (size_t i = 0; i < values->count; i++)
        if (!overrides || strncmp(values->items[i], addopts, strlen(addopts)))
            give_value(option->pass, values->items[i], out);
}

static void give_option(const struct fst_option *option, const void *target,
                        struct fst_strings *out)
{
    const void *place = (const char *)target + option->offset;
    const char *text;
    int number;
    switch (option->kind) {
    case FST_OPTION_FLAG:
        if (*(const bool *)place)
            fst_strings_add(out, option->pass);
        break;
    case FST_OPTION_INT:
        memcpy(&number, place, sizeof number);
        give_word(option, number, out);
        break;
    case FST_OPTION_STRING:
        text = *(char *const *)place;
        if (text)
            give_value(option->pass, text, out);
        break;
    case FST_OPTION_LIST:
        give_list(option, place, out);
        break;
    case FST_OPTION_SIZE:
    case FST_OPTION_SECONDS: /* pytest has none */
    case FST_OPTION_COUNT:
        break; /* what several options add up to is given once, by name */
    }
}

void fst_pytest_args_give(const struct fst_settings *settings,
                          const struct fst_options *options,
                          struct fst_strings *out)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct fst_option *option = &options->items[i];
        if (option->pass && option->commands & options->commands)
            give_option(option, settings, out);
    }
    for (int i = 0; i < abs(settings->verbosity); i++)
        fst_strings_add(out, settings->verbosity < 0 ? "-q" : "-v");
}
