#include "agent/pool/lines.h"

#include <string.h>

#include "shared/base/text.h"

void fst_lines_init(struct fst_lines *lines,
                    void (*on_lines)(void *user, const char *text), void *user)
{
    *lines =
        (struct fst_lines){.held = true, .on_lines = on_lines, .user = user};
}

void fst_lines_release(struct fst_lines *lines)
{
    fst_buf_release(&lines->rest);
    fst_buf_release(&lines->wait);
}

/* The first len bytes of what is there, which end where a line does. */
static void hand_on(struct fst_lines *lines, size_t len)
{
    struct fst_arena arena = {0};
    if (!len)
        return;
    const char *text = fst_text_clean(&arena, lines->rest.data, len);
    fst_buf_drop(&lines->rest, len);
    lines->on_lines(lines->user, text);
    fst_arena_release(&arena);
}

/* Where a line of `len` bytes is cut: before a character that would be
 * parted. */
static size_t find_cut(const char *bytes, size_t len)
{
    size_t cut = len;
    for (int i = 0; i < 4 && cut > 1; i++) {
        unsigned char c = (unsigned char)bytes[cut - 1];
        if (c < 0x80)
            break;
        cut--;
        if (c >= 0xc0)
            return cut;
    }
    return len;
}

static void cut_long(struct fst_lines *lines)
{
    if (lines->rest.len < FST_LINES_LONGEST)
        return;
    size_t cut = find_cut(lines->rest.data, lines->rest.len);
    struct fst_buf tail = FST_BUF_INIT;
    fst_buf_add(&tail, lines->rest.data + cut, lines->rest.len - cut);
    lines->rest.len = cut;
    fst_buf_addc(&lines->rest, '\n');
    hand_on(lines, lines->rest.len);
    fst_buf_add(&lines->rest, tail.data, tail.len);
    fst_buf_release(&tail);
}

/* Adds what stands before the next end of a line, and that end. Returns how
 * many bytes it has taken. */
static size_t take_part(struct fst_lines *lines, const char *bytes, size_t len)
{
    size_t n = 0;
    if (lines->after_cr && *bytes == '\n') {
        lines->after_cr = false;
        return 1;
    }
    lines->after_cr = false;
    while (n < len && bytes[n] != '\n' && bytes[n] != '\r')
        n++;
    fst_buf_add(&lines->rest, bytes, n);
    if (n == len)
        return n;
    fst_buf_addc(&lines->rest, '\n');
    lines->after_cr = bytes[n] == '\r';
    return n + 1;
}

static size_t complete(const struct fst_lines *lines)
{
    const char *last = lines->rest.len
                           ? memrchr(lines->rest.data, '\n', lines->rest.len)
                           : NULL;
    return last ? (size_t)(last + 1 - lines->rest.data) : 0;
}

static void feed_text(struct fst_lines *lines, const char *bytes, size_t len)
{
    enum { PIECE = 64 * 1024 };
    while (len) {
        size_t most = len < PIECE ? len : PIECE;
        if (lines->held && lines->rest.len + most > FST_LINES_LONGEST)
            return;
        size_t taken = take_part(lines, bytes, most);
        bytes += taken;
        len -= taken;
        if (!lines->held && lines->rest.len >= FST_LINES_LONGEST) {
            hand_on(lines, complete(lines));
            cut_long(lines);
        }
    }
}

static void end_line(struct fst_lines *lines)
{
    if (lines->rest.len && lines->rest.data[lines->rest.len - 1] != '\n')
        fst_buf_addc(&lines->rest, '\n');
}

/* Bytes up to the next mark; returns how many. */
static size_t feed_to_mark(struct fst_lines *lines, const char *bytes,
                           size_t len)
{
    static const char mark[] = FST_LINES_MARK;
    if (lines->matched && *bytes == mark[lines->matched]) {
        lines->stopped = !mark[++lines->matched];
        lines->matched = lines->stopped ? 0 : lines->matched;
        if (lines->stopped)
            end_line(lines);
        return 1;
    }
    feed_text(lines, mark, lines->matched); /* it was none */
    const char *at = memchr(bytes, *mark, len);
    size_t before = at ? (size_t)(at - bytes) : len;
    lines->matched = at != NULL;
    feed_text(lines, bytes, before);
    return before + lines->matched;
}

void fst_lines_feed(struct fst_lines *lines, const char *bytes, size_t len)
{
    if (!lines->on_lines)
        return;
    while (len && !lines->stopped) {
        size_t taken = feed_to_mark(lines, bytes, len);
        bytes += taken;
        len -= taken;
    }
    fst_buf_add(&lines->wait, bytes, len);
    if (!lines->held)
        hand_on(lines, complete(lines));
}

void fst_lines_go_on(struct fst_lines *lines)
{
    struct fst_buf wait = lines->wait;
    if (!lines->stopped)
        return;
    lines->stopped = false;
    lines->wait = FST_BUF_INIT;
    fst_lines_feed(lines, fst_buf_str(&wait), wait.len);
    fst_buf_release(&wait);
}

void fst_lines_let_go(struct fst_lines *lines)
{
    if (!lines->on_lines)
        return;
    lines->held = false;
    hand_on(lines, complete(lines));
}

void fst_lines_end(struct fst_lines *lines)
{
    while (lines->stopped)
        fst_lines_go_on(lines);
    if (lines->held || !lines->rest.len)
        return;
    end_line(lines);
    hand_on(lines, lines->rest.len);
}
