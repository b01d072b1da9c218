/* The messages of fastest, as plain structs.
 *
 * One vocabulary for both hops: coordinator <-> agent (over the network) and
 * agent <-> worker (over a private pipe; a subset). docs/protocol.md has the
 * table: who sends what, ceilings, replies, duplicates.
 *
 * A message owns its memory: every string and array that it points to lives in
 * its arena, whether it was decoded or built by hand, and goes with
 * fst_msg_free(). Strings are UTF-8 without NUL; NULL stands for "not given".
 * Times are seconds as doubles where pytest measures them so, else ns.
 */
#ifndef FST_PROTO_MSG_H
#define FST_PROTO_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/arena.h"

enum { FST_PROTOCOL_VERSION = 1 };

/* One byte on the wire; the numbers never change their meaning. */
enum fst_msg_type {
    FST_MSG_HELLO = 1,
    FST_MSG_CHALLENGE = 2,
    FST_MSG_PROOF = 3,
    FST_MSG_WELCOME = 4,
    FST_MSG_REJECT = 5,
    FST_MSG_CREDIT = 6,
    FST_MSG_LEASE = 7,
    FST_MSG_COLLECTED = 8,
    FST_MSG_LIST = 9,
    FST_MSG_LISTED = 10,
    FST_MSG_RESULTS = 11,
    FST_MSG_ACK = 12,
    FST_MSG_REVOKE = 13,
    FST_MSG_REVOKED = 14,
    FST_MSG_CANCEL = 15,
    FST_MSG_STATE = 16,
    FST_MSG_DRAIN = 17,
    FST_MSG_BYE = 18,
    FST_MSG_PART = 19, /* a piece of a large message; never seen decoded */
    FST_MSG_START = 20,
    FST_MSG_OUTPUT = 21,
    FST_MSG_NODE = 22,
    FST_MSG_SUMMARY = 23,
    FST_MSG_PING = 24,
    FST_MSG_CHECKOUT = 25,
    FST_MSG_HELD = 26,
    FST_MSG_LAST = FST_MSG_HELD,
};

/* Ordered from best to worst: the outcome of a test is the worst of its
 * phases. ABSENT is no outcome: the worker has no such item. */
enum fst_outcome {
    FST_PASSED,
    FST_SKIPPED,
    FST_XFAILED,
    FST_XPASSED,
    FST_FAILED,
    FST_ERROR,
    FST_ABSENT,
};
enum { FST_OUTCOMES = 6 }; /* without ABSENT */

/* "passed" … "error", "absent", by enum fst_outcome. */
extern const char *const fst_outcome_names[FST_OUTCOMES + 1];

struct fst_strs { /* an array of strings in a message's arena */
    const char **items;
    size_t count;
};

struct fst_section { /* "Captured stdout call" and its text */
    const char *name, *text;
};

/* What pytest would print of one phase of a test, or of a collector. Passed
 * phases have none unless something was captured. */
struct fst_phase {
    const char *when;         /* "setup", "call", "teardown", "collect" */
    enum fst_outcome outcome; /* by pytest_report_teststatus */
    const char *title;        /* "TestA.test_b", as in pytest's headline */
    const char *longrepr; /* as pytest prints it; ANSI codes where colour is on
                           */
    const char *message;  /* what the short summary says behind " - " */
    const char *location; /* "path:line": of a skip, as -rs folds it; of bad
                             news the test's line where it came from */
    struct fst_section *sections;
    size_t n_sections;
};

/* One attempt of one test, one collector's bad news (id: the file's or
 * directory's path; every phase "collect"), or "there is no such item". */
