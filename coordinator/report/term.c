#include "coordinator/report/term.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/report/width.h"
#include "shared/base/text.h"

enum { FLUSH_AT = 64 * 1024 };

void fst_term_init(struct fst_term *term, int fd, bool color, size_t columns)
{
    *term = (struct fst_term){
        .fd = fd, .color = color, .columns = columns ? columns : 80};
}

void fst_term_release(struct fst_term *term)
{
    fst_term_hide_below(term);
    fst_buf_release(&term->out);
    fst_buf_release(&term->below);
}

/* 0 where there may be room again, else errno. */
static int wait_for_room(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    while (poll(&poller, 1, -1) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

static void write_all(struct fst_term *term, const char *bytes, size_t len)
{
    while (len && !term->failed) {
        ssize_t n = write(term->fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            term->failed = wait_for_room(term->fd);
        } else if (errno != EINTR) {
            term->failed = errno;
        }
    }
}

/* ECMA-48: ED erases behind the cursor, EL the rest of the line, CUU goes up,
 * CUF right. DEC's private mode 7: long lines are put on two. */
#define ERASE_BELOW "\x1b[J"
#define ERASE_RIGHT "\x1b[K"
#define WRAP_OFF "\x1b[?7l"
#define WRAP_ON "\x1b[?7h"

/* Drawn over what was drawn before, so that nothing flickers. Each line takes
 * one of the screen's, also where that has just become narrower. */
static void add_below(struct fst_buf *frame, const struct fst_term *term)
{
    size_t lines = 0;
    fst_buf_adds(frame, WRAP_OFF);
    for (const char *line = fst_buf_str(&term->below); *line; lines++) {
        size_t len = strcspn(line, "\n");
        fst_buf_addc(frame, '\n');
        fst_buf_add(frame, line, len);
        fst_buf_adds(frame, ERASE_RIGHT);
        line += len + (line[len] == '\n');
    }
    fst_buf_addf(frame, WRAP_ON ERASE_BELOW "\x1b[%zuA\r", lines);
    if (term->column)
        fst_buf_addf(frame, "\x1b[%zuC", term->column);
}

void fst_term_flush(struct fst_term *term)
{
    struct fst_buf frame = FST_BUF_INIT;
    if (!term->out.len && !term->below_changed)
        return;
    if (term->below_drawn && (term->out.len || !term->below.len))
        fst_buf_adds(&frame, ERASE_BELOW);
    if (term->out.len) /* may hold a NUL */
        fst_buf_add(&frame, term->out.data, term->out.len);
    if (term->below.len)
        add_below(&frame, term);
    term->below_drawn = term->below.len > 0;
    term->below_changed = false;
    fst_buf_clear(&term->out);
    write_all(term, frame.data, frame.len);
    fst_buf_release(&frame);
}

void fst_term_set_below(struct fst_term *term, const char *lines)
{
    if (!strcmp(fst_buf_str(&term->below), lines))
        return;
    fst_buf_clear(&term->below);
    fst_buf_adds(&term->below, lines);
    term->below_changed = true;
}

void fst_term_hide_below(struct fst_term *term)
{
    fst_term_set_below(term, "");
    fst_term_flush(term);
}

void fst_term_resize(struct fst_term *term, size_t columns)
{
    if (columns < term->columns)
        fst_term_fresh_line(term);
    term->columns = columns;
}

static void put(struct fst_term *term, const char *bytes, size_t len)
{
    term->used |= len > 0;
    term->written += len;
    if (len >= FLUSH_AT) {
        fst_term_hide_below(term);
        write_all(term, bytes, len);
        return;
    }
    fst_buf_add(&term->out, bytes, len);
    if (term->out.len >= FLUSH_AT)
        fst_term_flush(term);
}

void fst_term_raw(struct fst_term *term, const char *text, size_t len)
{
    const char *newline = memrchr(text, '\n', len);
    const char *rest = newline ? newline + 1 : text;
    size_t width = fst_width(rest, (size_t)(text + len - rest));
    term->column = newline ? width : term->column + width;
    put(term, text, len);
}

static const char *color_code(unsigned markup)
{
    if (markup & FST_RED)
        return "\x1b[31m";
    if (markup & FST_GREEN)
        return "\x1b[32m";
    if (markup & FST_YELLOW)
        return "\x1b[33m";
    return markup & FST_CYAN ? "\x1b[36m" : "";
}

static void add_codes(struct fst_buf *out, unsigned markup)
{
    fst_buf_adds(out, color_code(markup));
    if (markup & FST_BOLD)
        fst_buf_adds(out, "\x1b[1m");
}

void fst_markup_add(struct fst_buf *out, bool color, const char *text,
                    unsigned markup)
{
    if (color)
        add_codes(out, markup);
    fst_buf_adds(out, text);
    if (color && markup)
        fst_buf_adds(out, "\x1b[0m");
}

void fst_safe_add(struct fst_buf *out, const char *text)
{
    for (; *text; text++) {
        size_t len = fst_text_control(text);
        if (!len) {
            fst_buf_addc(out, *text);
            continue;
        }
        text += len - 1; /* the last byte is the character's number */
        fst_buf_addf(out, "\\x%02x", (unsigned char)*text);
    }
}

void fst_cut_add(struct fst_buf *out, const char *text, size_t columns)
{
    const size_t dots = strlen("...");
    size_t len = strcspn(text, "\n");
    if (columns < dots)
        return;
    bool whole = fst_width(text, len) <= columns;
    if (!whole)
        len = fst_width_fit(text, len, columns - dots);
    fst_buf_add(out, text, len);
    if (!whole)
        fst_buf_adds(out, "...");
}

void fst_term_text(struct fst_term *term, const char *text, unsigned markup)
{
    struct fst_buf safe = FST_BUF_INIT, line = FST_BUF_INIT;
    fst_safe_add(&safe, text);
    fst_markup_add(&line, term->color, fst_buf_str(&safe), markup);
    term->column += fst_width(fst_buf_str(&safe), safe.len);
    put(term, fst_buf_str(&line), line.len);
    fst_buf_release(&safe);
    fst_buf_release(&line);
}

void fst_term_newline(struct fst_term *term)
{
    term->column = 0;
    put(term, "\n", 1);
}

void fst_term_fresh_line(struct fst_term *term)
{
    if (term->column)
        fst_term_newline(term);
}

void fst_term_line(struct fst_term *term, const char *text, unsigned markup)
{
    fst_term_fresh_line(term);
    fst_term_text(term, text, markup);
    fst_term_newline(term);
}

void fst_term_block(struct fst_term *term, const char *text)
{
    size_t len = strlen(text);
    fst_term_fresh_line(term);
    fst_term_raw(term, text, len);
    if (!len || text[len - 1] != '\n')
        fst_term_newline(term);
}

static void add_fill(struct fst_buf *out, char sep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fst_buf_addc(out, sep);
}

void fst_term_sep_raw(struct fst_term *term, char sep, const char *title,
                      size_t width, unsigned markup)
{
    struct fst_buf line = FST_BUF_INIT;
    size_t fill =
        term->columns > width + 2 ? (term->columns - width - 2) / 2 : 0;
    if (!fill)
        fill = 1;
    if (term->color)
        add_codes(&line, markup);
    add_fill(&line, sep, fill);
    fst_buf_addf(&line, " %s ", title);
    add_fill(&line, sep, fill);
    if (2 * fill + 2 + width + 1 <= term->columns)
        fst_buf_addc(&line, sep);
    if (term->color && markup)
        fst_buf_adds(&line, "\x1b[0m");
    fst_buf_addc(&line, '\n');
    fst_term_fresh_line(term);
    fst_term_raw(term, line.data, line.len);
    fst_buf_release(&line);
}

void fst_term_sep(struct fst_term *term, char sep, const char *title,
                  unsigned markup)
{
    struct fst_buf safe = FST_BUF_INIT;
    fst_safe_add(&safe, title);
    fst_term_sep_raw(term, sep, fst_buf_str(&safe),
                     fst_width(fst_buf_str(&safe), safe.len), markup);
    fst_buf_release(&safe);
}

/* ECMA-48: ESC [ parameters, one byte from @ to ~. */
void fst_plain_add(struct fst_buf *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\x1b");
        fst_buf_add(out, text, len);
        text += len;
        if (!*text)
            return;
        text++;
        if (*text != '[')
            continue;
        text += 1 + strspn(text + 1, "0123456789;:<=>? !\"#$%&'()*+,-./");
        if (*text >= '@' && *text <= '~')
            text++;
    }
}
