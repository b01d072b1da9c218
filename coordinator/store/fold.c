/* A run's rows become samples and outcomes. Times count only of tests that
 * passed at the first try: others say little of the next run.
 *
 * Samples are what the reference machine, the one that made the first of them,
 * would have taken: an agent whose tests took twice what was expected was half
 * as fast in that run, whatever the reason, and its times are halved. */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "coordinator/store/estimate.h"
#include "coordinator/store/history.h"
#include "coordinator/store/owner.h"
#include "coordinator/store/sql.h"
#include "shared/base/mem.h"

/* Less is noise; a part that has no row is 0. */
static const double least_s = 0.0005;

/* Whether outcomes beyond FST_HISTORY_OUTCOMES are dropped with this run: with
 * one in eight, since several of a page at once are hardly dearer than one.
 * Which ones is scattered, as a suite's runs may have every nth number. */
static bool trims(int64_t run)
{
    return (uint32_t)run * UINT32_C(2654435761) >> 29 == 0;
}

struct test { /* gathered over its rows */
    int64_t id;
    unsigned tries;
    int outcome; /* -1: no verdict */
    bool bad_before, retried;
    double s[FST_PARTS]; /* of the try that counts */
    double v;            /* its agent's speed */
};

struct speed {
    char *agent;
    double v;
    UT_hash_handle hh;
};

struct fold {
    struct fst_store *store;
    int64_t run;
    struct speed *speeds; /* of the run's agents, by their names */
    struct fst_err *err;
};

/* Seconds of expected work that weigh against what a run says of a speed. */
static const double speed_prior_s = 5;

/* Whatever a run says: later ones must be able to mend it. */
static double bounded_speed(double v)
{
    const double least = 0.01, most = 100;
    if (v >= most)
        return most;
    return v >= least ? v : least; /* also no NaN */
}

static double speed_of(const struct fold *fold, const char *agent)
{
    const struct speed *speed;
    HASH_FIND_STR(fold->speeds, agent, speed);
    return speed ? speed->v : 1;
}

static void forget_speeds(struct fold *fold)
{
    struct speed *speed, *next;
    HASH_ITER (hh, fold->speeds, speed, next) {
        HASH_DEL(fold->speeds, speed);
        free(speed->agent);
        free(speed);
    }
}

static int put_speed(struct fold *fold, int64_t suite, const char *name,
                     double v)
{
    sqlite3_stmt *put = fst_sql_get(fold->store, FST_SQL_PUT_SPEED, fold->err);
    if (!put)
        return -1;
    sqlite3_bind_int64(put, 1, suite);
    fst_sql_bind_text(put, 2, name);
    sqlite3_bind_double(put, 3, v);
    return fst_sql_run(fold->store, put, fold->err);
}

/* SCHEDULING: v = (5 + what was expected) / (5 / v0 + what it took). */
static int find_speeds(struct fold *fold, int64_t suite)
{
    int result;
    sqlite3_stmt *read =
        fst_sql_get(fold->store, FST_SQL_READ_SPEEDS, fold->err);
    forget_speeds(fold);
    if (!read)
        return -1;
    sqlite3_bind_int64(read, 1, fold->run);
    while ((result = fst_sql_step(fold->store, read, fold->err)) == 1) {
        double before = bounded_speed(sqlite3_column_double(read, 2));
        double v = (speed_prior_s + sqlite3_column_double(read, 3)) /
                   (speed_prior_s / before + sqlite3_column_double(read, 4));
        struct speed *speed = fst_alloc(sizeof *speed);
        speed->agent = fst_strdup(fst_sql_text(read, 0));
        speed->v = bounded_speed(v);
        HASH_ADD_KEYPTR(hh, fold->speeds, speed->agent, strlen(speed->agent),
                        speed);
        if (put_speed(fold, suite, fst_sql_text(read, 1), speed->v))
            break;
    }
    sqlite3_reset(read);
    return result ? -1 : 0;
}

/* Of all parts in one statement: there is one for each test of a run. */
static int get_samples(struct fold *fold, int64_t test,
                       struct fst_samples samples[FST_PARTS])
{
    memset(samples, 0, FST_PARTS * sizeof *samples);
    sqlite3_stmt *find =
        fst_sql_get(fold->store, FST_SQL_FIND_SAMPLES, fold->err);
    if (!find)
        return -1;
    sqlite3_bind_int64(find, 1, test);
    int result;
    while ((result = fst_sql_step(fold->store, find, fold->err)) == 1) {
        int part = sqlite3_column_int(find, 0);
        size_t count =
            (size_t)sqlite3_column_bytes(find, 1) / sizeof *samples->s;
        if (part < 0 || part >= FST_PARTS || !count)
            continue;
        if (count > FST_SAMPLES)
            count = FST_SAMPLES;
        samples[part].count = count;
        memcpy(samples[part].s, sqlite3_column_blob(find, 1),
               count * sizeof *samples->s);
    }
    return result;
}

