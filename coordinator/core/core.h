/* The core: runs, their files and items, slots and leases. It alone decides
 * who runs what, what a result is worth, and when a run is over.
 *
 * PURE: no clock, descriptor, thread, socket, environment or random numbers.
 * Time comes in as an argument, what is to be done goes out as effects; the
 * real program and the simulation in tests/sim drive the same function. Not
 * thread-safe: the loop thread owns it. docs/decisions and RUN's invariants:
 *
 *  - each item is covered by at most one live lease (confirmation apart);
 *  - each item of the final lists ends exactly once in the report;
 *  - with a slot idle and something queued that it may run, something is
 *    leased.
 * fst_core_check() asserts them; the simulation calls it after every step.
 *
 * State is keyed by run, so that a standing coordinator can hold many. An agent
 * serves one run: the first that takes work when the agent comes (or when a
 * run is added while the agent waits). A run ends by DRAIN and BYE of its
 * agents; for the next run they come again.
 *
 * What the contract leaves to the core:
 *  - A file that nobody has opened is leased whole, to one slot. Its list once
 *    known, leases name items. A file is split by REVOKE of a tail only, never
 *    inside a group of items with the same `bind`.
 *  - REVOKE without items asks for all of a lease that has not started (a file
 *    that is queued behind another); REVOKED says by `rest` that none has. An
 *    answer without items and `rest` is taken as "can't", once a lease.
 *  - Confirmation b (a file can't be collected in a used worker) makes no
 *    attempt: what the fresh worker says is the file's first one. Only files
 *    without any item are opened again; where a part could be collected, the
 *    error stands.
 *  - A retry names its item alone, without what stood before it, and never
 *    goes to the worker process that has seen it fail: another slot's worker
 *    takes it, or, where nothing else is left to do, a fresh one in the same
 *    slot. It begins after the confirmation, where there is one.
 *  - A later list of a file that differs (RUN, "A function whose ids differ"):
 *    while the worker whose list stands is alive, what is left goes to it;
 *    then a COLLECT lease makes another worker's list the file's, item by item
 *    (by id, else by index), for what has not ended.
 *  - A file that kills two workers after it was listed takes the items that
 *    have not ended with it: they are not run.
 *  - Where a learned list says that a file is worth sharing, idle slots open it
 *    while the first one does (a COLLECT lease that tells nothing), so that
 *    they can run a part of it as soon as its list is there.
 *  - An item with a group isn't part of a lease of a whole file: it is leased
 *    by name, to the slot that got the group's first (groups.h).
 *  - Crashed workers beyond max_worker_restart end the run as xdist's do, with
 *    exit code 1 and its words.
 *  - A draining agent that doesn't say BYE is waited for 90 s at most; one that
 *    has begun a SUMMARY for as long as that takes.
 *  - An agent's first slot has a worker unasked; the others are asked for
 *    (START) when the work left pays for them (demand.h). Nothing is leased to
 * a slot before its worker is up.
 */
#ifndef FST_CORE_CORE_H
#define FST_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/times.h"
#include "shared/base/err.h"
#include "shared/base/vec.h"
#include "shared/proto/msg.h"

struct fst_core;

struct fst_run_id {
    uint32_t v;
};
struct fst_agent_id { /* chosen by the caller, one a session */
    uint32_t v;
};

/* One file of the selection, as discovery sees it. All is copied. */
struct fst_file_plan {
    const char *path;             /* relative to the root, with '/' */
    const char *const *functions; /* function ids in source order */
    size_t n_functions;           /* 0: nothing can be named; whole file */
    bool learned; /* they are the node ids of the list that an earlier run got
                     of this file as it is now. A guess like any plan: the first
                     list of this run counts */
    const char *const *selectors; /* struct fst_lease's */
    size_t n_selectors;
    const char *const *earlier; /* struct fst_lease's */
    size_t n_earlier;
    bool verify; /* a selector has no static match: open it before anything
                    runs, since the run ends (4) where pytest has none either */
    bool held;   /* below a directory of `list_dirs`: wait for LISTED, which
                    confirms or drops it */
};

/* Why an attempt was made, and so what the report says of it. */
enum fst_attempt_kind {
    FST_ATTEMPT_FIRST,
    FST_ATTEMPT_CONFIRM,   /* "failed only out of order" where it passes */
    FST_ATTEMPT_RETRY,     /* flaky where it passes */
    FST_ATTEMPT_AGAIN,     /* the earlier dispatch was lost with its agent */
    FST_ATTEMPT_DUPLICATE, /* came too late, counts nothing */
};

