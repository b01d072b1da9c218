/* One agent's part in a run, from WELCOME to BYE: its slots, the leases that
 * each holds, what becomes of them when a worker comes, ends or dies.
 *
 * PURE: no clock, process or socket. Events come in, effects go out, to be
 * carried out in order; the time is an argument. Not thread-safe: loop thread
 * only.
 *
 * A slot has at most one worker: the first slot's is started at once, another's
 * when the coordinator says START or leases something to it. From then on a
 * worker that ends is replaced. What is leased to it is told to its worker in
 * order of arrival, at once where there is one (it reads its pipe when it is
 * ready). A `fresh` lease waits until the worker before it has finished what it
 * was told (DRAIN), and so does all behind it. When a worker ends, in whatever
 * way, every lease that the slot still holds is given back: REVOKED with rest.
 * A lease is held until it was given back or answered (LIST, COLLECT), or until
 * a later lease of the slot has a result, since a worker runs them in order
 * (but for `full` ones, which are held as long as their worker lives).
 */
#ifndef FST_AGENT_CORE_AGENT_H
#define FST_AGENT_CORE_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/crash.h"
#include "shared/base/err.h"
#include "shared/base/vec.h"
#include "shared/proto/msg.h"

enum {
    FST_AGENT_FAILURES = 5,           /* in a row retire a slot */
    FST_AGENT_UNACKED_MAX = 64 << 20, /* bytes: then workers aren't read */
    FST_AGENT_HELD_MAX = 100000,      /* leases of one slot */
};
#define FST_AGENT_BACKOFF_NS                                                   \
    INT64_C(50000000) /* doubled for each failure …                          \
                       */
#define FST_AGENT_BACKOFF_MAX_NS INT64_C(2000000000) /* … up to this */
#define FST_AGENT_INTERRUPT_NS INT64_C(10000000000)  /* SIGINT to SIGKILL */
#define FST_AGENT_FINISH_NS INT64_C(60000000000)     /* DRAIN to SIGKILL */

enum fst_agent_event_type {
    FST_AGENT_EV_START,   /* once, first */
    FST_AGENT_EV_ORDER,   /* msg: the coordinator's */
    FST_AGENT_EV_RESUMED, /* over a new connection: what the coordinator
                             hasn't heard is sent again */
    FST_AGENT_EV_ADOPTED, /* by a coordinator that doesn't know us: HELD, and
                             what the one before hadn't acknowledged */
    FST_AGENT_EV_SAID,    /* msg: what slot's worker said */
    FST_AGENT_EV_LINES,   /* text: lines of slot's worker, for OUTPUT */
    FST_AGENT_EV_NOT_STARTED, /* slot's worker can't be started: why */
    FST_AGENT_EV_ENDED,       /* slot's worker has ended: end */
    FST_AGENT_EV_SEEN,        /* answers FST_AGENT_LOOK: end without status */
    FST_AGENT_EV_WROTE,       /* slot's worker wrote to its log */
    FST_AGENT_EV_SWEPT,       /* answers FST_AGENT_SWEEP: warnings */
    FST_AGENT_EV_LEAVE,       /* finish what runs, hand back the rest, go; the
                                 second time: go at once */
    FST_AGENT_EV_MEMORY,      /* measured: what the workers have */
    FST_AGENT_EV_TICK,        /* fst_agent_deadline() has come */
};

struct fst_memory_reading {   /* bytes; arrays are of the spec's slots */
    int64_t bound;            /* what all workers may have together */
    int64_t total;            /* what they have, with what descends from us */
    const int64_t *sizes;     /* 0: no worker */
    const uint32_t *doing;    /* enum fst_doing; unchecked */
    const char *const *names; /* node id or path; valid UTF-8 */
};

struct fst_agent_event {
    enum fst_agent_event_type type;
    size_t slot; /* index into the spec's slots; behind them: the host */
    struct fst_msg *msg; /* taken, also where the step fails */
    const char *why, *text;
    bool lacking; /* NOT_STARTED: of something that may be there later */
    const struct fst_worker_end *end;
    const struct fst_memory_reading *reading;
    const struct fst_warning *warnings; /* SWEPT: what was found; copied */
    size_t n_warnings;
    uint64_t heard; /* RESUMED: so many messages of ours */
};

