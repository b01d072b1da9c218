/* Fills a manual page's template from the option tables, so that an option is
 * described in one place:
 *
 *     man_fill fastest-coord.1.scd > filled.scd
 *
 * A line "@options TABLE" becomes the table's options in their groups, "@keys
 * TABLE" those that the environment and the configuration call by another name
 * than the command line, "@typed TABLE" those that the configuration can't
 * hold. TABLE: run, discover, history, cert, agent. The rest is scdoc's
 * (scdoc(5)).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/settings.h"
#include "coordinator/cli/cert.h"
#include "coordinator/cli/history.h"
#include "shared/base/mem.h"
#include "shared/base/options.h"
#include "shared/config/table.h"

static int find_table(const char *name, struct fst_options *table)
{
    if (!strcmp(name, "run"))
        *table = fst_settings_table(FST_CMD_RUN);
    else if (!strcmp(name, "discover"))
        *table = fst_settings_table(FST_CMD_DISCOVER);
    else if (!strcmp(name, "history"))
        *table = fst_cli_history_table();
    else if (!strcmp(name, "cert"))
        *table = fst_cli_cert_table();
    else if (!strcmp(name, "agent"))
        *table = fst_agent_settings_table();
    else
        return -1;
    return 0;
}

/* What scdoc could take for markup is escaped. */
static void print_plain(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (strchr("\\*_-.#[]|<>`+", *c))
            putchar('\\');
        putchar(*c);
    }
}

static void print_spellings(const struct fst_option *option)
{
    const char *name = option->names;
    while (*name) {
        size_t len = strcspn(name, " ");
        char *spelling = fst_printf("%.*s", (int)len, name);
        printf("%s*", name == option->names ? "" : ", ");
        print_plain(spelling);
        putchar('*');
        free(spelling);
        name += len + (name[len] == ' ');
    }
}

static void print_option(const struct fst_option *option)
{
    print_spellings(option);
    if (option->value) {
        fputs(" _", stdout);
        print_plain(option->value);
        putchar('_');
    }
    fputs("\n\t", stdout);
    print_plain(option->help);
    if (option->standard) {
        fputs(" (default: ", stdout);
        print_plain(option->standard);
        putchar(')');
    }
    fputs("\n\n", stdout);
}

static void print_options(const struct fst_options *table)
{
    const char *group = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct fst_option *option = &table->items[i];
        if (!(option->commands & table->commands))
            continue;
        if (!group || strcmp(group, option->group)) {
            group = option->group;
            printf("## %s\n\n", group);
        }
        print_option(option);
    }
}

/* Whether --KEY is one of the option's spellings. */
static bool is_spelled(const struct fst_option *option)
{
    char *spelling = fst_printf("--%s", option->key);
    bool found = false;
    for (const char *name = option->names; *name && !found;) {
        size_t len = strcspn(name, " ");
        found = strlen(spelling) == len && !strncmp(spelling, name, len);
        name += len + (name[len] == ' ');
    }
    free(spelling);
    return found;
}

static void print_keys(const struct fst_options *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct fst_option *option = &table->items[i];
        if (!(option->commands & table->commands) || !option->key ||
            is_spelled(option))
            continue;
        fputs("- ", stdout);
        print_spellings(option);
        fputs(": *", stdout);
        print_plain(option->key);
        fputs("*\n", stdout);
    }
}

static void print_typed(const struct fst_options *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct fst_option *option = &table->items[i];
        if (!(option->commands & table->commands) ||
            (option->key && !option->no_config))
            continue;
        fputs("- ", stdout);
        print_spellings(option);
        fputs(option->key ? "\n" : " (not in the environment either)\n",
              stdout);
    }
}

static int fill(const char *line)
{
    static const struct {
        const char *word;
        void (*print)(const struct fst_options *table);
    } words[] = {
        {"@options ", print_options},
        {"@keys ", print_keys},
        {"@typed ", print_typed},
    };
    struct fst_options table;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i].word);
        if (strncmp(line, words[i].word, len))
            continue;
        if (find_table(line + len, &table))
            return -1;
        words[i].print(&table);
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
        fprintf(stderr, "usage: man_fill TEMPLATE\n");
        return 4;
    }
    while (!status && fgets(line, sizeof line, template)) {
        if (line[0] != '@') {
            fputs(line, stdout);
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        if (fill(line)) {
            fprintf(stderr, "%s: what is '%s'?\n", argv[1], line);
            status = 4;
        }
    }
    fclose(template);
    return fflush(stdout) || ferror(stdout) ? 3 : status;
}