static int add_sample(struct fold *fold, int64_t test, int part, double seconds,
                      struct fst_samples *samples)
{
    if (!samples->count && seconds < least_s && part != FST_PART_CALL)
        return 0;
    fst_samples_add(samples, seconds);
    sqlite3_stmt *put =
        fst_sql_get(fold->store, FST_SQL_PUT_SAMPLES, fold->err);
    if (!put)
        return -1;
    sqlite3_bind_int64(put, 1, test);
    sqlite3_bind_int(put, 2, part);
    sqlite3_bind_double(put, 3, fst_samples_estimate(samples));
    sqlite3_bind_blob(put, 4, samples->s,
                      (int)(samples->count * sizeof *samples->s),
                      SQLITE_STATIC);
    return fst_sql_run(fold->store, put, fold->err);
}

static int add_outcome(struct fold *fold, const struct test *test)
{
    double took = test->s[FST_PART_CALL] + test->s[FST_PART_SETUP] +
                  test->s[FST_PART_TEARDOWN];
    sqlite3_stmt *add =
        fst_sql_get(fold->store, FST_SQL_ADD_OUTCOME, fold->err);
    if (!add)
        return -1;
    sqlite3_bind_int64(add, 1, test->id);
    sqlite3_bind_int64(add, 2, fold->run);
    sqlite3_bind_int(add, 3, test->outcome);
    sqlite3_bind_int(add, 4, test->retried && test->bad_before);
    sqlite3_bind_double(add, 5, took);
    if (fst_sql_run(fold->store, add, fold->err))
        return -1;
    if (!trims(fold->run))
        return 0;
    sqlite3_stmt *trim =
        fst_sql_get(fold->store, FST_SQL_TRIM_OUTCOMES, fold->err);
    if (!trim)
        return -1;
    sqlite3_bind_int64(trim, 1, test->id);
    sqlite3_bind_int(trim, 2, FST_HISTORY_OUTCOMES);
    return fst_sql_run(fold->store, trim, fold->err);
}

static int fold_test(struct fold *fold, const struct test *test)
{
    if (test->outcome < 0)
        return 0;
    if (test->outcome == FST_PASSED && test->tries == 1) {
        struct fst_samples samples[FST_PARTS];
        if (get_samples(fold, test->id, samples))
            return -1;
        for (int part = 0; part <= FST_PART_TEARDOWN; part++)
            if (add_sample(fold, test->id, part, test->s[part] * test->v,
                           &samples[part]))
                return -1;
    }
    return add_outcome(fold, test);
}

/* The fixtures of others were set up in its set-up; what is more than that
 * took, in its call, by request.getfixturevalue(). */
static void take_shared(struct test *test, double shared)
{
    double *setup = &test->s[FST_PART_SETUP], *call = &test->s[FST_PART_CALL];
    double rest = shared > *setup ? shared - *setup : 0;
    *setup = shared > *setup ? 0 : *setup - shared;
    *call = rest > *call ? 0 : *call - rest;
}

static void gather(const struct fold *fold, struct test *test,
                   sqlite3_stmt *row)
{
    int outcome = sqlite3_column_int(row, 2);
    if (sqlite3_column_int(row, 1) == FST_ATTEMPT_DUPLICATE)
        return;
    test->tries++;
    if (!sqlite3_column_int(row, 3)) {
        test->bad_before |= outcome == FST_FAILED || outcome == FST_ERROR;
        return;
    }
    test->outcome = outcome;
    test->retried = test->tries > 1 && outcome == FST_PASSED;
    test->v = speed_of(fold, fst_sql_text(row, 7));
    test->s[FST_PART_SETUP] = sqlite3_column_double(row, 4);
    test->s[FST_PART_CALL] = sqlite3_column_double(row, 5);
    take_shared(test, sqlite3_column_double(row, 8));
    test->s[FST_PART_TEARDOWN] = sqlite3_column_double(row, 6);
}