struct fst_result {
    uint64_t lease;
    uint32_t slot;  /* farm-wide: the N of gwN */
    const char *id; /* node id */
    enum fst_outcome outcome;
    bool amend;      /* adds a later tear-down error to the same id's attempt */
    bool crashed;    /* made by the agent: the worker died while it ran */
    uint32_t reruns; /* tries of a plugin's (pytest-rerunfailures) before */
    double setup_s, call_s, teardown_s;
    double shared_s; /* of these: fixtures that further tests share */
    double start_s;  /* of the set-up's start: see PING; 0: not started */
    int64_t pid;     /* of the worker */
    struct fst_phase *phases;
    size_t n_phases;
    const char *junit;    /* --junitxml: its testcases, by pytest's own code;
                             NULL: its name and time are all there is */
    uint32_t junit_tests; /* how many tests pytest counts these as */
    const char *junit_properties; /* property elements of the whole suite that
                                     were recorded since the last result */
};

struct fst_warning {
    const char *message; /* as pytest's summary prints it, may have lines */
    const char *category;
    const char *nodeid; /* or NULL */
    const char *file;   /* or NULL */
    uint32_t line;
};

struct fst_hello {
    uint32_t protocol;
    const char *nonce;
};

struct fst_challenge {
    const char *nonce, *proof; /* proof is empty over ipc */
    bool versions;             /* the agent is to say its interpreter's */
};

struct fst_proof {
    const char *proof;   /* empty over ipc */
    const char *name;    /* the agent's, for display */
    const char *boot_id; /* of its session; random */
    uint32_t slots;
    /* Where the session has outlived a connection: */
    uint32_t *numbers; /* of its slots, farm-wide */
    size_t n_numbers;
    uint64_t heard;      /* of the coordinator's messages */
    const char *session; /* WELCOME's, the last that was heard */
    const char *run; /* id, where another coordinator can take the session on */
    const char *python, *pytest; /* versions of its interpreter, where asked */
    struct fst_strs labels;      /* "KEY=VALUE" */
    bool allow_mismatch; /* it joins whatever its files and versions are */
};

/* Everything a worker needs to be the same pytest as everywhere in the run. */
struct fst_config {
    struct fst_strs args; /* pytest's command line, in order, complete: our
                             options as pytest spells them, filtered addopts,
                             paths as typed; `-o addopts=` is part of it */
    const char *root;     /* absolute path of the checkout's root */
    const char *home; /* the coordinator's, where that is another: warnings name
                         files as if they were there; an agent to its workers */
    const char *cwd;  /* working directory, relative to root ("." …) */
    const char *hash_seed; /* PYTHONHASHSEED */
    uint32_t slot_count;   /* PYTEST_XDIST_WORKER_COUNT */
    bool color;            /* longrepr with ANSI codes */
    bool collect_only;
    bool host; /* a plugin is asked for that needs xdist's controller hooks */
    bool send_coverage; /* hosts send what pytest-cov has measured, and make no
                           report of it: the coordinator does */
    bool pytest_protocol; /* every test by pytest's hooks, no short way */
    bool live;            /* what workers write is sent as OUTPUT */
    uint32_t maxfail;     /* a worker that has seen so many failures waits up to
                             1 s for the run to be cancelled; 0: never */
    double test_timeout_s;  /* one test may take so long; 0: no limit */
    double drain_timeout_s; /* the same of an agent that leaves; 0: no limit */
    const char *isolate;    /* "file", "test": fork a child for each; NULL */
    uint32_t worker_lifetime; /* a worker ends after so many tests; 0: never */
    bool groups; /* workers say groups (xdist_group), and leave their tests out
                    of leases of whole files */
    bool scopes; /* --dist loadscope: bind is a test's class or file */
    const char *order_seed; /* --order random: what is collected is shuffled by
                               it; or NULL */
    struct fst_strs failed; /* --lf, --ff: node ids whose last outcome was bad;
                               none: pytest's own cache is asked */
    struct fst_strs known;  /* --nf: the same of those that aren't new */
};

