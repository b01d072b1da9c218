#include "shared/base/options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/mem.h"
#include "shared/base/size.h"

#define SECONDS_MAX 1e9 /* 30 years; in ns it fits an int64_t */

enum { NAME_MAX_LEN = 64 };

/* The option behind `before` (NULL: the first) that the command has; or NULL.
 */
static const struct fst_option *next_option(const struct fst_options *options,
                                            const struct fst_option *before)
{
    const struct fst_option *end = options->items + options->count;
    const struct fst_option *option = before ? before + 1 : options->items;
    while (option < end && !(option->commands & options->commands))
        option++;
    return option < end ? option : NULL;
}

/* ------------------------------------------------------------ values */

static void *place(const struct fst_option *option, void *target)
{
    return (char *)target + option->offset;
}

static void store_number(const struct fst_option *option, void *target,
                         int value)
{
    if (option->size == sizeof(bool))
        *(bool *)place(option, target) = value != 0;
    else if (option->size == sizeof value)
        memcpy(place(option, target), &value, sizeof value);
    else
        FST_ASSERT(option->size == 0);
}

static void add_number(const struct fst_option *option, void *target, int value)
{
    int sum;
    FST_ASSERT(option->size == sizeof sum);
    memcpy(&sum, place(option, target), sizeof sum);
    if (!__builtin_add_overflow(sum, value, &sum))
        memcpy(place(option, target), &sum, sizeof sum);
}

static void store_string(const struct fst_option *option, void *target,
                         const char *value)
{
    char **slot = place(option, target);
    FST_ASSERT(option->size == sizeof *slot);
    free(*slot);
    *slot = fst_strdup(value);
}

static bool read_int(const char *text, int *value)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (!*text || isspace((unsigned char)*text) || *end || errno ||
        number < INT_MIN || number > INT_MAX)
        return false;
    *value = (int)number;
    return true;
}

static const struct fst_option_word *find_word(const struct fst_option *option,
                                               const char *text)
{
    const struct fst_option_word *word = option->words;
    while (word && word->name) {
        if (!strcmp(word->name, text))
            return word;
        word++;
    }
    return NULL;
}

/* Levenshtein's distance, two rows; longer texts than a name are far. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[2][NAME_MAX_LEN + 1];
    size_t la = strlen(a), lb = strlen(b);
    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        const size_t *above = rows[(i - 1) % 2];
        size_t *row = rows[i % 2];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return rows[la % 2][lb];
}

/* Keeps the candidate where it is nearer to what was typed than *best. */
static void consider(const char *typed, const char *candidate,
                     const char **best, size_t *best_distance)
{
    size_t far = distance(typed, candidate);
    if (far < *best_distance) {
        *best = candidate;
        *best_distance = far;
    }
}

static size_t near_enough(const char *typed)
{
    return (strlen(typed) + 2) / 3 + 1;
}

static int refuse_value(const struct fst_option *option, const char *shown,
                        const char *value, struct fst_err *err)
{
    struct fst_buf wanted = FST_BUF_INIT;
    const char *near = NULL;
    size_t best = near_enough(value);
    bool numbers = option->kind == FST_OPTION_INT && option->min <= option->max;
    if (numbers && option->max == INT_MAX)
        fst_buf_addf(&wanted, "a number from %d", option->min);
    else if (numbers)
        fst_buf_addf(&wanted, "a number from %d to %d", option->min,
                     option->max);
    if (option->kind == FST_OPTION_SECONDS)
        fst_buf_adds(&wanted, "seconds (a number from 0)");
    for (size_t i = 0; option->words && option->words[i].name; i++) {
        const char *name = option->words[i].name;
        bool last = !option->words[i + 1].name;
        if (wanted.len)
            fst_buf_adds(&wanted, last ? " or " : ", ");
        fst_buf_adds(&wanted, name);
        consider(value, name, &near, &best);
    }
    if (near)
        fst_buf_addf(&wanted, " (did you mean %s?)", near);
    fst_fail(err, FST_E_USAGE, "%s: \"%s\" is not accepted: expected %s", shown,
             value, fst_buf_str(&wanted));
    fst_buf_release(&wanted);
    return -1;
}

