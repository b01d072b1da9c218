/* Two ends of a connection in one loop, for tests of shared/net: all that each
 * has seen, over whatever place. */
#ifndef FST_TESTS_NET_ENDS_H
#define FST_TESTS_NET_ENDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/mem.h"
#include "shared/net/conn.h"

#define SECOND INT64_C(1000000000)

struct end { /* one end of a connection, and all that it has seen */
    struct fst_conn *conn; /* NULL before, and after it has closed */
    size_t messages, closed, dialed;
    uint32_t next;   /* number that the next CREDIT must have */
    size_t largest;  /* bytes of the longest text */
    size_t close_at; /* close on so many messages; 0: never */
    bool trust;      /* at once */
    bool in_order;   /* CREDITs come in order */
    bool shared;     /* by connections that end one after the other */
    struct fst_err why;
};

struct ends {
    struct fst_loop loop;
    struct fst_net *net;
    struct fst_listener *listener;
    struct fst_timer *timer;
    char dir[32], path[64], url[80]; /* dir, path: of ipc */
    struct fst_identity *shown[2];   /* of TLS, and with it */
    struct fst_tls_end *tls[2];      /* coordinator's, agent's; NULL: none */
    struct end server, client;       /* server: of the last one that came */
    size_t came;
    bool refuse; /* don't accept who comes */
    bool late;   /* the timer has run */
};

static inline void on_message(void *user, struct fst_conn *conn,
                              struct fst_msg *msg)
{
    struct end *end = user;
    if (!end->shared)
        assert_ptr_equal(conn, end->conn);
    end->messages++;
    if (msg->type == FST_MSG_CREDIT && msg->credit.slot != end->next++)
        end->in_order = false;
    if (msg->type == FST_MSG_REJECT && strlen(msg->reject.text) > end->largest)
        end->largest = strlen(msg->reject.text);
    fst_msg_free(msg);
    if (end->messages == end->close_at) {
        fst_conn_close(conn);
        end->conn = NULL;
    }
}

static inline void on_closed(void *user, struct fst_conn *conn,
                             const struct fst_err *why)
{
    struct end *end = user;
    if (!end->shared)
        assert_ptr_equal(conn, end->conn);
    end->conn = NULL;
    end->closed++;
    end->why = *why;
}

static const struct fst_conn_events events = {on_message, on_closed};

static inline void on_conn(void *user, struct fst_conn *conn)
{
    struct ends *ends = user;
    ends->came++;
    if (ends->refuse)
        return;
    ends->server.conn = conn;
    fst_conn_accept(conn, &events, &ends->server);
    if (ends->server.trust)
        fst_conn_trust(conn);
}

static inline void on_dialed(void *user, struct fst_conn *conn,
                             const struct fst_err *why)
{
    struct end *end = user;
    end->dialed++;
    end->conn = conn;
    if (!conn)
        end->why = *why;
    else if (end->trust)
        fst_conn_trust(conn);
}

static inline void on_late(void *user)
{
    *(bool *)user = true;
}

/* Without a place. */
static inline struct ends *new_ends(void)
{
    struct fst_err err;
    struct ends *ends = fst_alloc(sizeof *ends);
    assert_int_equal(fst_loop_init(&ends->loop, &err), 0);
    ends->net = fst_net_new(&ends->loop);
    ends->timer = fst_timer_new(&ends->loop, on_late, &ends->late);
    ends->server.in_order = ends->client.in_order = true;
    return ends;
}

/* What is in it; it is the caller's to free(). */
static inline void close_ends(struct ends *ends)
{
    fst_net_free(ends->net);
    fst_timer_free(ends->timer);
    fst_loop_fini(&ends->loop);
}

static inline void listen_here(struct ends *ends)
{
    struct fst_err err;
    ends->listener =
        fst_listen(ends->net, ends->url, ends->tls[0], on_conn, ends, &err);
    assert_non_null(ends->listener);
}

static inline void dial(struct ends *ends, struct end *end, int64_t retry_ns)
{
    struct fst_err err;
    struct fst_dial_spec spec = {.url = ends->url,
                                 .tls = ends->tls[1],
                                 .retry_ns = retry_ns,
                                 .events = &events,
                                 .on_dialed = on_dialed,
                                 .user = end};
    assert_int_equal(fst_dial(ends->net, &spec, &err), 0);
}

/* Turns the loop until *count has reached `enough`; fails after a minute. */
static inline void wait_for(struct ends *ends, const size_t *count,
                            size_t enough)
{
    ends->late = false;
    fst_timer_set(ends->timer, 60 * SECOND);
    while (*count < enough && !ends->late)
        uv_run(&ends->loop.uv, UV_RUN_ONCE);
    fst_timer_clear(ends->timer);
    assert_false(ends->late);
}

static inline void connect_ends(struct ends *ends, int64_t retry_ns)
{
    dial(ends, &ends->client, retry_ns);
    wait_for(ends, &ends->client.dialed, 1);
    wait_for(ends, &ends->came, 1);
    assert_non_null(ends->client.conn);
}

static inline void send_credit(struct fst_conn *conn, uint32_t number)
{
    struct fst_err err;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = number;
    assert_int_equal(fst_conn_send(conn, msg, &err), 0);
    fst_msg_free(msg);
}

static inline void send_text(struct fst_conn *conn, size_t len)
{
    struct fst_err err;
    struct fst_msg *msg = fst_msg_new(FST_MSG_REJECT);
    char *text = fst_arena_alloc(&msg->arena, len + 1);
    memset(text, 'x', len);
    msg->reject.code = "";
    msg->reject.text = text;
    assert_int_equal(fst_conn_send(conn, msg, &err), 0);
    fst_msg_free(msg);
}

/* Both ends talk; one goes, or both do, at a random point in a random way. */
static inline void end_abruptly(struct ends *ends)
{
    struct end *ending[] = {&ends->server, &ends->client};
    size_t left = (size_t)rand() % 60, way = (size_t)rand() % 4;
    for (size_t i = 0; i < 2; i++) {
        ending[i]->messages = ending[i]->closed = ending[i]->next = 0;
        ending[i]->close_at = 0;
    }
    if (way < 2) /* out of on_message */
        ending[way]->close_at = 1 + (size_t)rand() % 40;
    for (uint32_t i = 0; i < left; i++) {
        for (size_t j = 0; j < 2; j++)
            if (ending[j]->conn && rand() % 50 == 0)
                send_text(ending[j]->conn, (size_t)rand() % (1 << 20));
            else if (ending[j]->conn)
                send_credit(ending[j]->conn, i);
        if (rand() % 3)
            uv_run(&ends->loop.uv, UV_RUN_NOWAIT);
    }
    for (size_t i = 0; i < 2; i++) {
        /* Those that are still there, one or both. */
        if (ending[i]->conn && (way == 3 || i == way % 2)) {
            fst_conn_close(ending[i]->conn);
            ending[i]->conn = NULL;
        }
    }
    for (size_t i = 0; i < 2; i++)
        if (ending[i]->conn)
            wait_for(ends, &ending[i]->closed, 1);
    assert_true(ends->server.closed + ends->client.closed <= 1);
}

/* So many connections one after the other. */
static inline void churn(struct ends *ends, size_t rounds, int64_t retry_ns)
{
    for (size_t round = 1; round <= rounds; round++) {
        dial(ends, &ends->client, retry_ns);
        wait_for(ends, &ends->client.dialed, round);
        wait_for(ends, &ends->came, round);
        end_abruptly(ends);
    }
}

#endif
