/* What stands behind the tests, as pytest's terminal.py prints it. */
#include "coordinator/report/github.h"
#include "coordinator/report/state.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/report/width.h"
#include "shared/base/mem.h"

/* As pytest: a log is read later, so that nothing is cut. */
static bool cuts_messages(const struct fst_report *report)
{
    return report->spec.verbosity < 2 && !getenv("CI") &&
           !getenv("BUILD_NUMBER");
}

/* " - message" behind a line that is `used` columns wide, cut with "..." to
 * what is left; nothing where even that has no room. */
static void add_message(const struct fst_report *report, struct fst_buf *line,
                        size_t used, const char *message)
{
    const size_t dash = strlen(" - "), dots = strlen("...");
    if (!message || !*message)
        return;
    if (!cuts_messages(report)) {
        fst_buf_addf(line, " - %s", message);
        return;
    }
    size_t room = report->term.columns > used ? report->term.columns - used : 0;
    if (dash + dots > room)
        return;
    fst_buf_adds(line, " - ");
    fst_cut_add(line, message, room - dash);
}

/* "FAILED path::name", the part behind the path in bold; returns its width. */
static size_t add_word_and_id(const struct fst_report *report,
                              struct fst_buf *line, const char *word,
                              unsigned markup, const char *id)
{
    struct fst_buf shown = FST_BUF_INIT, safe = FST_BUF_INIT;
    fst_report_add_id(report, &shown, id);
    fst_safe_add(&safe, fst_buf_str(&shown));
    const char *text = fst_buf_str(&safe);
    const char *name = strstr(text, "::");
    fst_markup_add(line, report->term.color, word, markup);
    fst_buf_addc(line, ' ');
    if (name) {
        fst_buf_add(line, text, (size_t)(name + 2 - text));
        fst_markup_add(line, report->term.color, name + 2, FST_BOLD);
    } else {
        fst_buf_adds(line, text);
    }
    size_t width = strlen(word) + 1 + fst_width(text, safe.len);
    fst_buf_release(&shown);
    fst_buf_release(&safe);
    return width;
}

static void add_line(struct fst_buf *out, struct fst_buf *line)
{
    fst_buf_addc(line, '\n');
    fst_buf_add(out, line->data, line->len);
    fst_buf_clear(line);
}

static void add_simple(const struct fst_report *report, struct fst_buf *out,
                       enum fst_stat stat, const char *word, unsigned markup)
{
    struct fst_buf line = FST_BUF_INIT;
    const struct fst_shown *shown;
    fst_vec_each (shown, &report->book.shown[stat]) {
        size_t used =
            add_word_and_id(report, &line, word, markup, shown->entry->id);
        const char *message = shown->phase ? shown->phase->message : NULL;
        if (stat == FST_STAT_XFAILED || stat == FST_STAT_XPASSED) {
            const char *dash = stat == FST_STAT_XFAILED ? " -" : "";
            if (message && (*message || !*dash))
                fst_buf_addf(&line, "%s %s", dash, message);
        } else if (stat != FST_STAT_PASSED) {
            add_message(report, &line, used, message);
        }
        add_line(out, &line);
    }
    fst_buf_release(&line);
}

/* "place: reason" of a skip, the key by which pytest folds them. */
static char *skip_key(const struct fst_shown *shown)
{
    const char *reason = shown->phase ? shown->phase->message : NULL;
    const char *place = shown->phase ? shown->phase->location : NULL;
    if (reason && strncmp(reason, "Skipped: ", strlen("Skipped: ")) == 0)
        reason += strlen("Skipped: ");
    if (place && *place)
        return fst_printf("%s: %s", place, reason ? reason : "");
    size_t path = (size_t)strcspn(shown->entry->id, ":");
    return fst_printf("%.*s: %s", (int)path, shown->entry->id,
                      reason ? reason : "");
}

