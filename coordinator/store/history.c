#include "coordinator/store/history.h"

#include <string.h>

#include "coordinator/store/estimate.h"
#include "coordinator/store/names.h"
#include "coordinator/store/owner.h"

/* 1: the suite is known, and the statement is bound to it; 0: it is not. */
static int open_suite(struct fst_store *store, const char *suite,
                      enum fst_sql name, sqlite3_stmt **statement,
                      struct fst_err *err)
{
    sqlite3_stmt *find = fst_sql_get(store, FST_SQL_FIND_SUITE, err);
    if (!find)
        return -1;
    fst_sql_bind_text(find, 1, suite);
    int found = fst_sql_step(store, find, err);
    if (found <= 0)
        return found;
    int64_t id = sqlite3_column_int64(find, 0);
    sqlite3_reset(find);
    *statement = fst_sql_get(store, name, err);
    if (!*statement)
        return -1;
    sqlite3_bind_int64(*statement, 1, id);
    return 1;
}

/* How fast this machine was the last time; 1: not known. */
static int find_speed(struct fst_store *store, const char *suite, double *speed,
                      struct fst_err *err)
{
    char host[FST_OWNER_HOST];
    sqlite3_stmt *find;
    int result = open_suite(store, suite, FST_SQL_FIND_SPEED, &find, err);
    *speed = 1;
    if (result <= 0)
        return result;
    fst_owner_host(host);
    fst_sql_bind_text(find, 2, host);
    result = fst_sql_step(store, find, err);
    if (result == 1 && sqlite3_column_double(find, 0) > 0)
        *speed = sqlite3_column_double(find, 0);
    sqlite3_reset(find);
    return result < 0 ? -1 : 0;
}

int fst_history_host(struct fst_store *store, const char *suite, bool *wanted,
                     struct fst_err *err)
{
    sqlite3_stmt *find;
    int result = open_suite(store, suite, FST_SQL_FIND_HOST, &find, err);
    *wanted = false;
    if (result <= 0)
        return result;
    result = fst_sql_step(store, find, err);
    *wanted = result == 1 && sqlite3_column_int(find, 0);
    sqlite3_reset(find);
    return result < 0 ? -1 : 0;
}

int fst_history_start_s(struct fst_store *store, const char *suite,
                        double *seconds, struct fst_err *err)
{
    sqlite3_stmt *find;
    int result = open_suite(store, suite, FST_SQL_FIND_START, &find, err);
    *seconds = 0;
    if (result <= 0)
        return result;
    result = fst_sql_step(store, find, err);
    if (result == 1)
        *seconds = sqlite3_column_double(find, 0);
    sqlite3_reset(find);
    return result < 0 ? -1 : 0;
}

int fst_history_times(struct fst_store *store, const char *suite,
                      fst_history_times_fn *on_times, void *user,
                      struct fst_err *err)
{
    double speed;
    if (find_speed(store, suite, &speed, err))
        return -1;
    sqlite3_stmt *read;
    int result = open_suite(store, suite, FST_SQL_READ_TIMES, &read, err);
    if (result <= 0)
        return result;
    struct fst_history_times times = {0};
    char *name = NULL;
    int64_t last = -1;
    while ((result = fst_sql_step(store, read, err)) == 1) {
        int64_t test = sqlite3_column_int64(read, 0);
        int part = sqlite3_column_int(read, 2);
        if (test != last) {
            if (name)
                on_times(user, &times);
            free(name);
            name = fst_strdup(fst_sql_text(read, 1));
            times = (struct fst_history_times){.name = name};
            last = test;
        }
        if (part >= 0 && part < FST_PARTS)
            times.s[part] = sqlite3_column_double(read, 3) / speed;
    }
    if (name && !result)
        on_times(user, &times);
    free(name);
    return result;
}

/* ---- outcomes */

enum { MOST = FST_HISTORY_OUTCOMES };

struct seen { /* one test's rows */
    char *id;
    char letters[MOST + 1];
    size_t count;
    double estimate_s, last_s;
};

static char letter_of(int outcome, bool flaky)
{
    static const char letters[FST_OUTCOMES + 1] = {
        [FST_PASSED] = '.',  [FST_FAILED] = 'F',  [FST_ERROR] = 'E',
        [FST_SKIPPED] = 's', [FST_XFAILED] = 'x', [FST_XPASSED] = 'X'};
    if (flaky)
        return 'R';
    return outcome >= 0 && outcome < FST_OUTCOMES ? letters[outcome] : '?';
}

