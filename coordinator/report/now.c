/* What is seen of a run between its results: the live block, or a line a
 * minute. */
#include <string.h>

#include "coordinator/report/clock.h"
#include "coordinator/report/live.h"
#include "coordinator/report/state.h"

#define QUIET_NS INT64_C(60000000000)
/* What has been running for less is nothing to look at. */
#define LASTS_NS INT64_C(1000000000)

struct row_texts {
    struct fst_buf place, id;
};

static const char *agent_name(const struct fst_report *report, uint32_t id)
{
    const struct fst_agent_entry *agent;
    fst_vec_each (agent, &report->book.agents)
        if (agent->id == id)
            return agent->name;
    return "?";
}

/* Who, with the agent's name where there are several; and what. */
static void write_row(const struct fst_report *report,
                      const struct fst_running *running,
                      struct row_texts *texts)
{
    fst_buf_addf(&texts->place, "gw%u", running->slot);
    if (fst_book_live_agents(&report->book) > 1)
        fst_buf_addf(&texts->place, "@%s",
                     agent_name(report, running->agent.v));
    fst_report_add_id(report, &texts->id, running->id);
}

static void draw(struct fst_report *report, const struct fst_report_now *now)
{
    struct fst_live_row rows[FST_LIVE_ROWS];
    struct row_texts texts[FST_LIVE_ROWS] = {0};
    struct fst_buf lines = FST_BUF_INIT;
    const struct fst_screen *screen = &report->spec.screen;
    size_t *counts = report->book.counts, n = 0;
    for (; n < now->n_running && n < FST_LIVE_ROWS; n++) {
        int64_t lasts = now->now_ns - now->running[n].since_ns;
        if (lasts < LASTS_NS)
            break;
        write_row(report, &now->running[n], &texts[n]);
        rows[n] = (struct fst_live_row){.place = fst_buf_str(&texts[n].place),
                                        .id = fst_buf_str(&texts[n].id),
                                        .lasts_s = (double)lasts / 1e9};
    }
    fst_live_lay_out(
        &(struct fst_live_view){
            .columns = screen->width,
            .lines = screen->rows > 2 ? screen->rows - 2 : 0,
            .color = report->spec.color,
            .unicode = report->spec.unicode,
            .mood = fst_report_color(report, false),
            .ended = report->book.ended,
            .expected = report->expected,
            .failed = counts[FST_STAT_FAILED],
            .errors = counts[FST_STAT_ERROR],
            .skipped = counts[FST_STAT_SKIPPED],
            .lasts_s = now->lasts_s,
            .left_s = now->left_s,
            .rows = rows,
            .n_rows = n,
        },
        &lines);
    fst_term_set_below(&report->term, fst_buf_str(&lines));
    for (size_t i = 0; i < n; i++) {
        fst_buf_release(&texts[i].place);
        fst_buf_release(&texts[i].id);
    }
    fst_buf_release(&lines);
}

static void add_bad(const struct fst_report *report, struct fst_buf *line)
{
    size_t failed = report->book.counts[FST_STAT_FAILED];
    size_t errors = report->book.counts[FST_STAT_ERROR];
    if (failed)
        fst_buf_addf(line, ", %zu failed", failed);
    if (errors)
        fst_buf_addf(line, ", %zu error%s", errors, errors == 1 ? "" : "s");
}

/* "5:00: 512 of 1024 tests done, 2 failed, about 1:12 left; gw1 has been at
 * test_x.py::test_y for 2:05". */
static void say_alive(struct fst_report *report,
                      const struct fst_report_now *now)
{
    struct fst_buf line = FST_BUF_INIT;
    fst_clock_add(&line, now->lasts_s);
    fst_buf_addf(&line, ": %zu of %zu tests done", report->book.ended,
                 report->expected);
    add_bad(report, &line);
    if (now->left_s >= 0) {
        fst_buf_adds(&line, ", about ");
        fst_clock_add(&line, now->left_s);
        fst_buf_adds(&line, " left");
    }
    if (now->n_running) {
        struct row_texts texts = {0};
        write_row(report, &now->running[0], &texts);
        fst_buf_addf(&line, "; %s has been at %s for ",
                     fst_buf_str(&texts.place), fst_buf_str(&texts.id));
        fst_clock_add(&line,
                      (double)(now->now_ns - now->running[0].since_ns) / 1e9);
        fst_buf_release(&texts.place);
        fst_buf_release(&texts.id);
    }
    fst_progress_note(report, fst_buf_str(&line), FST_PLAIN);
    fst_buf_release(&line);
}

void fst_report_tick(struct fst_report *report,
                     const struct fst_report_now *now)
{
    if (report->over || !(report->header || report->expected))
        return;
    if (report->spec.progress == FST_PROGRESS_LIVE) {
        draw(report, now);
    } else if (report->term.written != report->seen_written ||
               !report->quiet_ns) {
        report->quiet_ns = now->now_ns;
    } else if (report->spec.progress == FST_PROGRESS_LINES &&
               now->now_ns - report->quiet_ns >= QUIET_NS) {
        say_alive(report, now);
        report->quiet_ns = now->now_ns;
    }
    report->seen_written = report->term.written;
    fst_term_flush(&report->term);
}

void fst_report_resize(struct fst_report *report,
                       const struct fst_screen *screen)
{
    report->spec.screen = *screen;
    fst_term_resize(&report->term, screen->columns ? screen->columns : 80);
}

void fst_report_hide(struct fst_report *report)
{
    fst_term_fresh_line(&report->term);
    fst_term_hide_below(&report->term);
}
