/* The stream of letters follows pytest's terminal.py: a letter for each report,
 * the share of what is done at the line's end; and with -v a line for each
 * report, where worker and time stand before that share. */
#include "coordinator/report/state.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/report/width.h"
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

/* To the right edge, or right behind what stands there; behind `text`, which
 * may be empty. */
static void put_percent(struct fst_report *report, const char *text, bool fill)
{
    struct fst_term *term = &report->term;
    struct fst_buf percent = FST_BUF_INIT, before = FST_BUF_INIT;
    size_t width = fst_width(text, strlen(text));
    add_percent(report, &percent);
    while (fill &&
           term->column + before.len + width + percent.len + 1 < term->columns)
        fst_buf_addc(&before, ' ');
    if (!before.len && width)
        fst_buf_addc(&before, ' ');
    if (width) {
        fst_buf_adds(&before, text);
        fst_term_text(term, fst_buf_str(&before), FST_PLAIN);
        fst_buf_clear(&before);
    }
    fst_buf_adds(&before, fst_buf_str(&percent));
    fst_term_text(term, fst_buf_str(&before), fst_report_color(report, fill));
    fst_buf_release(&percent);
    fst_buf_release(&before);
}

static void show_letter(struct fst_report *report,
                        const struct fst_shown *shown)
{
    const size_t percent = strlen(" [100%]");
    struct fst_term *term = &report->term;
    fst_term_text(term, looks[shown->stat].letter, looks[shown->stat].markup);
    if (term->column + percent + 1 >= term->columns) {
        put_percent(report, "", false);
        fst_term_newline(term);
    }
}

/* " (why)" of a skip or xfail, as pytest cuts it: to the line's end where
 * nothing but the percentage follows. */
static void put_reason(struct fst_report *report, const struct fst_shown *shown,
                       size_t behind)
{
    struct fst_term *term = &report->term;
    struct fst_buf text = FST_BUF_INIT;
    const char *reason = shown->phase ? shown->phase->message : NULL;
    static const char prefix[] = "reason: ";
    const size_t brackets = strlen(" ()"), dots = strlen("...");
    size_t used = term->column + behind + 1;
    size_t room = term->columns > used ? term->columns - used : 0;
    bool cut = report->spec.verbosity < 2;
    if (shown->stat != FST_STAT_SKIPPED && shown->stat != FST_STAT_XFAILED &&
        shown->stat != FST_STAT_XPASSED)
        return;
    if (reason && !strncmp(reason, prefix, strlen(prefix)))
        reason += strlen(prefix);
    if (!reason || !*reason || (cut && room < brackets + dots))
        return;
    fst_buf_adds(&text, " (");
    if (cut)
        fst_cut_add(&text, reason, room - brackets);
    else
        fst_buf_adds(&text, reason);
    fst_buf_addc(&text, ')');
    fst_term_text(term, fst_buf_str(&text), FST_PLAIN);
    fst_buf_release(&text);
}

/* "gw1 0.02s"; nothing where no worker has had it. */
static void add_place(struct fst_buf *out, const struct fst_attempt *attempt)
{
    if (attempt->agent == FST_NO_AGENT)
        return;
    fst_buf_addf(out, "gw%u %.2fs", attempt->slot,
                 attempt->setup_s + attempt->call_s + attempt->teardown_s);
}

static void show_line(struct fst_report *report, const struct fst_shown *shown)
{
    struct fst_term *term = &report->term;
    struct fst_buf id = FST_BUF_INIT, place = FST_BUF_INIT;
    fst_term_fresh_line(term);
    fst_report_add_id(report, &id, shown->entry->id);
    fst_buf_addc(&id, ' ');
    fst_term_text(term, fst_buf_str(&id), FST_PLAIN);
    fst_term_text(term, looks[shown->stat].word, looks[shown->stat].markup);
    add_place(&place, shown->attempt);
    put_reason(report, shown, 1 + place.len + strlen(" [100%]"));
    put_percent(report, fst_buf_str(&place), true);
    fst_term_newline(term);
    fst_buf_release(&id);
    fst_buf_release(&place);
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
        put_percent(report, "", true);
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
