/* The sections with the texts of tests, as pytest's terminal.py prints them. */
#include "coordinator/report/state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* pytest's head_line, which passing reports come without: what stands behind
 * the path, with dots; parameters stay as they are. */
static void add_title(struct fst_buf *out, const struct fst_shown *shown)
{
    if (shown->phase && shown->phase->title) {
        fst_buf_adds(out, shown->phase->title);
        return;
    }
    const char *name = strstr(shown->entry->id, "::");
    name = name ? name + 2 : shown->entry->id;
    for (; *name && *name != '['; name++) {
        bool part = name[0] == ':' && name[1] == ':';
        fst_buf_addc(out, part ? '.' : *name);
        name += part;
    }
    fst_buf_adds(out, name);
}

/* --show-capture. */
static bool is_shown(const struct fst_report *report,
                     const struct fst_section *section)
{
    const char *shown = report->spec.show_capture;
    if (!shown || !strcmp(shown, "all"))
        return true;
    return strcmp(shown, "no") != 0 && strstr(section->name, shown);
}

static void show_section(struct fst_report *report,
                         const struct fst_section *section)
{
    struct fst_term *term = &report->term;
    size_t len = strlen(section->text);
    if (!is_shown(report, section))
        return;
    fst_term_sep(term, '-', section->name, FST_PLAIN);
    if (len && section->text[len - 1] == '\n')
        len--;
    fst_term_raw(term, section->text, len);
    fst_term_newline(term);
}

/* What was captured while a test that ended otherwise was torn down. */
static void show_teardown(struct fst_report *report,
                          const struct fst_shown *shown)
{
    const struct fst_attempt *attempt = shown->attempt;
    for (size_t i = 0; i < attempt->n_phases; i++) {
        const struct fst_phase *phase = &attempt->phases[i];
        if (strcmp(phase->when, "teardown") != 0 ||
            phase->outcome != FST_PASSED)
            continue;
        for (size_t k = 0; k < phase->n_sections; k++)
            if (strstr(phase->sections[k].name, "teardown"))
                show_section(report, &phase->sections[k]);
    }
}

static void show_report(struct fst_report *report,
                        const struct fst_shown *shown)
{
    const struct fst_phase *phase = shown->phase;
    if (phase && phase->longrepr)
        fst_term_block(&report->term, phase->longrepr);
    for (size_t i = 0; phase && i < phase->n_sections; i++)
        show_section(report, &phase->sections[i]);
}

static void show_headline(struct fst_term *term, const char *before,
                          const struct fst_shown *shown, unsigned markup)
{
    struct fst_buf line = FST_BUF_INIT;
    fst_buf_adds(&line, before);
    add_title(&line, shown);
    fst_term_sep(term, '_', fst_buf_str(&line), markup | FST_BOLD);
    fst_buf_release(&line);
}

static void show_errors(struct fst_report *report)
{
    struct fst_term *term = &report->term;
    const struct fst_shown *shown;
    if (!report->book.shown[FST_STAT_ERROR].count)
        return;
    fst_term_sep(term, '=', "ERRORS", FST_PLAIN);
    fst_vec_each (shown, &report->book.shown[FST_STAT_ERROR]) {
        struct fst_buf before = FST_BUF_INIT;
        if (!shown->phase)
            fst_buf_adds(&before, "ERROR of ");
        else if (strcmp(shown->phase->when, "collect") == 0)
            fst_buf_adds(&before, "ERROR collecting ");
        else
            fst_buf_addf(&before, "ERROR at %s of ", shown->phase->when);
        show_headline(term, fst_buf_str(&before), shown, FST_RED);
        show_report(report, shown);
        fst_buf_release(&before);
    }
}

static void show_failures(struct fst_report *report, bool lines)
{
    struct fst_term *term = &report->term;
    const struct fst_shown *shown;
    if (!report->book.shown[FST_STAT_FAILED].count)
        return;
    fst_term_sep(term, '=', "FAILURES", FST_PLAIN);
    fst_vec_each (shown, &report->book.shown[FST_STAT_FAILED]) {
        if (lines) {
            if (shown->phase && shown->phase->longrepr)
                fst_term_block(term, shown->phase->longrepr);
            continue;
        }
        show_headline(term, "", shown, FST_RED);
        show_report(report, shown);
        show_teardown(report, shown);
    }
}

static void show_passes(struct fst_report *report)
{
    struct fst_term *term = &report->term;
    const struct fst_shown *shown;
    if (!report->book.shown[FST_STAT_PASSED].count ||
        !fst_report_wants(report, 'P'))
        return;
    fst_term_sep(term, '=', "PASSES", FST_PLAIN);
    fst_vec_each (shown, &report->book.shown[FST_STAT_PASSED]) {
        if (shown->phase && shown->phase->n_sections) {
            show_headline(term, "", shown, FST_GREEN);
            show_report(report, shown);
        }
        show_teardown(report, shown);
    }
}

static void show_warnings(struct fst_report *report)
{
    char *cwd = getcwd(NULL, 0);
    fst_warnings_show(&report->warnings, cwd, &report->term);
    free(cwd);
}

/* pytest's order: the warnings stand before the passes. */
void fst_failures_show(struct fst_report *report)
{
    bool texts = !report->spec.tb || strcmp(report->spec.tb, "no") != 0;
    bool lines = report->spec.tb && strcmp(report->spec.tb, "line") == 0;
    if (texts) {
        show_errors(report);
        show_failures(report, lines);
    }
    if (fst_report_wants(report, 'w'))
        show_warnings(report);
    if (texts)
        show_passes(report);
}
