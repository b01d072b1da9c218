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

static int load_ini(struct fst_inicfg *cfg, const char *path,
                    const struct fst_buf *text, struct fst_err *err)
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
        result = !strcmp(file_name(path), "pytest.ini");
    }
    fst_ini_release(&ini);
    return result;
}

/* As make_scalar(): lists stay, the rest becomes what str() makes of it. */
static void take_toml(struct fst_inicfg_value *value,
                      const struct fst_toml *item)
{
    if (item->kind == FST_TOML_TABLE) {
        value->bad = true;
    } else if (item->kind == FST_TOML_BOOLEAN) {
        value->text = fst_strdup(*item->text == 't' ? "True" : "False");
    } else if (item->kind != FST_TOML_ARRAY) {
        value->text = fst_strdup(item->text);
    } else {
        for (item = item->first; item; item = item->next) {
            if (item->kind == FST_TOML_STRING)
                fst_strings_add(&value->list, item->text);
            else
                value->bad = true;
        }
    }
}

static int load_toml(struct fst_inicfg *cfg, const char *path,
                     const struct fst_buf *text, struct fst_err *err)
{
    struct fst_arena arena = {0};
    const struct fst_toml *root =
        fst_toml_parse(path, fst_buf_str(text), text->len, &arena, err);
    const struct fst_toml *table = fst_toml_get(root, "tool");
    table = fst_toml_get(fst_toml_get(table, "pytest"), "ini_options");
    int result = root ? 0 : -1;
    if (table && table->kind == FST_TOML_TABLE) {
        const struct fst_toml *item;
        for (item = table->first; item; item = item->next)
            take_toml(add_value(cfg, item->key, item->line), item);
        result = 1;
    } else if (table) {
        result = fst_fail(err, FST_E_SYNTAX,
                          "%s:%zu: tool.pytest.ini_options is no table", path,
                          table->line);
    }
    fst_arena_release(&arena);
    return result;
}

int fst_inicfg_load(struct fst_inicfg *cfg, const char *path,
                    struct fst_err *err)
{
    const char *suffix = file_suffix(path);
    bool toml = !strcmp(suffix, ".toml");
    struct fst_buf text = FST_BUF_INIT;
    *cfg = (struct fst_inicfg){0};
    if (!toml && strcmp(suffix, ".ini") && strcmp(suffix, ".cfg"))
        return 0;
    int result = fst_text_read(path, &text, err);
    if (!result)
        result = toml ? load_toml(cfg, path, &text, err)
                      : load_ini(cfg, path, &text, err);
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
