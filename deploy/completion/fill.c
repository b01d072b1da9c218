/* Fills a template of shell completion from the option tables, as the manual's
 * are filled (docs/man/fill.c):
 *
 *     completion_fill fastest.bash.in > fastest
 *
 * A line "#@bash options", "#@bash values" or "#@zsh specs" becomes the
 * branches of a case statement, one for each program or subcommand; the rest
 * stands as it is.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/core/settings.h"
#include "coordinator/cli/cert.h"
#include "coordinator/cli/history.h"
#include "shared/config/table.h"

enum { TABLES = 6 };

struct table {
    const char *name;
    struct fst_options options;
};

/* Of a group, where the program has more than one. */
static bool is_help(const struct fst_option *option)
{
    return option->value && strstr(option->names, "--help");
}

static bool takes_value(const struct fst_option *option)
{
    return (option->kind != FST_OPTION_FLAG &&
            option->kind != FST_OPTION_COUNT && !option->fits) ||
           is_help(option);
}

/* The words of its value; none where it is free. */
static void print_words(const struct fst_options *options,
                        const struct fst_option *option)
{
    const char *group = "";
    const struct fst_option_word *word = option->words;
    for (; word && word->name; word++)
        printf("%s%s", word == option->words ? "" : " ", word->name);
    if (!is_help(option))
        return;
    fputs("all", stdout);
    for (size_t i = 0; i < options->count; i++) {
        const struct fst_option *other = &options->items[i];
        if (!(other->commands & options->commands) ||
            !strcmp(group, other->group))
            continue;
        group = other->group;
        putchar(' ');
        for (const char *c = group; *c; c++)
            putchar(tolower((unsigned char)*c));
    }
}

static bool has_words(const struct fst_option *option)
{
    return option->words || is_help(option);
}

/* ------------------------------------------------------------- bash */

static void print_bash_options(const struct table *table)
{
    const char *between = "";
    printf("    %s) echo \"", table->name);
    for (size_t i = 0; i < table->options.count; i++) {
        const struct fst_option *option = &table->options.items[i];
        if (!(option->commands & table->options.commands))
            continue;
        printf("%s%s", between, option->names);
        between = " ";
    }
    puts("\" ;;");
}

static void print_bash_values(const struct table *table)
{
    for (size_t i = 0; i < table->options.count; i++) {
        const struct fst_option *option = &table->options.items[i];
        if (!(option->commands & table->options.commands) ||
            !takes_value(option))
            continue;
        fputs("    ", stdout);
        for (const char *name = option->names; *name;) {
            size_t len = strcspn(name, " ");
            printf("%s\"%s %.*s\"", name == option->names ? "" : " | ",
                   table->name, (int)len, name);
            name += len + (name[len] == ' ');
        }
        fputs(") echo \"", stdout);
        if (has_words(option))
            print_words(&table->options, option);
        else
            putchar('-');
        puts("\" ;;");
    }
}

/* -------------------------------------------------------------- zsh */

/* In single quotes, what _arguments would take for its own escaped. */
static void print_quoted(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", stdout);
        else if (strchr("[]:\\", *text))
            putchar('\\');
        putchar(*text);
    }
}

static void print_spec(const struct table *table,
                       const struct fst_option *option, const char *name,
                       int len)
{
    printf("            '*%.*s", len, name);
    if (takes_value(option) && !is_help(option))
        putchar(name[1] == '-' ? '=' : '+');
    putchar('[');
    print_quoted(option->help);
    putchar(']');
    if (takes_value(option)) {
        fputs(is_help(option) ? "::" : ":", stdout);
        print_quoted(option->value);
        putchar(':');
        if (has_words(option)) {
            putchar('(');
            print_words(&table->options, option);
            putchar(')');
        } else {
            fputs("_files", stdout);
        }
    }
    puts("'");
}

static void print_zsh_specs(const struct table *table)
{
    printf("    %s)\n        specs=(\n", table->name);
    for (size_t i = 0; i < table->options.count; i++) {
        const struct fst_option *option = &table->options.items[i];
        if (!(option->commands & table->options.commands))
            continue;
        for (const char *name = option->names; *name;) {
            size_t len = strcspn(name, " ");
            print_spec(table, option, name, (int)len);
            name += len + (name[len] == ' ');
        }
    }
    puts("        )\n        ;;");
}

/* ---------------------------------------------------------- template */

static int fill(const char *line)
{
    static const struct {
        const char *word;
        void (*print)(const struct table *table);
    } words[] = {{"#@bash options\n", print_bash_options},
                 {"#@bash values\n", print_bash_values},
                 {"#@zsh specs\n", print_zsh_specs}};
    const struct table tables[TABLES] = {
        {"run", fst_settings_table(FST_CMD_RUN)},
        {"discover", fst_settings_table(FST_CMD_DISCOVER)},
        {"config", fst_settings_table(FST_CMD_CONFIG)},
        {"history", fst_cli_history_table()},
        {"cert", fst_cli_cert_table()},
        {"agent", fst_agent_settings_table()},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(line, words[i].word) != 0)
            continue;
        for (size_t k = 0; k < TABLES; k++)
            words[i].print(&tables[k]);
        return 0;
    }
    return -1;
}

int main(int argc, char **argv)
{
    char line[1024];
    FILE *template = argc == 2 ? fopen(argv[1], "r") : NULL;
    int status = 0;
    if (!template) {
        fprintf(stderr, "usage: completion_fill TEMPLATE\n");
        return 4;
    }
    while (!status && fgets(line, sizeof line, template)) {
        if (strncmp(line, "#@", 2) != 0) {
            fputs(line, stdout);
        } else if (fill(line)) {
            fprintf(stderr, "%s: what is '%s'?\n", argv[1], line);
            status = 4;
        }
    }
    fclose(template);
    return fflush(stdout) || ferror(stdout) ? 3 : status;
}
