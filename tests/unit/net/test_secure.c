/* Connections over tls+tcp: what test_conn.c says of those over ipc, where TLS
 * could make a difference, and what there is only with it. */
#include "shared/net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/identities.h"
#include "tests/unit/net/ends.h"

enum { CROWD = 60 };

static struct fst_identity *ca, *other_ca;

static struct ends *set_up(const struct fst_identity *agents_ca)
{
    struct ends *ends = new_ends();
    ends->shown[0] =
        make_identity(FST_ISSUE_COORDINATOR, FST_TLS_NAME, ca, ca, -1, 10);
    ends->shown[1] =
        make_identity(FST_ISSUE_AGENT, NULL, agents_ca, ca, -1, 10);
    ends->tls[0] = fst_tls_end_new(ends->shown[0], FST_TOKEN_COORDINATOR, NULL);
    ends->tls[1] =
        fst_tls_end_new(ends->shown[1], FST_TOKEN_AGENT, FST_TLS_NAME);
    ends->server.trust = ends->client.trust = true;
    ends->server.shared = true;
    strcpy(ends->url, "tls+tcp://127.0.0.1:0");
    listen_here(ends);
    snprintf(ends->url, sizeof ends->url, "tls+tcp://127.0.0.1:%d",
             fst_listener_port(ends->listener));
    return ends;
}

static void tear_down(struct ends *ends)
{
    close_ends(ends);
    for (size_t i = 0; i < 2; i++) {
        fst_tls_end_free(ends->tls[i]);
        fst_identity_free(ends->shown[i]);
    }
    free(ends);
}

static void dial_here(struct ends *ends, struct end *end)
{
    dial(ends, end, 60 * SECOND);
}

static struct ends *connected(void)
{
    struct ends *ends = set_up(ca);
    connect_ends(ends, 60 * SECOND);
    return ends;
}

/* A peer without our code. */
static int raw_peer(const struct ends *ends)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)fst_listener_port(ends->listener));
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void
messages_sent_before_the_handshake_is_done_go_both_ways(void **state)
{
    (void)state;
    struct ends *ends = connected();
    for (uint32_t i = 0; i < 20000; i++) {
        send_credit(ends->client.conn, i);
        send_credit(ends->server.conn, i);
        if (i % 997 == 0)
            uv_run(&ends->loop.uv, UV_RUN_NOWAIT);
    }
    wait_for(ends, &ends->server.messages, 20000);
    wait_for(ends, &ends->client.messages, 20000);
    assert_true(ends->server.in_order && ends->client.in_order);
    assert_int_equal(ends->server.closed + ends->client.closed, 0);
    tear_down(ends);
}

static void what_was_sent_before_a_close_arrives(void **state)
{
    (void)state;
    struct ends *ends = connected();
    for (size_t round = 1; round <= 10; round++) {
        if (round > 1) {
            dial_here(ends, &ends->client);
            wait_for(ends, &ends->client.dialed, round);
            wait_for(ends, &ends->came, round);
        }
        ends->server.messages = ends->server.next = 0;
        send_credit(ends->client.conn, 0);
        wait_for(ends, &ends->server.messages, 1);
        for (uint32_t i = 1; i < 2000; i++)
            send_credit(ends->client.conn, i);
        send_text(ends->client.conn, 3 << 20);
        fst_conn_close(ends->client.conn);
        wait_for(ends, &ends->server.closed, round);
        assert_int_equal(ends->server.messages, 2001);
        assert_int_equal(ends->server.largest, 3 << 20);
        assert_int_equal(ends->server.why.code, FST_E_CLOSED);
    }
    assert_int_equal(ends->client.closed, 0);
    tear_down(ends);
}

static void who_is_no_member_is_told_and_closed(void **state)
{
    (void)state;
    struct ends *ends = set_up(other_ca);
    dial_here(ends, &ends->client);
    wait_for(ends, &ends->client.closed, 1);
    wait_for(ends, &ends->server.closed, 1);
    assert_int_equal(ends->server.why.code, FST_E_REFUSED);
    assert_int_equal(ends->client.why.code, FST_E_REFUSED);
    assert_int_equal(ends->server.messages + ends->client.messages, 0);
    tear_down(ends);
}