static bool is_bad(char letter)
{
    return letter == 'F' || letter == 'E';
}

/* A test that needed a second try is flaky by itself; else where it went from
 * good to bad or back. */
static double flakiness(const struct seen *seen)
{
    size_t changes = 0;
    for (size_t i = 0; i < seen->count; i++)
        changes +=
            seen->letters[i] == 'R' ||
            (i && is_bad(seen->letters[i]) != is_bad(seen->letters[i - 1]));
    return seen->count ? (double)changes / (double)seen->count : 0;
}

static void tell(struct seen *seen, fst_history_test_fn *on_test, void *user)
{
    if (!seen->id)
        return;
    struct fst_history_test test = {
        .id = seen->id,
        .estimate_s = seen->estimate_s,
        .outcomes = seen->letters,
        .flakiness = flakiness(seen),
        .last_s = seen->last_s,
    };
    on_test(user, &test);
    free(seen->id);
}

int fst_history_tests(struct fst_store *store, const char *suite,
                      fst_history_test_fn *on_test, void *user,
                      struct fst_err *err)
{
    sqlite3_stmt *read;
    int result = open_suite(store, suite, FST_SQL_READ_OUTCOMES, &read, err);
    if (result <= 0)
        return result;
    struct seen seen = {0};
    int64_t last = -1;
    while ((result = fst_sql_step(store, read, err)) == 1) {
        int64_t test = sqlite3_column_int64(read, 0);
        if (test != last) {
            tell(&seen, on_test, user);
            seen = (struct seen){.id = fst_strdup(fst_sql_text(read, 1)),
                                 .estimate_s = sqlite3_column_double(read, 5)};
            last = test;
        }
        if (seen.count == MOST) /* older ones that the fold drops later */
            memmove(seen.letters, seen.letters + 1, --seen.count);
        seen.letters[seen.count++] = letter_of(
            sqlite3_column_int(read, 2), sqlite3_column_int(read, 3) != 0);
        seen.last_s = sqlite3_column_double(read, 4);
    }
    tell(&seen, on_test, user);
    return result;
}

int fst_history_last(struct fst_store *store, const char *suite,
                     fst_history_last_fn *on_last, void *user,
                     struct fst_err *err)
{
    sqlite3_stmt *read;
    int result = open_suite(store, suite, FST_SQL_READ_LAST, &read, err);
    if (result <= 0)
        return result;
    while ((result = fst_sql_step(store, read, err)) == 1) {
        int outcome = sqlite3_column_int(read, 1);
        if (outcome >= 0 && outcome < FST_OUTCOMES)
            on_last(user, fst_sql_text(read, 0), (enum fst_outcome)outcome);
    }
    return result;
}

/* ---- lists */

int fst_history_lists(struct fst_store *store, const char *suite,
                      fst_history_list_fn *on_list, void *user,
                      struct fst_err *err)
{
    sqlite3_stmt *read;
    int result = open_suite(store, suite, FST_SQL_READ_LISTS, &read, err);
    if (result <= 0)
        return result;
    while ((result = fst_sql_step(store, read, err)) == 1) {
        struct fst_history_list list = {
            .path = fst_sql_text(read, 0),
            .subject = sqlite3_column_int64(read, 1),
            .message = fst_sql_text(read, 2),
        };
        on_list(user, &list);
    }
    return result;
}

/* ---- import */

int fst_history_import(struct fst_store *store, const char *suite,
                       const char *id, double seconds, struct fst_err *err)
{
    struct fst_names names;
    struct fst_samples samples = {0};
    int64_t test;
    int result = -1;
    if (fst_names_init(&names, store, suite, err))
        return -1;
    if (!fst_names_get(&names, id, &test, err)) {
        sqlite3_stmt *put = fst_sql_get(store, FST_SQL_OFFER_SAMPLES, err);
        fst_samples_add(&samples, seconds);
        if (put) {
            sqlite3_bind_int64(put, 1, test);
            sqlite3_bind_int(put, 2, FST_PART_CALL);
            sqlite3_bind_double(put, 3, seconds);
            sqlite3_bind_blob(put, 4, samples.s, sizeof *samples.s,
                              SQLITE_STATIC);
            result = fst_sql_run(store, put, err);
        }
    }
    fst_names_release(&names);
    return result;
}
