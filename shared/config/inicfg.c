#include "shared/config/inicfg.h"

#include <stdlib.h>
#include <string.h>

#include "shared/config/ini.h"
#include "shared/config/text.h"
#include "shared/config/toml.h"

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* pathlib's suffix: none for a name that only begins with a dot. */
static const char *file_suffix(const char *path)
{
    const char *name = file_name(path), *dot = strrchr(name, '.');
    return dot && dot != name ? dot : "";
}

static struct fst_inicfg_value *add_value(struct fst_inicfg *cfg,
                                          const char *name, size_t line)
{
    struct fst_inicfg_value *value = fst_vec_push(&cfg->values);
    *value = (struct fst_inicfg_value){.name = fst_strdup(name), .line = line};
    return value;
}

static void take_section(struct fst_inicfg *cfg, const struct fst_ini *ini,
                         const char *section)
{
    const struct fst_ini_entry *entry;
    fst_vec_each (entry, &ini->entries) {
        if (entry->name && !strcmp(entry->section, section))
            add_value(cfg, entry->name, entry->line)->text =
                fst_strdup(entry->value);
    }
}

/* Whether the file counts by its name alone, without a section. */
static bool counts_empty(const char *path, struct fst_pytest_rules *rules)
{
    const char *name = file_name(path);
    return !strcmp(name, "pytest.ini") ||
           (!strcmp(name, ".pytest.ini") &&
            fst_pytest_follows(rules, FST_RULE_EMPTY_HIDDEN_INI));
}

static int load_ini(struct fst_inicfg *cfg, const char *path,
                    const struct fst_buf *text, struct fst_pytest_rules *rules,
                    struct fst_err *err)
{
    bool setup_cfg = !strcmp(file_suffix(path), ".cfg");
    const char *section = setup_cfg ? "tool:pytest" : "pytest";
    struct fst_ini ini = {0};
    int result = fst_ini_parse(&ini, path, fst_buf_str(text), text->len, err);
    if (!result && fst_ini_has(&ini, section)) {
        take_section(cfg, &ini, section);
        result = 1;
    } else if (!result && setup_cfg && fst_ini_has(&ini, "pytest")) {
        result = fst_fail(err, FST_E_SYNTAX,
                          "%s: [pytest] section in setup.cfg files is no "
                          "longer supported, change to [tool:pytest] instead",
                          path);
    } else if (!result && !setup_cfg) {
        result = counts_empty(path, rules);
    }
    fst_ini_release(&ini);
    return result;
}

/* As make_scalar(): lists stay, the rest becomes what str() makes of it. Native
 * tables keep TOML's types, and all that we ask for are lists. */
static void take_toml(struct fst_inicfg_value *value,
                      const struct fst_toml *item, bool native)
{
    const char *wanted =
        native ? "an array of strings" : "a string or an array of strings";
    if (item->kind == FST_TOML_TABLE ||
        (native && item->kind != FST_TOML_ARRAY)) {
        value->wanted = wanted;
    } else if (item->kind == FST_TOML_BOOLEAN) {
        value->text = fst_strdup(*item->text == 't' ? "True" : "False");
    } else if (item->kind != FST_TOML_ARRAY) {
        value->text = fst_strdup(item->text);
    } else {
        for (item = item->first; item; item = item->next) {
            if (item->kind == FST_TOML_STRING)
                fst_strings_add(&value->list, item->text);
            else
                value->wanted = wanted;
        }
    }
}

/* Returns 1, or -1 where it is no table. `name`: for the message; `but`: a key
 * that is none of its values, or NULL. */
static int take_table(struct fst_inicfg *cfg, const char *path,
                      const struct fst_toml *table, const char *name,
                      const char *but, bool native, struct fst_err *err)
{
    if (table->kind != FST_TOML_TABLE)
        return fst_fail(err, FST_E_SYNTAX, "%s:%zu: %s is no table", path,
                        table->line, name);
    for (const struct fst_toml *item = table->first; item; item = item->next)
        if (!but || strcmp(item->key, but))
            take_toml(add_value(cfg, item->key, item->line), item, native);
    return 1;
}

