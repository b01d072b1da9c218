#include "shared/trust/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/identities.h"

static struct fst_identity *ca, *other_ca;

static int set_up(void **state)
{
    (void)state;
    ca = make_identity(FST_ISSUE_CA, NULL, NULL, NULL, -1, 30);
    other_ca = make_identity(FST_ISSUE_CA, NULL, NULL, NULL, -1, 30);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fst_identity_free(ca);
    fst_identity_free(other_ca);
    return 0;
}

struct side {
    struct fst_tls_end *end;
    struct fst_tls *tls;
    int result; /* of the handshake */
    struct fst_err err;
};

struct pair {
    struct fst_identity *shown[2];
    struct side coordinator, agent;
};

static void pour(struct fst_tls *from, struct fst_tls *to, size_t piece)
{
    struct fst_buf *out = fst_tls_out(from);
    size_t len = out->len < piece ? out->len : piece;
    fst_tls_feed(to, fst_buf_str(out), len);
    fst_buf_drop(out, len);
}

static void step(struct side *side)
{
    if (!side->result)
        side->result = fst_tls_shake(side->tls, &side->err);
}

/* Takes the identities over. What goes over the line comes in pieces. */
static void shake(struct pair *pair, struct fst_identity *coordinator,
                  struct fst_identity *agent, size_t piece)
{
    *pair = (struct pair){.shown = {coordinator, agent}};
    pair->coordinator.end =
        fst_tls_end_new(coordinator, FST_TOKEN_COORDINATOR, NULL);
    pair->agent.end = fst_tls_end_new(agent, FST_TOKEN_AGENT, FST_TLS_NAME);
    pair->coordinator.tls = fst_tls_new(pair->coordinator.end);
    pair->agent.tls = fst_tls_new(pair->agent.end);
    bool moved = true;
    while (moved) {
        step(&pair->agent);
        step(&pair->coordinator);
        moved = fst_tls_out(pair->agent.tls)->len ||
                fst_tls_out(pair->coordinator.tls)->len;
        pour(pair->agent.tls, pair->coordinator.tls, piece);
        pour(pair->coordinator.tls, pair->agent.tls, piece);
    }
}

static void release(struct pair *pair)
{
    fst_tls_free(pair->coordinator.tls);
    fst_tls_free(pair->agent.tls);
    fst_tls_end_free(pair->coordinator.end);
    fst_tls_end_free(pair->agent.end);
    fst_identity_free(pair->shown[0]);
    fst_identity_free(pair->shown[1]);
}

static struct fst_identity *coordinator(const struct fst_identity *believed)
{
    return make_identity(FST_ISSUE_COORDINATOR, FST_TLS_NAME, ca, believed, -1,
                         10);
}

static struct fst_identity *agent(void)
{
    return make_identity(FST_ISSUE_AGENT, NULL, ca, ca, -1, 10);
}

static void expect_text(struct side *from, struct side *to, size_t len)
{
    struct fst_err err;
    char *text = fst_alloc(len), *got = fst_alloc(len);
    size_t have = 0;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(i * 7);
    assert_int_equal(fst_tls_write(from->tls, text, len, &err), 0);
    for (;;) {
        size_t some = 0;
        int result = fst_tls_read(to->tls, got + have,
                                  len - have ? len - have : 1, &some, &err);
        assert_true(result >= 0);
        have += some;
        if (!result && !fst_tls_out(from->tls)->len)
            break;
        if (!result)
            pour(from->tls, to->tls, 1000);
    }
    assert_int_equal(have, len);
    assert_memory_equal(text, got, len);
    free(text);
    free(got);
}

static void members_of_a_farm_speak_both_ways(void **state)
{
    static const size_t pieces[] = {1, 100, 1 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct pair pair;
        shake(&pair, coordinator(ca), agent(), pieces[i]);
        assert_int_equal(pair.coordinator.result, 1);
        assert_int_equal(pair.agent.result, 1);
        expect_text(&pair.agent, &pair.coordinator, 1);
        expect_text(&pair.coordinator, &pair.agent, 100000);
        expect_text(&pair.agent, &pair.coordinator, 70000);
        release(&pair);
    }
}

static void an_agent_needs_no_certificate_where_none_is_asked_for(void **state)
{
    (void)state;
    struct pair pair;
    shake(&pair, coordinator(NULL), make_anonymous(ca), 1 << 20);
    assert_int_equal(pair.coordinator.result, 1);
    assert_int_equal(pair.agent.result, 1);
    expect_text(&pair.agent, &pair.coordinator, 10);
    release(&pair);
}

/* Both sides say why; whose word it is stands in the texts. */
static void expect_refusal(struct fst_identity *one, struct fst_identity *two,
                           const char *coordinator_says, const char *agent_says)
{
    struct pair pair;
    shake(&pair, one, two, 1 << 20);
    struct side *sides[] = {&pair.coordinator, &pair.agent};
    const char *says[] = {coordinator_says, agent_says};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sides[i]->result, -1);
        if (sides[i]->err.code != FST_E_REFUSED ||
            !strstr(sides[i]->err.msg, says[i]))
            fail_msg("\"%s\" instead of \"%s\"", sides[i]->err.msg, says[i]);
    }
    release(&pair);
}