struct fst_try {                     /* of a test, or a collector's bad news */
    const struct fst_result *result; /* amendments are part of it */
    uint32_t attempt;
    enum fst_attempt_kind kind;
    bool verdict; /* the one that counts */
    bool amended; /* worse by what came later */
    struct fst_agent_id agent;
};

/* What an earlier run with the same selection has found out: its results stand,
 * but for failures that were to be confirmed or retried when it was stopped;
 * the rest is run. All stays the caller's; results as long as the run. */
struct fst_recalled {
    const struct fst_collected *lists; /* of the files that were opened */
    size_t n_lists;
    const struct fst_try *tries; /* in the order in which they began; one of
                                    each test is its verdict */
    size_t n_tries;
};

struct fst_run_spec {
    const struct fst_file_plan *files; /* in pytest's order */
    size_t n_files;
    const char *const *list_dirs; /* directories (relative to the root) whose
                                     files pytest must be asked for */
    size_t n_list_dirs;
    const char *const *roots; /* directories of the selection, relative to the
                                 root ("." too): what LIST asks for where a
                                 plugin decides which files are collected
                                 (STATE's list). None: such a plugin's files
                                 aren't asked for */
    size_t n_roots;
    enum fst_core_full {
        FST_FULL_NEVER, /* --collect lazy */
        FST_FULL_ASKED, /* where the first worker's plugins need it */
        FST_FULL_ALWAYS
    } full; /* each worker collects the whole selection once, as under xdist,
               and leases pick from it; the first one's list says which files
               there are, and in which order they are leased */
    const struct fst_times *times;       /* of earlier runs, or NULL; stays the
                                            caller's, as long as the run */
    const struct fst_recalled *recalled; /* or NULL */
    uint32_t maxfail;  /* stop after so many failures and errors; 0: never */
    bool confirm;      /* RUN's confirmation a and b */
    uint32_t retries;  /* further tries of a test that fails, at most 255 */
    bool fail_flaky;   /* one that passes only then makes the exit code 1 */
    bool collect_only; /* open every file, run nothing */
    bool one_worker;   /* -n 0, --sw: one slot, pytest's order */
    bool keep_files;   /* --dist loadfile: no file is split */
    bool given_order;  /* --order file, random: files are opened, and items
                          run, as they stand, whatever they take */
    bool held; /* nothing is leased before FST_EV_BEGIN: agents gather */
    int max_worker_restart; /* of the whole run; < 0: 4 × slots */
};

enum fst_event_type {
    FST_EV_AGENT_UP,   /* agent, slots */
    FST_EV_AGENT_DOWN, /* agent: its connection ended; why, dropped. After its
                          BYE, or for an agent that isn't known, nothing happens
                        */
    FST_EV_MESSAGE,    /* agent, msg: CREDIT COLLECTED HELD LISTED PING
                          RESULTS REVOKED STATE SUMMARY DRAIN BYE; others are the
                          caller's    business */
    FST_EV_STOP,       /* run, why, exit_code: stop handing out, cancel what
                          runs (SIGINT: why "interrupted", exit code 2) */
    FST_EV_NO_AGENTS,  /* run: none is there and none will come; exit 3 */
    FST_EV_BEGIN,      /* run: it is held no longer */
    FST_EV_TICK,       /* time has passed: fst_core_deadline() */
};

struct fst_event {
    enum fst_event_type type;
    struct fst_run_id run;     /* STOP, NO_AGENTS, BEGIN */
    struct fst_agent_id agent; /* AGENT_*, MESSAGE */
    const uint32_t *slots;     /* AGENT_UP: farm-wide numbers */
    size_t n_slots;
    bool local;                /* AGENT_UP: it is the coordinator's own */
    const struct fst_msg *msg; /* MESSAGE; stays the caller's */
    const char *why;
    int exit_code;
    bool dropped; /* AGENT_DOWN: for what it said, which no test is to blame
                     for. So often in a run, else it could go on for ever */
    bool now;     /* STOP: kill instead of interrupt (the second SIGINT) */
};

