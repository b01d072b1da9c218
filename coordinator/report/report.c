#include "coordinator/report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/report/github.h"
#include "coordinator/report/outfile.h"
#include "coordinator/report/state.h"
#include "coordinator/report/wellformed.h"
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

static void take_char(char *chars, char c)
{
    char *at = strchr(chars, c);
    if (at)
        memmove(at, at + 1, strlen(at));
}

bool fst_report_wants(const struct fst_report *report, char c)
{
    return strchr(report->chars, c) != NULL;
}

enum { SPEC_STRINGS = 9 };

/* Those that outlive the call by which they come. */
static void name_strings(struct fst_report_spec *spec,
                         const char **strings[SPEC_STRINGS])
{
    size_t n = 0;
    strings[n++] = &spec->tb;
    strings[n++] = &spec->show_capture;
    strings[n++] = &spec->run;
    strings[n++] = &spec->json_path;
    strings[n++] = &spec->junit_path;
    strings[n++] = &spec->junit_prefix;
    strings[n++] = &spec->events_path;
    strings[n++] = &spec->github_summary;
    strings[n++] = &spec->github_workspace;
    FST_ASSERT(n == SPEC_STRINGS);
}

static void copy_strings(struct fst_report_spec *spec)
{
    const char **strings[SPEC_STRINGS];
    name_strings(spec, strings);
    for (size_t i = 0; i < SPEC_STRINGS; i++)
        *strings[i] = fst_strdup(*strings[i]);
}

static void free_strings(struct fst_report_spec *spec)
{
    const char **strings[SPEC_STRINGS];
    name_strings(spec, strings);
    for (size_t i = 0; i < SPEC_STRINGS; i++)
        free((char *)*strings[i]);
}

struct fst_report *fst_report_new(const struct fst_report_spec *spec)
{
    struct fst_report *report = fst_alloc(sizeof *report);
    report->spec = *spec;
    report->spec.chars = NULL;
    copy_strings(&report->spec);
    fst_events_init(&report->events, spec->start_s, spec->epoch_s);
    report->inside = fst_strdup("");
    report->outside = fst_strdup("");
    read_chars(report->chars, sizeof report->chars,
               spec->chars ? spec->chars : "fE");
    if (spec->no_warnings)
        take_char(report->chars, 'w');
    fst_term_init(&report->term, spec->fd, spec->color, spec->screen.columns);
    bool passes = fst_report_wants(report, 'P') ||
                  fst_report_wants(report, 'p') || spec->json_path;
    fst_book_init(&report->book, spec->epoch_s, passes);
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
    free_strings(&report->spec);
    fst_events_release(&report->events);
    fst_order_release(&report->order);
    free(report->junit_frame);
    free(report->junit_family);
    free(report->inside);
    free(report->outside);
    free(report->end_text);
    fst_buf_release(&report->sections);
    free(report);
}

int fst_report_open(struct fst_report *report, struct fst_err *err)
{
    const struct fst_report_spec *spec = &report->spec;
    const char *const paths[] = {spec->junit_path, spec->json_path,
                                 spec->github ? spec->github_summary : NULL};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (paths[i] && fst_outfile_check(paths[i], err))
            return -1;
    if (spec->events_path &&
        fst_events_open(&report->events, spec->events_path, err))
        return -1;
    fst_events_began(&report->events, spec);
    return 0;
}

void fst_report_warn(struct fst_report *report, const char *text)
{
    char *line = fst_printf("warning: %s", text);
    fst_strings_add(&report->notes, text);
    fst_events_warning(
        &report->events,
        &(struct fst_warning){.message = text, .category = "fastest"});
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
    fst_events_discovered(&report->events, found);
}

void fst_report_file(struct fst_report *report, const char *path)
{
    if (report->spec.junit_path)
        fst_order_file(&report->order, path);
}

void fst_report_past(struct fst_report *report, const struct fst_times *past)
{
    report->past = past;
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
    report->order.by_name =
        report->spec.one_place && state->pytest && atoi(state->pytest) >= 8;
    if (state->junit && fst_xml_is_frame(state->junit))
        report->junit_frame = fst_strdup(state->junit);
    report->junit_family = fst_strdup(state->junit_family);
    report->up_s = fst_book_now_s(&report->book);
    place_root(report, state->rootdir);
    fst_header_show(report, state, expect_s);
    fst_term_flush(&report->term);
}