static int fold_results(struct fold *fold)
{
    sqlite3_stmt *read = fst_sql_get(fold->store, FST_SQL_READ_RUN, fold->err);
    struct test test = {.outcome = -1};
    int result;
    if (!read)
        return -1;
    sqlite3_bind_int64(read, 1, fold->run);
    while ((result = fst_sql_step(fold->store, read, fold->err)) == 1) {
        int64_t id = sqlite3_column_int64(read, 0);
        if (id != test.id) {
            if (fold_test(fold, &test))
                break;
            test = (struct test){.id = id, .outcome = -1};
        }
        gather(fold, &test, read);
    }
    sqlite3_reset(read);
    return result ? -1 : fold_test(fold, &test);
}

static int fold_costs(struct fold *fold)
{
    sqlite3_stmt *read =
        fst_sql_get(fold->store, FST_SQL_READ_COSTS, fold->err);
    int result;
    if (!read)
        return -1;
    sqlite3_bind_int64(read, 1, fold->run);
    while ((result = fst_sql_step(fold->store, read, fold->err)) == 1) {
        struct fst_samples samples[FST_PARTS];
        int64_t file = sqlite3_column_int64(read, 0);
        double took = sqlite3_column_double(read, 1);
        double v = fold->speeds ? fold->speeds->v : 1;
        if (get_samples(fold, file, samples) ||
            add_sample(fold, file, FST_PART_OPEN, took * v,
                       &samples[FST_PART_OPEN]))
            break;
    }
    sqlite3_reset(read);
    return result ? -1 : 0;
}

/* A statement with at most two numbers and no rows. */
static int run_with(struct fold *fold, enum fst_sql name, int64_t first,
                    int64_t second)
{
    sqlite3_stmt *statement = fst_sql_get(fold->store, name, fold->err);
    if (!statement)
        return -1;
    if (sqlite3_bind_parameter_count(statement) > 0)
        sqlite3_bind_int64(statement, 1, first);
    if (sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, second);
    return fst_sql_run(fold->store, statement, fold->err);
}

/* The next run after fold->run that has ended, or whose process has. */
static int find_next(struct fold *fold, int64_t suite)
{
    sqlite3_stmt *find =
        fst_sql_get(fold->store, FST_SQL_FIND_UNFOLDED, fold->err);
    int found = -1;
    bool over = false;
    while (find && !over) {
        sqlite3_reset(find);
        sqlite3_bind_int64(find, 1, suite);
        sqlite3_bind_int64(find, 2, fold->run);
        found = fst_sql_step(fold->store, find, fold->err);
        if (found <= 0)
            break;
        fold->run = sqlite3_column_int64(find, 0);
        over = sqlite3_column_int(find, 1) ||
               !fst_owner_is_alive(fst_sql_text(find, 2),
                                   sqlite3_column_int64(find, 3));
    }
    sqlite3_reset(find);
    return found;
}

/* Those of all but the last runs. */
static int drop_journals(struct fold *fold, int64_t suite)
{
    static const enum fst_sql steps[] = {
        FST_SQL_DROP_RESULTS, FST_SQL_DROP_REPORTS,  FST_SQL_DROP_WARNINGS,
        FST_SQL_DROP_COSTS,   FST_SQL_DROP_LISTINGS, FST_SQL_DROP_ARGUMENTS};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (run_with(fold, steps[i], suite, FST_HISTORY_RUNS))
            return -1;
    return run_with(fold, FST_SQL_DROP_COLLECTIONS, 0, 0);
}

/* One run, in its own transaction. 1: folded, 0: there is none left. */
static int fold_next(struct fold *fold, int64_t suite)
{
    if (fst_store_begin(fold->store, fold->err))
        return -1;
    int found = find_next(fold, suite);
    if (found > 0 &&
        (find_speeds(fold, suite) || fold_results(fold) || fold_costs(fold) ||
         run_with(fold, FST_SQL_MARK_FOLDED, fold->run, 0) ||
         drop_journals(fold, suite) ||
         run_with(fold, FST_SQL_DROP_RUNS, suite, FST_HISTORY_NAMES) ||
         fst_store_commit(fold->store, fold->err)))
        found = -1;
    fst_store_rollback(fold->store);
    return found;
}

int fst_history_fold(struct fst_store *store, const char *suite,
                     struct fst_err *err)
{
    struct fold fold = {.store = store, .err = err};
    sqlite3_stmt *find = fst_sql_get(store, FST_SQL_FIND_SUITE, err);
    if (!find)
        return -1;
    fst_sql_bind_text(find, 1, suite);
    int result = fst_sql_step(store, find, err);
    if (result <= 0)
        return result;
    int64_t id = sqlite3_column_int64(find, 0);
    sqlite3_reset(find);
    while ((result = fold_next(&fold, id)) > 0)
        ;
    forget_speeds(&fold);
    return result;
}
