/* The stream of letters follows pytest's terminal.py: a letter for each report,
 * the share of what is done at the line's end, and with -v a line for each
 * report as xdist writes it. */
#include "coordinator/report/state.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"

static const struct {
    char letter[2];
    const char *word;
    unsigned markup;
} looks[FST_STATS] = {
    [FST_STAT_FAILED] = {"F", "FAILED", FST_RED},
    [FST_STAT_PASSED] = {".", "PASSED", FST_GREEN},
    [FST_STAT_SKIPPED] = {"s", "SKIPPED", FST_YELLOW},
    [FST_STAT_XFAILED] = {"x", "XFAIL", FST_YELLOW},
    [FST_STAT_XPASSED] = {"X", "XPASS", FST_YELLOW},
    [FST_STAT_ERROR] = {"E", "ERROR", FST_RED},
    [FST_STAT_RERUN] = {"R", "RERUN", FST_YELLOW},
};

void fst_progress_note(struct fst_report *report, const char *text,
                       unsigned markup)
{
    const char *line = text;
    while (*line) {
        size_t len = strcspn(line, "\n");
        char *one = fst_strndup(line, len);
        fst_term_line(&report->term, one, markup);
        free(one);
        line += len + (line[len] == '\n');
    }
}

void fst_progress_early(struct fst_report *report)
{
    for (size_t i = 0; i < report->early.count; i++)
        fst_progress_note(report, report->early.items[i], FST_YELLOW);
    fst_strings_clear(&report->early);
}

/* " [ 45%]"; 100 % only where all has ended. */
static void add_percent(const struct fst_report *report, struct fst_buf *out)
{
    size_t percent = 100;
    if (report->book.ended < report->expected)
        percent = report->book.ended * 100 / report->expected;
    fst_buf_addf(out, " [%3zu%%]", percent);
}

static void begin(struct fst_report *report)
{
    if (report->body)
        return;
    report->body = true;
    fst_term_fresh_line(&report->term);
    if (report->spec.verbosity >= 0 && report->term.used)
        fst_term_newline(&report->term);
}

/* fill: to the right edge, else right behind the letters. */
static void put_percent(struct fst_report *report, bool fill)
{
    struct fst_term *term = &report->term;
    struct fst_buf percent = FST_BUF_INIT, text = FST_BUF_INIT;
    add_percent(report, &percent);
    while (fill && term->column + text.len + percent.len + 1 < term->columns)
        fst_buf_addc(&text, ' ');
    fst_buf_adds(&text, fst_buf_str(&percent));
    fst_term_text(term, fst_buf_str(&text), fst_report_color(report, fill));
    fst_buf_release(&percent);
    fst_buf_release(&text);
}

static void show_letter(struct fst_report *report,
                        const struct fst_shown *shown)
{
    const size_t percent = strlen(" [100%]");
    struct fst_term *term = &report->term;
    fst_term_text(term, looks[shown->stat].letter, looks[shown->stat].markup);
    if (term->column + percent + 1 >= term->columns) {
        put_percent(report, false);
        fst_term_newline(term);
    }
}

static void show_line(struct fst_report *report, const struct fst_shown *shown)
{
    struct fst_term *term = &report->term;
    struct fst_buf text = FST_BUF_INIT;
    fst_term_fresh_line(term);
    if (shown->attempt->agent != FST_NO_AGENT) {
        fst_buf_addf(&text, "[gw%u]", shown->attempt->slot);
        fst_term_text(term, fst_buf_str(&text), FST_PLAIN);
        fst_buf_clear(&text);
    }
    add_percent(report, &text);
    fst_buf_addc(&text, ' ');
    fst_term_text(term, fst_buf_str(&text), FST_CYAN);
    fst_buf_clear(&text);
    fst_term_text(term, looks[shown->stat].word, looks[shown->stat].markup);
    fst_buf_addc(&text, ' ');
    fst_report_add_id(report, &text, shown->entry->id);
    fst_term_text(term, fst_buf_str(&text), FST_PLAIN);
    fst_term_newline(term);
    fst_buf_release(&text);
}

void fst_progress_show(struct fst_report *report)
{
    if (report->spec.collect_only || !report->book.fresh.count)
        return;
    begin(report);
    const struct fst_shown *shown;
    fst_vec_each (shown, &report->book.fresh) {
        if (report->spec.verbosity > 0)
            show_line(report, shown);
        else
            show_letter(report, shown);
    }
}

/* What changes colours is ended with its line, so that the next one, of another
 * worker, begins plain. */
void fst_progress_output(struct fst_report *report, uint32_t slot,
                         const char *text)
{
    struct fst_term *term = &report->term;
    struct fst_buf line = FST_BUF_INIT;
    begin(report);
    fst_term_fresh_line(term);
    while (*text) {
        size_t len = strcspn(text, "\n");
        fst_buf_addf(&line, "gw%u | ", slot);
        fst_buf_add(&line, text, len);
        if (memchr(text, '\x1b', len))
            fst_buf_adds(&line, "\x1b[0m");
        fst_buf_addc(&line, '\n');
        fst_term_raw(term, line.data, line.len);
        fst_buf_clear(&line);
        text += len + (text[len] == '\n');
    }
    fst_buf_release(&line);
}

void fst_progress_end(struct fst_report *report)
{
    struct fst_term *term = &report->term;
    fst_progress_early(report);
    if (report->body && report->spec.verbosity <= 0 && term->column &&
        !report->book.not_run.count)
        put_percent(report, true);
    fst_term_fresh_line(term);
    if (term->used &&
        (report->spec.verbosity >= 0 || report->spec.collect_only))
        fst_term_newline(term);
}

void fst_progress_listed(struct fst_report *report, const char *id)
{
    if (report->spec.verbosity < -1)
        return;
    begin(report);
    fst_term_line(&report->term, id, FST_PLAIN);
}
