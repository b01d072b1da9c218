/* The simulated world's parts, shared by the files of tests/sim/net.
 *
 * What is real: both cores, the coordinator's farm (coordinator/cli/farm.c),
 * the agent's program (agent/program: dialog.c, steps.c, workers.c), messages
 * with their codec and frames. What stands in for the rest, by the same
 * functions as in shared/loop, shared/net and agent/pool: clock.c the loop,
 * net.c connections, proc.c workers, absent.c what there is none of. A world is
 * one thread's; there is one at a time. */
#ifndef FST_SIM_NET_WORLD_H
#define FST_SIM_NET_WORLD_H

#include "agent/program/program.h"
#include "coordinator/cli/farm.h"
#include "coordinator/cli/outbox.h"
#include "coordinator/core/core.h"
#include "tests/sim/journal.h"
#include "tests/sim/judge.h"
#include "tests/sim/model.h"

#define SECOND INT64_C(1000000000) /* in ns */
#define MS INT64_C(1000000)

struct world;

struct process { /* of the coordinator, or of an agent; its loop's data */
    struct world *world;
    const char *name;
    bool dead;         /* nothing that it does has an effect any more */
    int64_t frozen;    /* stopped until then */
    uint32_t crash_in; /* messages that it hears or says; 0: doesn't */
    struct fst_net *net;
};

struct fst_net {
    struct process *process;
    struct fst_conn *conns;
    struct fst_listener *listeners;
    struct dialer *dialers;
};

/* RESULTS that an agent has sent, and what became of them. */
struct batch {
    uint64_t seq;
    bool committed;
};

struct agent { /* a machine with an agent, one process after the other */
    struct process process;
    uint32_t index, n_slots;
    char name[32];
    struct fst_program program;
    struct fst_timer *again;       /* starts it */
    int64_t apart;                 /* no way to the coordinator until then */
    uint32_t session;              /* which one it is in, or will be */
    FST_VEC(struct batch) batches; /* of its session */
};

struct taken { /* RESULTS that the coordinator has heard */
    struct agent *agent;
    uint32_t session;
    uint64_t seq;
    struct fst_result *results;
    size_t n_results;
};

struct unkept { /* zeroed is empty */
    struct fst_arena arena;
    FST_VEC(struct fst_effect) effects;
    FST_VEC(struct taken) taken;
};

struct coord { /* one coordinator after the other */
    struct process process;
    uint32_t life;     /* which one it is, from 1 */
    struct farm_size { /* how many there are, and slot numbers were given */
        uint32_t agents, slots;
    } known_farm, given_farm, kept; /* kept: in the journal */
    uint32_t returning; /* the run is held until so many have come; 0: not */
    struct fst_loop loop;
    struct fst_farm *farm;
    struct fst_farm_spec spec;
    struct fst_config config;
    struct fst_admit {
        char nothing;
    } admit;
    struct fst_core *core;
    struct fst_effects effects;
    struct fst_run_id run;
    struct fst_timer *tick, *open, *keep, *patience, *again;
    struct fst_outbox *outbox;
    struct unkept unkept, given; /* given: is being written */
    bool stepping, ended;
    bool keeps; /* `keep` is set */
    bool more;  /* something has happened since */
    enum { COMMITS, DIES_BEFORE_COMMIT, DIES_AFTER_COMMIT } next_commit;
    FST_VEC(struct lost {
        struct fst_agent_id id;
        bool dropped;
    })
    lost;
    FST_VEC(struct known {
        struct fst_agent_id id;
        struct agent *agent;
        uint64_t heard; /* number of its last message */
        bool down;
        bool unheard; /* its HELD is still to come */
    })
    known;
};

struct fault {
    struct world *world;
    struct fst_timer *timer;
    void (*happen)(struct world *world);
};

enum { MOST_AGENTS = 3, MOST_FAULTS = 16 };

