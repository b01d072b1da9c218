#include "coordinator/report/live.h"

#include <string.h>

#include "coordinator/report/clock.h"
#include "coordinator/report/width.h"

/* Parts of the first line, as they stand there. */
enum part { BAR, DONE, FAILED, ERRORS, SKIPPED, LASTS, LEFT, PARTS };

/* Which part gets room first; the bar takes what is left. */
static const enum part by_rank[] = {DONE, FAILED, ERRORS, LEFT, LASTS, SKIPPED};
enum { LEAST_BAR = 5, MOST_BAR = 40 };

static const char gap[] = "  ";

struct first_line {
    struct fst_buf texts[PARTS];
    size_t widths[PARTS]; /* 0: has no room, or there is none */
    unsigned markups[PARTS];
};

static void add_bar(const struct fst_live_view *view, struct fst_buf *out,
                    size_t width)
{
    const char *done = view->unicode ? "\xe2\x94\x81" : "=";  /* ━ */
    const char *ahead = view->unicode ? "\xe2\x94\x80" : "-"; /* ─ */
    size_t full = view->ended < view->expected
                      ? width * view->ended / view->expected
                      : width;
    for (size_t i = 0; i < width; i++)
        fst_buf_adds(out, i < full ? done : ahead);
}

static void add_count(struct fst_buf *out, size_t count, const char *what)
{
    if (count)
        fst_buf_addf(out, "%zu %s", count, what);
}

static void write_parts(const struct fst_live_view *view,
                        struct first_line *line)
{
    fst_buf_addf(&line->texts[DONE], "%zu/%zu", view->ended,
                 view->ended < view->expected ? view->expected : view->ended);
    add_count(&line->texts[FAILED], view->failed, "failed");
    add_count(&line->texts[ERRORS], view->errors,
              view->errors == 1 ? "error" : "errors");
    line->markups[FAILED] = line->markups[ERRORS] = FST_RED | FST_BOLD;
    add_count(&line->texts[SKIPPED], view->skipped, "skipped");
    line->markups[SKIPPED] = FST_YELLOW;
    fst_clock_add(&line->texts[LASTS], view->lasts_s);
    if (view->left_s >= 0.5) {
        fst_buf_adds(&line->texts[LEFT], "about ");
        fst_clock_add(&line->texts[LEFT], view->left_s);
        fst_buf_adds(&line->texts[LEFT], " left");
    }
}

/* Gives each part its room; returns the columns that are used. */
static size_t fit_parts(struct first_line *line, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < sizeof by_rank / sizeof *by_rank; i++) {
        enum part part = by_rank[i];
        const struct fst_buf *text = &line->texts[part];
        size_t width = fst_width(fst_buf_str(text), text->len);
        size_t needs = width + (used ? strlen(gap) : 0);
        if (!width || used + needs > room)
            continue;
        line->widths[part] = width;
        used += needs;
    }
    return used;
}

static void fit_bar(const struct fst_live_view *view, struct first_line *line,
                    size_t used)
{
    size_t most = view->columns / 4 < MOST_BAR ? view->columns / 4 : MOST_BAR;
    size_t left = view->columns - 1 - used;
    if (!view->expected || left < LEAST_BAR + strlen(gap))
        return;
    left -= strlen(gap);
    line->widths[BAR] = left < most ? left : most;
    line->markups[BAR] = view->mood;
    add_bar(view, &line->texts[BAR], line->widths[BAR]);
}

static void add_first_line(const struct fst_live_view *view,
                           struct fst_buf *out)
{
    struct first_line line = {0};
    write_parts(view, &line);
    fit_bar(view, &line, fit_parts(&line, view->columns - 1));
    const char *between = "";
    for (size_t part = 0; part < PARTS; part++) {
        if (line.widths[part]) {
            fst_buf_adds(out, between);
            fst_markup_add(out, view->color, fst_buf_str(&line.texts[part]),
                           line.markups[part]);
            between = gap;
        }
        fst_buf_release(&line.texts[part]);
    }
    fst_buf_addc(out, '\n');
}

/* The id's end that takes at most `room` columns, with dots before it where
 * something was cut. */
static void add_end(const struct fst_live_view *view, struct fst_buf *out,
                    const char *id, size_t room)
{
    const char *dots = view->unicode ? "\xe2\x80\xa6" : "..."; /* … */
    size_t dots_width = fst_width(dots, strlen(dots)), len = strlen(id);
    size_t width = fst_width(id, len);
    if (width > room) {
        size_t cut = room > dots_width ? width - room + dots_width : width;
        size_t skip = fst_width_fit(id, len, cut);
        if (fst_width(id, skip) < cut) /* half of a wide character */
            skip += fst_width_fit(id + skip, len - skip, 2);
        id += skip;
        if (room >= dots_width)
            fst_buf_adds(out, dots);
    }
    fst_buf_adds(out, id);
}

static void add_row(const struct fst_live_view *view, struct fst_buf *out,
                    const struct fst_live_row *row)
{
    struct fst_buf lasts = FST_BUF_INIT, id = FST_BUF_INIT;
    size_t room = view->columns - 1;
    fst_clock_add(&lasts, row->lasts_s);
    fst_safe_add(&id, row->id);
    if (!view->unicode)
        for (size_t i = 0; i < id.len; i++)
            if ((unsigned char)id.data[i] >= 0x80)
                id.data[i] = '?';
    size_t used = strlen(row->place) + lasts.len + 2 * strlen(gap);
    if (used + strlen(gap) < room) {
        fst_markup_add(out, view->color, row->place, FST_CYAN);
        fst_buf_addf(out, "%s%s%s", gap, fst_buf_str(&lasts), gap);
        add_end(view, out, fst_buf_str(&id), room - used);
        fst_buf_addc(out, '\n');
    }
    fst_buf_release(&lasts);
    fst_buf_release(&id);
}

void fst_live_lay_out(const struct fst_live_view *view, struct fst_buf *out)
{
    if (!view->lines || view->columns < 2)
        return;
    add_first_line(view, out);
    for (size_t i = 0; i < view->n_rows && i + 1 < view->lines; i++)
        add_row(view, out, &view->rows[i]);
}