static int set_int(const struct fst_option *option, void *target,
                   const char *shown, const char *value, struct fst_err *err)
{
    const struct fst_option_word *word = find_word(option, value);
    int number;
    if (word)
        number = word->value;
    else if (!read_int(value, &number) || number < option->min ||
             number > option->max)
        return refuse_value(option, shown, value, err);
    store_number(option, target, number);
    return 0;
}

static int set_size(const struct fst_option *option, void *target,
                    const char *shown, const char *value, struct fst_err *err)
{
    int64_t size = fst_size_read(value);
    if (!size)
        return fst_fail(err, FST_E_USAGE,
                        "%s: \"%s\" is not accepted: expected a size from 1M, "
                        "such as 512M, 1.5G or 80%%",
                        shown, value);
    FST_ASSERT(option->size == sizeof size);
    memcpy(place(option, target), &size, sizeof size);
    return 0;
}

static int set_seconds(const struct fst_option *option, void *target,
                       const char *shown, const char *value,
                       struct fst_err *err)
{
    const struct fst_option_word *word = find_word(option, value);
    char *end;
    double seconds = word ? word->value : strtod(value, &end);
    /* Digits first: strtod() also takes white space, signs and "inf". */
    if (!word && (!strchr("0123456789.", *value) || *end || end == value ||
                  !(seconds <= SECONDS_MAX) || strchr(value, 'x')))
        return refuse_value(option, shown, value, err);
    FST_ASSERT(!option->size || option->size == sizeof seconds);
    if (option->size)
        memcpy(place(option, target), &seconds, sizeof seconds);
    return 0;
}

static int set_flag(const struct fst_option *option, void *target,
                    const char *shown, const char *value, struct fst_err *err)
{
    static const char *const words[] = {"0", "false", "no",  "off",
                                        "1", "true",  "yes", "on"};
    size_t n = sizeof words / sizeof *words, i = n;
    if (value)
        for (i = 0; i < n && strcasecmp(words[i], value); i++)
            ;
    if (value && i == n)
        return fst_fail(err, FST_E_USAGE,
                        "%s: \"%s\" is not accepted: expected true or false",
                        shown, value);
    store_number(option, target, i < n / 2 ? option->off : option->constant);
    return 0;
}

static int set_count(const struct fst_option *option, void *target,
                     const char *shown, const char *value, struct fst_err *err)
{
    int times = 1;
    if (value && (!read_int(value, &times) || times < 0 || times > 100))
        return fst_fail(err, FST_E_USAGE,
                        "%s: \"%s\" is not accepted: expected a number from 0 "
                        "to 100",
                        shown, value);
    add_number(option, target, times * option->constant);
    return 0;
}

static int store(const struct fst_option *option, void *target,
                 const char *shown, const char *value, struct fst_err *err)
{
    if (option->kind == FST_OPTION_FLAG)
        return set_flag(option, target, shown, value, err);
    if (option->kind == FST_OPTION_COUNT)
        return set_count(option, target, shown, value, err);
    if (!value)
        return fst_fail(err, FST_E_USAGE, "%s needs a value (%s)", shown,
                        option->value);
    if (option->kind == FST_OPTION_INT)
        return set_int(option, target, shown, value, err);
    if (option->kind == FST_OPTION_SIZE)
        return set_size(option, target, shown, value, err);
    if (option->kind == FST_OPTION_SECONDS)
        return set_seconds(option, target, shown, value, err);
    if (option->words && !find_word(option, value))
        return refuse_value(option, shown, value, err);
    if (option->kind == FST_OPTION_LIST)
        fst_strings_add(place(option, target), value);
    else
        store_string(option, target, value);
    return 0;
}

int fst_options_set(const struct fst_options *options,
                    const struct fst_option *option, void *target,
                    const char *shown, const char *value, struct fst_err *err)
{
    if (store(option, target, shown, value, err))
        return -1;
    fst_options_note(options, option, shown);
    return 0;
}

