/* What the core's modules share: runs, files, items, leases, slots, agents.
 * Private to coordinator/core. Loop thread only, as all of the core.
 *
 * Who owns what: the core owns runs, agents, slots and the records of leases;
 * a run owns its files and the strings in its arena; a slot owns its leases. A
 * pointer from an item to a lease stands only while the item is LEASED.
 */
#ifndef FST_CORE_STATE_H
#define FST_CORE_STATE_H

#include <uthash.h>
#include <utlist.h>

#include "coordinator/core/core.h"

enum file_state {
    FILE_HELD,    /* waits for LISTED, which confirms or drops it */
    FILE_NEW,     /* nobody has opened it */
    FILE_OPENING, /* leased, its list isn't known yet */
    FILE_LISTED,  /* its list is known; an unreadable file's is empty */
    FILE_DEAD,    /* given up: collecting it ends workers or loses agents */
    FILE_DROPPED, /* pytest doesn't collect it */
    FILE_STATES
};

enum item_state {
    ITEM_QUEUED,
    ITEM_LEASED,
    ITEM_CONFIRMING, /* its first result is known, it is tried once more */
    ITEM_ENDED,
    ITEM_LEFT,   /* will not be run: its file died */
    ITEM_ABSENT, /* no longer in the file's list */
    ITEM_TWIN,   /* the same id stands before it in the list */
    ITEM_STATES
};

enum { ITEM_CRASHED = 1, ITEM_CONFIRMED = 2, ITEM_HAS_TWIN = 4 };

struct item { /* 48 bytes; there may be a million */
    const char *id;
    struct lease *lease; /* LEASED */
    uint32_t function;   /* index in file->functions */
    uint32_t bind;       /* equal and not 0: stay together */
    uint32_t worker;     /* whose result counts (struct slot's) */
    uint16_t attempts;   /* FST_EF_ATTEMPTs so far */
    uint16_t verdict;    /* number of the one that counts */
    uint8_t state, outcome, flags;
    uint8_t lost;    /* dispatches that ended without a result */
    uint8_t retries; /* begun, or waiting to */
    float past_s;    /* how long it took in earlier runs; < 0: not known */
    uint32_t group;  /* fst_groups_number(); 0: none */
};

struct weight {     /* the expected time of some items */
    double known_s; /* of those with a past */
    size_t unknown; /* how many have none */
};

struct function {   /* the instances of one, in a file's list */
    const char *id; /* of an item; `len` bytes are the function's */
    uint32_t len;
    uint32_t count;   /* items */
    uint32_t counted; /* scratch of lease.c */
};

/* Where a file waits; at most one place. */
enum file_queue { QUEUE_NONE, QUEUE_VERIFY, QUEUE_READY, QUEUE_UNOPENED };

/* Size classes of unopened files. Without history each has four times the tests
 * of the one before, with one twice the time of the second one before. */
enum { SIZE_CLASSES = 32 };

struct file {
    struct run *run;
    const char *path;
    struct fst_strs planned, selectors, earlier; /* in the run's arena */
    enum file_state state;
    bool learned;                 /* planned are node ids, of an earlier list */
    bool verify;                  /* has not been verified yet */
    bool unstable;                /* its ids differ between workers */
    bool keep_whole;              /* order-dependent: not split again */
    bool fresh;                   /* used workers have failed to open it */
    bool grouped;                 /* items have groups */
    bool reopening;               /* a COLLECT lease for a new list is out */
    uint32_t kills, lost, failed; /* openings that ended so */
    uint32_t n_leases;            /* live leases of any kind */
    size_t sharers; /* slots for which its queued items were revoked */

    struct item *items;
    size_t n_items;
    struct function *functions;
    size_t n_functions;
    uint32_t *table; /* open addressing over ids: index + 1; 0: free */
    size_t table_size;
    size_t by_state[ITEM_STATES];
    struct weight weights[ITEM_STATES];
    struct weight planned_weight; /* of what is planned */
    size_t queue_from;            /* no item before it is QUEUED */
    const char *digest;
    FST_VEC(uint32_t)
    rehearsed;                /* workers that have run confirmations or retries
                                of it */
    uint32_t home, home_slot; /* worker whose list stands, and its slot */

    double sum_s; /* of ended items, and their number */
    size_t n_timed;
    double open_s;      /* how long collecting it took; < 0: not known */
    double shared_s;    /* that its home has set up fixtures for it */
    double past_open_s; /* both in earlier runs; < 0: not known */

