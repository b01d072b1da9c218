/* Bytes as they come from a peer that is not proven, or is: frames, parts, and
 * each message's decoder. What is let through can be sent on.
 *
 * First byte: bit 0 whether the peer is proven, the rest how many bytes come at
 * once. */
#include <stdlib.h>
#include <string.h>

#include "shared/proto/frame.h"
#include "tests/fuzz/fuzz.h"

/* A block of its own for each cut, so that a sanitizer sees its end. */
static void feed(struct fst_frames *frames, const uint8_t *bytes, size_t len)
{
    void *copy = malloc(len);
    FST_ASSERT(copy);
    memcpy(copy, bytes, len);
    fst_frames_feed(frames, copy, len);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_input input = {bytes, len};
    struct fst_frames frames;
    struct fst_err err;
    uint8_t how = fuzz_byte(&input);
    size_t step = how / 2 ? (size_t)(how / 2) : SIZE_MAX;
    if (how & 1)
        fst_frames_init(&frames, FST_FRAME_MAX, FST_MESSAGE_MAX);
    else
        fst_frames_init(&frames, FST_FRAME_MAX_UNPROVEN,
                        FST_FRAME_MAX_UNPROVEN);
    int result = 0;
    while (input.left && result >= 0) {
        struct fst_msg *msg;
        size_t cut = input.left < step ? input.left : step;
        feed(&frames, input.at, cut);
        input.at += cut;
        input.left -= cut;
        while ((result = fst_frames_next(&frames, &msg, &err)) > 0) {
            fuzz_check_sendable(msg);
            fst_msg_free(msg);
        }
        FST_ASSERT(!result || err.msg[0]);
        /* What waits is a part of one frame. */
        FST_ASSERT(result || frames.in.len - frames.used <
                                 FST_FRAME_HEADER + frames.frame_max);
    }
    fst_frames_release(&frames);
    return 0;
}