struct fst_welcome {
    const char *run; /* id: FASTEST_RUN_ID, PYTEST_XDIST_TESTRUNUID */
    uint32_t *slots; /* farm-wide numbers of the agent's slots; to a worker:
                        exactly one, its own */
    size_t n_slots;
    const char *agent; /* the agent's name: FASTEST_AGENT */
    struct fst_config config;
    bool host;           /* to the host: slots are those of the workers */
    bool node;           /* to a worker: wait for NODE, then configure pytest */
    const char *session; /* random; the same while the numbers go on (link.h) */
    double grace_s; /* the session outlives its connection, and the coordinator
                       waits so long for the next one; 0: it doesn't */
    bool resumed;   /* the session goes on */
    uint64_t heard; /* resumed: of the agent's messages */
    bool adopted;   /* by a coordinator that doesn't know the session: say HELD
                     */
    const char *mismatch; /* to an agent: in what it differs from the
                             coordinator, which it was allowed to; or NULL */
};

struct fst_reject {
    const char *code, *text;
};

struct fst_credit { /* "this slot will want work" */
    uint32_t slot;
    uint32_t left_ms; /* predicted remainder of what it holds */
};

enum fst_unit_kind {
    FST_UNIT_FUNCTION, /* id is a function id: all its instances */
    FST_UNIT_ITEM,     /* id is one node id */
};

struct fst_unit {
    enum fst_unit_kind kind;
    const char *id;
    int32_t index; /* of an item: its place in the file's list, as a hint where
                      ids differ between processes; else -1 */
};

enum fst_lease_kind {
    FST_LEASE_PLAIN,
    FST_LEASE_CONFIRM, /* in pytest's order; only `target` is reported */
    FST_LEASE_RETRY,   /* `target` alone */
    FST_LEASE_COLLECT, /* open the file and say what is in it, run nothing */
};

/* Units of one file for one slot. */
struct fst_lease {
    uint64_t lease;
    uint32_t slot;
    const char *file; /* path relative to the root, with '/' */
    enum fst_lease_kind kind;
    bool fresh;       /* on a worker that has run nothing yet */
    uint32_t attempt; /* 1, 2 …: FASTEST_ATTEMPT */
    bool whole;       /* every item of the file that has no group; units is
                         then empty */
    struct fst_unit *units;
    size_t n_units;
    struct fst_strs selectors; /* parts of the command line's node ids that
                                  name this file, behind "path::"; none: all */
    struct fst_strs earlier; /* files of the same module name that pytest would
                                have imported before: open them first */
    const char *target;      /* CONFIRM, RETRY: the node id in question */
    const char *digest;      /* of the file's list, where the core has one */
    uint32_t expect_ms;
    bool full; /* pick from the whole selection, collected once a worker */
    bool more; /* full: run nothing before the lease after it is there */
};

struct fst_item { /* of a file's list, in pytest's order */
    const char *id;
    const char *bind;  /* items next to each other with the same bind (class
                          fixtures, unittest class) stay together; or NULL */
    const char *group; /* all with the same one, of whatever files, run in one
                          slot (xdist_group); or NULL */
};

/* What a worker found in a file: once a worker and file, before its first
 * result. */
struct fst_collected {
    uint64_t lease;
    uint32_t slot;
    const char *file;
    const char *digest; /* of the ids, in order */
    bool same;          /* equals the lease's digest; items are left out */
    struct fst_item *items;
    size_t n_items;
    struct fst_strs deselected; /* node ids */
    struct fst_result *reports; /* collectors that failed or skipped: the
                                   file, or a directory above it */
    size_t n_reports;
    struct fst_strs missing;  /* selectors that match nothing */
    const char *missing_text; /* pytest's words for it */
};

struct fst_list { /* which files would pytest collect below these? */
    uint64_t lease;
    uint32_t slot;
    struct fst_strs dirs; /* relative to the root */
    bool full;            /* collect the whole selection; dirs is then empty */
};

struct fst_listed {
    uint64_t lease;
    uint32_t slot;
    struct fst_strs files;      /* relative to the root, in pytest's order */
    struct fst_result *reports; /* collectors that failed or skipped */
    size_t n_reports;
    struct fst_strs said; /* full: what pytest and plugins say of the list
                             (pytest_report_collectionfinish), by line */
};