struct world {
    uint64_t seed;
    bool trace;
    bool live;          /* tests write */
    bool scarce;        /* memory: slots are paused, workers renewed */
    bool lacking;       /* now and then there is no worker to be had */
    bool exits, exited; /* tests may call pytest.exit(); one has */
    uint32_t lifetime;  /* of a worker, in tests; 0: no end */
    bool hasty; /* a coordinator that goes on waits for one agent only */
    struct suite *suite;
    struct rng rng;
    struct judge judge;
    struct journal journal;
    struct fst_times *times;
    struct coord coord;
    struct agent agents[MOST_AGENTS];
    uint32_t n_agents;
    struct fault faults[MOST_FAULTS];
    size_t n_faults;
    struct rng partings; /* decides on cuts behind a BYE; state 0: none */
    struct fault parting;
    struct agent *parts;    /* whose connection that cuts */
    FST_VEC(char *) kept;   /* ids that had a verdict when a coordinator died */
    struct run_count *runs; /* of tests, by id */
    uint32_t last_worker, downs;
    bool lost_sessions;
    bool still; /* a worker does nothing any more */
    int64_t now;
    int64_t latency; /* of a message, at most */
    int64_t grace;   /* an agent that is away has so long to come back */
    int64_t keep;    /* what a transaction takes, at most */
    uint64_t order;
    struct fst_timer *timers;
    struct process outside; /* whose timers belong to no process */
    struct fst_loop outside_loop;
};

/* The one that runs; for what says something about no process. */
extern struct world *the_world;

struct world *world_of(const struct fst_loop *loop);
struct process *process_of(const struct fst_loop *loop);
void world_trace(const struct world *world, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* clock.c: the next thing happens; false: nothing will. */
bool clock_step(struct world *world);
/* 0 … below; ns */
int64_t clock_random(struct world *world, int64_t below);

/* net.c. The process is dead from now on: its connections end. */
void net_die(struct process *process);
void net_free(struct fst_net *net);
/* Connections of the agent: the way there is cut for good, one direction is
 * lost without a word, all is late until agent->apart. */
void net_cut(struct agent *agent);
void net_deafen(struct agent *agent, bool coordinator);
void net_delay(struct agent *agent);

/* proc.c */
void proc_excuse_all(struct agent *agent);
/* Bytes that a worker has: it grows with each test. */
int64_t proc_size(const struct fst_proc *proc);
void proc_kill_one(struct world *world, struct agent *agent);
/* It answers no more, and is at nothing; its agent says so. */
void proc_still_one(struct world *world, struct agent *agent);

/* agent.c */
void agent_init(struct agent *agent, struct world *world, uint32_t index);
void agent_start(struct agent *agent);
void agent_crash(struct agent *agent);
void agent_leave(struct agent *agent);
void agent_release(struct agent *agent);

/* coord.c */
void coord_init(struct coord *coord, struct world *world);
void coord_start(struct coord *coord);
void coord_crash(struct coord *coord);
void coord_stop(struct coord *coord);
/* It is there, and counts on more from the agent's session. */
bool coord_awaits(const struct coord *coord, const struct agent *agent);
void coord_release(struct coord *coord);

/* keep.c: copies what is to be committed; forgets it, or commits it. */
void keep_add(struct unkept *unkept, const struct fst_effect *effect);
void keep_results(struct unkept *unkept, struct agent *agent,
                  const struct fst_msg *msg);
void keep_forget(struct unkept *unkept);
void keep_commit(struct unkept *unkept, struct world *world);
void keep_release(struct unkept *unkept);

/* faults.c: which there are to be. */
void faults_plan(struct world *world);
void faults_release(struct world *world);
/* The agent says BYE: its connection may be cut when that is under way, has
 * arrived, or is answered. */
void faults_part(struct agent *agent);
/* A message boundary of the process: whether it dies here. */
bool faults_dies_here(struct process *process);

/* watch.c: what is said and heard, and what must be true of it. */
void watch_said(struct process *from, const struct fst_msg *msg);
void watch_heard(struct process *to, const struct fst_msg *msg);
/* The coordinator has committed what the agent's RESULTS say. */
void watch_committed(const struct taken *taken);
void watch_forget(struct agent *agent);
void watch_restart(struct world *world);
void watch_test_starts(struct world *world, const struct model *model,
                       const struct lease *lease);
/* A lease of the coordinator's. */
void watch_lease(struct world *world, const struct fst_lease *lease);
/* A worker is lost; the agent's session, or the coordinator's agent: what may
 * differ from plain pytest by it. */
void watch_excuse(struct world *world, const struct model *model);
void watch_session_lost(struct world *world);
void watch_down(struct agent *agent);
/* The agent's session has ended, not its process. */
void watch_parted(const struct agent *agent);
void watch_release(struct world *world);
void watch_killed(struct world *world, const struct model *model,
                  const struct lease *lease);

#endif