void fst_report_worker(struct fst_report *report, uint32_t agent,
                       const struct fst_state *state)
{
    const struct fst_agent_entry *entry =
        fst_book_agent_find(&report->book, agent);
    fst_events_worker(&report->events, entry ? entry->name : NULL, state);
}

void fst_report_agent(struct fst_report *report, uint32_t agent,
                      const char *name, size_t slots, bool lost,
                      const struct fst_strs *labels)
{
    fst_book_agent(&report->book, agent, name, slots, lost, labels);
    fst_events_agent(&report->events, fst_book_agent_find(&report->book, agent),
                     lost);
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

/* Frames are the ticks' business. */
static bool is_live(const struct fst_report *report)
{
    return report->spec.progress == FST_PROGRESS_LIVE && report->header &&
           !report->over;
}

void fst_report_flush(struct fst_report *report)
{
    report->flushed_ns = now_ns();
    if (!is_live(report))
        fst_term_flush(&report->term);
    fst_events_flush(&report->events, NULL, NULL);
}

void fst_report_effect(struct fst_report *report,
                       const struct fst_effect *effect,
                       const struct fst_counts *counts)
{
    report->expected = counts->expected;
    fst_book_effect(&report->book, effect);
    fst_events_effect(&report->events, &report->book, effect);
    if (effect->type == FST_EF_LIST && report->spec.junit_path)
        fst_order_list(&report->order, effect->list);
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
    if ((report->term.out.len || report->events.out.len) &&
        now_ns() - report->flushed_ns > FLUSH_AFTER_NS)
        fst_report_flush(report);
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
    fst_events_warning(&report->events, warning);
    report->book.counts[FST_STAT_WARNINGS]++;
}

void fst_report_sections(struct fst_report *report, const char *text)
{
    fst_buf_adds(&report->sections, text);
}

double fst_report_duration(const struct fst_report *report, double end_s)
{
    double last_s = report->book.last_s;
    if (!(last_s > 0) || last_s > end_s)
        last_s = end_s;
    return last_s > report->spec.start_s ? last_s - report->spec.start_s : 0;
}

static void note_problem(struct fst_strings *problems, int result,
                         const struct fst_err *err)
{
    if (result)
        fst_strings_add(problems, err->msg);
}

static void write_files(struct fst_report *report, int exit_code, double end_s,
                        struct fst_strings *problems)
{
    const struct fst_report_spec *spec = &report->spec;
    struct fst_err err;
    int result;
    if (spec->junit_path) {
        result = fst_junit_write(report, exit_code, end_s, &err);
        report->junit_written = !result;
        note_problem(problems, result, &err);
    }
    if (spec->json_path) {
        result = fst_jsonfile_write(report, exit_code, end_s, &err);
        note_problem(problems, result, &err);
    }
    if (spec->github && spec->github_summary) {
        result = fst_github_summarize(report, exit_code, end_s,
                                      spec->github_summary, &err);
        note_problem(problems, result, &err);
    }
    fst_events_finished(&report->events, &report->book, exit_code,
                        report->end_text, fst_report_duration(report, end_s));
    result = fst_events_flush(&report->events, spec->events_path, &err);
    note_problem(problems, result, &err);
}

size_t fst_report_end(struct fst_report *report, int exit_code, double end_s,
                      struct fst_strings *problems)
{
    struct fst_err err;
    write_files(report, exit_code, end_s, problems);
    report->over = true;
    fst_term_set_below(&report->term, "");
    fst_summary_show(report, exit_code, end_s - report->spec.start_s);
    fst_report_flush(report);
    errno = report->term.failed;
    if (errno && errno != EPIPE) /* then nobody wants to know */
        note_problem(
            problems,
            fst_fail_sys(&err, "cannot write to standard %s",
                         report->term.fd == STDERR_FILENO ? "error" : "output"),
            &err);
    return problems->count;
}
