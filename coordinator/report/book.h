/* What a run's reports are made of: each test with its attempts, and pytest's
 * lists of reports (failed, error, …) in the order in which they came.
 *
 * A passing test costs about 150 bytes: the texts of its phases are kept only
 * where something will show them. Node ids are the core's, by address; all
 * else is copied. Private to this layer. Loop thread only. */
#ifndef FST_REPORT_BOOK_H
#define FST_REPORT_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/core.h"
#include "coordinator/report/index.h"
#include "shared/base/arena.h"
#include "shared/base/buf.h"
#include "shared/base/vec.h"

/* pytest's KNOWN_TYPES, in the order of its last line. */
enum fst_stat {
    FST_STAT_FAILED,
    FST_STAT_PASSED,
    FST_STAT_SKIPPED,
    FST_STAT_DESELECTED,
    FST_STAT_XFAILED,
    FST_STAT_XPASSED,
    FST_STAT_WARNINGS,
    FST_STAT_ERROR,
    FST_STAT_RERUN, /* a try that was no verdict: counted and listed where
                       pytest-rerunfailures made it, only seen as it happens
                       where we did (--retries) */
    FST_STATS,
};

#define FST_NO_AGENT UINT32_MAX

struct fst_attempt {
    struct fst_attempt *next;
    struct fst_phase *phases; /* those that have something to show */
    size_t n_phases;
    double setup_s, call_s, teardown_s;
    double shared_s; /* of these: fixtures that further tests share */
    double start_s;  /* Unix time; 0: not started */
    int64_t pid;
    uint32_t number; /* the core's: 1 … */
    uint32_t slot;
    uint32_t reruns; /* fst_result's */
    uint32_t agent;  /* index in the book's agents or FST_NO_AGENT */
    enum fst_outcome outcome;
    enum fst_attempt_kind kind;
    bool crashed;
    const char *junit;    /* its testcases, or NULL */
    uint32_t junit_tests; /* how many tests they count as */
    size_t junit_phases;  /* the phases that they tell of */
};

struct fst_entry { /* a test or a collector */
    const char *id;
    struct fst_attempt first;    /* and by `next` the others */
    struct fst_attempt *verdict; /* the one that counts; NULL: none yet */
    enum fst_outcome outcome;
    uint32_t n_attempts;
    bool kept; /* its verdict is an earlier run's */
};

/* One report in pytest's sense: what is printed, listed and counted once. */
struct fst_shown {
    struct fst_entry *entry;
    struct fst_attempt *attempt;
    const struct fst_phase *phase; /* NULL: nothing to say about it */
    enum fst_stat stat;
};

struct fst_agent_entry {
    uint32_t id; /* the core's */
    char *name;
    struct fst_strings labels; /* "KEY=VALUE" */
    size_t slots, tests;
    double busy_s;
    bool lost;
};

struct fst_book {
    bool keep_passed; /* also what passing phases captured */
    struct fst_arena arena;
    FST_VEC(struct fst_entry *) entries; /* in order of their first attempt */
    struct fst_index by_id;
    FST_VEC(struct fst_shown) shown[FST_STATS]; /* PASSED: if keep_passed */
    FST_VEC(struct fst_shown) fresh;            /* what the last effect added */
    size_t counts[FST_STATS];
    size_t ended;                          /* entries with a verdict */
    FST_VEC(const char *) not_run;         /* ids */
    FST_VEC(const char *) listed;          /* ids, of collect_only */
    FST_VEC(struct fst_entry *) confirmed; /* failed only out of order */
    FST_VEC(struct fst_entry *) retried;   /* passed on a retry */
    struct fst_strings properties; /* JUnit's of the suite, each once; owned */
    FST_VEC(struct fst_agent_entry) agents;
    double epoch_s; /* Unix time of the steady clock's zero */
    double last_s;  /* Unix time of the last result; 0: none */
};

/* epoch_s: the report's. */
void fst_book_init(struct fst_book *book, double epoch_s, bool keep_passed);
/* Unix time. */
double fst_book_now_s(const struct fst_book *book);
void fst_book_release(struct fst_book *book);

void fst_book_agent(struct fst_book *book, uint32_t agent, const char *name,
                    size_t slots, bool lost, const struct fst_strs *labels);
/* Agents that are there and have slots; and these. */
size_t fst_book_live_agents(const struct fst_book *book);
size_t fst_book_slots(const struct fst_book *book);
/* NULL: not known. */
const struct fst_agent_entry *fst_book_agent_find(const struct fst_book *book,
                                                  uint32_t agent);
/* ATTEMPT, OUTCOME, AMEND, DESELECTED, LISTED and NOT_RUN are noted, others
 * left alone; book->fresh says what there is to show. */
void fst_book_effect(struct fst_book *book, const struct fst_effect *effect);
/* NULL: not known. */
struct fst_entry *fst_book_find(const struct fst_book *book, const char *id);
/* Passed, and only on a retry? */
bool fst_book_is_flaky(const struct fst_entry *entry);
size_t fst_book_flaky(const struct fst_book *book); /* how many */
/* How many tries there were, those that count nothing apart. */
size_t fst_book_attempts(const struct fst_entry *entry);
/* The try before the last one, or NULL. */
const struct fst_attempt *fst_book_before_last(const struct fst_entry *entry);
/* Where a skip or an xfail says why, or a crash how; NULL: nowhere. Without
 * pytest's "Skipped: ". */
const char *fst_book_reason(const struct fst_entry *entry);

#endif
