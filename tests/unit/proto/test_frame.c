#include "shared/proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/proto/sample.h"

/* A CANCEL whose reason has so many bytes. */
static struct fst_msg *cancel_of(size_t len)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CANCEL);
    char *why = fst_arena_alloc(&msg->arena, len + 1);
    memset(why, 'w', len);
    msg->cancel.why = why;
    return msg;
}

static void add_cancel(struct fst_buf *out, size_t len, bool parts)
{
    struct fst_err err;
    struct fst_msg *msg = cancel_of(len);
    assert_int_equal(fst_frame_write(msg, parts, out, &err), 0);
    fst_msg_free(msg);
}

static void add_frame(struct fst_buf *out, int type, int flags,
                      const char *payload, size_t len)
{
    const char header[FST_FRAME_HEADER] = {
        (char)(len >> 24), (char)(len >> 16), (char)(len >> 8),
        (char)len,         (char)type,        (char)flags,
    };
    fst_buf_add(out, header, sizeof header);
    fst_buf_add(out, payload, len);
}

static void a_frame_is_length_type_flags_and_payload(void **state)
{
    (void)state;
    struct fst_buf out = FST_BUF_INIT;
    struct fst_err err;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = 3;
    assert_int_equal(fst_frame_write(msg, true, &out, &err), 0);
    fst_msg_free(msg);
    assert_int_equal(out.len, 18);
    assert_memory_equal(out.data, "\0\0\0\x0a\6\0\0\0{\"slot\":3}", 18);
    fst_buf_release(&out);
}

static void messages_come_out_whatever_the_cuts(void **state)
{
    (void)state;
    struct fst_buf bytes = FST_BUF_INIT;
    struct fst_err err;
    for (int type = FST_MSG_HELLO; type <= FST_MSG_LAST; type++) {
        if (type == FST_MSG_PART)
            continue;
        struct fst_msg *msg = sample_message((enum fst_msg_type)type);
        assert_int_equal(fst_frame_write(msg, true, &bytes, &err), 0);
        fst_msg_free(msg);
    }
    for (size_t cut = 1; cut < bytes.len; cut += cut < 40 ? 1 : cut / 3) {
        struct fst_frames frames;
        int next = FST_MSG_HELLO;
        fst_frames_init(&frames, FST_FRAME_MAX, FST_MESSAGE_MAX);
        for (size_t at = 0; at < bytes.len; at += cut) {
            size_t len = bytes.len - at < cut ? bytes.len - at : cut;
            struct fst_msg *msg;
            int result;
            fst_frames_feed(&frames, bytes.data + at, len);
            while ((result = fst_frames_next(&frames, &msg, &err)) > 0) {
                next += next == FST_MSG_PART;
                assert_int_equal(msg->type, next++);
                fst_msg_free(msg);
            }
            assert_int_equal(result, 0);
        }
        assert_int_equal(next, FST_MSG_LAST + 1);
        fst_frames_release(&frames);
    }
    fst_buf_release(&bytes);
}

static void
a_large_message_travels_in_parts_below_the_frames_ceiling(void **state)
{
    (void)state;
    struct fst_buf bytes = FST_BUF_INIT;
    struct fst_frames frames;
    struct fst_msg *msg;
    struct fst_err err;
    size_t sizes[] = {FST_FRAME_MAX - 10, FST_FRAME_MAX - 9, 5 << 20};
    fst_frames_init(&frames, FST_FRAME_MAX, FST_MESSAGE_MAX);
    for (size_t i = 0; i < 3; i++) {
        fst_buf_clear(&bytes);
        add_cancel(&bytes, sizes[i], true); /* 10 bytes are {"why":""} */
        assert_int_equal(bytes.data[4], i ? FST_MSG_PART : FST_MSG_CANCEL);
        fst_frames_feed(&frames, bytes.data, bytes.len);
        assert_int_equal(fst_frames_next(&frames, &msg, &err), 1);
        assert_int_equal(strlen(msg->cancel.why), sizes[i]);
        fst_msg_free(msg);
        assert_int_equal(fst_frames_next(&frames, &msg, &err), 0);
    }
    fst_frames_release(&frames);
    fst_buf_release(&bytes);
}