static void who_speaks_no_tls_is_closed(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct ends *ends = set_up(ca);
    int fd = raw_peer(ends);
    assert_int_equal(send(fd, text, sizeof text - 1, MSG_NOSIGNAL),
                     sizeof text - 1);
    wait_for(ends, &ends->server.closed, 1);
    assert_int_equal(ends->server.why.code, FST_E_PROTO);
    close(fd);
    tear_down(ends);
}

static void who_has_begun_a_handshake_is_not_silent(void **state)
{
    (void)state;
    static const char begun[] = "\x16\x03\x01\x02\x00\x01";
    struct ends *ends = set_up(ca);
    int fd = raw_peer(ends);
    wait_for(ends, &ends->came, 1);
    assert_true(fst_conn_is_tls(ends->server.conn));
    assert_true(fst_conn_is_silent(ends->server.conn));
    assert_int_equal(send(fd, begun, 6, MSG_NOSIGNAL), 6);
    while (fst_conn_is_silent(ends->server.conn))
        uv_run(&ends->loop.uv, UV_RUN_ONCE);
    close(fd);
    tear_down(ends);
}

static void those_who_are_silent_or_stop_halfway_keep_nobody_out(void **state)
{
    (void)state;
    static const char begun[] = "\x16\x03\x01\x02\x00\x01";
    struct ends *ends = set_up(ca);
    struct end quiet[CROWD] = {0};
    int fds[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = raw_peer(ends);
        if (i % 2)
            assert_int_equal(send(fds[i], begun, 6, MSG_NOSIGNAL), 6);
    }
    wait_for(ends, &ends->came, CROWD);
    for (size_t i = 0; i < CROWD; i++)
        dial_here(ends, &quiet[i]);
    for (size_t i = 0; i < CROWD; i++)
        wait_for(ends, &quiet[i].dialed, 1);
    wait_for(ends, &ends->came, CROWD + CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        assert_non_null(quiet[i].conn);
        send_credit(quiet[i].conn, 0);
    }
    wait_for(ends, &ends->server.messages, CROWD);
    for (size_t i = 0; i < CROWD; i++)
        close(fds[i]);
    tear_down(ends);
}

/* Both ends talk, or are still at the handshake; one goes at a random point, in
 * a random way. */
static void abrupt_ends_at_random_points_lose_nobody(void **state)
{
    (void)state;
    struct ends *ends = set_up(ca);
    srand(20261129);
    churn(ends, 150, 60 * SECOND);
    tear_down(ends);
}

static void the_net_ends_with_handshakes_under_way(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        struct ends *ends = set_up(ca);
        struct end many[CROWD] = {0};
        for (size_t i = 0; i < CROWD; i++)
            dial_here(ends, &many[i]);
        wait_for(ends, &ends->came, 1 + (size_t)turns);
        if (turns % 2 && ends->server.conn)
            send_text(ends->server.conn, 1 << 20);
        tear_down(ends);
    }
}

static int make_cas(void **state)
{
    (void)state;
    ca = make_identity(FST_ISSUE_CA, NULL, NULL, NULL, -1, 30);
    other_ca = make_identity(FST_ISSUE_CA, NULL, NULL, NULL, -1, 30);
    return 0;
}

static int free_cas(void **state)
{
    (void)state;
    fst_identity_free(ca);
    fst_identity_free(other_ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            messages_sent_before_the_handshake_is_done_go_both_ways),
        cmocka_unit_test(what_was_sent_before_a_close_arrives),
        cmocka_unit_test(who_is_no_member_is_told_and_closed),
        cmocka_unit_test(who_speaks_no_tls_is_closed),
        cmocka_unit_test(who_has_begun_a_handshake_is_not_silent),
        cmocka_unit_test(those_who_are_silent_or_stop_halfway_keep_nobody_out),
        cmocka_unit_test(abrupt_ends_at_random_points_lose_nobody),
        cmocka_unit_test(the_net_ends_with_handshakes_under_way),
    };
    return cmocka_run_group_tests(tests, make_cas, free_cas);
}
