#include "coordinator/cli/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"
#include "shared/config/table.h"
#include "shared/json/json.h"

enum { NAME_WIDTH = 24, VALUE_WIDTH = 28 };

/* What one setting is; strings are borrowed. */
struct value {
    enum { NOTHING, TRUTH, NUMBER, SHARE, SECONDS, TEXT, LIST } kind;
    bool truth;
    int64_t number;
    double seconds;
    const char *text;
    const struct fst_strings *list;
};

static int read_number(const struct fst_option *option, const void *place)
{
    int number = 0;
    if (option->size == sizeof(bool))
        return *(const bool *)place;
    memcpy(&number, place, sizeof number);
    return number;
}

static void read_word(const struct fst_option *option, int number,
                      struct value *value)
{
    const struct fst_option_word *word = option->words;
    for (; word && word->name && value->kind != TEXT; word++)
        if (word->value == number)
            *value = (struct value){.kind = TEXT, .text = word->name};
}

static void read_size(const void *place, struct value *value)
{
    memcpy(&value->number, place, sizeof value->number);
    value->kind = value->number ? NUMBER : NOTHING;
    if (value->number < 0) {
        value->kind = SHARE;
        value->number = -value->number;
    }
}

static struct value read_value(const struct fst_option *option,
                               const struct fst_settings *settings)
{
    const void *place = (const char *)settings + option->offset;
    struct value value = {.kind = NOTHING};
    switch (option->kind) {
    case FST_OPTION_FLAG:
        value.kind = TRUTH;
        value.truth = read_number(option, place) == option->constant;
        break;
    case FST_OPTION_COUNT:
    case FST_OPTION_INT:
        value.number = read_number(option, place);
        value.kind = value.number == -1 && !option->words ? NOTHING : NUMBER;
        read_word(option, (int)value.number, &value);
        break;
    case FST_OPTION_SECONDS:
        value.kind = SECONDS;
        memcpy(&value.seconds, place, sizeof value.seconds);
        break;
    case FST_OPTION_SIZE:
        read_size(place, &value);
        break;
    case FST_OPTION_STRING:
        value.text = *(char *const *)place;
        value.kind = value.text ? TEXT : NOTHING;
        break;
    case FST_OPTION_LIST:
        value.kind = LIST;
        value.list = place;
        break;
    }
    return value;
}

/* Options with one target are one setting: -x is --maxfail 1. The one that
 * takes a value is shown, else the first. */
static bool is_shown(const struct fst_options *options, size_t at)
{
    const struct fst_option *option = &options->items[at];
    if (!(option->commands & options->commands) || !option->size ||
        option->offset == offsetof(struct fst_settings, show_json))
        return false;
    for (size_t i = 0; i < options->count; i++) {
        const struct fst_option *other = &options->items[i];
        if (!(other->commands & options->commands) || other == option ||
            !other->size || other->offset != option->offset)
            continue;
        if (option->kind == FST_OPTION_FLAG
                ? other->kind != FST_OPTION_FLAG || i < at
                : other->kind != FST_OPTION_FLAG && i < at)
            return false;
    }
    return true;
}

static char *name_of(const struct fst_option *option)
{
    const char *names = option->names + strspn(option->names, "-");
    return option->key ? fst_strdup(option->key)
                       : fst_strndup(names, strcspn(names, " "));
}

/* ------------------------------------------------------------- text */

/* Words apart from each other; one with a space in it in quotes. */
static void add_words(const struct fst_strings *list, struct fst_buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *word = list->items[i];
        const char *quote = !*word || strpbrk(word, " \t\n'\"") ? "'" : "";
        fst_buf_addf(out, "%s%s%s%s", i ? " " : "", quote, word, quote);
    }
}

static void print_text(const char *name, const struct value *value,
                       const char *where)
{
    struct fst_buf text = FST_BUF_INIT;
    switch (value->kind) {
    case NOTHING:
        break;
    case TRUTH:
        fst_buf_adds(&text, value->truth ? "true" : "false");
        break;
    case NUMBER:
        fst_buf_addf(&text, "%lld", (long long)value->number);
        break;
    case SHARE:
        fst_buf_addf(&text, "%lld%%", (long long)value->number);
        break;
    case SECONDS:
        fst_buf_addf(&text, "%g", value->seconds);
        break;
    case TEXT:
        fst_buf_adds(&text, value->text);
        break;
    case LIST:
        add_words(value->list, &text);
        break;
    }
    printf("%-*s %-*s %s\n", NAME_WIDTH, name, VALUE_WIDTH,
           text.len ? fst_buf_str(&text) : "-", where);
    fst_buf_release(&text);
}

/* ------------------------------------------------------------- JSON */

static void write_list(struct fst_json_writer *json,
                       const struct fst_strings *list)
{
    fst_jw_array(json);
    for (size_t i = 0; i < list->count; i++)
        fst_jw_string(json, list->items[i]);
    fst_jw_array_end(json);
}