static bool is_pytest_toml(const char *path)
{
    const char *name = file_name(path);
    return !strcmp(name, "pytest.toml") || !strcmp(name, ".pytest.toml");
}

/* Whether [tool.pytest] says more than ini_options. */
static bool has_native(const struct fst_toml *table)
{
    if (!table || table->kind != FST_TOML_TABLE)
        return false;
    for (const struct fst_toml *item = table->first; item; item = item->next)
        if (strcmp(item->key, "ini_options"))
            return true;
    return false;
}

static int take_root(struct fst_inicfg *cfg, const char *path,
                     const struct fst_toml *root,
                     struct fst_pytest_rules *rules, struct fst_err *err)
{
    if (is_pytest_toml(path) &&
        fst_pytest_follows(rules, FST_RULE_NATIVE_TOML)) {
        const struct fst_toml *table = fst_toml_get(root, "pytest");
        return table ? take_table(cfg, path, table, "pytest", NULL, true, err)
                     : 1;
    }
    const struct fst_toml *table =
        fst_toml_get(fst_toml_get(root, "tool"), "pytest");
    const struct fst_toml *options = fst_toml_get(table, "ini_options");
    if (has_native(table) && fst_pytest_follows(rules, FST_RULE_NATIVE_TOML)) {
        if (options && (options->kind != FST_TOML_TABLE || options->first))
            return fst_fail(err, FST_E_SYNTAX,
                            "%s:%zu: [tool.pytest.ini_options] and values in "
                            "[tool.pytest]: pytest takes one of them only",
                            path, options->line);
        return take_table(cfg, path, table, "tool.pytest", "ini_options", true,
                          err);
    }
    return options ? take_table(cfg, path, options, "tool.pytest.ini_options",
                                NULL, false, err)
                   : 0;
}

static int load_toml(struct fst_inicfg *cfg, const char *path,
                     const struct fst_buf *text, struct fst_pytest_rules *rules,
                     struct fst_err *err)
{
    struct fst_arena arena = {0};
    const struct fst_toml *root =
        fst_toml_parse(path, fst_buf_str(text), text->len, &arena, err);
    int result = root ? take_root(cfg, path, root, rules, err) : -1;
    fst_arena_release(&arena);
    return result;
}

int fst_inicfg_load(struct fst_inicfg *cfg, const char *path,
                    struct fst_pytest_rules *rules, struct fst_err *err)
{
    const char *suffix = file_suffix(path);
    bool toml = !strcmp(suffix, ".toml");
    struct fst_buf text = FST_BUF_INIT;
    *cfg = (struct fst_inicfg){0};
    if (!toml && strcmp(suffix, ".ini") && strcmp(suffix, ".cfg"))
        return 0;
    int result = fst_text_read(path, &text, err);
    if (!result)
        result = toml ? load_toml(cfg, path, &text, rules, err)
                      : load_ini(cfg, path, &text, rules, err);
    fst_buf_release(&text);
    if (result == 1)
        cfg->path = fst_strdup(path);
    else
        fst_inicfg_release(cfg);
    return result;
}

void fst_inicfg_release(struct fst_inicfg *cfg)
{
    struct fst_inicfg_value *value;
    fst_vec_each (value, &cfg->values) {
        free(value->name);
        free(value->text);
        fst_strings_clear(&value->list);
    }
    fst_vec_free(&cfg->values);
    free(cfg->path);
    cfg->path = NULL;
}

const struct fst_inicfg_value *fst_inicfg_get(const struct fst_inicfg *cfg,
                                              const char *name)
{
    const struct fst_inicfg_value *value;
    fst_vec_each (value, &cfg->values) {
        if (!strcmp(value->name, name))
            return value;
    }
    return NULL;
}
