#include "coordinator/report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/report/state.h"
#include "shared/base/mem.h"

enum { FLUSH_AFTER_NS = 50 * 1000 * 1000 };

static void add_char(char *chars, size_t size, char c)
{
    size_t len = strlen(chars);
    if (strchr(chars, c) || len + 1 >= size)
        return;
    chars[len] = c;
    chars[len + 1] = '\0';
}

/* pytest's getreportopt. */
static void read_chars(char *chars, size_t size, const char *text)
{
    chars[0] = '\0';
    for (; *text; text++) {
        if (*text == 'a')
            strcpy(chars, "sxXEf");
        else if (*text == 'A')
            strcpy(chars, "PpsxXEf");
        else if (*text == 'N')
            chars[0] = '\0';
        else if (*text == 'F' || *text == 'S')
            add_char(chars, size, *text == 'F' ? 'f' : 's');
        else
            add_char(chars, size, *text);
    }
    add_char(chars, size, 'w');
}

bool fst_report_wants(const struct fst_report *report, char c)
{
    return strchr(report->chars, c) != NULL;
}

struct fst_report *fst_report_new(const struct fst_report_spec *spec)
{
    struct fst_report *report = fst_alloc(sizeof *report);
    report->spec = *spec;
    report->spec.chars = NULL;
    report->spec.tb = fst_strdup(spec->tb);
    report->spec.json_path = fst_strdup(spec->json_path);
    report->spec.run = fst_strdup(spec->run);
    report->inside = fst_strdup("");
    report->outside = fst_strdup("");
    read_chars(report->chars, sizeof report->chars,
               spec->chars ? spec->chars : "fE");
    fst_term_init(&report->term, spec->fd, spec->color, spec->screen.columns);
    bool passes = fst_report_wants(report, 'P') ||
                  fst_report_wants(report, 'p') || spec->json_path;
    fst_book_init(&report->book, passes);
    return report;
}

void fst_report_free(struct fst_report *report)
{
    if (!report)
        return;
    fst_term_release(&report->term);
    fst_book_release(&report->book);
    fst_warnings_release(&report->warnings);
    fst_strings_clear(&report->early);
    fst_strings_clear(&report->notes);
    free((char *)report->spec.tb);
    free((char *)report->spec.json_path);
    free((char *)report->spec.run);
    free(report->inside);
    free(report->outside);
    free(report->end_text);
    fst_buf_release(&report->sections);
    free(report);
}

void fst_report_warn(struct fst_report *report, const char *text)
{
    char *line = fst_printf("warning: %s", text);
    fst_strings_add(&report->notes, text);
    if (report->header)
        fst_progress_note(report, line, FST_YELLOW);
    else
        fst_strings_add(&report->early, line);
    free(line);
}

void fst_report_say(struct fst_report *report, const char *text)
{
    if (report->header)
        fst_progress_note(report, text, 0);
    else
        fst_strings_add(&report->early, text);
}

void fst_report_discovered(struct fst_report *report,
                           const struct fst_report_discovery *found)
{
    report->found = *found;
    report->expected = found->tests;
}

/* What is left of `path` below `folder`, or NULL. */
static const char *below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/' ? path + len + 1
                                                               : NULL;
}

/* A rootdir on another machine has no place here: its ids stay as they are. */
static void place_root(struct fst_report *report, const char *rootdir)
{
    char *cwd = rootdir ? getcwd(NULL, 0) : NULL;
    if (!cwd)
        return;
    const char *inside = below(cwd, rootdir), *outside = below(rootdir, cwd);
    if (inside) {
        free(report->inside);
        report->inside = fst_printf("%s/", inside);
    } else if (outside) {
        free(report->outside);
        report->outside = fst_printf("%s/", outside);
    }
    free(cwd);
}

void fst_report_add_id(const struct fst_report *report, struct fst_buf *out,
                       const char *id)
{
    const char *inside = report->inside;
    for (const char *end; (end = strchr(inside, '/')); inside = end + 1) {
        size_t part = (size_t)(end + 1 - inside);
        if (strncmp(id, inside, part) != 0)
            break;
        id += part;
    }
    for (; *inside; inside++)
        if (*inside == '/')
            fst_buf_adds(out, "../");
    fst_buf_adds(out, report->outside);
    fst_buf_adds(out, id);
}

void fst_report_session(struct fst_report *report,
                        const struct fst_state *state, double expect_s)
{
    if (report->header)
        return;
    report->header = true;
    place_root(report, state->rootdir);
    fst_header_show(report, state, expect_s);
    fst_term_flush(&report->term);
}

void fst_report_agent(struct fst_report *report, uint32_t agent,
                      const char *name, size_t slots, bool lost)
{
    fst_book_agent(&report->book, agent, name, slots, lost);
}

unsigned fst_report_color(const struct fst_report *report, bool over)
{
    const size_t *counts = report->book.counts;
    if (counts[FST_STAT_FAILED] || counts[FST_STAT_ERROR])
        return FST_RED;
    if (counts[FST_STAT_WARNINGS] || counts[FST_STAT_XPASSED])
        return FST_YELLOW;
    return counts[FST_STAT_PASSED] || !over ? FST_GREEN : FST_YELLOW;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void flush(struct fst_report *report)
{
    report->flushed_ns = now_ns();
    fst_term_flush(&report->term);
}

/* Frames are the ticks' business. */
static bool is_live(const struct fst_report *report)
{
    return report->spec.progress == FST_PROGRESS_LIVE && report->header &&
           !report->over;
}

void fst_report_flush(struct fst_report *report)
{
    if (!is_live(report))
        flush(report);
}

void fst_report_effect(struct fst_report *report,
                       const struct fst_effect *effect,
                       const struct fst_counts *counts)
{
    report->expected = counts->expected;
    fst_book_effect(&report->book, effect);
    if (effect->type == FST_EF_NOTE) {
        fst_strings_add(&report->notes, effect->text);
        fst_progress_note(report, effect->text, FST_YELLOW);
    } else if (effect->type == FST_EF_LISTED) {
        if (report->spec.collect_only)
            fst_progress_listed(report, effect->id);
    } else if (effect->type == FST_EF_ENDED) {
        free(report->end_text);
        report->end_text = fst_strdup(effect->text);
    } else if (!effect->past) {
        fst_progress_show(report);
    }
    if (report->term.out.len && !is_live(report) &&
        now_ns() - report->flushed_ns > FLUSH_AFTER_NS)
        flush(report);
}

void fst_report_output(struct fst_report *report,
                       const struct fst_output *output)
{
    fst_progress_output(report, output->slot, output->text);
    fst_report_flush(report);
}

void fst_report_warning(struct fst_report *report,
                        const struct fst_warning *warning)
{
    fst_warnings_add(&report->warnings, warning);
    report->book.counts[FST_STAT_WARNINGS]++;
}

void fst_report_sections(struct fst_report *report, const char *text)
{
    fst_buf_adds(&report->sections, text);
}

int fst_report_end(struct fst_report *report, int exit_code, double end_s,
                   struct fst_err *err)
{
    report->over = true;
    fst_term_set_below(&report->term, "");
    fst_summary_show(report, exit_code, end_s - report->spec.start_s);
    flush(report);
    if (report->spec.json_path &&
        fst_jsonfile_write(report, exit_code, end_s, err))
        return -1;
    errno = report->term.failed;
    if (errno && errno != EPIPE) /* then nobody wants to know */
        return fst_fail_sys(err, "cannot write to standard output");
    return 0;
}