struct fst_results {
    struct fst_result *results;
    size_t n_results;
    struct fst_warning *warnings;
    size_t n_warnings;
};

struct fst_ack {
    uint64_t seq; /* all messages up to it (link.h) */
};

struct fst_revoke { /* give back what has not started */
    uint64_t lease;
    uint32_t slot;
    struct fst_strs items; /* node ids */
};

struct fst_revoked {
    uint64_t lease;
    uint32_t slot;
    struct fst_strs items; /* given back */
    bool rest; /* the lease is over: whatever has no result is given back */
};

struct fst_cancel {
    const char *why; /* "interrupted", "maxfail", … */
    bool now;        /* kill instead of interrupt */
};

enum fst_slot_state {
    FST_SLOT_UP,      /* a worker is configured and takes leases */
    FST_SLOT_DOWN,    /* it ended or died; another one is being started */
    FST_SLOT_RETIRED, /* no worker will come any more; text says why */
    FST_SLOT_FATAL,   /* every worker would fail alike: end the run with
                         pytest's text and exit_code */
    FST_SLOT_STOP,    /* pytest.exit(), shouldstop: end the run, text is the
                         reason, exit_code pytest's */
    FST_SLOT_PAUSED,  /* memory is short: it is to be given nothing, and asked
                         back what can wait; text: a line for the user */
    FST_SLOT_RESUMED,
};

struct fst_state {
    uint32_t slot;
    enum fst_slot_state state;
    int64_t pid;        /* of the worker */
    const char *text;   /* DOWN by a crash: how it died */
    uint32_t exit_code; /* FATAL, STOP */
    uint64_t lease;     /* DOWN: died while collecting for this lease, or 0 */
    const char *python, *pytest; /* UP: versions */
    const char *rootdir;         /* UP: pytest's, absolute */
    const char *inifile;         /* UP: relative to rootdir, or NULL */
    struct fst_strs plugins;     /* UP: as pytest's header names them */
    bool list;            /* UP: a plugin decides which files are collected */
    const char *full;     /* UP: why its plugins must see the whole selection at
                             once ("pytest_order …"), or NULL */
    const char *by_hooks; /* UP: why no test can be run by the short protocol
                             though it was asked for, or NULL */
    double start_s;       /* UP: from the start of its process until now */
    bool host; /* UP: xdist's controller hooks are wanted; says it instead of
                  taking leases, to the agent only */
    const char *junit;        /* UP: with --junitxml: a report without tests */
    const char *junit_family; /* the same: xunit1 or xunit2 */
};

struct fst_output { /* what a worker has just written, shown as it comes */
    uint32_t slot;
    const char *text; /* whole lines, each with its "\n" */
};

struct fst_bye {
    bool recycle; /* a worker's --worker-lifetime is over: not asked for, but
                     no death */
};

struct fst_start { /* the slot's first worker is wanted */
    uint32_t slot;
};

struct fst_drain {
    uint32_t failures; /* tests that failed or had errors, for a host */
};

/* What one worker is to its host: on an agent's pipes only. */
enum fst_node_event {
    FST_NODE_WANTED, /* from the worker: its conftest files are loaded, and it
                        waits for the answer that comes by CONFIGURE */
    FST_NODE_CONFIGURE, /* asks the host, and its answer to the worker: data is
                           config.workerinput; empty where there is no host */
    FST_NODE_READY,     /* to the host: pytest is configured there */
    FST_NODE_DOWN,      /* from the worker at its end, data is
                           config.workeroutput; to the host once its process has
                           ended, error: how it died */
};

struct fst_node {
    uint32_t slot;
    enum fst_node_event event;
    const char *data; /* Python's marshal, in base64 */
    const char *error;
    bool unused; /* DOWN: it was given no work */
};

