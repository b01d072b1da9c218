/* A terminal (or pipe, or file) that is written line by line, as pytest's
 * TerminalWriter does: colours, separators, the width of the current line.
 *
 * What is written is kept until fst_term_flush() or until it is large. Below
 * it some lines may stand that are not part of it (a live block): a flush
 * erases them, writes what there is and draws them anew, all in one write. The
 * cursor waits at the end of what was written, so that it needs no arithmetic
 * to erase them, whatever became of the terminal's size meanwhile. A
 * descriptor that would block is waited for; one that is closed (EPIPE) or
 * fails swallows the rest, since a run doesn't end because nobody looks. */
#ifndef FST_REPORT_TERM_H
#define FST_REPORT_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"

/* Bits of a markup; one colour at most. */
enum fst_markup {
    FST_PLAIN = 0,
    FST_RED = 1,
    FST_GREEN = 2,
    FST_YELLOW = 4,
    FST_CYAN = 8,
    FST_BOLD = 16,
};

struct fst_term {
    int fd; /* the caller's */
    bool color;
    int failed; /* errno of a write: nothing is written any more */
    bool used;  /* something was written */
    size_t columns;
    size_t column;    /* width of the current line so far */
    uint64_t written; /* bytes, without what stands below */
    struct fst_buf out;
    struct fst_buf below; /* each line ended by '\n' */
    bool below_changed;   /* since it was drawn */
    bool below_drawn;     /* something is */
};

void fst_term_init(struct fst_term *term, int fd, bool color, size_t columns);
void fst_term_release(struct fst_term *term); /* flushes; fd stays open */
void fst_term_flush(struct fst_term *term);

/* What stands below from the next flush on: lines narrower than the terminal,
 * each with its '\n'; "": nothing. */
void fst_term_set_below(struct fst_term *term, const char *lines);
/* What stands below is off the screen, at once. */
void fst_term_hide_below(struct fst_term *term);
/* The terminal has so many columns now. One that is narrower may have cut the
 * current line or put it on two: it ends. */
void fst_term_resize(struct fst_term *term, size_t columns);

/* text as it is; may have lines and escape codes of its own. */
void fst_term_raw(struct fst_term *term, const char *text, size_t len);
/* text in colour; control characters are shown as \xNN. No newline. */
void fst_term_text(struct fst_term *term, const char *text, unsigned markup);
void fst_term_newline(struct fst_term *term);
/* A newline where the current line has something on it. */
void fst_term_fresh_line(struct fst_term *term);
/* fst_term_text and a newline, on a line of its own. */
void fst_term_line(struct fst_term *term, const char *text, unsigned markup);
/* text as it is, ended by exactly the newlines it has, or one. */
void fst_term_block(struct fst_term *term, const char *text);
/* "==== title ====" over the whole width. */
void fst_term_sep(struct fst_term *term, char sep, const char *title,
                  unsigned markup);
/* The same for a title that has escape codes; width: of what is seen. Ends as
 * pytest's last line does, in the markup of the line. */
void fst_term_sep_raw(struct fst_term *term, char sep, const char *title,
                      size_t width, unsigned markup);

/* Appends text between escape codes where color is set. */
void fst_markup_add(struct fst_buf *out, bool color, const char *text,
                    unsigned markup);
/* Appends text without escape sequences. */
void fst_plain_add(struct fst_buf *out, const char *text);
/* Appends text with control characters as \xNN: safe to show. */
void fst_safe_add(struct fst_buf *out, const char *text);
/* Appends text's first line, its end as "..." where it takes more than so many
 * columns; nothing where even the dots have no room. */
void fst_cut_add(struct fst_buf *out, const char *text, size_t columns);

#endif
