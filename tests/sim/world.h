/* The simulated world's parts, shared by the files of tests/sim: events in
 * virtual time, model agents with their slots and leases. */
#ifndef FST_SIM_WORLD_H
#define FST_SIM_WORLD_H

#include "coordinator/core/core.h"
#include "tests/sim/farm.h"
#include "tests/sim/journal.h"
#include "tests/sim/model.h"

#define SECOND INT64_C(1000000000) /* in ns */

enum event_type {
    TO_CORE, /* msg arrives from an agent */
    TO_AGENT,
    WORKER, /* what the slot's worker does has ended */
    AGENT_COMES,
    AGENT_GONE, /* the core is told */
    KILL_AGENT,
    KILL_WORKER,
    RETIRE,
    STOP,
    RESTART, /* the coordinator dies, and its agents with it; another goes on */
};

struct event {
    int64_t at;
    uint64_t order;
    enum event_type type;
    struct agent *agent;
    struct slot *slot;
    uint32_t epoch;
    struct fst_msg *msg;
};

enum worker_state { NONE, STARTING, IDLE, OPENING, RUNNING, GONE };

struct slot {
    struct agent *agent;
    struct model model;
    int64_t started;
    enum worker_state state;
    uint32_t epoch; /* events of an earlier one are void */
    bool credit;
};

struct agent {
    struct agent *next;
    uint32_t id, n_slots;
    struct slot *slots;
    bool alive, draining, cancelled, retiring;
    int64_t out_at, in_at; /* last message each way: order is kept */
    int64_t cut;           /* what it sent later was lost with it */
};

struct farm {
    const struct farm_spec *spec;
    struct suite *suite;
    struct rng rng;
    struct fst_times *times;
    struct judge judge;
    struct journal journal;
    struct fst_core *core;
    struct fst_effects effects;
    struct fst_run_id run;
    int64_t now;
    uint64_t order;
    FST_VEC(struct event) heap;
    struct agent *agents;
    uint32_t last_agent, last_worker, agent_kills;
    int64_t first_lease, last_outcome;
    int only; /* one_worker: slot of the first lease; -1 */
    struct farm_result result;
};

/* events.c: in order of time, then of adding. */
void sim_add_event(struct farm *farm, int64_t at, struct event event);
struct event sim_next_event(struct farm *farm);
int64_t sim_ns(double seconds);
/* Of one message; random. */
int64_t sim_latency(struct farm *farm);

/* say.c: messages to the core. An agent's keep their order, and so do a slot's
 * results with whatever else it says. */
void sim_say(struct farm *farm, struct agent *agent, struct fst_msg *msg);
void sim_flush(struct farm *farm, struct slot *slot);
void sim_say_of_slot(struct farm *farm, struct slot *slot, struct fst_msg *msg);
void sim_say_state(struct farm *farm, struct slot *slot,
                   const struct fst_state *state);
void sim_say_credit(struct farm *farm, struct slot *slot);
/* REVOKED with rest for all that the slot holds. */
void sim_give_back(struct farm *farm, struct slot *slot);

/* worker.c */
void sim_worker_start(struct farm *farm, struct slot *slot);
void sim_worker_go(struct farm *farm, struct slot *slot);   /* what next? */
void sim_worker_next(struct farm *farm, struct slot *slot); /* it has ended */
void sim_worker_die(struct farm *farm, struct slot *slot);
/* Finishes: amendments go out, no further worker comes. */
void sim_worker_end(struct farm *farm, struct slot *slot);

/* agent.c */
void sim_agent_comes(struct farm *farm, uint32_t first_slot);
void sim_agents_free(struct farm *farm);
/* Takes msg. */
void sim_agent_hear(struct farm *farm, struct agent *agent,
                    struct fst_msg *msg);
/* BYE, when it drains and its last worker has finished. */
void sim_agent_check_done(struct farm *farm, struct agent *agent);

/* faults.c */
void sim_excuse_slot(struct farm *farm, const struct slot *slot);
void sim_kill_agent(struct farm *farm);
void sim_kill_worker(struct farm *farm);
void sim_retire_slot(struct farm *farm);
/* All agents end, with all that they hold; each comes again. */
void sim_end_agents(struct farm *farm);

/* farm.c: one step of the core, and what it wants done. */
void sim_step(struct farm *farm, const struct fst_event *event);

#endif