static void write_row(struct fst_json_writer *json, const char *name,
                      const struct value *value, const char *where)
{
    char share[24];
    fst_jw_key(json, name);
    fst_jw_object(json);
    fst_jw_key(json, "value");
    switch (value->kind) {
    case NOTHING:
        fst_jw_null(json);
        break;
    case TRUTH:
        fst_jw_bool(json, value->truth);
        break;
    case NUMBER:
        fst_jw_int(json, value->number);
        break;
    case SHARE:
        snprintf(share, sizeof share, "%lld%%", (long long)value->number);
        fst_jw_string(json, share);
        break;
    case SECONDS:
        fst_jw_double(json, value->seconds);
        break;
    case TEXT:
        fst_jw_string(json, value->text);
        break;
    case LIST:
        write_list(json, value->list);
        break;
    }
    fst_jw_key(json, "from");
    fst_jw_string(json, where);
    fst_jw_object_end(json);
}

/* ------------------------------------------------------------- both */

/* json: NULL for text. */
static void tell(struct fst_json_writer *json, const char *name,
                 const struct value *value, const char *where)
{
    if (json)
        write_row(json, name, value, where);
    else
        print_text(name, value, where);
}

static void tell_settings(struct fst_json_writer *json,
                          const struct fst_settings *settings)
{
    const struct fst_options options = fst_settings_table(FST_CMD_CONFIG);
    for (size_t i = 0; i < options.count; i++) {
        if (!is_shown(&options, i))
            continue;
        const char *heard = settings->heard[i];
        char *name = name_of(&options.items[i]);
        struct value value = read_value(&options.items[i], settings);
        tell(json, name, &value, heard ? heard : "default");
        free(name);
    }
}

static bool has(const struct fst_strings *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], name))
            return true;
    return false;
}

static void tell_ini(struct fst_json_writer *json,
                     const struct fst_pytest_config *pytest)
{
    const struct {
        const char *name;
        const struct fst_strings *list;
    } values[] = {
        {"testpaths", &pytest->testpaths},
        {"norecursedirs", &pytest->norecursedirs},
        {"python_files", &pytest->python_files},
        {"python_classes", &pytest->python_classes},
        {"python_functions", &pytest->python_functions},
        {"pythonpath", &pytest->pythonpath},
        {"addopts", &pytest->addopts},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct value value = {.kind = LIST, .list = values[i].list};
        const char *where = "default";
        if (has(&pytest->from_override, values[i].name))
            where = "-o";
        else if (has(&pytest->from_file, values[i].name))
            where = strrchr(pytest->inifile, '/') + 1;
        tell(json, values[i].name, &value, where);
    }
}

static void show_json(const struct fst_settings *settings)
{
    struct fst_buf text = FST_BUF_INIT;
    struct fst_json_writer json;
    fst_jw_init(&json, &text);
    fst_jw_object(&json);
    fst_jw_key(&json, "rootdir");
    fst_jw_string(&json, settings->pytest.rootdir);
    fst_jw_key(&json, "inifile");
    fst_jw_string(&json, settings->pytest.inifile);
    fst_jw_key(&json, "settings");
    fst_jw_object(&json);
    tell_settings(&json, settings);
    fst_jw_object_end(&json);
    fst_jw_key(&json, "ini");
    fst_jw_object(&json);
    tell_ini(&json, &settings->pytest);
    fst_jw_object_end(&json);
    fst_jw_key(&json, "paths");
    write_list(&json, &settings->paths);
    fst_jw_key(&json, "pytest_args");
    write_list(&json, &settings->pytest_args);
    fst_jw_key(&json, "warnings");
    write_list(&json, &settings->warnings);
    fst_jw_object_end(&json);
    printf("%s\n", fst_buf_str(&text));
    fst_buf_release(&text);
}

static void show_words(const char *title, const struct fst_strings *words)
{
    struct fst_buf text = FST_BUF_INIT;
    add_words(words, &text);
    printf("%s %s\n", title, fst_buf_str(&text));
    fst_buf_release(&text);
}

static void show_text(const struct fst_settings *settings)
{
    const struct fst_pytest_config *pytest = &settings->pytest;
    printf("rootdir: %s\nconfigfile: %s\n\n", pytest->rootdir,
           pytest->inifile ? pytest->inifile : "-");
    printf("%-*s %-*s FROM\n", NAME_WIDTH, "SETTING", VALUE_WIDTH, "VALUE");
    tell_settings(NULL, settings);
    printf("\n%-*s %-*s FROM\n", NAME_WIDTH, "PYTEST'S", VALUE_WIDTH, "VALUE");
    tell_ini(NULL, pytest);
    putchar('\n');
    show_words("arguments:", &settings->paths);
    show_words("pytest in the workers gets:", &settings->pytest_args);
    for (size_t i = 0; i < settings->warnings.count; i++)
        printf("warning: %s\n", settings->warnings.items[i]);
}

int fst_cli_config_show(const struct fst_settings *settings)
{
    if (settings->show_json)
        show_json(settings);
    else
        show_text(settings);
    return 0;
}