    enum file_queue queue;
    uint32_t size_class;
    struct file *prev, *next;             /* pytest's order */
    struct file *queue_prev, *queue_next; /* where it waits */
};

enum lease_kind { /* as FST_LEASE_*, and LIST */
                  LEASE_PLAIN,
                  LEASE_CONFIRM,
                  LEASE_COLLECT,
                  LEASE_LIST
};

struct confirm { /* one item that is tried once more */
    struct file *file;
    uint32_t item;
    bool retry; /* alone, to see whether it is flaky */
    uint32_t lost;
    struct confirm *prev, *next;
};

struct lease {
    uint64_t id;
    struct run *run;
    struct file *file; /* NULL: LIST */
    struct slot *slot;
    enum lease_kind kind;
    bool whole;
    bool opened;     /* COLLECTED came */
    bool warned;     /* its file was known to fail in used workers */
    bool ahead;      /* COLLECT: only so that the slot has the file open */
    bool revoking;   /* REVOKE is out */
    bool follows;    /* its predecessors are those of a CONFIRM before it */
    uint8_t refused; /* times that it gave nothing back when asked */
    size_t promised; /* slots that wait for what was revoked */
    uint32_t urgent; /* item that comes first once it was given back; 0: none */
    double expect_s;
    bool grouped;    /* items of it have groups: they can't go elsewhere */
    uint32_t *items; /* PLAIN, once listed: indices, rising */
    size_t n_items;
    size_t from;          /* no item before it is live */
    size_t live;          /* items that are LEASED by it */
    struct weight weight; /* of these */
    struct confirm *confirm;
    struct lease *prev, *next; /* in the slot, oldest first */
};

/* What stays of each lease: late results and amendments name it. Those that
 * another coordinator gave are found by id (held.h). */
struct lease_record {
    struct lease *live; /* NULL: over */
    struct run *run;
    struct file *file;
    uint32_t agent, slot;
    enum lease_kind kind;
    bool adopted; /* another coordinator gave it, or it was lost before */
    bool again;   /* adopted: a confirmation or a retry, of which only this is
                     known */
};

struct foreign_lease {
    uint64_t id;
    struct lease_record record;
    UT_hash_handle hh;
};

struct slot {
    uint32_t number;
    struct agent *agent;
    bool asked;            /* it has a worker, or one is on its way */
    bool up;               /* its worker takes leases */
    bool retired;          /* no worker will come any more */
    bool hungry;           /* then in run->hungry, where there is a run */
    bool paused;           /* its agent is short of memory, or is leaving; never
                              hungry then */
    bool list;             /* its worker's plugins decide on files */
    bool full;             /* … and must see the whole selection at once */
    bool used;             /* its worker has run a test */
    uint32_t worker;       /* number of its current or last worker, farm-wide */
    int64_t pid;           /* of it */
    struct file *in_order; /* its worker was fresh and has run just the items
                              before in_order_next of this file, or will */
    uint32_t in_order_next;
    uint32_t order_worker; /* the worker that has begun to; 0: none yet */
    int64_t since_ns;      /* last sign of progress */
    int64_t still_ns;      /* still.h: since when it is at nothing; INT64_MAX */
    struct file *file;     /* of its last lease */
    struct lease *leases;
    double start_s; /* its worker's start took so long */
    bool opened;    /* its worker has opened a file */
    bool counting;  /* it works since counted_ns; see demand.h */
    int64_t counted_ns;
    struct slot *prev, *next; /* run->hungry */
    UT_hash_handle hh;
};

struct agent {
    uint32_t id;
    struct run *run; /* NULL: waits for one */
    struct slot **slots;
    size_t n_slots;
    bool gone;    /* nothing can be sent to it any more */
    bool leaving; /* it takes no more: its slots are paused until it is gone */
    char *fatal;  /* why none of its workers can start; or NULL */
    int fatal_code;
    bool out; /* for that, while others work */
    bool local;
    UT_hash_handle hh;
};

enum run_phase {
    RUN_ACTIVE,
    RUN_DRAINING, /* all has ended; the agents finish */
    RUN_STOPPING, /* nothing is leased any more; the agents finish */
    RUN_ENDED
};

enum list_phase { LIST_NONE, LIST_WANTED, LIST_ASKED, LIST_DONE };

