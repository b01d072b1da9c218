/* A simulated agent: the protocol as fastest-agent speaks it, and instead of
 * workers a clock. Its tests are those of a suite made by run.py: of each file
 * the same functions, test_0, test_1 … Loop thread only. */
#ifndef FST_BENCH_AGENT_H
#define FST_BENCH_AGENT_H

#include "shared/base/vec.h"
#include "shared/net/conn.h"

struct bench_spec {
    const char *url, *token;
    const struct fst_tls_end *tls; /* of tls+tcp */
    uint32_t slots;                /* of each agent */
    uint32_t tests;                /* of each file */
    double test_s; /* mean; each takes half of it to one and a half. 0: all
                      of a lease ends at once */
};

struct bench_tally { /* of all agents together */
    size_t welcomed, lost;
    size_t results, acked; /* sent; kept by the coordinator */
    size_t batches;
    int64_t first_lease_ns, last_ack_ns;
    FST_VEC(int64_t)
    waits_ns; /* from each CREDIT to its LEASE, but
                 for those before any LEASE */
};

struct bench_events {
    void (*on_welcome)(void *user);
    void (*on_ack)(void *user);
    void (*on_drain)(void *user); /* all results are there */
    void (*on_gone)(void *user);  /* after BYE, or lost */
};

struct bench_agent;

/* Dials at once. spec, tally and events stay the caller's. */
struct bench_agent *bench_agent_new(struct fst_loop *loop, struct fst_net *net,
                                    const struct bench_spec *spec,
                                    uint32_t number, struct bench_tally *tally,
                                    const struct bench_events *events,
                                    void *user);
void bench_agent_free(struct bench_agent *agent);

#endif
