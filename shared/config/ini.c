#include "shared/config/ini.h"

#include <stdlib.h>
#include <string.h>

#include "shared/config/text.h"

/* A piece of the text, not terminated. */
struct span {
    const char *at;
    size_t len;
};

struct reader {
    struct fst_ini *ini;
    const char *path;
    size_t line;
    struct fst_err *err;
};

static int fail(const struct reader *reader, const char *what)
{
    return fst_fail(reader->err, FST_E_SYNTAX, "%s:%zu: %s", reader->path,
                    reader->line, what);
}

static int fail_span(const struct reader *reader, const char *what,
                     struct span span)
{
    int shown = span.len > 80 ? 80 : (int)span.len;
    while (shown < (int)span.len &&
           ((unsigned char)span.at[shown] & 0xc0) == 0x80)
        shown--;
    return fst_fail(reader->err, FST_E_SYNTAX, "%s:%zu: %s \"%.*s\"",
                    reader->path, reader->line, what, shown, span.at);
}

static struct span strip(const char *at, size_t len)
{
    fst_text_strip(&at, &len);
    return (struct span){at, len};
}

static bool same(const char *text, struct span span)
{
    return strlen(text) == span.len && !memcmp(text, span.at, span.len);
}

static struct fst_ini_entry *last_entry(const struct reader *reader)
{
    size_t count = reader->ini->entries.count;
    return count ? &reader->ini->entries.items[count - 1] : NULL;
}

static int add_section(struct reader *reader, struct span name)
{
    const struct fst_ini_entry *entry;
    if (!name.len)
        return fail(reader, "empty section name");
    fst_vec_each (entry, &reader->ini->entries) {
        if (!entry->name && same(entry->section, name))
            return fail_span(reader, "duplicate section", name);
    }
    fst_vec_add(
        &reader->ini->entries,
        ((struct fst_ini_entry){.section = fst_strndup(name.at, name.len),
                                .line = reader->line}));
    return 0;
}

static int add_value(struct reader *reader, struct span name, struct span value)
{
    const struct fst_ini_entry *last = last_entry(reader), *entry;
    if (!last)
        return fail(reader, "no section header defined");
    fst_vec_each (entry, &reader->ini->entries) {
        if (entry->name && same(entry->name, name) &&
            !strcmp(entry->section, last->section))
            return fail_span(reader, "duplicate name", name);
    }
    char *section = fst_strdup(last->section);
    fst_vec_add(
        &reader->ini->entries,
        ((struct fst_ini_entry){.section = section,
                                .name = fst_strndup(name.at, name.len),
                                .value = fst_strndup(value.at, value.len),
                                .line = reader->line}));
    return 0;
}

static int add_continuation(struct reader *reader, struct span data)
{
    struct fst_ini_entry *last = last_entry(reader);
    if (!last || !last->name)
        return fail(reader, "unexpected value continuation");
    char *joined = *last->value ? fst_printf("%s\n%.*s", last->value,
                                             (int)data.len, data.at)
                                : fst_strndup(data.at, data.len);
    free(last->value);
    last->value = joined;
    return 0;
}

/* line: not empty, its end stripped, begins with "[". */
static int read_bracket(struct reader *reader, struct span line)
{
    struct span head = line;
    for (const char *c = "#;"; *c; c++) {
        const char *comment = memchr(head.at, *c, head.len);
        if (comment)
            head.len = (size_t)(comment - head.at);
        fst_text_rstrip(head.at, &head.len);
    }
    if (head.at[head.len - 1] == ']')
        return add_section(reader, (struct span){head.at + 1, head.len - 2});
    return add_continuation(reader, strip(line.at, line.len));
}

static int read_assignment(struct reader *reader, struct span line)
{
    const char *equals = memchr(line.at, '=', line.len);
    const char *colon = memchr(line.at, ':', line.len);
    const char *cut = equals && !(colon && colon < equals) ? equals : colon;
    if (!cut)
        return fail_span(reader, "unexpected line", line);
    size_t name_len = (size_t)(cut - line.at);
    return add_value(reader, strip(line.at, name_len),
                     strip(cut + 1, line.len - name_len - 1));
}

static int read_line(struct reader *reader, struct span line)
{
    struct span inner = strip(line.at, line.len);
    if (!inner.len || *inner.at == '#' || *inner.at == ';')
        return 0;
    fst_text_rstrip(line.at, &line.len);
    if (*line.at == '[')
        return read_bracket(reader, line);
    if (!fst_text_space(line.at, line.len))
        return read_assignment(reader, line);
    return add_continuation(reader, inner);
}

int fst_ini_parse(struct fst_ini *ini, const char *path, const char *text,
                  size_t len, struct fst_err *err)
{
    struct reader reader = {ini, path, 0, err};
    while (len) {
        const char *newline = memchr(text, '\n', len);
        size_t line = newline ? (size_t)(newline - text) : len;
        size_t step = newline ? line + 1 : line;
        reader.line++;
        if (read_line(&reader, (struct span){text, line}))
            return -1;
        text += step;
        len -= step;
    }
    return 0;
}

void fst_ini_release(struct fst_ini *ini)
{
    struct fst_ini_entry *entry;
    fst_vec_each (entry, &ini->entries) {
        free(entry->section);
        free(entry->name);
        free(entry->value);
    }
    fst_vec_free(&ini->entries);
}

bool fst_ini_has(const struct fst_ini *ini, const char *section)
{
    const struct fst_ini_entry *entry;
    fst_vec_each (entry, &ini->entries) {
        if (!entry->name && !strcmp(entry->section, section))
            return true;
    }
    return false;
}

const struct fst_ini_entry *fst_ini_get(const struct fst_ini *ini,
                                        const char *section, const char *name)
{
    const struct fst_ini_entry *entry;
    fst_vec_each (entry, &ini->entries) {
        if (entry->name && !strcmp(entry->name, name) &&
            !strcmp(entry->section, section))
            return entry;
    }
    return NULL;
}
