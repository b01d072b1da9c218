/* A coordinator without a run behind it: the farm as fastest-coord has it
 * (coordinator/cli/farm), which gives each slot a file as soon as it asks,
 * acknowledges results and throws them away. What it costs is what transport,
 * codec and handshake cost. Used by run.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/transport/certs.h"
#include "coordinator/cli/admit.h"
#include "coordinator/cli/farm.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/trust/token.h"

struct sink {
    struct fst_loop loop;
    struct fst_net *net;
    struct fst_farm *farm;
    struct fst_farm_spec spec;
    struct fst_config config;
    struct fst_settings settings; /* of a project without files */
    struct fst_suite suite;
    struct fst_admit *admit;
    size_t agents, up, waiting; /* wanted; there; slots that wait for all */
    size_t total, results;
    uint64_t last_lease;
    struct {
        struct fst_agent_id agent;
        uint32_t slot;
    } * credits; /* of those that wait */
};

static void give(struct sink *sink, struct fst_agent_id agent, uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LEASE);
    uint64_t lease = ++sink->last_lease;
    msg->lease = (struct fst_lease){
        .lease = lease,
        .slot = slot,
        .file = fst_arena_printf(&msg->arena, "tests/test_f%04u.py",
                                 (unsigned)(lease % 10000)),
        .attempt = 1,
        .whole = true,
        .expect_ms = 100,
    };
    fst_farm_send(sink->farm, agent, msg);
    fst_msg_free(msg);
}

static void drain(struct sink *sink, struct fst_agent_id agent)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_DRAIN);
    fst_farm_send(sink->farm, agent, msg);
    fst_msg_free(msg);
}

static void on_up(void *user, const struct fst_farm_agent *agent)
{
    struct sink *sink = user;
    (void)agent;
    sink->up++;
}

/* Nothing is given before all are there. */
static void on_credit(struct sink *sink, struct fst_agent_id agent,
                      uint32_t slot)
{
    if (sink->results >= sink->total) {
        drain(sink, agent);
        return;
    }
    if (sink->waiting < sink->agents) {
        sink->credits[sink->waiting].agent = agent;
        sink->credits[sink->waiting++].slot = slot;
        for (size_t i = 0; sink->waiting == sink->agents && i < sink->agents;
             i++)
            give(sink, sink->credits[i].agent, sink->credits[i].slot);
        return;
    }
    give(sink, agent, slot);
}

static int on_message(void *user, struct fst_agent_id agent,
                      const struct fst_msg *msg, struct fst_err *err)
{
    struct sink *sink = user;
    (void)err;
    if (msg->type == FST_MSG_CREDIT)
        on_credit(sink, agent, msg->credit.slot);
    else if (msg->type == FST_MSG_RESULTS)
        sink->results += msg->results.n_results;
    return 0;
}

static void on_cut(void *user, struct fst_agent_id agent, const char *name,
                   const char *why)
{
    (void)user, (void)agent;
    fst_error("%s: %s", name, why ? why : "it has come back");
}

static void on_down(void *user, struct fst_agent_id agent,
                    const struct fst_farm_end *end)
{
    struct sink *sink = user;
    (void)agent;
    if (!end->left)
        fst_error("%s: %s", end->name, end->why);
    if (--sink->up == 0)
        fst_loop_stop(&sink->loop);
}

static void must(int result, const struct fst_err *err)
{
    if (!result)
        return;
    fprintf(stderr, "transport_sink: %s\n", err->msg);
    exit(1);
}

int main(int argc, char **argv)
{
    static const struct fst_farm_events events = {on_up, on_message, on_cut,
                                                  on_down};
    struct fst_err err;
    struct sink sink = {
        .spec = {.run = "bench", .dead_after_ns = INT64_C(60000000000)}};
    char *token;
    if (argc < 6 || argc > 7) {
        fprintf(stderr, "usage: transport_sink URL TOKEN-FILE AGENTS RESULTS "
                        "FOLDER [CERTS]\n");
        return 4;
    }
    must(fst_token_make(argv[2], &token, &err), &err);
    sink.agents = (size_t)atol(argv[3]);
    sink.total = (size_t)atol(argv[4]);
    sink.credits = fst_calloc(sink.agents, sizeof *sink.credits);
    sink.config =
        (struct fst_config){.root = "/bench", .cwd = ".", .hash_seed = "0"};
    sink.spec.config = &sink.config;
    sink.spec.token = token;
    must(fst_loop_init(&sink.loop, &err), &err);
    struct fst_identity *identity =
        argc > 6 ? bench_identity(argv[6], FST_TOKEN_COORDINATOR, "coordinator")
                 : NULL;
    struct fst_tls_end *tls =
        identity ? fst_tls_end_new(identity, FST_TOKEN_COORDINATOR, NULL)
                 : NULL;
    sink.spec.tls = tls;
    sink.net = fst_net_new(&sink.loop);
    sink.farm = fst_farm_new(&sink.loop, &sink.spec, &events, &sink);
    int port = fst_farm_listen(sink.farm, sink.net, argv[1], false, &err);
    must(port < 0 ? -1 : 0, &err);
    sink.settings.pytest.root = argv[5];
    sink.admit = fst_admit_new(&sink.settings, &sink.suite);
    fst_farm_open(sink.farm, sink.admit);
    fprintf(stderr, "listening at %.*s:%d, agents need the token in %s\n",
            (int)(strrchr(argv[1], ':') - argv[1]), argv[1], port, argv[2]);
    fst_loop_run(&sink.loop);
    fst_farm_free(sink.farm);
    fst_admit_free(sink.admit);
    fst_net_free(sink.net);
    fst_loop_fini(&sink.loop);
    fst_tls_end_free(tls);
    fst_identity_free(identity);
    free(sink.credits);
    free(token);
    return 0;
}