static void add_skips(const struct fst_report *report, struct fst_buf *out)
{
    struct fst_index index = {0};
    FST_VEC(struct {
        char *key;
        size_t count;
    })
    folds = {0};
    const struct fst_shown *shown;
    fst_vec_each (shown, &report->book.shown[FST_STAT_SKIPPED]) {
        char *key = skip_key(shown);
        const uint32_t *known = fst_index_find(&index, key);
        if (known) {
            folds.items[*known].count++;
            free(key);
            continue;
        }
        fst_index_add(&index, key, (uint32_t)folds.count);
        fst_vec_push(&folds);
        folds.items[folds.count - 1].key = key;
        folds.items[folds.count - 1].count = 1;
    }
    for (size_t i = 0; i < folds.count; i++) {
        fst_markup_add(out, report->term.color, "SKIPPED", FST_YELLOW);
        fst_buf_addf(out, " [%zu] %s\n", folds.items[i].count,
                     folds.items[i].key);
        free(folds.items[i].key);
    }
    fst_vec_free(&folds);
    fst_index_release(&index);
}

/* pytest-rerunfailures' section. */
static void show_reruns(struct fst_report *report)
{
    struct fst_buf line = FST_BUF_INIT;
    const struct fst_shown *shown;
    if (!report->book.shown[FST_STAT_RERUN].count ||
        !(fst_report_wants(report, 'R') || fst_report_wants(report, 'r')))
        return;
    fst_term_sep(&report->term, '=', "rerun test summary info", FST_PLAIN);
    fst_vec_each (shown, &report->book.shown[FST_STAT_RERUN]) {
        fst_buf_addf(&line, "RERUN %s", shown->entry->id);
        fst_term_line(&report->term, fst_buf_str(&line), FST_PLAIN);
        fst_buf_clear(&line);
    }
    fst_buf_release(&line);
}

static const char *first_message(const struct fst_attempt *attempt)
{
    for (size_t i = 0; i < attempt->n_phases; i++)
        if (attempt->phases[i].outcome >= FST_FAILED)
            return attempt->phases[i].message;
    return NULL;
}

/* Whatever -r says: a flaky test is news. */
static void add_flaky(const struct fst_report *report, struct fst_buf *out)
{
    struct fst_buf line = FST_BUF_INIT;
    for (size_t i = 0; i < report->book.retried.count; i++) {
        const struct fst_entry *entry = report->book.retried.items[i];
        if (!fst_book_is_flaky(entry))
            continue;
        size_t used =
            add_word_and_id(report, &line, "FLAKY", FST_YELLOW, entry->id);
        add_message(report, &line, used, first_message(&entry->first));
        add_line(out, &line);
    }
    fst_buf_release(&line);
}

static void show_short(struct fst_report *report)
{
    struct fst_buf out = FST_BUF_INIT;
    for (const char *c = report->chars; *c; c++) {
        if (*c == 'f')
            add_simple(report, &out, FST_STAT_FAILED, "FAILED", FST_RED);
        else if (*c == 'E')
            add_simple(report, &out, FST_STAT_ERROR, "ERROR", FST_RED);
        else if (*c == 'x')
            add_simple(report, &out, FST_STAT_XFAILED, "XFAIL", FST_YELLOW);
        else if (*c == 'X')
            add_simple(report, &out, FST_STAT_XPASSED, "XPASS", FST_YELLOW);
        else if (*c == 'p')
            add_simple(report, &out, FST_STAT_PASSED, "PASSED", FST_GREEN);
        else if (*c == 's')
            add_skips(report, &out);
    }
    add_flaky(report, &out);
    if (out.len) {
        fst_term_sep(&report->term, '=', "short test summary info",
                     FST_CYAN | FST_BOLD);
        fst_term_block(&report->term, fst_buf_str(&out));
    }
    fst_buf_release(&out);
}

/* Tests that failed where others ran before them, and passed in pytest's
 * order: the verdict is fine, the tests lean on each other. */
static void show_confirmed(struct fst_report *report)
{
    struct fst_buf line = FST_BUF_INIT, out = FST_BUF_INIT;
    if (!report->book.confirmed.count)
        return;
    for (size_t i = 0; i < report->book.confirmed.count; i++) {
        const struct fst_entry *entry = report->book.confirmed.items[i];
        const char *word =
            entry->first.outcome == FST_ERROR ? "ERROR" : "FAILED";
        size_t used =
            add_word_and_id(report, &line, word, FST_YELLOW, entry->id);
        add_message(report, &line, used, first_message(&entry->first));
        add_line(&out, &line);
    }
    fst_term_sep(&report->term, '=', "failed only out of order", FST_YELLOW);
    fst_term_block(&report->term, fst_buf_str(&out));
    fst_buf_release(&line);
    fst_buf_release(&out);
}

