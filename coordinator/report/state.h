/* The reporter's own struct, for the files of this layer alone. */
#ifndef FST_REPORT_STATE_H
#define FST_REPORT_STATE_H

#include "coordinator/report/book.h"
#include "coordinator/report/events.h"
#include "coordinator/report/order.h"
#include "coordinator/report/report.h"
#include "coordinator/report/term.h"
#include "coordinator/report/warnings.h"

struct fst_report {
    struct fst_report_spec spec; /* its strings are our copies */
    char chars[16];              /* -r as pytest reads it: "wfE" */
    struct fst_term term;
    struct fst_book book;
    struct fst_warnings warnings;
    struct fst_report_discovery found;
    struct fst_events events;
    struct fst_order order;           /* where junit_path is asked for */
    char *junit_frame, *junit_family; /* as the first worker told, or NULL */
    struct fst_strings early; /* warning lines that wait for the header */
    struct fst_strings notes; /* warning lines and notes, all */
    char *inside;  /* "sub/folder/" where the working directory lies so below
                      pytest's rootdir, else "" */
    char *outside; /* "project/" where the rootdir lies so below the working
                      directory, else "" */
    bool junit_written;
    const struct fst_times *past;
    bool header;     /* fst_report_session was called … */
    double up_s;     /* … at this Unix time */
    bool body;       /* something of the run itself is on the terminal */
    size_t expected; /* tests, as far as it is known */
    char *end_text;
    struct fst_buf sections; /* of plugins, as they print them */
    int64_t flushed_ns;      /* monotonic */
    bool over;               /* fst_report_end was called */
    uint64_t seen_written;   /* the terminal's, at the last tick … */
    int64_t quiet_ns; /* … and since when it is the same; 0: no tick yet */
};

/* Appends a node id as pytest shows it: relative to the working directory. */
void fst_report_add_id(const struct fst_report *report, struct fst_buf *out,
                       const char *id);
/* pytest's colour of the whole: red, yellow or green. */
unsigned fst_report_color(const struct fst_report *report, bool over);
bool fst_report_wants(const struct fst_report *report, char c);
/* Seconds from the start of the process to the last result. */
double fst_report_duration(const struct fst_report *report, double end_s);

/* header.c */
void fst_header_show(struct fst_report *report, const struct fst_state *state,
                     double expect_s);

/* progress.c: what is seen while tests run. Warning lines that waited for the
 * header: */
void fst_progress_early(struct fst_report *report);
/* collect_only: one id of the answer. */
void fst_progress_listed(struct fst_report *report, const char *id);
/* Lines of their own between the results. */
void fst_progress_note(struct fst_report *report, const char *text,
                       unsigned markup);
/* Lines that gw`slot` has written, as they are. */
void fst_progress_output(struct fst_report *report, uint32_t slot,
                         const char *text);
/* What the last effect added to the book. */
void fst_progress_show(struct fst_report *report);
/* Ends the line of letters. */
void fst_progress_end(struct fst_report *report);

/* failures.c: ERRORS, FAILURES and PASSES. */
void fst_failures_show(struct fst_report *report);

/* durations.c: what took how long, where that is asked for. */
void fst_durations_show(struct fst_report *report, double duration_s);

/* summary.c: all that stands behind the tests. */
void fst_summary_show(struct fst_report *report, int exit_code,
                      double duration_s);

/* junit.c: to spec.junit_path. */
int fst_junit_write(const struct fst_report *report, int exit_code,
                    double end_s, struct fst_err *err);

/* jsonfile.c: the report for scripts, to spec.json_path. */
int fst_jsonfile_write(const struct fst_report *report, int exit_code,
                       double end_s, struct fst_err *err);

#endif