struct past_worker { /* of the run, by what agents know of it */
    uint32_t slot;
    int64_t pid;
    uint32_t worker; /* the number that its items have here */
};

struct report { /* an id outside the lists that has its verdict */
    const char *id;
    UT_hash_handle hh;
};

struct run {
    struct fst_core *core;
    uint32_t id;
    struct fst_arena arena;
    enum run_phase phase;
    uint32_t maxfail;
    bool confirm, collect_only, one_worker, fail_flaky;
    bool keep_files, given_order;  /* as the spec's */
    uint32_t retries, flaky;       /* allowed for each item; passed by one */
    const struct fst_times *times; /* of earlier runs, or NULL */
    int max_restart;
    bool held;         /* nothing is leased yet */
    bool gathered;     /* it was, until its agents had come */
    bool seen_up;      /* a worker has been up: */
    bool up_agents;    /* of several agents, */
    uint32_t up_agent; /* or of this one */
    bool fatal;        /* an agent waits for fst_fatal_serve() */
    bool all_asked;    /* its slots have workers, or will without being told */
    enum fst_core_full may_full;
    bool full;           /* workers collect the whole selection */
    uint32_t full_kills; /* workers that died of it */

    struct file *files;   /* pytest's order */
    struct file *printed; /* collect_only: the last whose ids went out */
    struct file *verify, *ready;
    struct file *unopened[SIZE_CLASSES];
    struct confirm *confirms;
    struct slot *hungry;
    struct slot *only; /* one_worker: the one */
    struct report *reports;
    FST_VEC(struct past_worker) past_workers;
    struct {
        struct group *by_name;
        FST_VEC(struct group *) list;
    } groups;

    struct fst_strs list_dirs, roots;
    enum list_phase list;

    size_t n_verify;  /* files still to be verified */
    size_t n_open;    /* files in HELD, NEW or OPENING */
    size_t n_opening; /* in OPENING */
    size_t n_pending; /* items QUEUED, LEASED or CONFIRMING */
    size_t n_leases;
    size_t n_agents;
    size_t n_paused;  /* slots */
    size_t n_serving; /* slots that have a worker, or will have one soon */
    size_t n_idle;    /* of `hungry`, those without a lease */
    size_t n_items;   /* ever listed */
    struct unopened { /* of files in HELD, NEW, OPENING */
        size_t count; /* functions that are planned; of learned ones items */
        struct weight weight;
    } planned, learned;
    struct weight pending_weight; /* of the n_pending */
    double unopened_open_s; /* what opening these files took in earlier runs */
    size_t planned_listed, items_listed; /* how many items a function makes */
    struct fst_counts counts;
    uint32_t failures;
    int crashes;
    uint32_t dropped; /* agents, for what they said */
    double sum_s;
    size_t n_timed;

    double worked_s;       /* by slots that don't work now; see demand.h */
    double first_open_s;   /* the longest first file of a worker */
    double start_s;        /* how long workers take to start; 0: not known */
    double longest_open_s; /* of a file, in earlier runs */
    int64_t first_up_ns;   /* INT64_MAX: no worker was up */
    int64_t demand_ns;     /* when to look for more workers; INT64_MAX: never */

    size_t promised; /* sum of its leases' */
    bool dirty;      /* something changed that may feed a hungry slot */
    int64_t tick_ns; /* when to look again; INT64_MAX: never */
    int64_t wide_ns; /* all slots are looked at from then on */
    int exit_code;
    const char *text;
    const char *missing; /* text of selectors that match nothing */
    struct run *prev, *next;
};

struct fst_core {
    struct run *runs; /* in order of adding */
    uint32_t last_run, last_worker;
    struct agent *agents;
    struct slot *slots;
    uint64_t lease_epoch;                 /* high half of our leases' ids */
    FST_VEC(struct lease_record) records; /* of lease n: n - 1 */
    struct foreign_lease *foreign;
    int64_t now_ns;           /* of the step */
    struct fst_agent_id from; /* the step's agent, where it has one */
    struct fst_effects *out;  /* of the step */
};

static inline struct run *fst_core_find_run(const struct fst_core *core,
                                            struct fst_run_id id)
{
    struct run *run = core->runs;
    while (run && run->id != id.v)
        run = run->next;
    return run;
}

static inline bool fst_core_bad(enum fst_outcome outcome)
{
    return outcome == FST_FAILED || outcome == FST_ERROR;
}

#endif
