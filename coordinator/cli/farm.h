/* The agents of a run as the coordinator sees them: handshake and trust,
 * numbers of slots, signs of life, messages in and out. Knows nothing of what
 * is leased. Loop thread only.
 *
 * The local agent is whoever comes to the private socket that it was given.
 * Others come to --listen's places, prove there that they know the token
 * (shared/trust), show that they have the same files and versions (admit.h),
 * and get slots behind the local one's. */
#ifndef FST_CLI_FARM_H
#define FST_CLI_FARM_H

#include "coordinator/cli/admit.h"
#include "coordinator/core/core.h"
#include "shared/base/vec.h"
#include "shared/net/conn.h"

struct fst_farm;

struct fst_farm_spec {
    const char *run;                 /* id */
    const struct fst_config *config; /* for WELCOME; stays the caller's */
    uint32_t local_slots;            /* the local agent's: gw0 … */
    const char *token; /* for tcp and, with tls_token, tls+tcp; or NULL */
    bool tls_token;
    const struct fst_tls_end *tls; /* for tls+tcp; or NULL */
    int64_t dead_after_ns;         /* a remote agent's silence */
    int64_t grace_ns; /* to come back when its connection has ended */
    double epoch_s;   /* Unix time of the steady clock's zero */
};

struct fst_farm_end {
    const char *why;
    const char *name; /* the agent's */
    bool local;
    bool left;    /* it had said BYE */
    bool dropped; /* for what it said */
    bool out;     /* fst_farm_put_out() */
};

struct fst_farm_agent { /* what it points to lives as long as the agent */
    struct fst_agent_id id;
    const char *name;
    const uint32_t *slots; /* their numbers */
    size_t n_slots;
    bool local;
    bool adopted; /* it says HELD next */
    struct fst_strs labels;
    const char *mismatch; /* in what it differs, which was allowed; or NULL */
};

struct fst_farm_events {
    /* Proven, welcomed. */
    void (*on_up)(void *user, const struct fst_farm_agent *agent);
    /* Whatever the handshake doesn't need; stays the farm's; the start_s of
     * results are Unix time by our clock. 0: what it says
     * can't be lost any more, and is acknowledged; 1: it is from the next
     * fst_farm_mark() and _tell() on; -1 drops the agent (on_down follows). */
    int (*on_message)(void *user, struct fst_agent_id agent,
                      const struct fst_msg *msg, struct fst_err *err);
    /* Between on_up and on_down: the connection has ended, why says how, and
     * the agent may come back; it has come back (why is NULL). What is sent to
     * it meanwhile waits. */
    void (*on_cut)(void *user, struct fst_agent_id agent, const char *name,
                   const char *why);
    /* After on_up, once: it is gone for good. */
    void (*on_down)(void *user, struct fst_agent_id agent,
                    const struct fst_farm_end *end);
};

/* spec and events live as long as the farm. */
struct fst_farm *fst_farm_new(struct fst_loop *loop,
                              const struct fst_farm_spec *spec,
                              const struct fst_farm_events *events, void *user);
/* local: the place is the local agent's. Returns its port, 0 where it has none,
 * -1 with err. */
int fst_farm_listen(struct fst_farm *farm, struct fst_net *net, const char *url,
                    bool local, struct fst_err *err);
/* From now on others than the local agent are welcomed. admit: the caller's, as
 * long as the farm lives. */
void fst_farm_open(struct fst_farm *farm, struct fst_admit *admit);
/* Numbers of slots that agents may come back with: no new agent gets them. */
void fst_farm_reserve(struct fst_farm *farm, uint32_t first_free);
/* Closes all connections, without on_down. */
void fst_farm_free(struct fst_farm *farm);
/* The core has said DRAIN: who comes from now on is not welcome any more. */
void fst_farm_close(struct fst_farm *farm);
/* Nothing where the agent has gone: on_down says so or has said so. msg gets
 * its number. */
void fst_farm_send(struct fst_farm *farm, struct fst_agent_id agent,
                   struct fst_msg *msg);
/* No agent of its name is welcomed again; nor is it lost when it goes. Its
 * name, or NULL: it has gone. */
const char *fst_farm_put_out(struct fst_farm *farm, struct fst_agent_id agent);
/* What agents have said so far will be kept; and is: it is acknowledged. */
void fst_farm_mark(struct fst_farm *farm);
void fst_farm_tell(struct fst_farm *farm);

#endif
