#include "coordinator/report/jsonparts.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/report/term.h"
#include "shared/base/mem.h"

void fst_json_put_string(struct fst_json_writer *json, const char *key,
                         const char *text)
{
    fst_jw_key(json, key);
    fst_jw_string(json, text);
}

void fst_json_put_size(struct fst_json_writer *json, const char *key,
                       size_t value)
{
    fst_json_put_int(json, key, (int64_t)value);
}

void fst_json_put_int(struct fst_json_writer *json, const char *key,
                      int64_t value)
{
    fst_jw_key(json, key);
    fst_jw_int(json, value);
}

void fst_json_put_double(struct fst_json_writer *json, const char *key,
                         double value)
{
    fst_jw_key(json, key);
    fst_jw_double(json, value);
}

void fst_json_put_bool(struct fst_json_writer *json, const char *key,
                       bool value)
{
    fst_jw_key(json, key);
    fst_jw_bool(json, value);
}

void fst_json_put_longrepr(struct fst_json_writer *json,
                           const struct fst_attempt *attempt)
{
    struct fst_buf text = FST_BUF_INIT;
    bool any = false;
    for (size_t i = 0; i < attempt->n_phases; i++) {
        if (!attempt->phases[i].longrepr)
            continue;
        if (text.len && text.data[text.len - 1] != '\n')
            fst_buf_addc(&text, '\n');
        fst_plain_add(&text, attempt->phases[i].longrepr);
        any = true;
    }
    fst_jw_key(json, "longrepr");
    if (any)
        fst_jw_stringn(json, fst_buf_str(&text), text.len);
    else
        fst_jw_null(json);
    fst_buf_release(&text);
}

void fst_json_put_start(struct fst_json_writer *json,
                        const struct fst_entry *entry, double process_s)
{
    double start_s = entry->verdict->start_s;
    fst_jw_key(json, "start_s");
    if (entry->kept || !(start_s > 0))
        fst_jw_null(json);
    else
        fst_jw_double(json, start_s - process_s);
}

void fst_json_put_summary(struct fst_json_writer *json,
                          const struct fst_book *book)
{
    size_t outcomes[FST_OUTCOMES] = {0}, total = 0;
    struct fst_entry *const *entry;
    fst_vec_each (entry, &book->entries)
        if ((*entry)->verdict) {
            outcomes[(*entry)->outcome]++;
            total++;
        }
    fst_jw_key(json, "summary");
    fst_jw_object(json);
    fst_json_put_size(json, "passed", outcomes[FST_PASSED]);
    fst_json_put_size(json, "failed", outcomes[FST_FAILED]);
    fst_json_put_size(json, "error", outcomes[FST_ERROR]);
    fst_json_put_size(json, "skipped", outcomes[FST_SKIPPED]);
    fst_json_put_size(json, "xfailed", outcomes[FST_XFAILED]);
    fst_json_put_size(json, "xpassed", outcomes[FST_XPASSED]);
    fst_json_put_size(json, "total", total);
    fst_json_put_size(json, "flaky", fst_book_flaky(book));
    fst_json_put_size(json, "deselected", book->counts[FST_STAT_DESELECTED]);
    fst_json_put_size(json, "not_run", book->not_run.count);
    fst_jw_object_end(json);
}

void fst_json_put_warning(struct fst_json_writer *json,
                          const struct fst_warning *warning)
{
    fst_json_put_string(json, "message", warning->message);
    fst_json_put_string(json, "category", warning->category);
    fst_json_put_string(json, "nodeid", warning->nodeid);
    fst_json_put_string(json, "file", warning->file);
    fst_jw_key(json, "line");
    if (warning->file)
        fst_jw_int(json, warning->line);
    else
        fst_jw_null(json);
}

const char *fst_json_kind_name(enum fst_attempt_kind kind)
{
    static const char *const names[] = {
        [FST_ATTEMPT_FIRST] = "first",
        [FST_ATTEMPT_CONFIRM] = "confirmation",
        [FST_ATTEMPT_RETRY] = "retry",
        [FST_ATTEMPT_AGAIN] = "agent lost",
        [FST_ATTEMPT_DUPLICATE] = "duplicate",
    };
    return names[kind];
}

/* A label with the same key comes behind it. */
static bool is_replaced(const struct fst_strings *labels, size_t at, size_t len)
{
    for (size_t i = at + 1; i < labels->count; i++)
        if (!strncmp(labels->items[i], labels->items[at], len + 1))
            return true;
    return false;
}

void fst_json_put_labels(struct fst_json_writer *json,
                         const struct fst_strings *labels)
{
    fst_jw_key(json, "labels");
    fst_jw_object(json);
    for (size_t i = 0; i < labels->count; i++) {
        const char *label = labels->items[i];
        size_t len = strcspn(label, "=");
        if (!label[len] || is_replaced(labels, i, len))
            continue;
        char *key = fst_strndup(label, len);
        fst_json_put_string(json, key, label + len + 1);
        free(key);
    }
    fst_jw_object_end(json);
}
