/* The agents of a run as the coordinator sees them: handshake, numbers of
 * slots, messages in and out. Knows nothing of what is leased. Loop thread
 * only. */
#ifndef FST_CLI_FARM_H
#define FST_CLI_FARM_H

#include "coordinator/core/core.h"
#include "shared/net/conn.h"

struct fst_farm;

struct fst_farm_spec {
    const char *run;                 /* id */
    const struct fst_config *config; /* for WELCOME; stays the caller's */
    uint32_t local_slots;            /* the local agent's: gw0 … */
};

struct fst_farm_events {
    /* Proven, welcomed; its slots' numbers live as long as the agent. */
    void (*on_up)(void *user, struct fst_agent_id agent, const char *name,
                  const uint32_t *slots, size_t n_slots);
    /* Whatever the handshake doesn't need; stays the farm's. -1 drops the
     * agent (on_down follows). */
    int (*on_message)(void *user, struct fst_agent_id agent,
                      const struct fst_msg *msg, struct fst_err *err);
    /* After on_up, once: the connection has ended. */
    void (*on_down)(void *user, struct fst_agent_id agent, const char *why);
};

/* Listens at url. All pointers in spec and events live as long as the farm. */
struct fst_farm *fst_farm_new(struct fst_net *net, struct fst_loop *loop,
                              const char *url, const struct fst_farm_spec *spec,
                              const struct fst_farm_events *events, void *user,
                              struct fst_err *err);
/* Closes all connections, without on_down. */
void fst_farm_free(struct fst_farm *farm);
/* Nothing where the agent has gone: on_down says so or has said so. */
void fst_farm_send(struct fst_farm *farm, struct fst_agent_id agent,
                   const struct fst_msg *msg);

#endif
