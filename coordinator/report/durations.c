/* What took how long: pytest's --durations, and by the same wish (or -v) files,
 * tests that have become slower, and the run as a whole. */
#include "coordinator/report/state.h"

#include <stdlib.h>
#include <string.h>

/* A test has become slower where it took twice what it did before, and so much
 * longer that somebody would notice; both after allowing for a run that was
 * slower as a whole (another machine, a busy one). */
static const double slower_factor = 2, slower_s = 0.2;
enum { MOST_SLOWER = 10 };

struct span { /* one line of a list */
    double seconds;
    const char *what; /* "call"; or NULL */
    const char *id;
    size_t id_len, count;
    double before_s;
};

struct spans {
    FST_VEC(struct span) list;
};

static void add_span(struct spans *spans, struct span span)
{
    fst_vec_add(&spans->list, span);
}

/* Longest first; those of one length stay in their order, as pytest's do. */
static int by_seconds(const void *a, const void *b)
{
    const struct span *left = a, *right = b;
    if (left->seconds < right->seconds || left->seconds > right->seconds)
        return left->seconds < right->seconds ? 1 : -1;
    return left->count < right->count ? -1 : left->count > right->count;
}

static void sort(struct spans *spans)
{
    if (spans->list.count)
        qsort(spans->list.items, spans->list.count, sizeof *spans->list.items,
              by_seconds);
}

static size_t file_len(const char *id)
{
    const char *end = strstr(id, "::");
    return end ? (size_t)(end - id) : strlen(id);
}

/* Tests that a worker has run from beginning to end; not collectors. */
static bool has_run(const struct fst_entry *entry)
{
    return entry->verdict && !entry->verdict->crashed &&
           entry->verdict->start_s > 0 && entry->id[file_len(entry->id)];
}

static bool has_call(const struct fst_attempt *attempt)
{
    for (size_t i = 0; i < attempt->n_phases; i++)
        if (!strcmp(attempt->phases[i].when, "setup") &&
            attempt->phases[i].outcome != FST_PASSED)
            return false;
    return true;
}

static double whole_s(const struct fst_attempt *attempt)
{
    return attempt->setup_s + attempt->call_s + attempt->teardown_s;
}

static void add_phase(struct spans *spans, const char *what, const char *id,
                      double seconds)
{
    add_span(spans, (struct span){.seconds = seconds,
                                  .what = what,
                                  .id = id,
                                  .count = spans->list.count});
}

static void collect_phases(const struct fst_report *report, struct spans *spans)
{
    struct fst_entry *const *at;
    fst_vec_each (at, &report->book.entries) {
        const struct fst_entry *entry = *at;
        const struct fst_attempt *attempt = entry->verdict;
        if (!has_run(entry))
            continue;
        add_phase(spans, "setup", entry->id, attempt->setup_s);
        if (has_call(attempt))
            add_phase(spans, "call", entry->id, attempt->call_s);
        add_phase(spans, "teardown", entry->id, attempt->teardown_s);
    }
}

static void show_title(struct fst_report *report, const char *what)
{
    struct fst_buf title = FST_BUF_INIT;
    fst_buf_adds(&title, "slowest ");
    if (report->spec.durations > 0)
        fst_buf_addf(&title, "%d ", report->spec.durations);
    fst_buf_adds(&title, what);
    fst_term_sep(&report->term, '=', fst_buf_str(&title), FST_PLAIN);
    fst_buf_release(&title);
}

static size_t at_most(const struct fst_report *report, size_t count)
{
    size_t most = (size_t)report->spec.durations;
    return most && most < count ? most : count;
}

static bool is_hidden(const struct fst_report *report, double seconds)
{
    return report->spec.verbosity < 2 && seconds < report->spec.durations_min;
}

