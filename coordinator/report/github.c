#include "coordinator/report/github.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/report/outfile.h"
#include "shared/base/mem.h"

/* ---- annotations */

void fst_github_escape(struct fst_buf *out, const char *text, bool property)
{
    for (; *text; text++) {
        bool special =
            strchr("%\r\n", *text) || (property && strchr(":,", *text));
        if (special)
            fst_buf_addf(out, "%%%02X", (unsigned char)*text);
        else
            fst_buf_addc(out, *text);
    }
}

/* The path as the repository has it. */
static char *repository_path(const char *path, const char *workspace)
{
    char *real = realpath(path, NULL);
    char *root = workspace && *workspace ? realpath(workspace, NULL) : NULL;
    size_t len = root ? strlen(root) : 0;
    char *result;
    if (real && root && strncmp(real, root, len) == 0 && real[len] == '/')
        result = fst_strdup(real + len + 1);
    else
        result = fst_strdup(path);
    free(real);
    free(root);
    return result;
}

/* "path:line" of the phase, else the test's file. */
static void add_place(const struct fst_report *report, struct fst_buf *out,
                      const struct fst_entry *entry,
                      const struct fst_phase *phase, const char *workspace)
{
    const char *place = phase ? phase->location : NULL;
    const char *line = place ? strrchr(place, ':') : NULL;
    struct fst_buf path = FST_BUF_INIT;
    if (line) {
        fst_buf_add(&path, place, (size_t)(line - place));
    } else {
        fst_report_add_id(report, &path, entry->id);
        char *end = strstr(fst_buf_str(&path), "::");
        if (end)
            *end = '\0';
    }
    char *shown = repository_path(fst_buf_str(&path), workspace);
    fst_buf_adds(out, "file=");
    fst_github_escape(out, shown, true);
    if (line)
        fst_buf_addf(out, ",line=%s", line + 1);
    free(shown);
    fst_buf_release(&path);
}

static void add_annotation(const struct fst_report *report, struct fst_buf *out,
                           const char *level, const struct fst_shown *shown,
                           const char *workspace)
{
    const struct fst_phase *phase = shown->phase;
    struct fst_buf plain = FST_BUF_INIT;
    const char *message = phase ? phase->message : NULL;
    if (!message && phase)
        message = phase->longrepr;
    fst_plain_add(&plain,
                  message ? message : fst_outcome_names[shown->entry->outcome]);
    fst_buf_addf(out, "::%s ", level);
    add_place(report, out, shown->entry, phase, workspace);
    fst_buf_adds(out, ",title=");
    fst_github_escape(out, shown->entry->id, true);
    fst_buf_adds(out, "::");
    fst_github_escape(out, fst_buf_str(&plain), false);
    fst_buf_addc(out, '\n');
    fst_buf_release(&plain);
}

static const struct fst_phase *bad_phase(const struct fst_attempt *attempt)
{
    for (size_t i = 0; i < attempt->n_phases; i++)
        if (attempt->phases[i].outcome >= FST_FAILED)
            return &attempt->phases[i];
    return NULL;
}

/* What passed at last, by its first try. */
static void annotate_first(const struct fst_report *report, struct fst_buf *out,
                           struct fst_entry *entry, const char *workspace)
{
    const struct fst_shown shown = {
        .entry = entry,
        .attempt = &entry->first,
        .phase = bad_phase(&entry->first),
    };
    add_annotation(report, out, "warning", &shown, workspace);
}

void fst_github_annotate(const struct fst_report *report, int exit_code,
                         struct fst_buf *out)
{
    const char *workspace = report->spec.github_workspace;
    static const enum fst_stat bad[] = {FST_STAT_ERROR, FST_STAT_FAILED};
    const struct fst_book *book = &report->book;
    const struct fst_shown *shown;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        fst_vec_each (shown, &book->shown[bad[i]])
            add_annotation(report, out, "error", shown, workspace);
    for (size_t i = 0; i < book->confirmed.count; i++)
        annotate_first(report, out, book->confirmed.items[i], workspace);
    for (size_t i = 0; i < book->retried.count; i++)
        if (fst_book_is_flaky(book->retried.items[i]))
            annotate_first(report, out, book->retried.items[i], workspace);
    if (!report->end_text || exit_code == 1) /* the failures say why */
        return;
    fst_buf_adds(out, "::error title=fastest::");
    fst_github_escape(out, report->end_text, false);
    fst_buf_addc(out, '\n');
}

/* ---- the job's summary */

/* GitHub takes no summary above 1 MiB; details stop before. */
enum { SUMMARY_MAX = 900 * 1024, TEXT_MAX = 32 * 1024 };

static void add_html(struct fst_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            fst_buf_adds(out, "&amp;");
        else if (*text == '<')
            fst_buf_adds(out, "&lt;");
        else if (*text == '>')
            fst_buf_adds(out, "&gt;");
        else if (*text == '\n' || *text == '\r')
            fst_buf_addc(out, ' ');
        else
            fst_buf_addc(out, *text);
    }
}