/* What plugins say behind the tests, as xdist's controller prints it. */
struct fst_summary {
    bool begun; /* it is being made: wait for it; but for hooks the rest is
                   empty */
    bool hooks; /* with begun: xdist's controller hooks are wanted */
    const char *text;
    uint32_t exit_code;  /* a plugin's; 0: the run's own */
    const char *problem; /* the host died: how */
    /* config.send_coverage: what was measured, as covered.py packs it, with
     * paths of the checkout at root. */
    const char *coverage, *root;
};

struct fst_ping { /* a sign of life */
    bool answer;
    double clock_s; /* an answer: what the agent's steady clock says, by which
                       results have their start_s */
    uint32_t *busy; /* an answer: slots whose workers are at something, in the
                       order of WELCOME's */
    size_t n_busy;
};

/* A directory that discovery read: shared/checkout has the rules. */
struct fst_checkout_entry {
    const char *path, *digest;
    bool walked;
    struct fst_strs more, without;
};

enum fst_difference_kind { /* shared/checkout's, in its order */
                           FST_DIFFERENCE_DIFFERS,
                           FST_DIFFERENCE_MISSING, /* at the agent */
                           FST_DIFFERENCE_EXTRA,   /* only there */
                           FST_DIFFERENCE_UNREADABLE,
};

struct fst_difference {
    const char *path;
    enum fst_difference_kind what;
};

/* Whether both sides have the same files. The coordinator tells its tree; the
 * agent answers with its digest, and asks for the files of the directories that
 * differ; with those it says which do. */
struct fst_checkout {
    const char *digest;              /* both: of all directories */
    struct fst_strs patterns;        /* coordinator: of test files */
    struct fst_checkout_entry *dirs; /* the same */
    size_t n_dirs;
    struct fst_strs ask;   /* agent: paths of directories */
    struct fst_strs files; /* coordinator's answer: "<digest> <path>" each */
    struct fst_difference *differ; /* agent: the first ones */
    size_t n_named;
    uint32_t n_differ; /* and how many there are */
};

struct fst_holding {        /* a lease that an agent has not given back */
    struct fst_lease lease; /* as it was given */
    struct fst_strs gone;   /* of its items, those that have a result or were
                               given   back */
};

struct fst_past_lease { /* one that is over: results of it may come */
    uint64_t lease;
    uint32_t slot;
    const char *file; /* "": it was a LIST */
    bool again;       /* a confirmation or a retry: its worker has run more than
                         its results tell */
};

/* What an agent brings to a coordinator that doesn't know its session. */
struct fst_held {
    struct fst_state *workers; /* UP, of the slots that have one; PAUSED */
    size_t n_workers;
    struct fst_holding *leases; /* by slot, oldest first */
    size_t n_leases;
    struct fst_past_lease *past;
    size_t n_past;
    /* What the coordinator before had not acknowledged. */
    struct fst_collected *lists;
    size_t n_lists;
    struct fst_result *results;
    size_t n_results;
};

struct fst_msg {
    enum fst_msg_type type;
    uint64_t seq; /* its number in the session (link.h); 0: not counted */
    struct fst_arena arena;
    union {
        struct fst_hello hello;
        struct fst_challenge challenge;
        struct fst_proof proof;
        struct fst_welcome welcome;
        struct fst_reject reject;
        struct fst_credit credit;
        struct fst_lease lease;
        struct fst_collected collected;
        struct fst_list list;
        struct fst_listed listed;
        struct fst_results results;
        struct fst_ack ack;
        struct fst_revoke revoke;
        struct fst_revoked revoked;
        struct fst_cancel cancel;
        struct fst_state state;
        struct fst_bye bye;
        struct fst_start start;
        struct fst_output output;
        struct fst_drain drain;
        struct fst_node node;
        struct fst_summary summary;
        struct fst_ping ping;
        struct fst_checkout checkout;
        struct fst_held held;
    };
};

/* A zeroed message. */
struct fst_msg *fst_msg_new(enum fst_msg_type type);
void fst_msg_free(struct fst_msg *msg); /* NULL is fine */

#endif
