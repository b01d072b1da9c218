/* The live block: what a terminal shows of a run below its last line, while it
 * lasts. One line of counts and times, and a line for each of what has been
 * running longest. Pure: the same view gives the same lines.
 *
 * Private to this layer. */
#ifndef FST_REPORT_LIVE_H
#define FST_REPORT_LIVE_H

#include "coordinator/report/term.h"

enum {
    FST_LIVE_ROWS = 2, /* things that run, at most */
    FST_LIVE_LINES = 1 + FST_LIVE_ROWS,
};

struct fst_live_row {
    const char *place; /* "gw1" */
    const char *id;    /* as it is shown */
    double lasts_s;
};

struct fst_live_view {
    size_t columns; /* of the terminal; the last one stays empty */
    size_t lines;   /* at most so many */
    bool color, unicode;
    unsigned mood; /* colour of the bar */
    size_t ended, expected, failed, errors, skipped;
    double lasts_s, left_s; /* left_s < 0: not known */
    const struct fst_live_row *rows;
    size_t n_rows;
};

/* Appends lines, each ended by '\n'. What has no room is left out, the least
 * important first; of an id its end stays. */
void fst_live_lay_out(const struct fst_live_view *view, struct fst_buf *out);

#endif