static void a_pipes_frame_is_never_cut(void **state)
{
    (void)state;
    struct fst_buf bytes = FST_BUF_INIT;
    struct fst_frames frames;
    struct fst_msg *msg;
    struct fst_err err;
    add_cancel(&bytes, 3 << 20, false);
    assert_int_equal(bytes.data[4], FST_MSG_CANCEL);
    fst_frames_init(&frames, FST_MESSAGE_MAX, FST_MESSAGE_MAX);
    fst_frames_feed(&frames, bytes.data, bytes.len);
    assert_int_equal(fst_frames_next(&frames, &msg, &err), 1);
    assert_int_equal(strlen(msg->cancel.why), 3 << 20);
    fst_msg_free(msg);
    fst_frames_release(&frames);
    fst_buf_release(&bytes);
}

/* All bytes at once; -1 and these words, after `before` good messages. */
static void breaks(const struct fst_buf *bytes, size_t message_max,
                   size_t before, const char *words)
{
    struct fst_frames frames;
    struct fst_msg *msg;
    struct fst_err err = {0};
    int result;
    size_t count = 0;
    fst_frames_init(&frames, FST_FRAME_MAX_UNPROVEN, message_max);
    fst_frames_feed(&frames, bytes->data, bytes->len);
    while ((result = fst_frames_next(&frames, &msg, &err)) > 0) {
        fst_msg_free(msg);
        count++;
    }
    assert_int_equal(result, -1);
    assert_int_equal(count, before);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" instead of \"%s\"", err.msg, words);
    fst_frames_release(&frames);
}

static void a_frame_over_its_ceiling_is_refused_by_its_header(void **state)
{
    (void)state;
    struct fst_buf bytes = FST_BUF_INIT;
    add_cancel(&bytes, FST_FRAME_MAX_UNPROVEN - 10, true);
    add_cancel(&bytes, FST_FRAME_MAX_UNPROVEN - 9, true);
    bytes.len -= 4000; /* the payload need not be there */
    breaks(&bytes, FST_MESSAGE_MAX, 1, "4097 bytes (4096 may)");
    fst_buf_release(&bytes);
}

static void parts_that_do_not_fit_together_are_refused(void **state)
{
    (void)state;
    struct fst_buf bytes = FST_BUF_INIT;
    add_frame(&bytes, FST_MSG_PART, 0, "\x0f{\"why\":", 8);
    add_frame(&bytes, FST_MSG_PART, FST_PART_LAST, "\x0f\"x\"}", 5);
    add_frame(&bytes, FST_MSG_PART, FST_PART_LAST, "\x0f", 1);
    breaks(&bytes, 100, 1, "an empty part");
    fst_buf_clear(&bytes);
    add_frame(&bytes, FST_MSG_PART, 0, "\x0f{\"why\":", 8);
    add_frame(&bytes, FST_MSG_PART, FST_PART_LAST, "\x10\"x\"}", 5);
    breaks(&bytes, 100, 0, "two messages");
    fst_buf_clear(&bytes);
    add_frame(&bytes, FST_MSG_PART, 4, "\x0f{}", 3);
    breaks(&bytes, 100, 0, "flags");
    fst_buf_clear(&bytes);
    add_frame(&bytes, FST_MSG_DRAIN, FST_FRAME_COUNTED, "{}", 2);
    breaks(&bytes, 100, 0, "without number");
    fst_buf_clear(&bytes);
    add_frame(&bytes, FST_MSG_DRAIN, FST_FRAME_COUNTED, "\0\0\0\0\0\0\0\0{}",
              10);
    breaks(&bytes, 100, 0, "without number");
    fst_buf_clear(&bytes);
    add_frame(&bytes, FST_MSG_CANCEL, FST_PART_LAST, "{\"why\":\"\"}", 10);
    breaks(&bytes, 100, 0, "flags");
    fst_buf_clear(&bytes);
    add_frame(&bytes, FST_MSG_PART, FST_PART_LAST, "\x13{}", 3);
    breaks(&bytes, 100, 0, "unknown message type 19");
    fst_buf_clear(&bytes);
    for (int i = 0; i < 12; i++)
        add_frame(&bytes, FST_MSG_PART, 0, "\x0f         ", 10);
    breaks(&bytes, 100, 0, "a message of over 100 bytes");
    fst_buf_release(&bytes);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct fst_buf out;
    struct fst_err err;
    fst_buf_init(&out, (2 << 20) + 100);
    add_cancel(&out, 10, true);
    size_t before = out.len;
    struct fst_msg *msg = cancel_of(3 << 20);
    assert_int_equal(fst_frame_write(msg, true, &out, &err), -1);
    assert_int_equal(err.code, FST_E_LIMIT);
    assert_int_equal(out.len, before);
    assert_int_equal(out.data[out.len], '\0');
    fst_msg_free(msg);
    fst_buf_release(&out);
}