void fst_options_note(const struct fst_options *options,
                      const struct fst_option *option, const char *shown)
{
    for (size_t i = 0; options->heard && i < options->count; i++) {
        const struct fst_option *other = &options->items[i];
        if (other != option &&
            (!other->size || other->offset != option->offset))
            continue;
        free(options->heard[i]);
        options->heard[i] = fst_strdup(options->where ? options->where : shown);
    }
}

void fst_options_defaults(const struct fst_options *options, void *target)
{
    const struct fst_option *option = NULL;
    while ((option = next_option(options, option))) {
        struct fst_err err = {0};
        if (option->standard && option->size)
            FST_ASSERT(
                !store(option, target, option->names, option->standard, &err));
    }
}

void fst_options_release(const struct fst_options *options, void *target)
{
    const struct fst_option *option = NULL;
    while ((option = next_option(options, option))) {
        if (option->kind == FST_OPTION_LIST) {
            fst_strings_clear(place(option, target));
        } else if (option->kind == FST_OPTION_STRING) {
            char **slot = place(option, target);
            free(*slot);
            *slot = NULL;
        }
    }
}

/* ------------------------------------------------------------- names */

/* The next of space-separated names, its length in *len; NULL at the end.
 * Start with *rest = names. */
static const char *next_name(const char **rest, size_t *len)
{
    const char *name = *rest;
    if (!*name)
        return NULL;
    *len = strcspn(name, " ");
    *rest = name + *len + (name[*len] == ' ');
    return name;
}

const struct fst_option *fst_options_find(const struct fst_options *options,
                                          const char *name, size_t len)
{
    const struct fst_option *option = NULL;
    while ((option = next_option(options, option))) {
        const char *rest = option->names, *known;
        size_t known_len;
        while ((known = next_name(&rest, &known_len)))
            if (known_len == len && !memcmp(known, name, len))
                return option;
    }
    return NULL;
}

const struct fst_option *fst_options_key(const struct fst_options *options,
                                         const char *key)
{
    const struct fst_option *option = NULL;
    while ((option = next_option(options, option))) {
        if (option->key && !strcmp(option->key, key))
            return option;
    }
    return NULL;
}

const char *fst_options_nearest(const struct fst_options *options,
                                const char *typed, bool key)
{
    static _Thread_local char found[NAME_MAX_LEN + 1];
    const struct fst_option *option = NULL;
    size_t best = near_enough(typed);
    const char *near = NULL;
    while ((option = next_option(options, option))) {
        const char *rest = option->names, *name;
        size_t len;
        if (key) {
            if (option->key && !option->no_config)
                consider(typed, option->key, &near, &best);
            continue;
        }
        while ((name = next_name(&rest, &len))) {
            char copy[NAME_MAX_LEN + 1] = "";
            if (len < 3 || len > NAME_MAX_LEN)
                continue;
            memcpy(copy, name, len);
            const char *nearer = NULL;
            consider(typed, copy, &nearer, &best);
            if (nearer)
                near = strcpy(found, copy);
        }
    }
    return near;
}

/* ------------------------------------------------------ command line */

bool fst_options_dashed(const char *token)
{
    if (token[0] != '-' || !token[1])
        return false;
    size_t digits = strspn(token + 1, "0123456789.");
    return token[1 + digits] && !strchr(token, ' ');
}

/* A command line in reading. */
struct line {
    const struct fst_options *options;
    void *target;
    int argc, at; /* at: the token being read */
    const char *const *argv;
    const char **unknown;
    struct fst_err *err;
};

static int refuse_name(struct line *line, const char *name)
{
    const char *near = NULL;
    *line->unknown = line->argv[line->at];
    if (name[1] == '-')
        near = fst_options_nearest(line->options, name, false);
    if (near)
        return fst_fail(line->err, FST_E_USAGE,
                        "unknown option %s (did you mean %s?)", name, near);
    return fst_fail(line->err, FST_E_USAGE, "unknown option %s", name);
}

static bool takes_value(const struct fst_option *option)
{
    return option->kind != FST_OPTION_FLAG && option->kind != FST_OPTION_COUNT;
}

static bool has_value_next(const struct line *line,
                           const struct fst_option *option)
{
    const char *next =
        line->at + 1 < line->argc ? line->argv[line->at + 1] : NULL;
    return next && !fst_options_dashed(next) &&
           (!option->fits || option->fits(next));
}

