#include "shared/base/options.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"

enum { HELP_COLUMN = 28, HELP_WIDTH = 80 };

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

void fst_options_help(const struct fst_options *options, struct fst_buf *out)
{
    const char *group = NULL;
    for (size_t i = 0; i < options->count; i++) {
        const struct fst_option *option = &options->items[i];
        if (!(option->commands & options->commands))
            continue;
        if (!group || strcmp(group, option->group)) {
            group = option->group;
            fst_buf_addf(out, "%s%s:\n", out->len ? "\n" : "", group);
        }
        add_option(option, out);
    }
}