enum fst_effect_type {
    /* Send msg to agent. */
    FST_EF_SEND,
    /* A try of `id` has ended with `result`; no verdict yet. The reporter
     * keeps what it needs of it. */
    FST_EF_ATTEMPT,
    /* `id` has its verdict: `outcome`, from attempt number `attempt` (1 …, in
     * order of FST_EF_ATTEMPT of that id). Once for each id. */
    FST_EF_OUTCOME,
    /* A tear-down error that came after the verdict: `result`'s phases join
     * attempt `attempt` of `id`; the outcome is `outcome` from now on. */
    FST_EF_AMEND,
    /* Node ids left out by -k, -m, --deselect: `count` of them. */
    FST_EF_DESELECTED,
    /* `id` is in pytest's list of a file (collect_only: this is the answer). */
    FST_EF_LISTED,
    /* The file at path `id` was opened for the first time: it took `seconds`.
     */
    FST_EF_OPENED,
    /* `list` is the file's from now on. */
    FST_EF_LIST,
    /* One line for the user (text): a slot given up, a restart, … */
    FST_EF_NOTE,
    /* `id` was not run; only right before FST_EF_ENDED. */
    FST_EF_NOT_RUN,
    /* No worker of `agent` can start (text: pytest's), but others' can: it is
     * told to leave, and has no part in this run any more. */
    FST_EF_OUT,
    /* The run is over: exit_code, text (pytest's or ours) or NULL. */
    FST_EF_ENDED,
};

struct fst_effect {
    enum fst_effect_type type;
    struct fst_run_id run;
    struct fst_agent_id agent;
    struct fst_msg *msg; /* SEND: owned by the list until taken */
    const char *id;      /* lives as long as the run */
    uint32_t attempt;
    enum fst_attempt_kind kind;
    enum fst_outcome outcome;
    bool past; /* ATTEMPT, OUTCOME, DESELECTED, LIST: known from an earlier run
                */
    const struct fst_result *result;  /* lives as long as the event */
    const struct fst_collected *list; /* the same */
    const char *text;                 /* lives until the list is cleared */
    size_t count;
    double seconds;
    int exit_code;
};

struct fst_effects {
    FST_VEC(struct fst_effect) list;
    struct fst_arena arena; /* of texts */
};

void fst_effects_clear(struct fst_effects *effects); /* keeps the capacity */
void fst_effects_release(struct fst_effects *effects);

struct fst_core *fst_core_new(void);
/* Before the first run: another number than 0 keeps this core's leases apart
 * from those of the coordinators before it in the same run, which agents may
 * bring (HELD). */
void fst_core_number_leases(struct fst_core *core, uint32_t epoch);
void fst_core_free(struct fst_core *core);

/* A new run with its files; nothing is leased before agents come. Several runs
 * are served in the order in which they were added. Effects: what can be said
 * at once (an empty selection ends at once with 5; with `roots` the first
 * worker is waited for, since its plugins may know of files). */
struct fst_run_id fst_core_add_run(struct fst_core *core,
                                   const struct fst_run_spec *spec,
                                   int64_t now_ns, struct fst_effects *effects);

/* One event in, effects out (appended, in the order to be carried out).
 * Returns 0, or -1 where the event breaks the protocol (a lease or slot that
 * isn't the agent's, a file that was not leased): then nothing has changed and
 * the caller drops that agent.
 * So it does with FST_E_CLOSED: an agent that is there and does nothing
 * (still.h). */
int fst_core_step(struct fst_core *core, const struct fst_event *event,
                  int64_t now_ns, struct fst_effects *effects,
                  struct fst_err *err);

/* When the core wants FST_EV_TICK, in ns; INT64_MAX: never. */
int64_t fst_core_deadline(const struct fst_core *core);

struct fst_counts {
    size_t files, files_listed;
    size_t expected; /* tests known: listed items, and the static functions of
                        files that nobody opened yet */
    size_t ended;    /* with a verdict */
    size_t running_slots;
    size_t outcomes[FST_OUTCOMES];
};
void fst_core_counts(const struct fst_core *core, struct fst_run_id run,
                     struct fst_counts *counts);

struct fst_running { /* what a slot is at */
    struct fst_agent_id agent;
    uint32_t slot;
    const char *id;   /* node id; the file's path while its list isn't known */
    int64_t since_ns; /* the last sign of progress, in the steps' time */
};
/* Slots that are at something, those without progress for longest first; at
 * most `most` of them are put into `running`. Returns how many were. A worker
 * takes a lease's items in order, and nothing is told when a test starts: so
 * it is the first that has no result. O(slots). */
size_t fst_core_running(const struct fst_core *core, struct fst_run_id run,
                        struct fst_running *running, size_t most);
/* Seconds until the run is over by what earlier runs took, with the workers
 * that it will have; < 0: they say too little. */
double fst_core_left_s(const struct fst_core *core, struct fst_run_id run,
                       int64_t now_ns);

/* Asserts the invariants above; O(everything), for tests. */
void fst_core_check(const struct fst_core *core);

#endif