/* value: what stands in the same token, or NULL; the next token is used up
 * where the option needs it. */
static int set_token(struct line *line, const struct fst_option *option,
                     const char *shown, const char *value)
{
    if (!takes_value(option)) {
        if (value)
            return fst_fail(line->err, FST_E_USAGE,
                            "%s takes no value, but got \"%s\"", shown, value);
    } else if (!value && has_value_next(line, option)) {
        value = line->argv[++line->at];
    } else if (!value && option->fits) {
        value = "";
    }
    if (!option->size && !takes_value(option))
        return 0;
    return fst_options_set(line->options, option, line->target, shown, value,
                           line->err);
}

static int read_long(struct line *line, const char *token)
{
    const char *equals = strchr(token, '=');
    size_t len = equals ? (size_t)(equals - token) : strlen(token);
    char *name = fst_strndup(token, len);
    const struct fst_option *option =
        fst_options_find(line->options, token, len);
    int result = option
                     ? set_token(line, option, name, equals ? equals + 1 : NULL)
                     : refuse_name(line, name);
    free(name);
    return result;
}

/* -vvx, -n4, -n=4, -n 4 */
static int read_cluster(struct line *line, const char *token)
{
    for (const char *letter = token + 1; *letter; letter++) {
        char name[3] = {'-', *letter, '\0'};
        const struct fst_option *option =
            fst_options_find(line->options, name, 2);
        if (!option) {
            /* A letter that is part of a UTF-8 character has no name. */
            if ((unsigned char)*letter >= 0x80)
                return refuse_name(line, token);
            return refuse_name(line, name);
        }
        const char *behind = letter[1] ? letter + 1 : NULL;
        bool equals = behind && *behind == '=';
        if (takes_value(option) || equals)
            return set_token(line, option, name, equals ? behind + 1 : behind);
        if (set_token(line, option, name, NULL))
            return -1;
    }
    return 0;
}

int fst_options_parse(const struct fst_options *options, void *target, int argc,
                      const char *const *argv, struct fst_strings *positionals,
                      int *rest, const char **unknown, struct fst_err *err)
{
    struct line line = {.options = options,
                        .target = target,
                        .argc = argc,
                        .argv = argv,
                        .unknown = unknown,
                        .err = err};
    *unknown = NULL;
    *rest = argc;
    for (line.at = 0; line.at < argc; line.at++) {
        const char *token = argv[line.at];
        if (!strcmp(token, "--")) {
            *rest = line.at + 1;
            return 0;
        }
        if (token[0] != '-' || !token[1])
            fst_strings_add(positionals, token);
        else if (token[1] == '-' ? read_long(&line, token)
                                 : read_cluster(&line, token))
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------- environment */

/* The value of NAME in env, or NULL. */
static const char *find_env(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; *env; env++)
        if (!strncmp(*env, name, len) && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

static int set_words(const struct fst_options *options,
                     const struct fst_option *option, void *target,
                     const char *shown, const char *value, struct fst_err *err)
{
    const char *word = value + strspn(value, " \t\n");
    while (*word) {
        size_t len = strcspn(word, " \t\n");
        char *copy = fst_strndup(word, len);
        int result = fst_options_set(options, option, target, shown, copy, err);
        free(copy);
        if (result)
            return -1;
        word += len;
        word += strspn(word, " \t\n");
    }
    return 0;
}

int fst_options_env(const struct fst_options *options, void *target,
                    const char *const *env, struct fst_err *err)
{
    const struct fst_option *option = NULL;
    int result = 0;
    while ((option = next_option(options, option))) {
        if (!option->key || result)
            continue;
        char *name = fst_printf("%s%s", options->env, option->key);
        for (char *c = name; *c; c++)
            *c = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
        const char *value = find_env(env, name);
        if (value && *value)
            result = option->kind == FST_OPTION_LIST
                         ? set_words(options, option, target, name, value, err)
                         : fst_options_set(options, option, target, name, value,
                                           err);
        free(name);
    }
    return result;
}
