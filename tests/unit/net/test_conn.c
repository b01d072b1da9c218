#include "shared/net/conn.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/buf.h"
#include "shared/base/mem.h"
#include "shared/proto/frame.h"
#include "tests/unit/net/ends.h"

static struct ends *set_up(void)
{
    struct ends *ends = new_ends();
    strcpy(ends->dir, "/tmp/fst-net-XXXXXX");
    assert_non_null(mkdtemp(ends->dir));
    snprintf(ends->path, sizeof ends->path, "%s/socket", ends->dir);
    snprintf(ends->url, sizeof ends->url, "ipc://%s", ends->path);
    return ends;
}

static void dial_here(struct ends *ends, int64_t retry_ns)
{
    dial(ends, &ends->client, retry_ns);
}

static void tear_down(struct ends *ends)
{
    close_ends(ends);
    assert_int_equal(access(ends->path, F_OK), -1);
    assert_int_equal(rmdir(ends->dir), 0);
    free(ends);
}

static struct ends *connected(bool trust)
{
    struct ends *ends = set_up();
    ends->server.trust = ends->client.trust = trust;
    listen_here(ends);
    connect_ends(ends, SECOND);
    return ends;
}

/* A peer without our code; blocking. */
static int raw_peer(const struct ends *ends)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    memcpy(address.sun_path, ends->path, strlen(ends->path) + 1);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void raw_send(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static void add_credit(struct fst_buf *out, uint32_t number)
{
    struct fst_err err;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = number;
    assert_int_equal(fst_frame_write(msg, true, out, &err), 0);
    fst_msg_free(msg);
}

static void thousands_of_messages_go_both_ways_in_order(void **state)
{
    (void)state;
    struct ends *ends = connected(true);
    for (uint32_t i = 0; i < 20000; i++) {
        send_credit(ends->client.conn, i);
        send_credit(ends->server.conn, i);
        if (i % 97 == 0)
            uv_run(&ends->loop.uv, UV_RUN_NOWAIT);
    }
    wait_for(ends, &ends->server.messages, 20000);
    wait_for(ends, &ends->client.messages, 20000);
    assert_true(ends->server.in_order && ends->client.in_order);
    assert_int_equal(ends->server.closed + ends->client.closed, 0);
    tear_down(ends);
}

/* With Nagle's algorithm the second one of the client would wait 40 ms for the
 * acknowledgement of the first. */
static void over_tcp_a_small_message_goes_at_once(void **state)
{
    (void)state;
    enum { ROUNDS = 50 };
    struct ends *ends = set_up();
    ends->server.trust = ends->client.trust = true;
    strcpy(ends->url, "tcp://127.0.0.1:0");
    listen_here(ends);
    snprintf(ends->url, sizeof ends->url, "tcp://127.0.0.1:%d",
             fst_listener_port(ends->listener));
    dial_here(ends, SECOND);
    wait_for(ends, &ends->client.dialed, 1);
    wait_for(ends, &ends->came, 1);
    int64_t begun = fst_loop_now_ns(&ends->loop);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        send_credit(ends->client.conn, 2 * i);
        wait_for(ends, &ends->server.messages, 2 * i + 1);
        send_credit(ends->client.conn, 2 * i + 1);
        wait_for(ends, &ends->server.messages, 2 * i + 2);
        send_credit(ends->server.conn, i);
        wait_for(ends, &ends->client.messages, i + 1);
    }
    assert_true(fst_loop_now_ns(&ends->loop) - begun < SECOND);
    tear_down(ends);
}

static void a_message_of_20_mb_arrives_whole_between_others(void **state)
{
    (void)state;
    struct ends *ends = connected(true);
    send_credit(ends->client.conn, 0);
    send_text(ends->client.conn, 20 << 20);
    send_credit(ends->client.conn, 1);
    wait_for(ends, &ends->server.messages, 3);
    assert_int_equal(ends->server.largest, 20 << 20);
    assert_true(ends->server.in_order);
    tear_down(ends);
}