/* Why the run ended early: pytest's "!!!! … !!!!", or a text of lines. */
static void show_end_text(struct fst_report *report, int exit_code)
{
    const char *text = report->end_text;
    bool failed = exit_code == 3 || exit_code == 4;
    if (!text || !*text)
        return;
    if (failed || strchr(text, '\n'))
        fst_term_block(&report->term, text);
    else
        fst_term_sep(&report->term, '!', text,
                     exit_code == 2 ? FST_PLAIN : FST_RED);
}

struct last_line {
    struct fst_buf text;
    size_t width; /* of what is seen */
    bool color;
};

static void add_part(struct last_line *line, unsigned markup, const char *text)
{
    if (line->text.len) {
        fst_buf_adds(&line->text, ", ");
        line->width += 2;
    }
    fst_markup_add(&line->text, line->color, text, markup);
    line->width += strlen(text);
}

static void add_count(struct last_line *line, unsigned markup, size_t count,
                      const char *what)
{
    char *text = fst_printf("%zu %s", count, what);
    add_part(line, markup, text);
    free(text);
}

static void add_counts(const struct fst_report *report, struct last_line *line,
                       unsigned main_color)
{
    static const struct {
        const char *one, *many;
        unsigned color;
    } words[FST_STATS] = {
        [FST_STAT_FAILED] = {"failed", "failed", FST_RED},
        [FST_STAT_PASSED] = {"passed", "passed", FST_GREEN},
        [FST_STAT_SKIPPED] = {"skipped", "skipped", FST_YELLOW},
        [FST_STAT_DESELECTED] = {"deselected", "deselected", FST_YELLOW},
        [FST_STAT_XFAILED] = {"xfailed", "xfailed", FST_YELLOW},
        [FST_STAT_XPASSED] = {"xpassed", "xpassed", FST_YELLOW},
        [FST_STAT_WARNINGS] = {"warning", "warnings", FST_YELLOW},
        [FST_STAT_ERROR] = {"error", "errors", FST_RED},
        [FST_STAT_RERUN] = {"rerun", "rerun", FST_YELLOW},
    };
    for (int i = 0; i < FST_STATS; i++) {
        size_t count = report->book.counts[i];
        unsigned bold = words[i].color == main_color ? FST_BOLD : 0;
        if (count)
            add_count(line, words[i].color | bold, count,
                      count == 1 ? words[i].one : words[i].many);
    }
    size_t flaky = fst_book_flaky(&report->book);
    if (flaky)
        add_count(line, FST_YELLOW, flaky, "flaky");
    if (!line->text.len)
        add_part(line, FST_YELLOW, "no tests ran");
    if (report->book.not_run.count)
        add_count(line, FST_YELLOW, report->book.not_run.count, "not run");
}

/* Returns the colour of the whole. */
static unsigned add_collected(const struct fst_report *report,
                              struct last_line *line)
{
    size_t listed = report->book.listed.count;
    size_t deselected = report->book.counts[FST_STAT_DESELECTED];
    size_t errors = report->book.counts[FST_STAT_ERROR];
    unsigned color = listed ? FST_GREEN : FST_YELLOW;
    char *text;
    if (!listed && !deselected)
        text = fst_strdup("no tests collected");
    else if (!listed)
        text = fst_printf("no tests collected (%zu deselected)", deselected);
    else if (deselected)
        text = fst_printf("%zu/%zu tests collected (%zu deselected)", listed,
                          listed + deselected, deselected);
    else
        text =
            fst_printf("%zu test%s collected", listed, listed == 1 ? "" : "s");
    add_part(line, color, text);
    free(text);
    if (!errors)
        return color;
    add_count(line, FST_RED, errors, errors == 1 ? "error" : "errors");
    return FST_RED;
}