/* A block in a fence longer than any in it. */
static void add_block(struct fst_buf *out, const char *text)
{
    struct fst_buf plain = FST_BUF_INIT;
    size_t longest = 2, run = 0;
    fst_plain_add(&plain, text);
    if (plain.len > TEXT_MAX) { /* the end says what went wrong */
        size_t cut = plain.len - TEXT_MAX;
        while (cut < plain.len && (plain.data[cut] & 0xc0) == 0x80)
            cut++;
        fst_buf_drop(&plain, cut);
    }
    for (const char *c = fst_buf_str(&plain); *c; c++) {
        run = *c == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    fst_buf_adds(out, "\n");
    for (size_t i = 0; i <= longest; i++)
        fst_buf_addc(out, '`');
    fst_buf_addf(out, "text\n%s\n", fst_buf_str(&plain));
    for (size_t i = 0; i <= longest; i++)
        fst_buf_addc(out, '`');
    fst_buf_adds(out, "\n\n");
    fst_buf_release(&plain);
}

static void add_detail(struct fst_buf *out, const struct fst_entry *entry,
                       const struct fst_phase *phase)
{
    fst_buf_adds(out, "<details><summary><code>");
    add_html(out, entry->id);
    fst_buf_adds(out, "</code>");
    if (phase && phase->message) {
        fst_buf_adds(out, " ");
        add_html(out, phase->message);
    }
    fst_buf_adds(out, "</summary>\n");
    if (phase && phase->longrepr)
        add_block(out, phase->longrepr);
    fst_buf_adds(out, "</details>\n");
}

static void add_shown(const struct fst_report *report, struct fst_buf *out,
                      enum fst_stat stat, const char *title)
{
    const struct fst_shown *shown;
    size_t left = report->book.shown[stat].count;
    if (left)
        fst_buf_addf(out, "\n### %s\n\n", title);
    fst_vec_each (shown, &report->book.shown[stat]) {
        if (out->len > SUMMARY_MAX) {
            fst_buf_addf(out, "\n%zu more are not shown.\n", left);
            return;
        }
        add_detail(out, shown->entry, shown->phase);
        left--;
    }
}

static void add_ids(struct fst_buf *out, const char *title,
                    const char *const *ids, size_t count)
{
    if (count)
        fst_buf_addf(out, "\n### %s\n\n", title);
    for (size_t i = 0; i < count; i++) {
        if (out->len > SUMMARY_MAX) {
            fst_buf_addf(out, "\n%zu more are not shown.\n", count - i);
            return;
        }
        fst_buf_adds(out, "- <code>");
        add_html(out, ids[i]);
        fst_buf_adds(out, "</code>\n");
    }
}

static void add_counts(const struct fst_report *report, struct fst_buf *out)
{
    static const struct {
        enum fst_stat stat;
        const char *name;
    } rows[] = {
        {FST_STAT_FAILED, "failed"},         {FST_STAT_ERROR, "errors"},
        {FST_STAT_PASSED, "passed"},         {FST_STAT_SKIPPED, "skipped"},
        {FST_STAT_XFAILED, "xfailed"},       {FST_STAT_XPASSED, "xpassed"},
        {FST_STAT_DESELECTED, "deselected"}, {FST_STAT_WARNINGS, "warnings"},
    };
    const struct fst_book *book = &report->book;
    fst_buf_adds(out, "| | |\n| --- | ---: |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (book->counts[rows[i].stat])
            fst_buf_addf(out, "| %s | %zu |\n", rows[i].name,
                         book->counts[rows[i].stat]);
    if (fst_book_flaky(book))
        fst_buf_addf(out, "| flaky | %zu |\n", fst_book_flaky(book));
    if (book->not_run.count)
        fst_buf_addf(out, "| not run | %zu |\n", book->not_run.count);
}

static void add_entries(struct fst_buf *out, const char *title,
                        struct fst_entry *const *entries, size_t count)
{
    FST_VEC(const char *) ids = {0};
    for (size_t i = 0; i < count; i++)
        fst_vec_add(&ids, entries[i]->id);
    add_ids(out, title, ids.items, ids.count);
    fst_vec_free(&ids);
}

static void add_flaky(const struct fst_book *book, struct fst_buf *out)
{
    struct fst_entries flaky = {0};
    for (size_t i = 0; i < book->retried.count; i++)
        if (fst_book_is_flaky(book->retried.items[i]))
            fst_vec_add(&flaky, book->retried.items[i]);
    add_entries(out, "Flaky", flaky.items, flaky.count);
    fst_vec_free(&flaky);
}

static void add_summary(const struct fst_report *report, int exit_code,
                        double end_s, struct fst_buf *out)
{
    static const char *const verdicts[] = {
        "all passed",   "tests failed",      "interrupted",
        "not finished", "nothing could run", "no tests were found"};
    const struct fst_book *book = &report->book;
    const char *verdict =
        exit_code >= 0 && exit_code <= 5 ? verdicts[exit_code] : "not finished";
    fst_buf_addf(out, "## Tests: %s in %.2f s\n\n", verdict,
                 end_s - report->spec.start_s);
    add_counts(report, out);
    if (report->end_text && *report->end_text)
        add_block(out, report->end_text);
    add_shown(report, out, FST_STAT_ERROR, "Errors");
    add_shown(report, out, FST_STAT_FAILED, "Failed");
    add_flaky(book, out);
    add_entries(out, "Failed only out of order", book->confirmed.items,
                book->confirmed.count);
    add_ids(out, "Not run", book->not_run.items, book->not_run.count);
    fst_buf_adds(out, "\n");
}

int fst_github_summarize(const struct fst_report *report, int exit_code,
                         double end_s, const char *path, struct fst_err *err)
{
    struct fst_buf out = FST_BUF_INIT;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return fst_fail_sys(err, "cannot write the report %s", path);
    add_summary(report, exit_code, end_s, &out);
    int failed = fst_outfile_write(fd, &out);
    fst_buf_release(&out);
    if (close(fd) && !failed)
        failed = errno;
    errno = failed;
    return failed ? fst_fail_sys(err, "cannot write the report %s", path) : 0;
}