static void what_was_sent_before_a_close_arrives(void **state)
{
    (void)state;
    struct ends *ends = connected(true);
    for (uint32_t i = 0; i < 5000; i++)
        send_credit(ends->client.conn, i);
    send_text(ends->client.conn, 3 << 20);
    fst_conn_close(ends->client.conn);
    wait_for(ends, &ends->server.closed, 1);
    assert_int_equal(ends->server.messages, 5001);
    assert_int_equal(ends->server.largest, 3 << 20);
    assert_int_equal(ends->server.why.code, FST_E_CLOSED);
    assert_int_equal(ends->client.closed, 0);
    tear_down(ends);
}

/* As a killed process: the kernel closes the socket with bytes in it, some of
 * ours unread, while we are sending. */
static void the_last_messages_of_a_peer_that_died_are_seen(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    ends->server.trust = true;
    listen_here(ends);
    for (size_t round = 1; round <= 50; round++) {
        struct fst_buf bytes = FST_BUF_INIT;
        int fd = raw_peer(ends);
        wait_for(ends, &ends->came, round);
        ends->server.messages = ends->server.next = 0;
        for (uint32_t i = 0; i < 1000; i++)
            add_credit(&bytes, i);
        send_credit(ends->server.conn, 1);
        raw_send(fd, bytes.data, bytes.len - 3);
        close(fd);
        for (uint32_t i = 0; ends->server.conn && i < 100; i++)
            send_credit(ends->server.conn, i);
        wait_for(ends, &ends->server.closed, round);
        assert_int_equal(ends->server.messages, 999);
        fst_buf_release(&bytes);
    }
    assert_true(ends->server.in_order);
    tear_down(ends);
}

