/* What the configuration readers make of a file, for the differential tests
 * against Python's. Output: fields that end with NUL. What a file gives is
 * followed by "\nread", or is "\nrefused" alone.
 *
 *   config_dump ini FILE...    section, name, value of each entry
 *   config_dump toml FILE...   a value: T (key value)* . | A value* . | S text
 *                              | B text | I text | O text
 *   config_dump words FILE...  the words that shlex splits its text into
 *   config_dump pytest VERSION ROOTDIR INIFILE ARG...
 *                              rootdir, inifile, then of each ini value its
 *                              name, number of items, items ("": not given);
 *                              VERSION: of pytest, "9.1"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/config/ini.h"
#include "shared/config/pytestcfg.h"
#include "shared/config/shlex.h"
#include "shared/config/text.h"
#include "shared/config/toml.h"

static void put(const char *text)
{
    fputs(text, stdout);
    putchar('\0');
}

static int dump_ini(const char *path, const struct fst_buf *text,
                    struct fst_err *err)
{
    struct fst_ini ini = {0};
    int result = fst_ini_parse(&ini, path, fst_buf_str(text), text->len, err);
    const struct fst_ini_entry *entry;
    fst_vec_each (entry, &ini.entries) {
        if (result || !entry->name)
            continue;
        put(entry->section);
        put(entry->name);
        put(entry->value);
    }
    fst_ini_release(&ini);
    return result;
}

static void put_toml(const struct fst_toml *item)
{
    static const char *const kinds[] = {"T", "A", "S", "B", "I", "O"};
    put(kinds[item->kind]);
    if (item->kind != FST_TOML_TABLE && item->kind != FST_TOML_ARRAY) {
        put(item->text);
        return;
    }
    for (const struct fst_toml *child = item->first; child;
         child = child->next) {
        if (item->kind == FST_TOML_TABLE)
            put(child->key);
        put_toml(child);
    }
    /* A key may be a dot, so the end has to be told from it. */
    put("\n.");
}

static int dump_toml(const char *path, const struct fst_buf *text,
                     struct fst_err *err)
{
    struct fst_arena arena = {0};
    const struct fst_toml *root =
        fst_toml_parse(path, fst_buf_str(text), text->len, &arena, err);
    if (root)
        put_toml(root);
    fst_arena_release(&arena);
    return root ? 0 : -1;
}

static void put_list(const char *name, const struct fst_strings *list)
{
    put(name);
    printf("%zu", list->count);
    putchar('\0');
    for (size_t i = 0; i < list->count; i++)
        put(list->items[i]);
}

static int dump_words(const struct fst_buf *text, struct fst_err *err)
{
    struct fst_strings words = {0};
    int result = fst_shlex_split(fst_buf_str(text), &words, err);
    if (!result)
        put_list("words", &words);
    fst_strings_clear(&words);
    return result;
}

static struct fst_pytest_version version;

static struct fst_pytest_version tell_version(const char *python)
{
    (void)python;
    return version;
}

static int dump_pytest(char **argv, struct fst_err *err)
{
    char *cwd = getcwd(NULL, 0);
    size_t n_args = 0;
    while (argv[2 + n_args])
        n_args++;
    struct fst_pytest_inputs inputs = {.cwd = cwd,
                                       .rootdir = *argv[0] ? argv[0] : NULL,
                                       .inifile = *argv[1] ? argv[1] : NULL,
                                       .args = (const char *const *)argv + 2,
                                       .n_args = n_args,
                                       .ask = tell_version};
    struct fst_pytest_config cfg;
    int result = fst_pytest_config_load(&cfg, &inputs, err);
    if (!result) {
        put(cfg.rootdir);
        put(cfg.inifile ? cfg.inifile : "");
        put_list("testpaths", &cfg.testpaths);
        put_list("norecursedirs", &cfg.norecursedirs);
        put_list("python_files", &cfg.python_files);
        put_list("python_classes", &cfg.python_classes);
        put_list("python_functions", &cfg.python_functions);
        put_list("pythonpath", &cfg.pythonpath);
        put_list("addopts", &cfg.addopts);
    }
    fst_pytest_config_release(&cfg);
    free(cwd);
    return result;
}

static int dump_file(const char *mode, const char *path, struct fst_err *err)
{
    struct fst_buf text = FST_BUF_INIT;
    int result = fst_text_read(path, &text, err);
    if (!result && !strcmp(mode, "ini"))
        result = dump_ini(path, &text, err);
    else if (!result && !strcmp(mode, "toml"))
        result = dump_toml(path, &text, err);
    else if (!result && !strcmp(mode, "words"))
        result = dump_words(&text, err);
    fst_buf_release(&text);
    return result;
}

static void tell(int result, const struct fst_err *err)
{
    put(result ? "\nrefused" : "\nread");
    if (result)
        fprintf(stderr, "%s\n", err->msg);
}

int main(int argc, char **argv)
{
    struct fst_err err = {0};
    if (argc < 3 || (!strcmp(argv[1], "pytest") && argc < 5))
        return 2;
    if (!strcmp(argv[1], "pytest")) {
        if (sscanf(argv[2], "%d.%d", &version.major, &version.minor) != 2)
            return 2;
        tell(dump_pytest(argv + 3, &err), &err);
        return 0;
    }
    for (int i = 2; i < argc; i++)
        tell(dump_file(argv[1], argv[i], &err), &err);
    return 0;
}