static void show_span(struct fst_report *report, const struct span *span)
{
    struct fst_buf line = FST_BUF_INIT;
    fst_buf_addf(&line, "%.2fs %-8s %s", span->seconds, span->what, span->id);
    fst_term_line(&report->term, fst_buf_str(&line), FST_PLAIN);
    fst_buf_release(&line);
}

/* pytest's. */
static void show_phases(struct fst_report *report)
{
    struct spans spans = {0};
    collect_phases(report, &spans);
    sort(&spans);
    if (spans.list.count)
        show_title(report, "durations");
    size_t count = at_most(report, spans.list.count), i = 0;
    for (; i < count && !is_hidden(report, spans.list.items[i].seconds); i++)
        show_span(report, &spans.list.items[i]);
    if (i < count) {
        struct fst_buf line = FST_BUF_INIT;
        fst_buf_addf(&line,
                     "(%zu durations < %gs hidden.  Use -vv to show these "
                     "durations.)",
                     count - i, report->spec.durations_min);
        fst_term_newline(&report->term);
        fst_term_line(&report->term, fst_buf_str(&line), FST_PLAIN);
        fst_buf_release(&line);
    }
    fst_vec_free(&spans.list);
}

static void collect_files(const struct fst_report *report, struct spans *spans,
                          struct fst_arena *arena)
{
    struct fst_index known = {0};
    struct fst_entry *const *at;
    fst_vec_each (at, &report->book.entries) {
        if (!has_run(*at))
            continue;
        char *file = fst_arena_strn(arena, (*at)->id, file_len((*at)->id));
        const uint32_t *place = fst_index_find(&known, file);
        if (!place) {
            fst_index_add(&known, file, (uint32_t)spans->list.count);
            add_span(spans, (struct span){.id = file});
        }
        struct span *span = place ? &spans->list.items[*place]
                                  : &spans->list.items[spans->list.count - 1];
        span->seconds += whole_s((*at)->verdict);
        span->count++;
    }
    fst_index_release(&known);
}

static void show_files(struct fst_report *report)
{
    struct spans spans = {0};
    struct fst_arena arena = {0};
    struct fst_buf line = FST_BUF_INIT;
    collect_files(report, &spans, &arena);
    sort(&spans);
    if (spans.list.count > 1 &&
        !is_hidden(report, spans.list.items[0].seconds)) {
        show_title(report, "files");
        for (size_t i = 0; i < at_most(report, spans.list.count); i++) {
            const struct span *span = &spans.list.items[i];
            if (is_hidden(report, span->seconds))
                break;
            fst_buf_addf(&line, "%.2fs %s (%zu test%s)", span->seconds,
                         span->id, span->count, span->count == 1 ? "" : "s");
            fst_term_line(&report->term, fst_buf_str(&line), FST_PLAIN);
            fst_buf_clear(&line);
        }
    }
    fst_vec_free(&spans.list);
    fst_arena_release(&arena);
    fst_buf_release(&line);
}

/* What the test took itself, without what it set up for others. */
static double own_s(const struct fst_attempt *attempt)
{
    double own = whole_s(attempt) - attempt->shared_s;
    return own > 0 ? own : 0;
}

/* How much slower than before the run is as a whole; at least 1. */
static double general_factor(const struct fst_report *report)
{
    double now = 0, before = 0;
    struct fst_entry *const *at;
    fst_vec_each (at, &report->book.entries) {
        double past = fst_times_item(report->past, (*at)->id);
        if (past < 0 || !has_run(*at))
            continue;
        before += past;
        now += own_s((*at)->verdict);
    }
    return before > 0 && now > before ? now / before : 1;
}

static void collect_slower(const struct fst_report *report, struct spans *spans)
{
    double factor = general_factor(report);
    struct fst_entry *const *at;
    fst_vec_each (at, &report->book.entries) {
        double past = fst_times_item(report->past, (*at)->id);
        if (past < 0 || !has_run(*at))
            continue;
        double now = own_s((*at)->verdict), expect = past * factor;
        if (now > slower_factor * expect && now - expect > slower_s)
            add_span(spans, (struct span){.seconds = now,
                                          .id = (*at)->id,
                                          .before_s = past,
                                          .count = spans->list.count});
    }
}

