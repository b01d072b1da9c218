#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/cli/outbox.h"
#include "shared/base/mem.h"

struct sent {
    struct fst_outbox *outbox;
    char text[256]; /* agent and number of each message, in order */
    bool answers;   /* the next one by another to the same agent */
};

static void send_msg(struct fst_outbox *outbox, uint32_t agent,
                     const char *file, uint64_t number)
{
    struct fst_msg *msg = fst_msg_new(file ? FST_MSG_LEASE : FST_MSG_CANCEL);
    msg->seq = number;
    if (file)
        msg->lease.file = file;
    fst_outbox_send(outbox, (struct fst_agent_id){agent}, msg);
}

static void on_send(void *user, struct fst_agent_id agent, struct fst_msg *msg)
{
    struct sent *sent = user;
    size_t len = strlen(sent->text);
    snprintf(sent->text + len, sizeof sent->text - len, "%u:%llu ", agent.v,
             (unsigned long long)msg->seq);
    if (!sent->answers)
        return;
    sent->answers = false;
    send_msg(sent->outbox, agent.v, NULL, 99);
}

static int set_up(void **state)
{
    struct sent *sent = fst_alloc(sizeof *sent);
    sent->outbox = fst_outbox_new(on_send, sent);
    *state = sent;
    return 0;
}

static int tear_down(void **state)
{
    struct sent *sent = *state;
    fst_outbox_free(sent->outbox);
    free(sent);
    return 0;
}

/* Whoever doesn't know the list can't know what is back. */
static void what_asks_back_waits_for_all_lists(void **state)
{
    struct sent *sent = *state;
    struct fst_msg *revoke = fst_msg_new(FST_MSG_REVOKE);
    revoke->seq = 1;
    fst_outbox_listed(sent->outbox, "a.py");
    fst_outbox_send(sent->outbox, (struct fst_agent_id){1}, revoke);
    assert_string_equal(sent->text, "");
    fst_outbox_mark(sent->outbox);
    fst_outbox_kept(sent->outbox);
    assert_string_equal(sent->text, "1:1 ");
}

static void a_lease_waits_for_its_files_list(void **state)
{
    struct sent *sent = *state;
    fst_outbox_listed(sent->outbox, "a.py");
    send_msg(sent->outbox, 1, "a.py", 1);
    send_msg(sent->outbox, 1, "b.py", 2); /* behind it */
    send_msg(sent->outbox, 2, "b.py", 3);
    send_msg(sent->outbox, 2, NULL, 4);
    assert_string_equal(sent->text, "2:3 2:4 ");
    assert_true(fst_outbox_waits(sent->outbox));
    fst_outbox_mark(sent->outbox);
    send_msg(sent->outbox, 2, "a.py", 5);
    fst_outbox_kept(sent->outbox);
    assert_string_equal(sent->text, "2:3 2:4 1:1 1:2 2:5 ");
    assert_false(fst_outbox_waits(sent->outbox));
    send_msg(sent->outbox, 1, "a.py", 6);
    assert_string_equal(sent->text, "2:3 2:4 1:1 1:2 2:5 1:6 ");
}

/* Listed while the one before is written, or listed anew. */
static void a_list_is_kept_with_its_own_round(void **state)
{
    struct sent *sent = *state;
    fst_outbox_listed(sent->outbox, "a.py");
    fst_outbox_listed(sent->outbox, "b.py");
    fst_outbox_mark(sent->outbox);
    fst_outbox_listed(sent->outbox, "b.py");
    fst_outbox_listed(sent->outbox, "c.py");
    send_msg(sent->outbox, 1, "a.py", 1);
    send_msg(sent->outbox, 2, "b.py", 2);
    send_msg(sent->outbox, 3, "c.py", 3);
    send_msg(sent->outbox, 1, "c.py", 4);
    fst_outbox_kept(sent->outbox);
    assert_string_equal(sent->text, "1:1 ");
    fst_outbox_mark(sent->outbox);
    assert_string_equal(sent->text, "1:1 ");
    fst_outbox_kept(sent->outbox);
    assert_string_equal(sent->text, "1:1 2:2 3:3 1:4 ");
}

static void what_is_sent_by_whoever_hears_stays_in_order(void **state)
{
    struct sent *sent = *state;
    fst_outbox_listed(sent->outbox, "a.py");
    send_msg(sent->outbox, 1, "a.py", 1);
    send_msg(sent->outbox, 1, NULL, 2);
    fst_outbox_mark(sent->outbox);
    sent->answers = true;
    fst_outbox_kept(sent->outbox);
    assert_string_equal(sent->text, "1:1 1:2 1:99 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_asks_back_waits_for_all_lists),
        TEST(a_lease_waits_for_its_files_list),
        TEST(a_list_is_kept_with_its_own_round),
        TEST(what_is_sent_by_whoever_hears_stays_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
