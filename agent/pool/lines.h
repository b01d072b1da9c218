/* What a worker writes as it runs, cut into lines for those who watch.
 *
 * A line ends at "\n", "\r\n" or "\r" (a progress bar's steps are lines); one
 * that is longer than FST_LINES_LONGEST is cut there, not inside a character.
 * Lines that are complete are handed on together, as valid UTF-8 without NUL;
 * escape sequences stay.
 *
 * Where the worker is about to send RESULTS it writes FST_LINES_MARK: an open
 * line ends there, and what follows waits for fst_lines_go_on(), so that a
 * test's output stands before its result and the next one's behind it. Loop
 * thread only.
 */
#ifndef FST_POOL_LINES_H
#define FST_POOL_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/buf.h"

#define FST_LINES_MARK "\x1d\x1e\x1f\x1c" /* docs/worker.md */

enum { FST_LINES_LONGEST = 1 << 20 }; /* bytes */

struct fst_lines {
    struct fst_buf rest; /* not handed on yet */
    bool held;           /* all is kept, up to FST_LINES_LONGEST; what is more
                            is lost */
    bool stopped;        /* at a mark */
    size_t matched;      /* bytes of a mark that may be one */
    struct fst_buf wait; /* what came behind the mark */
    bool after_cr;       /* a "\n" that follows belongs to it */
    /* One or more lines, each with its "\n"; text lives for the call. */
    void (*on_lines)(void *user, const char *text);
    void *user;
};

/* Starts held. Zeroed lines (no on_lines) may be fed: nobody watches. */
void fst_lines_init(struct fst_lines *lines,
                    void (*on_lines)(void *user, const char *text), void *user);
void fst_lines_release(struct fst_lines *lines);
void fst_lines_feed(struct fst_lines *lines, const char *bytes, size_t len);
/* From now on lines are handed on; first those that were held. */
void fst_lines_let_go(struct fst_lines *lines);
/* The mark's RESULTS were heard: what waits is fed, up to the next mark.
 * Without a mark nothing. */
void fst_lines_go_on(struct fst_lines *lines);
/* Nothing more will come: all that there is, unless held; an open line too. */
void fst_lines_end(struct fst_lines *lines);

#endif
