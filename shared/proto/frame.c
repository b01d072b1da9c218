#include "shared/proto/frame.h"

#include <string.h>

#include "shared/proto/codec.h"

enum {
    /* A reader forgets taken bytes once so many have gathered, */
    DROP_AT = 64 * 1024,
    /* and gives memory back that only a large message needed. */
    KEEP_MAX = 2 * FST_FRAME_MAX,
    NUMBER_SIZE = 8,
};

static void put_header(char header[FST_FRAME_HEADER], size_t len,
                       enum fst_msg_type type, int flags)
{
    header[0] = (char)(len >> 24);
    header[1] = (char)(len >> 16);
    header[2] = (char)(len >> 8);
    header[3] = (char)len;
    header[4] = (char)type;
    header[5] = (char)flags;
    header[6] = header[7] = 0;
}

static int write_parts(enum fst_msg_type type, int flags,
                       const struct fst_buf *payload, struct fst_buf *out)
{
    size_t most = FST_FRAME_MAX - 1;
    for (size_t at = 0; at < payload->len; at += most) {
        size_t len = payload->len - at < most ? payload->len - at : most;
        char header[FST_FRAME_HEADER];
        put_header(header, len + 1, FST_MSG_PART,
                   at + len == payload->len ? flags | FST_PART_LAST : 0);
        if (fst_buf_add(out, header, sizeof header) ||
            fst_buf_addc(out, (char)type) ||
            fst_buf_add(out, payload->data + at, len))
            return -1;
    }
    return 0;
}

static void put_number(struct fst_buf *payload, uint64_t number)
{
    char bytes[NUMBER_SIZE];
    for (int i = 0; i < NUMBER_SIZE; i++)
        bytes[i] = (char)(number >> (56 - 8 * i));
    fst_buf_add(payload, bytes, sizeof bytes);
}

int fst_frame_write(const struct fst_msg *msg, bool parts, struct fst_buf *out,
                    struct fst_err *err)
{
    struct fst_buf payload;
    char header[FST_FRAME_HEADER];
    fst_buf_init(&payload, FST_MESSAGE_MAX);
    size_t before = out->len;
    int flags = msg->seq ? FST_FRAME_COUNTED : 0;
    if (msg->seq)
        put_number(&payload, msg->seq);
    int result = fst_msg_encode(msg, &payload, err);
    if (!result) {
        if (parts && payload.len > FST_FRAME_MAX) {
            result = write_parts(msg->type, flags, &payload, out);
        } else {
            put_header(header, payload.len, msg->type, flags);
            result = fst_buf_add(out, header, sizeof header) ||
                             fst_buf_add(out, payload.data, payload.len)
                         ? -1
                         : 0;
        }
        if (result) {
            out->len = before;
            if (out->data)
                fst_buf_end(out);
            fst_fail(err, FST_E_LIMIT, "over %zu bytes to send", out->limit);
        }
    }
    fst_buf_release(&payload);
    return result;
}

void fst_frames_init(struct fst_frames *frames, size_t frame_max,
                     size_t message_max)
{
    *frames =
        (struct fst_frames){.frame_max = frame_max, .message_max = message_max};
    fst_buf_init(&frames->whole, message_max);
}

void fst_frames_release(struct fst_frames *frames)
{
    fst_buf_release(&frames->in);
    fst_buf_release(&frames->whole);
}

void fst_frames_feed(struct fst_frames *frames, const void *bytes, size_t len)
{
    if (frames->used == frames->in.len || frames->used >= DROP_AT) {
        fst_buf_drop(&frames->in, frames->used);
        frames->used = 0;
        if (!frames->in.len && frames->in.cap > KEEP_MAX)
            fst_buf_release(&frames->in);
    }
    fst_buf_add(&frames->in, bytes, len);
}

/* The payload behind its number, where it has one. 1 and *msg, or -1. */
static int decode(enum fst_msg_type type, int flags, const char *payload,
                  size_t len, struct fst_msg **msg, struct fst_err *err)
{
    uint64_t number = 0;
    if (flags & FST_FRAME_COUNTED) {
        for (size_t i = 0; i < NUMBER_SIZE && i < len; i++)
            number = number << 8 | (unsigned char)payload[i];
        if (len < NUMBER_SIZE || !number)
            return fst_fail(err, FST_E_PROTO, "a counted frame without number");
        payload += NUMBER_SIZE;
        len -= NUMBER_SIZE;
    }
    *msg = fst_msg_decode(type, payload, len, err);
    if (*msg)
        (*msg)->seq = number;
    return *msg ? 1 : -1;
}

/* One more piece; 1 and *msg where it was the last one. */
static int take_part(struct fst_frames *frames, const char *payload, size_t len,
                     int flags, struct fst_msg **msg, struct fst_err *err)
{
    if (len < 2)
        return fst_fail(err, FST_E_PROTO, "an empty part of a message");
    if (frames->whole.len && frames->whole.data[0] != payload[0])
        return fst_fail(err, FST_E_PROTO, "parts of two messages mixed");
    size_t skip = frames->whole.len ? 1 : 0;
    if (fst_buf_add(&frames->whole, payload + skip, len - skip))
        return fst_fail(err, FST_E_LIMIT, "a message of over %zu bytes",
                        frames->message_max);
    if (!(flags & FST_PART_LAST))
        return 0;
    enum fst_msg_type type = (enum fst_msg_type)(unsigned char)payload[0];
    int result = decode(type, flags, frames->whole.data + 1,
                        frames->whole.len - 1, msg, err);
    if (frames->whole.cap > KEEP_MAX)
        fst_buf_release(&frames->whole);
    else
        fst_buf_clear(&frames->whole);
    return result;
}

int fst_frames_next(struct fst_frames *frames, struct fst_msg **msg,
                    struct fst_err *err)
{
    while (frames->in.len - frames->used >= FST_FRAME_HEADER) {
        const unsigned char *header =
            (const unsigned char *)frames->in.data + frames->used;
        size_t len = (size_t)header[0] << 24 | (size_t)header[1] << 16 |
                     (size_t)header[2] << 8 | header[3];
        if (len > frames->frame_max)
            return fst_fail(err, FST_E_PROTO, "a frame of %zu bytes (%zu may)",
                            len, frames->frame_max);
        bool part = header[4] == FST_MSG_PART;
        int flags = header[5];
        int known = FST_FRAME_COUNTED | (part ? FST_PART_LAST : 0);
        if (header[6] || header[7] || flags & ~known)
            return fst_fail(err, FST_E_PROTO, "a frame with unknown flags");
        if (frames->in.len - frames->used - FST_FRAME_HEADER < len)
            return 0;
        const char *payload = (const char *)header + FST_FRAME_HEADER;
        frames->used += FST_FRAME_HEADER + len;
        if (!part)
            return decode((enum fst_msg_type)header[4], flags, payload, len,
                          msg, err);
        int result = take_part(frames, payload, len, flags, msg, err);
        if (result)
            return result;
    }
    return 0;
}