/* Sends the bytes and expects to be dropped for them, with these words. */
static void expect_drop(bool trust, const void *bytes, size_t len,
                        const char *words)
{
    struct ends *ends = set_up();
    char byte;
    ends->server.trust = trust;
    listen_here(ends);
    int fd = raw_peer(ends);
    raw_send(fd, bytes, len);
    wait_for(ends, &ends->server.closed, 1);
    assert_int_equal(ends->server.messages, 0);
    if (!strstr(ends->server.why.msg, words))
        fail_msg("\"%s\" instead of \"%s\"", ends->server.why.msg, words);
    while (recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
        uv_run(&ends->loop.uv, UV_RUN_NOWAIT);
    close(fd);
    tear_down(ends);
}

static void a_peer_that_breaks_the_protocol_is_dropped(void **state)
{
    (void)state;
    char noise[4096];
    srand(7);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(rand() >> 7);
    noise[0] = 1; /* a length of 16 MiB */
    expect_drop(false, noise, sizeof noise, "frame of");
    expect_drop(true, noise, sizeof noise, "frame of");
    expect_drop(false, "\0\0\x10\1\6\0\0\0", 8, "4097 bytes (4096 may)");
    expect_drop(true, "\0\x10\0\1\6\0\0\0", 8, "1048577 bytes (1048576 may)");
    expect_drop(true, "\0\0\0\2\6\1\0\0{}", 10, "flags");
    expect_drop(true, "\0\0\0\2\6\0\0\1{}", 10, "flags");
    expect_drop(true, "\0\0\0\2\x63\0\0\0{}", 10, "unknown message type 99");
    expect_drop(true, "\0\0\0\2\6\0\0\0{}", 10, "CREDIT.slot is missing");
    expect_drop(true, "\0\0\0\2\6\0\0\0{]", 10, "CREDIT: not JSON");
    expect_drop(true, "GET / HTTP/1.1\r\n\r\n", 18, "frame of");
}

static void a_large_message_in_parts_before_trust_is_dropped(void **state)
{
    (void)state;
    struct ends *ends = connected(false);
    fst_conn_trust(ends->client.conn);
    send_text(ends->client.conn, 2 << 20);
    wait_for(ends, &ends->server.closed, 1);
    assert_int_equal(ends->server.why.code, FST_E_PROTO);
    wait_for(ends, &ends->client.closed, 1);
    tear_down(ends);
}

static void what_is_not_accepted_is_closed(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    ends->refuse = true;
    listen_here(ends);
    dial_here(ends, SECOND);
    wait_for(ends, &ends->client.closed, 1);
    assert_int_equal(ends->came, 1);
    tear_down(ends);
}

static void a_closed_listener_leaves_its_connections(void **state)
{
    (void)state;
    struct ends *ends = connected(true);
    struct stat info;
    assert_int_equal(stat(ends->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    fst_listener_close(ends->listener);
    send_credit(ends->client.conn, 0);
    send_credit(ends->server.conn, 0);
    wait_for(ends, &ends->server.messages, 1);
    wait_for(ends, &ends->client.messages, 1);
    assert_int_equal(access(ends->path, F_OK), -1);
    tear_down(ends);
}

static void a_dead_coordinators_socket_file_is_taken_over(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, ends->path, strlen(ends->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    listen_here(ends);
    dial_here(ends, SECOND);
    wait_for(ends, &ends->came, 1);
    tear_down(ends);
}

static void a_place_that_is_taken_is_refused(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    struct fst_err err;
    listen_here(ends);
    assert_null(fst_listen(ends->net, ends->url, NULL, on_conn, ends, &err));
    assert_int_equal(err.code, FST_E_IO);
    assert_non_null(strstr(err.msg, ends->url));
    tear_down(ends);
}

static void dialing_goes_on_until_somebody_listens(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    dial_here(ends, -1);
    ends->late = false; /* some tries in vain */
    fst_timer_set(ends->timer, SECOND / 5);
    while (!ends->late)
        uv_run(&ends->loop.uv, UV_RUN_ONCE);
    assert_int_equal(ends->client.dialed, 0);
    listen_here(ends);
    wait_for(ends, &ends->client.dialed, 1);
    assert_non_null(ends->client.conn);
    tear_down(ends);
}

static void dialing_gives_up_in_time_and_says_why(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    int64_t start = fst_loop_now_ns(&ends->loop);
    dial_here(ends, SECOND / 4);
    wait_for(ends, &ends->client.dialed, 1);
    int64_t took = fst_loop_now_ns(&ends->loop) - start;
    assert_null(ends->client.conn);
    assert_int_equal(ends->client.why.code, FST_E_CLOSED);
    assert_non_null(strstr(ends->client.why.msg, "nobody answers"));
    assert_true(took >= SECOND / 4);
    tear_down(ends);
}

static void other_urls_are_refused_with_a_line(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "tcp://127.0.0.1",
        "tcp://:1",
        "tcp://a:70000",
        "tls+tcp://a",
        "ipc://relative",
        "ipc://",
        "",
        "inproc://x",
        "/tmp/socket",
    };
    struct ends *ends = set_up();
    struct fst_err err;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct fst_dial_spec spec = {.url = urls[i],
                                     .events = &events,
                                     .on_dialed = on_dialed,
                                     .user = &ends->client};
        assert_null(fst_listen(ends->net, urls[i], NULL, on_conn, ends, &err));
        assert_int_equal(err.code, FST_E_USAGE);
        assert_int_equal(fst_dial(ends->net, &spec, &err), -1);
        assert_int_equal(err.code, FST_E_USAGE);
    }
    assert_int_equal(ends->client.dialed, 0);
    tear_down(ends);
}

static void a_loop_that_is_busy_reads_no_further(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    struct fst_buf bytes = FST_BUF_INIT;
    size_t sent = 0, total = 200000, tries = 0;
    ends->server.trust = true;
    listen_here(ends);
    int fd = raw_peer(ends);
    wait_for(ends, &ends->came, 1);
    for (uint32_t i = 0; i < total; i++)
        add_credit(&bytes, i);
    /* Nobody turns the loop: what gets away is the socket's buffer and the
     * one receive that was under way. */
    while (tries < 1000 && sent < bytes.len) {
        ssize_t some = send(fd, bytes.data + sent, bytes.len - sent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (some > 0)
            sent += (size_t)some;
        else
            tries++;
    }
    assert_true(sent < 1 << 20);
    assert_true(bytes.len > 4 << 20);
    while (sent < bytes.len) {
        ssize_t some = send(fd, bytes.data + sent, bytes.len - sent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (some > 0)
            sent += (size_t)some;
        uv_run(&ends->loop.uv, UV_RUN_NOWAIT);
    }
    wait_for(ends, &ends->server.messages, total);
    assert_true(ends->server.in_order);
    close(fd);
    fst_buf_release(&bytes);
    tear_down(ends);
}

static void sending_to_a_closed_connection_fails(void **state)
{
    (void)state;
    struct ends *ends = connected(true);
    struct fst_err err;
    struct fst_msg *bye = fst_msg_new(FST_MSG_BYE);
    send_text(ends->client.conn, 8 << 20); /* so that it lingers */
    fst_conn_close(ends->client.conn);
    assert_int_equal(fst_conn_send(ends->client.conn, bye, &err), -1);
    assert_int_equal(err.code, FST_E_CLOSED);
    fst_msg_free(bye);
    wait_for(ends, &ends->server.closed, 1);
    tear_down(ends);
}

/* Both ends talk; one of them goes at a random point, in a random way. */
static void abrupt_ends_at_random_points_lose_nobody(void **state)
{
    (void)state;
    struct ends *ends = set_up();
    srand(20261124);
    ends->server.trust = ends->client.trust = true;
    listen_here(ends);
    churn(ends, 300, 10 * SECOND);
    tear_down(ends);
}

static void the_net_ends_with_everything_under_way(void **state)
{
    (void)state;
    struct ends *ends = connected(true);
    struct ends *lonely = set_up();
    struct fst_err err;
    char other[96];
    for (uint32_t i = 0; i < 1000; i++)
        send_credit(ends->client.conn, i);
    send_text(ends->server.conn, 4 << 20);
    dial_here(lonely, -1);
    uv_run(&lonely->loop.uv, UV_RUN_NOWAIT);
    snprintf(other, sizeof other, "%s.other", ends->url);
    struct fst_listener *closing =
        fst_listen(ends->net, other, NULL, on_conn, ends, &err);
    assert_non_null(closing);
    fst_listener_close(closing);
    tear_down(lonely);
    tear_down(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_messages_go_both_ways_in_order),
        cmocka_unit_test(over_tcp_a_small_message_goes_at_once),
        cmocka_unit_test(a_message_of_20_mb_arrives_whole_between_others),
        cmocka_unit_test(what_was_sent_before_a_close_arrives),
        cmocka_unit_test(the_last_messages_of_a_peer_that_died_are_seen),
        cmocka_unit_test(a_peer_that_breaks_the_protocol_is_dropped),
        cmocka_unit_test(a_large_message_in_parts_before_trust_is_dropped),
        cmocka_unit_test(what_is_not_accepted_is_closed),
        cmocka_unit_test(a_closed_listener_leaves_its_connections),
        cmocka_unit_test(a_dead_coordinators_socket_file_is_taken_over),
        cmocka_unit_test(a_place_that_is_taken_is_refused),
        cmocka_unit_test(dialing_goes_on_until_somebody_listens),
        cmocka_unit_test(dialing_gives_up_in_time_and_says_why),
        cmocka_unit_test(other_urls_are_refused_with_a_line),
        cmocka_unit_test(a_loop_that_is_busy_reads_no_further),
        cmocka_unit_test(sending_to_a_closed_connection_fails),
        cmocka_unit_test(abrupt_ends_at_random_points_lose_nobody),
        cmocka_unit_test(the_net_ends_with_everything_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
