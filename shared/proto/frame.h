/* Frames: u32 length of the payload (big-endian) | u8 type | u8 flags | u16
 * zero | payload. The same on the network and on a worker's pipe. With
 * FST_FRAME_COUNTED the payload begins with the message's number (u64,
 * big-endian; link.h), else with the JSON.
 *
 * On the network a payload over FST_FRAME_MAX travels as PART frames (flags
 * FST_PART_LAST on the last one, with the message's own; each payload is one
 * byte, the message's real type, then bytes) and is put together again here, up
 * to the reader's ceiling. Pure: bytes in, frames out.
 */
#ifndef FST_PROTO_FRAME_H
#define FST_PROTO_FRAME_H

#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/proto/msg.h"

enum {
    FST_FRAME_HEADER = 8,
    FST_FRAME_MAX_UNPROVEN = 4096, /* before authentication */
    FST_FRAME_MAX = 1 << 20,
    FST_MESSAGE_MAX = 256 << 20, /* ceiling for a message in parts */
    FST_PART_LAST = 1,
    FST_FRAME_COUNTED = 2,
};

/* Encodes msg and appends its frame or frames to out. parts: split what is
 * larger than FST_FRAME_MAX (the network); else one frame (the pipe). */
int fst_frame_write(const struct fst_msg *msg, bool parts, struct fst_buf *out,
                    struct fst_err *err);

struct fst_frames { /* a reader's state */
    struct fst_buf in;
    struct fst_buf whole; /* parts so far */
    size_t frame_max, message_max;
    size_t used; /* bytes of `in` already taken as frames */
};

/* frame_max, message_max: ceilings in bytes. */
void fst_frames_init(struct fst_frames *frames, size_t frame_max,
                     size_t message_max);
void fst_frames_release(struct fst_frames *frames);
/* Bytes as they came; any cut. */
void fst_frames_feed(struct fst_frames *frames, const void *bytes, size_t len);
/* The next whole message: 1 and *msg (the caller's), 0: more bytes needed, -1:
 * the peer broke the protocol (the reader is of no use any more). */
int fst_frames_next(struct fst_frames *frames, struct fst_msg **msg,
                    struct fst_err *err);

#endif
