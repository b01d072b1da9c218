#include "coordinator/report/warnings.h"

#include <string.h>

#include "shared/base/relpath.h"

void fst_warnings_release(struct fst_warnings *warnings)
{
    struct fst_warning_group *group;
    fst_vec_each (group, &warnings->groups)
        fst_vec_free(&group->members);
    fst_vec_free(&warnings->groups);
    fst_vec_free(&warnings->all);
    fst_vec_free(&warnings->texts);
    fst_index_release(&warnings->by_message);
    fst_index_release(&warnings->strings);
    fst_arena_release(&warnings->arena);
}

static const char *intern(struct fst_warnings *warnings, const char *text)
{
    if (!text)
        return NULL;
    const uint32_t *known = fst_index_find(&warnings->strings, text);
    if (known)
        return warnings->texts.items[*known];
    const char *copy = fst_arena_str(&warnings->arena, text);
    fst_index_add(&warnings->strings, copy, (uint32_t)warnings->texts.count);
    fst_vec_add(&warnings->texts, copy);
    return copy;
}

static struct fst_warning_group *group_of(struct fst_warnings *warnings,
                                          const struct fst_warning *warning)
{
    const char *message = warning->message ? warning->message : "";
    const uint32_t *known = fst_index_find(&warnings->by_message, message);
    if (known)
        return &warnings->groups.items[*known];
    struct fst_warning_group group = {
        .message = fst_arena_str(&warnings->arena, message),
        .category = intern(warnings, warning->category),
    };
    fst_index_add(&warnings->by_message, group.message,
                  (uint32_t)warnings->groups.count);
    fst_vec_add(&warnings->groups, group);
    return &warnings->groups.items[warnings->groups.count - 1];
}

void fst_warnings_add(struct fst_warnings *warnings,
                      const struct fst_warning *warning)
{
    struct fst_warning_group *group = group_of(warnings, warning);
    fst_vec_add(&group->members, (uint32_t)warnings->all.count);
    fst_vec_add(&warnings->all, ((struct fst_warning){
                                    .message = group->message,
                                    .category = group->category,
                                    .nodeid = intern(warnings, warning->nodeid),
                                    .file = intern(warnings, warning->file),
                                    .line = warning->line,
                                }));
}

/* As pytest's WarningReport.get_location. */
static void add_location(struct fst_buf *out, struct fst_warnings *warnings,
                         const struct fst_warning *warning)
{
    const char *file = warning->file;
    if (warning->nodeid && *warning->nodeid) {
        fst_safe_add(out, warning->nodeid);
    } else if (file) {
        if (warnings->cwd && *file == '/')
            file = fst_relpath(&warnings->arena, warnings->cwd, file);
        fst_safe_add(out, file);
        fst_buf_addf(out, ":%u", warning->line);
    }
}

static size_t file_length(const struct fst_warning *warning)
{
    const char *end = strstr(warning->nodeid, "::");
    return end ? (size_t)(end - warning->nodeid) : strlen(warning->nodeid);
}

/* "tests/test_a.py: 12 warnings", in order of the first one. */
static void show_by_file(struct fst_warnings *warnings,
                         const struct fst_warning_group *group,
                         struct fst_term *term)
{
    struct fst_index index = {0};
    struct fst_arena arena = {0};
    FST_VEC(struct {
        const char *name;
        size_t count;
    })
    files = {0};
    for (size_t i = 0; i < group->members.count; i++) {
        const struct fst_warning *warning =
            &warnings->all.items[group->members.items[i]];
        struct fst_buf place = FST_BUF_INIT;
        if (warning->nodeid && *warning->nodeid)
            fst_buf_add(&place, warning->nodeid, file_length(warning));
        else
            add_location(&place, warnings, warning);
        uint32_t *known = fst_index_find(&index, fst_buf_str(&place));
        if (known) {
            files.items[*known].count++;
        } else if (place.len) {
            fst_vec_push(&files);
            files.items[files.count - 1].name =
                fst_arena_str(&arena, fst_buf_str(&place));
            files.items[files.count - 1].count = 1;
            fst_index_add(&index, files.items[files.count - 1].name,
                          (uint32_t)files.count - 1);
        }
        fst_buf_release(&place);
    }
    for (size_t i = 0; i < files.count; i++) {
        struct fst_buf line = FST_BUF_INIT;
        fst_buf_addf(&line, "%s: %zu warning%s", files.items[i].name,
                     files.items[i].count, files.items[i].count > 1 ? "s" : "");
        fst_term_line(term, fst_buf_str(&line), FST_PLAIN);
        fst_buf_release(&line);
    }
    fst_vec_free(&files);
    fst_arena_release(&arena);
    fst_index_release(&index);
}

/* The message indented below its places, without blanks at the end. */
static void show_message(const char *message, const char *indent,
                         struct fst_term *term)
{
    struct fst_buf out = FST_BUF_INIT;
    while (*message) {
        size_t len = strcspn(message, "\n");
        fst_buf_adds(&out, indent);
        fst_buf_add(&out, message, len);
        fst_buf_addc(&out, '\n');
        message += len + (message[len] == '\n');
    }
    while (out.len && strchr(" \n\r\t", out.data[out.len - 1]))
        out.data[--out.len] = '\0';
    fst_term_block(term, fst_buf_str(&out));
    fst_buf_release(&out);
}

static void show_group(struct fst_warnings *warnings,
                       const struct fst_warning_group *group,
                       struct fst_term *term)
{
    enum { EACH_BELOW = 10 };
    bool placed = false;
    size_t located = 0;
    for (size_t i = 0; i < group->members.count; i++) {
        const struct fst_warning *warning =
            &warnings->all.items[group->members.items[i]];
        located += (warning->nodeid && *warning->nodeid) || warning->file;
    }
    if (located >= EACH_BELOW) {
        show_by_file(warnings, group, term);
        placed = true;
    }
    for (size_t i = 0; located < EACH_BELOW && i < group->members.count; i++) {
        struct fst_buf place = FST_BUF_INIT;
        add_location(&place, warnings,
                     &warnings->all.items[group->members.items[i]]);
        if (place.len) {
            fst_term_block(term, fst_buf_str(&place));
            placed = true;
        }
        fst_buf_release(&place);
    }
    show_message(group->message, placed ? "  " : "", term);
    fst_term_newline(term);
}

void fst_warnings_show(struct fst_warnings *warnings, const char *cwd,
                       struct fst_term *term)
{
    if (!warnings->all.count)
        return;
    warnings->cwd = cwd;
    fst_term_sep(term, '=', "warnings summary", FST_YELLOW);
    const struct fst_warning_group *group;
    fst_vec_each (group, &warnings->groups)
        show_group(warnings, group, term);
    fst_term_line(term,
                  "-- Docs: https://docs.pytest.org/en/stable/how-to/"
                  "capture-warnings.html",
                  FST_PLAIN);
}
