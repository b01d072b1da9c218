/* What a person and a script see of a run. Only listens: the caller hands on
 * what the core decided, in its order.
 *
 * The terminal goes to one file descriptor as it happens, in pytest's words and
 * order (its _pytest/terminal.py, xdist's lines for -v); a descriptor that is
 * closed or fails is written to no more, the run goes on. JSON and JUnit's XML
 * are written at the end, atomically (beside and renamed), events as they
 * happen. Loop thread only. */
#ifndef FST_REPORT_REPORT_H
#define FST_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "coordinator/core/core.h"
#include "shared/base/err.h"

struct fst_report;

/* What is seen between the results while a run lasts. */
enum fst_progress {
    FST_PROGRESS_NONE,
    FST_PROGRESS_LINES, /* a line whenever nothing was written for a minute */
    FST_PROGRESS_LIVE,  /* a block below the last line, on a terminal */
};

struct fst_screen {
    uint32_t columns;     /* of what is written; 80 where not a terminal */
    uint32_t width, rows; /* of the terminal itself, which COLUMNS hides */
};

struct fst_report_spec {
    int fd;     /* the terminal's, usually 1 */
    bool color; /* decided by the caller from --color, NO_COLOR, tty */
    enum fst_progress progress;
    bool unicode; /* the live block may have other than ASCII characters */
    struct fst_screen screen;
    int verbosity;            /* < 0 quiet, > 0 verbose */
    const char *chars;        /* -r; NULL: pytest's default, "fE" */
    const char *tb;           /* --tb or NULL; "no": no failure texts */
    const char *show_capture; /* "no", or of which sections' names this is a
                                 part; NULL, "all": all of them */
    bool no_warnings;         /* no summary of them */
    bool no_header, no_summary, collect_only;
    /* Paths of reports; NULL: none. events_path "-": standard output. */
    const char *json_path, *junit_path, *events_path;
    const char *junit_prefix; /* before class names, or NULL */
    bool one_place;           /* the selection is of one folder, or one file */
    bool github;              /* annotations, and where these are set: */
    const char *github_summary, *github_workspace;
    const char *run; /* id */
    double start_s;  /* Unix time at which the process started */
    double epoch_s;  /* … and of the steady clock's zero: other Unix times
                        are counted from there */
    int workers;     /* slots asked for */
    int durations;   /* so many; 0: all; < 0: none */
    double durations_min; /* seconds; with verbosity > 1 all are shown */
};

struct fst_report_discovery { /* of the JSON report, and the header */
    size_t files, tests, parsed, cached;
    double duration_s;
};

/* Copies the spec's strings; fd stays the caller's. */
struct fst_report *fst_report_new(const struct fst_report_spec *spec);
/* Sees whether all that is asked for can be written, and opens what is written
 * from the beginning. FST_E_USAGE: one line, the path and why not. */
int fst_report_open(struct fst_report *report, struct fst_err *err);
/* NULL is fine. Node ids are the core's by address: free the report first. */
void fst_report_free(struct fst_report *report);

/* One line "warning: …": below the header, or at once where that is there; and
 * in the JSON report's warnings, category "fastest". */
void fst_report_warn(struct fst_report *report, const char *text);
/* A line that is no warning, for the terminal only. */
void fst_report_say(struct fst_report *report, const char *text);
void fst_report_discovered(struct fst_report *report,
                           const struct fst_report_discovery *found);
/* The next file of the selection, in pytest's order. */
void fst_report_file(struct fst_report *report, const char *path);
/* What earlier runs took; NULL: nothing is known. The caller's, until
 * fst_report_end(). */
void fst_report_past(struct fst_report *report, const struct fst_times *past);
/* The first worker is up: prints the header as pytest's (versions, rootdir,
 * configfile, plugins), what is known of the tests, agents and workers, and how
 * long earlier runs let it expect (< 0: not known). Further calls do nothing.
 */
void fst_report_session(struct fst_report *report,
                        const struct fst_state *state, double expect_s);
/* What became of a worker of the agent, each time. */
void fst_report_worker(struct fst_report *report, uint32_t agent,
                       const struct fst_state *state);
/* An agent joined / left. name and labels ("KEY=VALUE") are copied; NULL where
 * it is lost, or has none. */
void fst_report_agent(struct fst_report *report, uint32_t agent,
                      const char *name, size_t slots, bool lost,
                      const struct fst_strs *labels);
/* How the run stands: every 100 ms for a live block, else every few seconds. */
struct fst_report_now {
    const struct fst_running *running; /* longest first */
    size_t n_running;
    double lasts_s; /* since the process started */
    double left_s;  /* < 0: not known */
    int64_t now_ns; /* by the clock of running's since_ns */
};
void fst_report_tick(struct fst_report *report,
                     const struct fst_report_now *now);
/* The terminal has another size now. */
void fst_report_resize(struct fst_report *report,
                       const struct fst_screen *screen);
/* Ends the line and takes the live block off until the next tick: somebody
 * else is going to write. */
void fst_report_hide(struct fst_report *report);
/* One effect of the core (all but SEND); counts: as they are now. The effect's
 * agent names the one that an ATTEMPT came from (0: the only one connected).
 * What is to be seen reaches the terminal with the next flush, or at once where
 * the last one is 50 ms old; with a live block, with the next tick. */
void fst_report_effect(struct fst_report *report,
                       const struct fst_effect *effect,
                       const struct fst_counts *counts);
/* Lines that a worker has written, each shown behind its slot's name. */
void fst_report_output(struct fst_report *report,
                       const struct fst_output *output);
/* At the end of a turn: the terminal shows all that is known; with a live
 * block, with the next tick. */
void fst_report_flush(struct fst_report *report);
/* Copied. */
void fst_report_warning(struct fst_report *report,
                        const struct fst_warning *warning);
/* Copied: what plugins print between the failures and the short summary. */
void fst_report_sections(struct fst_report *report, const char *text);
/* After FST_EF_ENDED (or instead of it): failures, warnings, short summary,
 * last line as pytest prints them; writes the reports. Where nothing ran, exit
 * code 4 is the effect's text and no last line, as pytest's usage errors.
 * end_s: Unix time. Returns how many things could not be written, and adds a
 * line for each to problems, which owns them; all others are complete. */
size_t fst_report_end(struct fst_report *report, int exit_code, double end_s,
                      struct fst_strings *problems);

#endif