enum fst_agent_effect_type {
    FST_AGENT_SEND,       /* frames to the coordinator, which are msg's */
    FST_AGENT_SPAWN,      /* start a worker for slot and tell it its WELCOME,
                             `node` where it waits */
    FST_AGENT_TELL,       /* msg to slot's worker */
    FST_AGENT_LOOK,       /* say what slot's worker is at: EV_SEEN */
    FST_AGENT_ASK,        /* have slot's worker write its stacks to its log */
    FST_AGENT_TERMINATE,  /* SIGTERM to the group of slot's worker */
    FST_AGENT_SWEEP,      /* no worker will come any more: end what they have
                             left running, and say what that was: EV_SWEPT */
    FST_AGENT_INTERRUPT,  /* SIGINT to slot's worker */
    FST_AGENT_KILL,       /* SIGKILL to the group of slot's worker; why */
    FST_AGENT_KILL_STUCK, /* the same, where it has been idle or finishing for
                             FST_AGENT_FINISH_NS */
    FST_AGENT_PAUSE,      /* read no worker until … */
    FST_AGENT_RESUME,
    FST_AGENT_OVER, /* nothing more will come: close, leave with exit_code; why
                       says what went wrong, or is NULL */
};

struct fst_agent_effect {
    enum fst_agent_effect_type type;
    size_t slot; /* the number of slots: the host (host.h) */
    bool waits;
    struct fst_msg *msg; /* owned by the list until taken */
    const char *frames;  /* SEND: encoded; NULL: msg isn't counted (link.h) */
    size_t frames_len;   /* live until the next step */
    const char *why;     /* lives until the list is cleared */
    int exit_code;
};

struct fst_agent_effects { /* zeroed is empty */
    FST_VEC(struct fst_agent_effect) list;
    struct fst_arena arena; /* of whys */
};

void fst_agent_effects_clear(struct fst_agent_effects *effects);
void fst_agent_effects_release(struct fst_agent_effects *effects);

struct fst_agent;

/* slots: their farm-wide numbers, at least one; copied. */
struct fst_agent *fst_agent_new(const uint32_t *slots, size_t n_slots);
/* Before START: it is known that xdist's controller hooks are wanted, so that
 * no worker has to find out. */
void fst_agent_want_host(struct fst_agent *agent);
/* Before START: another coordinator may take the session on (held.h). */
void fst_agent_keep(struct fst_agent *agent);
void fst_agent_free(struct fst_agent *agent);
/* One test may take so long (hang.h); 0: as long as it wants. Before START. */
void fst_agent_limit_tests(struct fst_agent *agent, int64_t limit_ns);
/* When it leaves, what runs may take so long; then it is interrupted and handed
 * back, too. 0: as long as it wants. Before START. */
void fst_agent_limit_drain(struct fst_agent *agent, int64_t limit_ns);

/* One event in, effects out (appended). -1, FST_E_PROTO: an ORDER broke the
 * protocol; leave this coordinator. */
int fst_agent_step(struct fst_agent *agent, const struct fst_agent_event *event,
                   int64_t now_ns, struct fst_agent_effects *effects,
                   struct fst_err *err);
/* When it wants FST_AGENT_EV_TICK, in ns; INT64_MAX: never. */
int64_t fst_agent_deadline(const struct fst_agent *agent);
/* There is something that another coordinator of the run can take on. */
bool fst_agent_can_move(const struct fst_agent *agent);
/* So many messages of the coordinator were taken. */
uint64_t fst_agent_heard(const struct fst_agent *agent);
/* BYE was sent: nothing more will be said. */
bool fst_agent_is_done(const struct fst_agent *agent);
/* Results or the host's summary aren't acknowledged: nobody else can tell
 * them. */
bool fst_agent_owes(const struct fst_agent *agent);

#endif
