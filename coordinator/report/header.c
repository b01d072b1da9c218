/* What stands above the tests, as pytest's header; the last line is ours. */
#include "coordinator/report/clock.h"
#include "coordinator/report/state.h"

static void add_versions(struct fst_buf *out, const struct fst_state *state)
{
    fst_buf_addf(out, "platform linux -- Python %s, pytest-%s, fastest-%s",
                 state->python ? state->python : "?",
                 state->pytest ? state->pytest : "?", FST_VERSION);
}

static void add_root(struct fst_buf *out, const struct fst_state *state)
{
    fst_buf_addf(out, "rootdir: %s", state->rootdir ? state->rootdir : "?");
    if (state->inifile)
        fst_buf_addf(out, ", configfile: %s", state->inifile);
}

static void add_plugins(struct fst_buf *out, const struct fst_state *state)
{
    for (size_t i = 0; i < state->plugins.count; i++)
        fst_buf_addf(out, "%s%s",
                     i ? ", " : "plugins: ", state->plugins.items[i]);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void add_found(struct fst_buf *out, const struct fst_report *report,
                      double expect_s)
{
    size_t workers = fst_book_slots(&report->book);
    size_t agents = fst_book_live_agents(&report->book);
    fst_buf_addf(out, "%zu test%s known in %zu file%s, %zu worker%s",
                 report->found.tests, plural(report->found.tests),
                 report->found.files, plural(report->found.files), workers,
                 plural(workers));
    if (agents > 1)
        fst_buf_addf(out, " on %zu agents", agents);
    if (expect_s < 0)
        return;
    fst_buf_adds(out, ", about ");
    fst_clock_add(out, expect_s < 1 ? 1 : expect_s);
    fst_buf_adds(out, " by history");
}

static void put_line(struct fst_report *report, struct fst_buf *line)
{
    if (line->len)
        fst_term_line(&report->term, fst_buf_str(line), FST_PLAIN);
    fst_buf_clear(line);
}

void fst_header_show(struct fst_report *report, const struct fst_state *state,
                     double expect_s)
{
    struct fst_buf line = FST_BUF_INIT;
    if (report->spec.verbosity >= 0)
        fst_term_sep(&report->term, '=', "fastest session starts", FST_BOLD);
    if (report->spec.verbosity >= 0 && !report->spec.no_header && state) {
        add_versions(&line, state);
        put_line(report, &line);
        add_root(&line, state);
        put_line(report, &line);
        add_plugins(&line, state);
        put_line(report, &line);
        add_found(&line, report, expect_s);
        put_line(report, &line);
    }
    fst_progress_early(report);
    fst_buf_release(&line);
}