static void show_slower(struct fst_report *report)
{
    struct spans spans = {0};
    struct fst_buf line = FST_BUF_INIT;
    collect_slower(report, &spans);
    sort(&spans);
    if (spans.list.count)
        fst_term_sep(&report->term, '=', "slower than before", FST_YELLOW);
    for (size_t i = 0; i < spans.list.count && i < MOST_SLOWER; i++) {
        const struct span *span = &spans.list.items[i];
        fst_buf_addf(&line, "%.2fs was %.2fs ", span->seconds, span->before_s);
        fst_report_add_id(report, &line, span->id);
        fst_term_line(&report->term, fst_buf_str(&line), FST_PLAIN);
        fst_buf_clear(&line);
    }
    if (spans.list.count > MOST_SLOWER) {
        fst_buf_addf(&line, "and %zu more", spans.list.count - MOST_SLOWER);
        fst_term_line(&report->term, fst_buf_str(&line), FST_PLAIN);
    }
    fst_vec_free(&spans.list);
    fst_buf_release(&line);
}

/* Workers that have run something, by their slots' numbers. */
static size_t count_workers(const struct fst_report *report)
{
    FST_VEC(bool) seen = {0};
    size_t count = 0;
    struct fst_entry *const *entry;
    fst_vec_each (entry, &report->book.entries)
        for (const struct fst_attempt *at = &(*entry)->first; at;
             at = at->next) {
            if (at->agent == FST_NO_AGENT)
                continue;
            while (seen.count <= at->slot)
                fst_vec_add(&seen, false);
            count += !seen.items[at->slot];
            seen.items[at->slot] = true;
        }
    fst_vec_free(&seen);
    return count;
}

static void put_time(struct fst_report *report, double seconds,
                     const char *what)
{
    struct fst_buf line = FST_BUF_INIT;
    fst_buf_addf(&line, "%.2fs %s", seconds > 0 ? seconds : 0, what);
    fst_term_line(&report->term, fst_buf_str(&line), FST_PLAIN);
    fst_buf_release(&line);
}

/* The first worker starts while the tests are looked for. */
static void show_whole(struct fst_report *report, double duration_s)
{
    const struct fst_book *book = &report->book;
    struct fst_buf line = FST_BUF_INIT;
    double busy_s = 0, start_s = report->spec.start_s;
    double up_s = report->up_s - start_s, last_s = book->last_s - start_s;
    size_t workers = count_workers(report);
    const struct fst_agent_entry *agent;
    fst_vec_each (agent, &book->agents)
        busy_s += agent->busy_s;
    if (last_s > duration_s)
        last_s = duration_s;
    if (!(book->last_s > 0) || !workers || last_s <= up_s)
        return;
    fst_term_sep(&report->term, '=', "where the time went", FST_PLAIN);
    put_time(report, report->found.duration_s, "finding tests");
    put_time(report, up_s - report->found.duration_s,
             "starting the first worker");
    fst_buf_addf(&line, "running %.2fs of tests in %zu worker%s", busy_s,
                 workers, workers == 1 ? "" : "s");
    fst_buf_addf(&line, " (%.0f%% of their time)",
                 100 * busy_s / ((last_s - up_s) * (double)workers));
    put_time(report, last_s - up_s, fst_buf_str(&line));
    put_time(report, duration_s - last_s, "ending");
    fst_buf_release(&line);
}

void fst_durations_show(struct fst_report *report, double duration_s)
{
    bool asked = report->spec.durations >= 0;
    if (report->spec.collect_only)
        return;
    if (asked) {
        show_phases(report);
        show_files(report);
    }
    if (asked || report->spec.verbosity > 0) {
        show_slower(report);
        show_whole(report, duration_s);
    }
}
