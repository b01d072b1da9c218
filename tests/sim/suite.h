/* A random suite: what plans say of its files, what workers find in them, and
 * what plain pytest would report. */
#ifndef FST_SIM_SUITE_H
#define FST_SIM_SUITE_H

#include "coordinator/core/core.h"
#include "tests/sim/rng.h"

enum opening {
    OPEN_OK,
    OPEN_ERROR,      /* can't be imported */
    OPEN_SKIP,       /* skips itself */
    OPEN_PART,       /* one class can't be collected, the rest can */
    OPEN_KILLS,      /* ends any worker */
    OPEN_KILLS_ONCE, /* ends the first worker */
    OPEN_NEEDS_FRESH /* can't be imported where tests have run */
};

enum vary { VARY_NOT, VARY_IDS, VARY_ORDER }; /* between workers */

struct test {
    uint32_t function, param; /* names */
    bool has_params;
    uint32_t bind, group; /* 0: none */
    enum fst_outcome outcome;
    int needs;        /* index of a test before it that must have run; -1 */
    bool hates_later; /* fails where a later test has run before it */
    bool crashes;
    bool amends;    /* a tear-down error comes later */
    uint32_t flaky; /* goes wrong (and `crashes`) up to this attempt number */
    double seconds;
};

struct model_file {
    char path[64];
    struct test *tests;
    size_t n_tests;
    char (*planned)[128];
    const char **plan; /* pointers to planned */
    size_t n_planned;
    bool learned; /* the plan is the list of an earlier run, maybe of another
                     state of the file */
    enum opening opening;
    enum vary vary;
    size_t deselected;
    bool held, hidden; /* hidden: only LIST knows it */
    bool real;         /* pytest collects it */
    bool verify, missing;
    double open_s;
    /* What the farm did to it. */
    uint32_t kills; /* workers that ended while they collected it */
};

struct suite {
    struct model_file *files;
    size_t n_files;
    bool faults; /* workers and agents die at random */
    bool stops;  /* the run is to be ended before its time */
    bool plugin; /* a plugin decides on files: STATE's list */
    uint32_t maxfail, retries;
    bool one_worker, collect_only, confirm;
    bool keep_files, given_order;
    uint32_t known; /* percent of tests and files that have a history */
    int max_worker_restart;
};

void suite_make(struct suite *suite, uint64_t seed);
/* A quiet suite for measuring: n_files × n_tests of `seconds` each. */
void suite_make_even(struct suite *suite, size_t n_files, size_t n_tests,
                     double seconds);
/* A fifth of the files has one test, the last, that takes `longest`; all is
 * known from earlier runs. */
void suite_make_uneven(struct suite *suite, size_t n_files, size_t n_tests,
                       double seconds, double longest);
void suite_release(struct suite *suite);
/* What discovery and the command line would say of it. The plans (spec.files)
 * are the caller's to free(). */
struct fst_run_spec suite_spec(const struct suite *suite);

/* The test's node id in that worker. */
void suite_id(const struct model_file *file, size_t test, uint32_t worker,
              char *id, size_t size);
/* The same without what differs between workers. */
void suite_key(const char *id, char *key, size_t size);
/* Index of the test that stands at `place` of the worker's list. */
size_t suite_at(const struct model_file *file, size_t place, uint32_t worker);

#endif
