#include "shared/proto/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/mem.h"
#include "shared/proto/frame.h"

static uint64_t send_one(struct fst_link *link, enum fst_msg_type type)
{
    struct fst_err err;
    struct fst_msg *msg = fst_msg_new(type);
    const struct fst_buf *frames = fst_link_send(link, msg, &err);
    assert_non_null(frames);
    assert_true(frames->len > FST_FRAME_HEADER);
    uint64_t seq = msg->seq;
    fst_msg_free(msg);
    return seq;
}

static int hear(struct fst_link *link, enum fst_msg_type type, uint64_t seq)
{
    struct fst_err err;
    struct fst_msg *msg = fst_msg_new(type);
    msg->seq = seq;
    int result = fst_link_hear(link, msg, &err);
    fst_msg_free(msg);
    return result;
}

static void what_is_sent_is_numbered_and_kept_until_acknowledged(void **state)
{
    (void)state;
    struct fst_link link = {0};
    struct fst_err err;
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(send_one(&link, FST_MSG_DRAIN), seq);
    size_t all = link.bytes;
    assert_int_equal(fst_link_ack(&link, 2, &err), 0);
    assert_int_equal(link.kept.count, 1);
    assert_int_equal(link.bytes, all / 3);
    assert_int_equal(fst_link_ack(&link, 1, &err), 0); /* says nothing new */
    assert_int_equal(link.kept.count, 1);
    assert_int_equal(fst_link_ack(&link, 4, &err), -1);
    assert_int_equal(err.code, FST_E_PROTO);
    assert_int_equal(fst_link_ack(&link, 3, &err), 0);
    assert_int_equal(link.kept.count, 0);
    assert_int_equal(link.bytes, 0);
    fst_link_release(&link);
}

static void what_is_heard_twice_is_told_from_what_is_new(void **state)
{
    (void)state;
    struct fst_link link = {0};
    assert_int_equal(hear(&link, FST_MSG_BYE, 1), 1);
    assert_int_equal(hear(&link, FST_MSG_BYE, 2), 1);
    assert_int_equal(hear(&link, FST_MSG_BYE, 1), 0);
    assert_int_equal(hear(&link, FST_MSG_BYE, 2), 0);
    assert_int_equal(hear(&link, FST_MSG_BYE, 4), -1);
    assert_int_equal(hear(&link, FST_MSG_BYE, 0), -1);
    assert_int_equal(hear(&link, FST_MSG_PING, 3), -1);
    assert_int_equal(hear(&link, FST_MSG_PING, 0), 1);
    assert_int_equal(hear(&link, FST_MSG_BYE, 3), 1);
    assert_true(fst_link_owes(&link));
    struct fst_msg *ack = fst_link_tell(&link);
    assert_int_equal(ack->ack.seq, 3);
    assert_int_equal(ack->seq, 0);
    assert_false(fst_link_owes(&link));
    fst_msg_free(ack);
    fst_link_release(&link);
}

/* Every message that the other side has not heard, as it was. */
static void after_a_reconnect_the_rest_is_sent_again(void **state)
{
    (void)state;
    struct fst_link link = {0}, other = {0};
    struct fst_err err;
    static const enum fst_msg_type types[] = {FST_MSG_DRAIN, FST_MSG_REVOKE,
                                              FST_MSG_CANCEL, FST_MSG_BYE};
    for (size_t i = 0; i < 4; i++)
        send_one(&link, types[i]);
    assert_int_equal(fst_link_ack(&link, 1, &err), 0);
    other.heard = 2;
    assert_int_equal(fst_link_resume(&link, 5, &err), -1);
    assert_int_equal(fst_link_resume(&link, 0, &err), -1);
    assert_int_equal(fst_link_resume(&link, other.heard, &err), 0);
    assert_int_equal(link.kept.count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct fst_msg *msg = fst_link_copy(&link, i);
        assert_int_equal(msg->type, types[i + 2]);
        assert_int_equal(msg->seq, i + 3);
        assert_int_equal(fst_link_hear(&other, msg, &err), 1);
        fst_msg_free(msg);
    }
    fst_link_release(&link);
}

static void a_message_in_parts_keeps_its_number(void **state)
{
    (void)state;
    struct fst_link link = {0};
    struct fst_err err;
    struct fst_msg *msg = fst_msg_new(FST_MSG_OUTPUT);
    size_t size = 3 << 20;
    char *text = fst_alloc(size + 1);
    memset(text, 'x', size);
    msg->output.text = text;
    assert_non_null(fst_link_send(&link, msg, &err));
    fst_msg_free(msg);
    msg = fst_link_copy(&link, 0);
    assert_int_equal(msg->seq, 1);
    assert_string_equal(msg->output.text, text);
    fst_msg_free(msg);
    free(text);
    fst_link_release(&link);
}

static void what_nobody_acknowledges_has_a_ceiling(void **state)
{
    (void)state;
    struct fst_err err;
    struct fst_link link = {.bytes = FST_LINK_KEPT_MAX};
    struct fst_msg *msg = fst_msg_new(FST_MSG_DRAIN);
    assert_null(fst_link_send(&link, msg, &err));
    assert_int_equal(err.code, FST_E_LIMIT);
    assert_int_equal(link.sent, 0);
    fst_msg_free(msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_is_numbered_and_kept_until_acknowledged),
        cmocka_unit_test(what_is_heard_twice_is_told_from_what_is_new),
        cmocka_unit_test(after_a_reconnect_the_rest_is_sent_again),
        cmocka_unit_test(a_message_in_parts_keeps_its_number),
        cmocka_unit_test(what_nobody_acknowledges_has_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