/* " in 75.20s (0:01:15)", as pytest's format_session_duration. */
static char *duration_text(double seconds)
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 60)
        return fst_printf(" in %.2fs", seconds);
    long whole = (long)seconds, days = whole / 86400;
    char *day = days ? fst_printf("%ld day%s, ", days, days == 1 ? "" : "s")
                     : fst_strdup("");
    char *text =
        fst_printf(" in %.2fs (%s%ld:%02ld:%02ld)", seconds, day,
                   whole % 86400 / 3600, whole % 3600 / 60, whole % 60);
    free(day);
    return text;
}

static void show_last_line(struct fst_report *report, double duration_s)
{
    struct fst_term *term = &report->term;
    struct last_line line = {.color = term->color};
    unsigned color = fst_report_color(report, true);
    bool bars = report->spec.verbosity >= 0;
    if (report->spec.verbosity < -1)
        return;
    if (report->spec.collect_only)
        color = add_collected(report, &line);
    else
        add_counts(report, &line, color);
    char *duration = duration_text(duration_s);
    fst_markup_add(&line.text, line.color, duration, color);
    line.width += strlen(duration);
    free(duration);
    if (bars) {
        struct fst_buf again =
            FST_BUF_INIT; /* the bar behind is coloured too */
        fst_markup_add(&again, line.color, "", color);
        if (again.len > strlen("\x1b[0m"))
            fst_buf_add(&line.text, again.data, again.len - strlen("\x1b[0m"));
        fst_buf_release(&again);
        fst_term_sep_raw(term, '=', fst_buf_str(&line.text), line.width, color);
    } else {
        struct fst_buf out = FST_BUF_INIT;
        fst_markup_add(&out, line.color, fst_buf_str(&line.text), color);
        fst_term_block(term, fst_buf_str(&out));
        fst_buf_release(&out);
    }
    fst_buf_release(&line.text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* --collect-only -qq: "tests/test_a.py: 3", sorted. */
static void show_listed_counts(struct fst_report *report)
{
    struct fst_strings files = {0};
    for (size_t i = 0; i < report->book.listed.count; i++) {
        const char *id = report->book.listed.items[i];
        const char *end = strstr(id, "::");
        char *file = fst_strndup(id, end ? (size_t)(end - id) : strlen(id));
        fst_vec_add(&files, file);
    }
    if (files.count)
        qsort(files.items, files.count, sizeof *files.items, by_text);
    for (size_t i = 0, same; i < files.count; i += same) {
        for (same = 1; i + same < files.count &&
                       strcmp(files.items[i], files.items[i + same]) == 0;)
            same++;
        char *line = fst_printf("%s: %zu", files.items[i], same);
        fst_term_line(&report->term, line, FST_PLAIN);
        free(line);
    }
    fst_strings_clear(&files);
}

/* As pytest says it. */
static void show_junit(struct fst_report *report)
{
    if (!report->junit_written)
        return;
    char *path = realpath(report->spec.junit_path, NULL);
    char *line = fst_printf("generated xml file: %s",
                            path ? path : report->spec.junit_path);
    fst_term_sep(&report->term, '-', line, FST_PLAIN);
    free(line);
    free(path);
}

static void show_annotations(struct fst_report *report, int exit_code)
{
    struct fst_buf out = FST_BUF_INIT;
    if (report->spec.github)
        fst_github_annotate(report, exit_code, &out);
    if (out.len)
        fst_term_block(&report->term, fst_buf_str(&out));
    fst_buf_release(&out);
}

void fst_summary_show(struct fst_report *report, int exit_code,
                      double duration_s)
{
    bool nothing_ran =
        !report->book.entries.count && !report->book.listed.count;
    if (report->spec.collect_only && report->spec.verbosity < -1)
        show_listed_counts(report);
    fst_progress_end(report);
    if (exit_code == 4 && nothing_ran) {
        show_annotations(report, exit_code);
        show_end_text(report, exit_code);
        return;
    }
    if (!report->spec.no_summary) {
        fst_failures_show(report);
        show_junit(report);
        if (report->sections.len)
            fst_term_block(&report->term, fst_buf_str(&report->sections));
        show_reruns(report);
        fst_durations_show(report, duration_s);
        show_confirmed(report);
        show_short(report);
    }
    show_annotations(report, exit_code);
    show_end_text(report, exit_code);
    show_last_line(report, duration_s);
}