static void an_agent_is_refused_that_is_no_member(void **state)
{
    (void)state;
    expect_refusal(coordinator(ca), make_anonymous(ca),
                   "the agent shows no certificate",
                   "wants a certificate of this agent");
    expect_refusal(coordinator(ca),
                   make_identity(FST_ISSUE_AGENT, NULL, other_ca, ca, -1, 10),
                   "the agent's certificate isn't accepted: it is of another",
                   "doesn't accept this agent's certificate: it is of another");
    expect_refusal(coordinator(ca),
                   make_identity(FST_ISSUE_AGENT, NULL, ca, ca, -10, -5),
                   "the agent's certificate isn't accepted: it has expired",
                   "doesn't accept this agent's certificate: it has expired");
    expect_refusal(coordinator(ca),
                   make_identity(FST_ISSUE_AGENT, NULL, ca, ca, 5, 10),
                   "the agent's certificate isn't accepted: it isn't valid yet",
                   "doesn't accept this agent's certificate");
    expect_refusal(
        coordinator(ca),
        make_identity(FST_ISSUE_COORDINATOR, FST_TLS_NAME, ca, ca, -1, 10),
        "the agent's certificate isn't accepted: it is for another",
        "doesn't accept this agent's certificate");
}

static void a_coordinator_is_refused_that_is_none(void **state)
{
    (void)state;
    expect_refusal(make_identity(FST_ISSUE_COORDINATOR, FST_TLS_NAME, other_ca,
                                 ca, -1, 10),
                   agent(), "doesn't accept this coordinator's certificate",
                   "the coordinator's certificate isn't accepted: it is of");
    expect_refusal(
        make_identity(FST_ISSUE_COORDINATOR, FST_TLS_NAME, ca, ca, -10, -5),
        agent(), "doesn't accept this coordinator's certificate",
        "the coordinator's certificate isn't accepted: it has expired");
    expect_refusal(
        make_identity(FST_ISSUE_COORDINATOR, FST_TLS_NAME, ca, ca, 5, 10),
        agent(), "doesn't accept this coordinator's certificate",
        "the coordinator's certificate isn't accepted: it isn't valid yet");
    expect_refusal(
        make_identity(FST_ISSUE_COORDINATOR, "elsewhere", ca, ca, -1, 10),
        agent(), "doesn't accept this coordinator's certificate",
        "it is not for the name fastest-coord (--tls-server-name)");
    expect_refusal(make_identity(FST_ISSUE_COORDINATOR, NULL, ca, ca, -1, 10),
                   agent(), "doesn't accept this coordinator's certificate",
                   "it is not for the name fastest-coord");
}

static void what_is_no_tls_is_no_refusal(void **state)
{
    (void)state;
    struct fst_identity *shown = coordinator(ca);
    struct fst_tls_end *end =
        fst_tls_end_new(shown, FST_TOKEN_COORDINATOR, NULL);
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05hello",
        "\x15\x03\x03\x00\x02\x02\x28", "\x16\x03\x03\xff\xff\xff\xff\xff\xff"};
    static const size_t sizes[] = {18, 10, 7, 9};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct fst_err err;
        struct fst_tls *tls = fst_tls_new(end);
        fst_tls_feed(tls, texts[i], sizes[i]);
        assert_int_equal(fst_tls_shake(tls, &err), -1);
        assert_int_equal(err.code, FST_E_PROTO);
        fst_tls_free(tls);
    }
    fst_tls_end_free(end);
    fst_identity_free(shown);
}

/* Whoever changes or repeats what is on the line is found out. */
static void what_was_changed_on_the_way_is_not_read(void **state)
{
    (void)state;
    for (int repeat = 0; repeat < 2; repeat++) {
        struct pair pair;
        struct fst_err err;
        char got[64];
        size_t len;
        shake(&pair, coordinator(ca), agent(), 1 << 20);
        assert_int_equal(fst_tls_write(pair.agent.tls, "hello", 5, &err), 0);
        struct fst_buf *out = fst_tls_out(pair.agent.tls);
        if (!repeat)
            out->data[out->len - 1] ^= 1;
        fst_tls_feed(pair.coordinator.tls, out->data, out->len);
        fst_tls_feed(pair.coordinator.tls, out->data, out->len);
        int result =
            fst_tls_read(pair.coordinator.tls, got, sizeof got, &len, &err);
        if (repeat) {
            assert_int_equal(result, 1);
            result =
                fst_tls_read(pair.coordinator.tls, got, sizeof got, &len, &err);
        }
        assert_int_equal(result, -1);
        assert_int_equal(err.code, FST_E_PROTO);
        release(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_a_farm_speak_both_ways),
        cmocka_unit_test(an_agent_needs_no_certificate_where_none_is_asked_for),
        cmocka_unit_test(an_agent_is_refused_that_is_no_member),
        cmocka_unit_test(a_coordinator_is_refused_that_is_none),
        cmocka_unit_test(what_is_no_tls_is_no_refusal),
        cmocka_unit_test(what_was_changed_on_the_way_is_not_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
