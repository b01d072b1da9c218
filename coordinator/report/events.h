/* --events: one JSON object a line, as things happen;
 * schema/events.schema.json says what is in them. Whole lines are written at
 * each flush. A file or pipe that fails is written to no more. Private to this
 * layer. Loop thread only. */
#ifndef FST_REPORT_EVENTS_H
#define FST_REPORT_EVENTS_H

#include "coordinator/report/book.h"
#include "coordinator/report/report.h"

struct fst_events {
    int fd;                  /* -1: nobody wants them */
    bool owned;              /* else standard output */
    int failed;              /* errno of the first write that failed */
    double start_s, epoch_s; /* the report's */
    struct fst_buf out;
};

void fst_events_init(struct fst_events *events, double start_s, double epoch_s);
/* path: a file, made anew, or "-". FST_E_USAGE: it can't be written. */
int fst_events_open(struct fst_events *events, const char *path,
                    struct fst_err *err);
void fst_events_release(struct fst_events *events);
/* -1: an earlier or this write failed (but for a reader that has gone). */
int fst_events_flush(struct fst_events *events, const char *path,
                     struct fst_err *err);

void fst_events_began(struct fst_events *events,
                      const struct fst_report_spec *spec);
void fst_events_discovered(struct fst_events *events,
                           const struct fst_report_discovery *found);
/* agent: NULL where it is not known. */
void fst_events_agent(struct fst_events *events,
                      const struct fst_agent_entry *agent, bool lost);
void fst_events_worker(struct fst_events *events, const char *agent,
                       const struct fst_state *state);
/* After the book has noted it. */
void fst_events_effect(struct fst_events *events, const struct fst_book *book,
                       const struct fst_effect *effect);
void fst_events_warning(struct fst_events *events,
                        const struct fst_warning *warning);
void fst_events_finished(struct fst_events *events, const struct fst_book *book,
                         int exit_code, const char *text, double duration_s);

#endif
