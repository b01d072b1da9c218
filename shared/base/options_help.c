#include "shared/base/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/mem.h"

enum {
    HELP_COLUMN = 28,
    HELP_GROUP = 14, /* the column of what is in a group */
    HELP_WIDTH = 80,
    SCREEN = 16 /* lines that leave room for what stands above */
};

static void add_spellings(const struct fst_option *option, struct fst_buf *out)
{
    fst_buf_adds(out, "  ");
    for (const char *c = option->names; *c; c++) {
        if (*c == ' ')
            fst_buf_adds(out, ", ");
        else
            fst_buf_addc(out, *c);
    }
    if (option->value)
        fst_buf_addf(out, " %s", option->value);
}

/* Wraps text at the help's column; `column` is where the line stands now. */
static void add_wrapped(const char *text, size_t column, struct fst_buf *out)
{
    while (*text) {
        size_t len = strcspn(text, " ");
        bool first = column <= HELP_COLUMN;
        if (!first && column + 1 + len > HELP_WIDTH) {
            fst_buf_addf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
            first = true;
        }
        fst_buf_addf(out, "%s%.*s", first ? "" : " ", (int)len, text);
        column += len + (first ? 0 : 1);
        text += len;
        text += strspn(text, " ");
    }
    fst_buf_addc(out, '\n');
}

static void add_option(const struct fst_option *option, struct fst_buf *out)
{
    size_t start = out->len;
    add_spellings(option, out);
    if (out->len - start + 2 > HELP_COLUMN) {
        fst_buf_addc(out, '\n');
        start = out->len;
    }
    fst_buf_addf(out, "%*s", (int)(HELP_COLUMN - (out->len - start)), "");
    char *text = option->standard ? fst_printf("%s (default: %s)", option->help,
                                               option->standard)
                                  : fst_strdup(option->help);
    add_wrapped(text, HELP_COLUMN, out);
    free(text);
}

static const char all[] = "all";

/* The option behind `before` (NULL: the first) that the command has and the
 * group holds (NULL: any); or NULL. */
static const struct fst_option *next_of(const struct fst_options *options,
                                        const struct fst_option *before,
                                        const char *group)
{
    const struct fst_option *end = options->items + options->count;
    const struct fst_option *option = before ? before + 1 : options->items;
    while (option < end && (!(option->commands & options->commands) ||
                            (group && strcasecmp(option->group, group) != 0)))
        option++;
    return option < end ? option : NULL;
}

static bool is_group(const struct fst_options *options, const char *word)
{
    return word &&
           (!strcasecmp(word, all) || next_of(options, NULL, word) != NULL);
}

bool fst_options_asks_help(const struct fst_options *options, int argc,
                           const char *const *argv, const char **group)
{
    static const char help[] = "--help";
    size_t len = strlen(help);
    *group = NULL;
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
        if (!strcmp(argv[i], help) || !strcmp(argv[i], "-h")) {
            const char *next = i + 1 < argc ? argv[i + 1] : NULL;
            *group = is_group(options, next) ? next : NULL;
            return true;
        }
        if (!strncmp(argv[i], help, len) && argv[i][len] == '=') {
            *group = argv[i] + len + 1;
            return true;
        }
    }
    return false;
}

static void add_options(const struct fst_options *options, const char *of,
                        struct fst_buf *out)
{
    const struct fst_option *option = NULL;
    const char *group = NULL;
    while ((option = next_of(options, option, of))) {
        if (!group || strcmp(group, option->group)) {
            fst_buf_addf(out, "%s%s:\n", group ? "\n" : "", option->group);
            group = option->group;
        }
        add_option(option, out);
    }
}

/* A line or two: its name, and the first spelling of its options. */
static void add_group(const struct fst_options *options, const char *group,
                      struct fst_buf *out)
{
    const struct fst_option *option = NULL;
    static const char more[] = ", ...";
    size_t column = HELP_GROUP;
    bool second = false;
    fst_buf_adds(out, "  ");
    for (const char *c = group; *c; c++)
        fst_buf_addc(out, (char)tolower((unsigned char)*c));
    fst_buf_addf(out, "%*s", (int)(HELP_GROUP - 2 - strlen(group)), "");
    while ((option = next_of(options, option, group))) {
        size_t len = strcspn(option->names, " ");
        size_t width = HELP_WIDTH - (second ? strlen(more) : 0);
        bool full = column > HELP_GROUP && column + len + 2 > width;
        if (full && second) {
            fst_buf_adds(out, more);
            break;
        }
        if (full) {
            fst_buf_addf(out, ",\n%*s", HELP_GROUP, "");
            column = HELP_GROUP;
            second = true;
        }
        fst_buf_addf(out, "%s%.*s", column > HELP_GROUP ? ", " : "", (int)len,
                     option->names);
        column += len + (column > HELP_GROUP ? 2 : 0);
    }
    fst_buf_addc(out, '\n');
}

static size_t count_lines(const struct fst_buf *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->len; i++)
        count += text->data[i] == '\n';
    return count;
}

void fst_options_help(const struct fst_options *options, const char *group,
                      const char *command, struct fst_buf *out)
{
    const struct fst_option *option = NULL;
    struct fst_buf whole = FST_BUF_INIT;
    const char *last = "";
    add_options(options, NULL, &whole);
    if (is_group(options, group) && strcasecmp(group, all) != 0) {
        add_options(options, group, out);
    } else if (is_group(options, group) || count_lines(&whole) <= SCREEN) {
        fst_buf_add(out, fst_buf_str(&whole), whole.len);
    } else {
        while ((option = next_of(options, option, NULL))) {
            if (strcmp(last, option->group) != 0)
                add_group(options, option->group, out);
            last = option->group;
        }
        fst_buf_addf(out,
                     "\n%s --help GROUP: the options of a group; all: every "
                     "one\n",
                     command);
    }
    fst_buf_release(&whole);
}