static void memory_of_a_large_message_is_given_back(void **state)
{
    (void)state;
    struct fst_buf bytes = FST_BUF_INIT;
    struct fst_frames frames;
    struct fst_msg *msg;
    struct fst_err err;
    fst_frames_init(&frames, FST_FRAME_MAX, FST_MESSAGE_MAX);
    add_cancel(&bytes, 20 << 20, true);
    for (size_t at = 0; at < bytes.len; at += 65536) {
        size_t left = bytes.len - at;
        fst_frames_feed(&frames, bytes.data + at, left < 65536 ? left : 65536);
        while (fst_frames_next(&frames, &msg, &err) > 0)
            fst_msg_free(msg);
    }
    assert_true(frames.in.cap + frames.whole.cap < 5 << 20);
    fst_frames_release(&frames);
    fst_buf_release(&bytes);
}

/* Random damage: messages or a refusal, never more than that. */
static void damaged_bytes_are_read_or_refused(void **state)
{
    (void)state;
    struct fst_buf bytes = FST_BUF_INIT;
    struct fst_err err;
    size_t refused = 0;
    for (int type = FST_MSG_HELLO; type <= FST_MSG_LAST; type++) {
        if (type == FST_MSG_PART)
            continue;
        struct fst_msg *msg = sample_message((enum fst_msg_type)type);
        assert_int_equal(fst_frame_write(msg, true, &bytes, &err), 0);
        fst_msg_free(msg);
    }
    srand(11);
    for (int round = 0; round < 500; round++) {
        struct fst_buf damaged = FST_BUF_INIT;
        struct fst_frames frames;
        struct fst_msg *msg;
        int result;
        fst_buf_add(&damaged, bytes.data, bytes.len);
        for (int i = 1 + rand() % 4; i > 0; i--)
            damaged.data[(size_t)rand() % damaged.len] = (char)(rand() >> 6);
        fst_frames_init(&frames, FST_FRAME_MAX, FST_MESSAGE_MAX);
        fst_frames_feed(&frames, damaged.data, damaged.len);
        while ((result = fst_frames_next(&frames, &msg, &err)) > 0)
            fst_msg_free(msg);
        refused += result < 0;
        fst_frames_release(&frames);
        fst_buf_release(&damaged);
    }
    assert_true(refused > 100);
    fst_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_length_type_flags_and_payload),
        cmocka_unit_test(messages_come_out_whatever_the_cuts),
        cmocka_unit_test(
            a_large_message_travels_in_parts_below_the_frames_ceiling),
        cmocka_unit_test(a_pipes_frame_is_never_cut),
        cmocka_unit_test(a_frame_over_its_ceiling_is_refused_by_its_header),
        cmocka_unit_test(parts_that_do_not_fit_together_are_refused),
        cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
        cmocka_unit_test(memory_of_a_large_message_is_given_back),
        cmocka_unit_test(damaged_bytes_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
