/* One slot of an agent: its worker's stage and the leases that it holds. Inside
 * agent/core; see agent.h. Pure. */
#ifndef FST_AGENT_CORE_SLOT_H
#define FST_AGENT_CORE_SLOT_H

#include "agent/core/agent.h"
#include "agent/core/hang.h"

enum fst_stage {
    FST_STAGE_NONE,     /* no worker; one is started at start_ns, or when it is
                           asked for */
    FST_STAGE_STARTING, /* the process runs */
    FST_STAGE_UP,       /* it said STATE up */
    FST_STAGE_CLOSED,   /* no worker, and none will come */
};

/* What memory.c knows of a slot's worker; bytes. */
struct fst_slot_memory {
    int64_t size;     /* last measured, with all that descends from it */
    int64_t base;     /* at first */
    int64_t before;   /* when the test that runs began */
    char *test;       /* that ran when it was last measured, or NULL */
    uint32_t ended;   /* tests that it has ended */
    uint32_t counted; /* of these, how many growth has aged by */
    uint32_t alone;   /* ended, when it was left alone; 0: it wasn't */
    uint32_t renewed; /* its worker was replaced so often for its size */
    bool idle;
};

struct fst_slot_lease {
    uint64_t lease;
    bool collect; /* over with its COLLECTED */
    bool full;    /* its tests take turns with those of later leases */
    bool told;    /* to the worker */
    bool differs; /* its file was opened, and has nothing to run, or another
                     list than the lease's */
    struct fst_msg *msg; /* LEASE or LIST; told: NULL unless the slot keeps */
    FST_VEC(char *)
    gone; /* keeps: items that have a result, or were given back
           */
};

struct fst_slot_past { /* a lease that was told and is over */
    uint64_t lease;
    char *file;
    bool again; /* as fst_past_lease's */
};

struct fst_slot {
    size_t index;
    uint32_t number;
    bool keeps; /* what HELD would say */
    enum fst_stage stage;
    bool used;        /* its worker was told a lease */
    bool draining;    /* its worker was told DRAIN */
    bool interrupted; /* its worker was sent SIGINT or SIGKILL by us */
    bool ended_well; /* its worker said BYE; that it was not asked for is bad */
    bool fatal;      /* its worker said that all would fail alike */
    bool stopped;    /* its worker said that the run is to stop */
    bool recycled;   /* its worker said BYE since its lifetime is over */
    uint32_t failures;
    int64_t start_ns, kill_ns; /* INT64_MAX: not set */
    int64_t spawn_ns;          /* when its worker was asked for */
    FST_VEC(struct fst_slot_lease)
    held; /* in order of arrival, the told ones first */
    FST_VEC(struct fst_slot_past) past; /* keeps */
    struct fst_msg *up; /* keeps: what its worker has said of itself, or NULL */
    char *last_id;      /* of its worker's last result, with its lease */
    uint64_t last_lease;
    bool paused; /* memory is short: the coordinator gives it nothing */
    struct fst_slot_memory memory;
    struct fst_hang hang;
};

/* Effects of a slot; msg is taken. */
void fst_slot_effect(const struct fst_slot *slot,
                     enum fst_agent_effect_type type, struct fst_msg *msg,
                     struct fst_agent_effects *out);

void fst_slot_init(struct fst_slot *slot, size_t index, uint32_t number);
void fst_slot_release(struct fst_slot *slot);
bool fst_slot_has_worker(const struct fst_slot *slot);
/* Asks for a worker; clears what was known of the one before. */
void fst_slot_spawn(struct fst_slot *slot, int64_t now_ns,
                    struct fst_agent_effects *out);
/* Asks for its first worker, if it never had one. */
void fst_slot_start(struct fst_slot *slot, int64_t now_ns,
                    struct fst_agent_effects *out);
/* Takes a LEASE or LIST. */
void fst_slot_hold(struct fst_slot *slot, struct fst_msg *msg);
/* Tells the worker what it may have; a fresh lease first ends the worker. */
void fst_slot_feed(struct fst_slot *slot, int64_t now_ns,
                   struct fst_agent_effects *out);
/* Tells the worker to finish; once. */
void fst_slot_drain(struct fst_slot *slot, int64_t now_ns,
                    struct fst_agent_effects *out);
/* SIGINT, and SIGKILL later; once. */
void fst_slot_interrupt(struct fst_slot *slot, int64_t now_ns,
                        struct fst_agent_effects *out);
/* Takes a REVOKE. */
void fst_slot_revoke(struct fst_slot *slot, struct fst_msg *msg,
                     struct fst_agent_effects *out);
/* The lease needs no answer any more. */
void fst_slot_forget(struct fst_slot *slot, uint64_t lease);
/* A lease's file was opened: a COLLECT lease is over. */
void fst_slot_opened(struct fst_slot *slot,
                     const struct fst_collected *collected);
/* A confirmation or a retry. */
bool fst_slot_is_again(const struct fst_lease *lease);
/* An item of the lease has a result. */
void fst_slot_ended(struct fst_slot *slot, uint64_t lease, const char *id);
/* Its worker gave items of the lease back. */
void fst_slot_revoked(struct fst_slot *slot, const struct fst_revoked *revoked);
/* A result of the lease came: those before it are over. */
void fst_slot_reached(struct fst_slot *slot, uint64_t lease);
/* Gives back the leases held; all, or those not told yet. */
void fst_slot_give_back(struct fst_slot *slot, bool all,
                        struct fst_agent_effects *out);
/* REVOKED with rest. */
void fst_slot_send_over(const struct fst_slot *slot, uint64_t lease,
                        struct fst_agent_effects *out);

#endif
