/* Who is at the other end of a farm's connections: one that has proven nothing
 * yet, or an agent, and what is said to it. Private to farm.c, greet.c and
 * peer.c. Loop thread only.
 *
 * Many of these functions may end the peer, which is then freed; those that
 * return int say so by -1. */
#ifndef FST_CLI_PEER_H
#define FST_CLI_PEER_H

#include <uthash.h>
#include <utlist.h>

#include "coordinator/cli/farm.h"
#include "coordinator/cli/skew.h"
#include "shared/proto/link.h"
#include "shared/trust/token.h"

enum peer_state {
    PEER_SILENT,    /* waiting for HELLO */
    PEER_ASKED,     /* CHALLENGE went out, waiting for PROOF */
    PEER_PROVEN,    /* waits for the farm to open */
    PEER_COMPARING, /* CHECKOUT went out, waiting for the answer */
    PEER_UP,        /* welcomed */
    /* It was, and has no connection; the timer runs. One that has left may ask
     * what was heard of it. */
    PEER_AWAY,
};

struct peer {
    struct fst_farm *farm;
    struct peer *prev, *next; /* farm->peers */
    struct fst_conn *conn;    /* AWAY: NULL */
    struct fst_timer *timer;
    enum peer_state state;
    bool local, asks_token, left, dropped, out;
    bool gone; /* it has left, and on_down was told */
    int64_t came_ns;
    bool patient;          /* its timer is the longer one */
    bool allowed;          /* it may be another one than the coordinator */
    bool asked;            /* for files */
    char *mismatch;        /* so far, or NULL */
    struct fst_msg *proof; /* whose name and labels it is called by */
    char from[FST_PEER_TEXT];
    char *hello_nonce;
    char nonce[FST_NONCE_HEX];
    char *name, *boot_id;
    struct fst_agent_id id;
    uint32_t *slots;
    size_t n_slots;
    int64_t heard_ns, pinged_ns;
    size_t n_pings;   /* that have no answer yet */
    unsigned n_again; /* PINGs because an answer has taken long */
    struct fst_skew skew;
    struct fst_link link;
    char session[FST_NONCE_HEX];
    uint64_t untold;  /* of what it has said: the last number that is kept, and
                         acknowledged, later; 0: none is */
    uint64_t marked;  /* its last number at fst_farm_mark() */
    uint32_t *wanted; /* the numbers of the session that it comes with, or NULL:
                         n_slots of them */
    UT_hash_handle by_id, by_boot_id;
};

struct fst_farm {
    struct fst_loop *loop;
    struct place *places; /* farm.c's */
    const struct fst_farm_spec *spec;
    const struct fst_farm_events *events;
    void *user;
    struct peer *peers;      /* the newest first */
    struct peer *agents;     /* UP or AWAY, by id */
    struct peer *sessions;   /* of these, all but the local one, by boot_id */
    struct fst_admit *admit; /* NULL: not open yet */
    bool over;               /* nobody is welcomed any more */
    struct fst_timer *sweep;
    uint32_t last_id, next_slot;
    struct fst_strings dropped; /* boot_ids: these sessions don't go on */
    struct fst_strings out;     /* names of agents that can't take part */
    size_t unproven_max;        /* peers, see make_room() */
    size_t told, untold;        /* unproven peers that were dropped, of late */
    int64_t telling_ns;
};

/* It has its id, and is UP. */
void fst_peer_enter(struct peer *peer);
/* Frees it, and tells nobody. */
void fst_peer_remove(struct peer *peer);
/* For good: tells whoever knew the agent. Its connection has ended. */
void fst_peer_lose(struct peer *peer, const char *why);
/* Ends it for what it said or did, with a line in the log. */
void fst_peer_drop(struct peer *peer, const char *why);
/* The connection has ended, or is ended here; the agent may come back. */
void fst_peer_cut(struct peer *peer, const char *why);
/* A line in the log; anyone can make us say one about an unproven peer: not too
 * many. */
void fst_peer_tell(const struct peer *peer, const char *what, const char *why);
/* How many more were dropped than lines say; now and then. */
void fst_peer_tell_number(struct fst_farm *farm, int64_t now);

/* Asks for a sign of life and for its clock. A PING that came: whether it is an
 * answer to that; false, too, where the peer has gone. */
int fst_peer_ping(struct peer *peer);
bool fst_peer_answered(struct peer *peer, const struct fst_ping *ping);
/* What isn't counted; and what is (link.h). */
int fst_peer_say(struct peer *peer, const struct fst_msg *msg);
int fst_peer_send(struct peer *peer, struct fst_msg *msg);
/* Whether it is acknowledged at once: what comes often and alone waits for
 * more, FST_LINK_TELL at most. */
bool fst_peer_wants_ack(const struct peer *peer, enum fst_msg_type type);
/* What was heard up to seq; or at its return. */
int fst_peer_acknowledge(struct peer *peer, uint64_t seq);
/* Says why, and closes; text is the agent's user's. */
void fst_peer_reject(struct peer *peer, const char *code, const char *text);

/* One that was welcomed, or NULL. */
struct peer *fst_peer_find(const struct fst_farm *farm, struct fst_agent_id id);
struct peer *fst_peer_find_session(const struct fst_farm *farm,
                                   const char *boot_id);

#endif
