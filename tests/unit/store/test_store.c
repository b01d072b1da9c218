/* The file itself: made, refused, shared; the journal; the history. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "coordinator/store/estimate.h"
#include "coordinator/store/history.h"
#include "coordinator/store/journal.h"
#include "coordinator/store/migrations.h"
#include "shared/base/mem.h"

struct place {
    char folder[64];
    char *path;
    struct fst_store *store;
};

static int set_up(void **state)
{
    struct place *place = fst_alloc(sizeof *place);
    strcpy(place->folder, "/tmp/fst_store_XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->path = fst_printf("%s/.fastest/history.db", place->folder);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    fst_store_close(place->store);
    char *command = fst_printf("rm -rf '%s'", place->folder);
    int status = system(command);
    free(command);
    free(place->path);
    free(place);
    return status;
}

static struct fst_store *open_store(struct place *place)
{
    struct fst_err err;
    place->store = fst_store_open(place->path, FST_STORE_CREATE, &err);
    if (!place->store)
        fail_msg("%s", err.msg);
    return place->store;
}

static void reopen(struct place *place)
{
    fst_store_close(place->store);
    open_store(place);
}

/* ---- the file */

static void change(const struct place *place, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void refuses(const struct place *place, enum fst_code code,
                    const char *words)
{
    struct fst_err err;
    assert_null(fst_store_open(place->path, FST_STORE_CREATE, &err));
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.msg, words));
    assert_non_null(strstr(err.msg, place->path));
}

static void a_new_file_is_made_with_its_folder(void **state)
{
    struct place *place = *state;
    open_store(place);
    char *ignore = fst_printf("%s/.fastest/.gitignore", place->folder);
    assert_int_equal(access(ignore, F_OK), 0);
    free(ignore);
    reopen(place);
}

static void a_missing_file_is_not_made_unasked(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    assert_null(fst_store_open(place->path, 0, &err));
    assert_int_equal(err.code, FST_E_NOTFOUND);
    assert_int_not_equal(access(place->path, F_OK), 0);
}

static void a_newer_file_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    open_store(place);
    fst_store_close(place->store);
    place->store = NULL;
    change(place, "PRAGMA user_version = 99");
    refuses(place, FST_E_REFUSED, "newer fastest");
    char back[64];
    snprintf(back, sizeof back, "PRAGMA user_version = %d",
             fst_migrations_count);
    change(place, back);
    open_store(place);
}

static void a_foreign_database_is_refused(void **state)
{
    struct place *place = *state;
    free(place->path);
    place->path = fst_printf("%s/other.db", place->folder);
    change(place, "CREATE TABLE theirs (x)");
    refuses(place, FST_E_REFUSED, "not one of fastest");
}

static void what_is_no_database_is_refused_and_left_alone(void **state)
{
    struct place *place = *state;
    char text[64] = "";
    free(place->path);
    place->path = fst_printf("%s/notes.txt", place->folder);
    FILE *file = fopen(place->path, "w");
    fputs("these are notes, and no database at all\n", file);
    fclose(file);
    refuses(place, FST_E_REFUSED, "move it away");
    file = fopen(place->path, "r");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "these are notes, and no database at all\n");
}

static void what_is_rolled_back_is_gone(void **state)
{
    struct place *place = *state;
    struct fst_store *store = open_store(place);
    struct fst_err err;
    assert_int_equal(fst_store_begin(store, &err), 0);
    assert_int_equal(fst_history_import(store, "s", "a.py::t", 1.5, &err), 0);
    fst_store_rollback(store);
    assert_int_equal(fst_store_begin(store, &err), 0);
    assert_int_equal(fst_history_import(store, "s", "a.py::u", 2.5, &err), 0);
    assert_int_equal(fst_store_commit(store, &err), 0);
}

/* ---- the journal */

static const struct fst_journal_run a_run = {
    .suite = "project",
    .name = "run-1",
    .started_s = 1000,
    .arguments = "[]",
    .checkout = "",
};

static struct fst_journal *start(struct place *place, const char *name)
{
    struct fst_err err;
    struct fst_journal_run run = a_run;
    run.name = name;
    struct fst_journal *journal =
        fst_journal_start(place->store, &run, 0, &err);
    if (!journal)
        fail_msg("%s", err.msg);
    return journal;
}

static void add(struct fst_journal *journal, const char *id, uint32_t attempt,
                enum fst_outcome outcome, double call_s)
{
    struct fst_err err;
    struct fst_journal_row row = {
        .id = id,
        .attempt = attempt,
        .kind = attempt > 1 ? FST_ATTEMPT_AGAIN : FST_ATTEMPT_FIRST,
        .outcome = outcome,
        .call_s = call_s,
        .agent = "here",
    };
    assert_int_equal(fst_journal_add(journal, &row, &err), 0);
}

static void judge(struct fst_journal *journal, const char *id, uint32_t attempt,
                  enum fst_outcome outcome)
{
    struct fst_err err;
    assert_int_equal(fst_journal_judge(journal, id, attempt, outcome, &err), 0);
}

static void commit(struct fst_journal *journal)
{
    struct fst_err err;
    assert_int_equal(fst_journal_commit(journal, &err), 0);
}

static int64_t ask(const struct place *place, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

static void what_was_committed_stays(void **state)
{
    struct place *place = *state;
    open_store(place);
    struct fst_journal *journal = start(place, "run-1");
    add(journal, "a.py::t", 1, FST_PASSED, 0.5);
    judge(journal, "a.py::t", 1, FST_PASSED);
    add(journal, "a.py::u", 1, FST_FAILED, 0.25);
    commit(journal);
    add(journal, "a.py::v", 1, FST_PASSED, 8);
    fst_journal_free(journal); /* as if it had died */
    reopen(place);
    assert_int_equal(ask(place, "SELECT count(*) FROM result"), 2);
    assert_int_equal(ask(place, "SELECT sum(verdict) FROM result"), 1);
    assert_int_equal(ask(place, "SELECT count(*) FROM test"), 2);
}

static void a_result_that_comes_twice_is_written_once(void **state)
{
    struct place *place = *state;
    open_store(place);
    struct fst_journal *journal = start(place, "run-1");
    add(journal, "a.py::t", 1, FST_PASSED, 0.5);
    commit(journal);
    add(journal, "a.py::t", 1, FST_FAILED, 0.75);
    commit(journal);
    assert_int_equal(ask(place, "SELECT count(*) FROM result"), 1);
    assert_int_equal(ask(place, "SELECT 1000 * call FROM result"), 500);
    fst_journal_free(journal);
}

static void fold(struct place *place)
{
    struct fst_err err;
    if (fst_history_fold(place->store, "project", &err))
        fail_msg("%s", err.msg);
}

/* A process that is there and has our name: a fork of this one. */
static void only_runs_that_are_over_become_history(void **state)
{
    struct place *place = *state;
    int go[2], done[2], status;
    char byte;
    assert_int_equal(pipe(go) | pipe(done), 0);
    pid_t child = fork();
    if (!child) {
        open_store(place);
        struct fst_journal *journal = start(place, "run-1");
        add(journal, "a.py::t", 1, FST_PASSED, 1);
        judge(journal, "a.py::t", 1, FST_PASSED);
        commit(journal);
        bool told = write(done[1], "x", 1) == 1;
        _exit(told && read(go[0], &byte, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(done[0], &byte, 1), 1);
    open_store(place);
    fst_journal_free(start(place, "run-2"));
    fold(place);
    assert_int_equal(ask(place, "SELECT count(*) FROM outcome"), 0);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    fold(place);
    assert_int_equal(ask(place, "SELECT count(*) FROM outcome"), 1);
    for (int i = 0; i < 2; i++) {
        close(go[i]);
        close(done[i]);
    }
}

/* ---- the history */

static double estimate(size_t count, const double *seconds)
{
    struct fst_samples samples = {0};
    for (size_t i = 0; i < count; i++)
        fst_samples_add(&samples, seconds[i]);
    return fst_samples_estimate(&samples);
}

static void an_estimate_is_the_median_of_the_last(void **state)
{
    (void)state;
    assert_true(estimate(0, NULL) == 0);
    assert_true(estimate(1, (double[]){3}) == 3);
    assert_true(estimate(5, (double[]){1, 1, 50, 1, 1}) == 1);
    assert_true(estimate(6, (double[]){100, 1, 2, 2, 3, 2}) == 2);
}

static void an_estimate_follows_a_level_that_has_shifted(void **state)
{
    (void)state;
    assert_true(estimate(5, (double[]){1, 1, 1, 4, 4}) == 4);
    assert_true(estimate(5, (double[]){4, 4, 4, 1, 1}) == 1);
}

struct found {
    size_t count;
    struct fst_history_times times;
    char outcomes[FST_HISTORY_OUTCOMES + 1];
    double flakiness;
};

static void see_times(void *user, const struct fst_history_times *times)
{
    struct found *found = user;
    found->count++;
    if (!strcmp(times->name, "a.py::t"))
        found->times = *times;
}

static void see_test(void *user, const struct fst_history_test *test)
{
    struct found *found = user;
    if (strcmp(test->id, "a.py::t"))
        return;
    strcpy(found->outcomes, test->outcomes);
    found->flakiness = test->flakiness;
}

static void run_once(struct place *place, int number, enum fst_outcome outcome,
                     double call_s)
{
    struct fst_err err;
    char name[32];
    snprintf(name, sizeof name, "run-%d", number);
    struct fst_journal *journal = start(place, name);
    add(journal, "a.py::t", 1, outcome, call_s);
    judge(journal, "a.py::t", 1, outcome);
    assert_int_equal(fst_journal_cost(journal, "a.py", 0.3, &err), 0);
    assert_int_equal(fst_journal_end(journal, 1001, 0, &err), 0);
    fst_journal_free(journal);
    assert_int_equal(fst_history_fold(place->store, "project", &err), 0);
}

static void ended_runs_become_history(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct found found = {0};
    open_store(place);
    run_once(place, 1, FST_PASSED, 2);
    run_once(place, 2, FST_FAILED, 50);
    run_once(place, 3, FST_PASSED, 2);
    assert_int_equal(
        fst_history_times(place->store, "project", see_times, &found, &err), 0);
    assert_int_equal(found.count, 2);
    assert_true(found.times.s[FST_PART_CALL] == 2);
    assert_true(found.times.s[FST_PART_SETUP] == 0);
    assert_int_equal(
        fst_history_tests(place->store, "project", see_test, &found, &err), 0);
    assert_string_equal(found.outcomes, ".F.");
    assert_true(found.flakiness > 0.6 && found.flakiness < 0.7);
}

/* One agent that lies about its times must not spoil those of later runs. */
static void an_absurd_time_is_mended_by_later_runs(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct found found = {0};
    open_store(place);
    run_once(place, 1, FST_PASSED, 2);
    run_once(place, 2, FST_PASSED, INFINITY);
    for (int i = 3; i < 12; i++)
        run_once(place, i, FST_PASSED, 2);
    assert_int_equal(
        fst_history_times(place->store, "project", see_times, &found, &err), 0);
    assert_true(found.times.s[FST_PART_CALL] > 0.01);
    assert_true(found.times.s[FST_PART_CALL] < 10);
}

static void add_sharing(struct fst_journal *journal, const char *id,
                        int64_t pid, double shared_s)
{
    struct fst_err err;
    struct fst_journal_row row = {
        .id = id,
        .attempt = 1,
        .setup_s = 0.5,
        .call_s = 2,
        .shared_s = shared_s,
        .agent = "here",
        .pid = pid,
    };
    assert_int_equal(fst_journal_add(journal, &row, &err), 0);
    judge(journal, id, 1, FST_PASSED);
}

static void a_workers_start_is_kept(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    double start_s;
    open_store(place);
    struct fst_journal *journal = start(place, "run-1");
    assert_int_equal(fst_journal_start_s(journal, 2, &err), 0);
    assert_int_equal(fst_journal_start_s(journal, 1, &err), 0);
    commit(journal);
    fst_journal_free(journal);
    assert_int_equal(
        fst_history_start_s(place->store, "project", &start_s, &err), 0);
    assert_true(start_s == 1.5);
    assert_int_equal(fst_history_start_s(place->store, "none", &start_s, &err),
                     0);
    assert_true(start_s == 0);
}

static void see_file(void *user, const struct fst_history_times *times)
{
    double *file_s = user;
    if (!strcmp(times->name, "a.py"))
        *file_s = times->s[FST_PART_OPEN];
}

/* Two workers have set the fixtures up, in 1.5 s and in 0.5 s. */
static void what_tests_share_is_the_files_cost(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct found found = {0};
    double file_s = 0;
    open_store(place);
    struct fst_journal *journal = start(place, "run-1");
    assert_int_equal(fst_journal_cost(journal, "a.py", 0.25, &err), 0);
    add_sharing(journal, "a.py::t", 7, 0.75); /* a part of it in the call */
    add_sharing(journal, "a.py::u", 7, 0.75);
    add_sharing(journal, "a.py::v", 8, 0.5);
    add_sharing(journal, "a.py::w", 8, 0);
    assert_int_equal(fst_journal_end(journal, 1001, 0, &err), 0);
    fst_journal_free(journal);
    fold(place);
    assert_int_equal(
        fst_history_times(place->store, "project", see_times, &found, &err), 0);
    assert_true(found.times.s[FST_PART_SETUP] == 0);
    assert_true(found.times.s[FST_PART_CALL] == 1.75);
    assert_int_equal(
        fst_history_times(place->store, "project", see_file, &file_s, &err), 0);
    assert_true(file_s == 1.25);
}

static void only_the_last_outcomes_are_kept(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct found found = {0};
    open_store(place);
    run_once(place, 0, FST_FAILED, 1);
    for (int i = 1; i <= FST_HISTORY_OUTCOMES; i++)
        run_once(place, i, FST_PASSED, 1);
    assert_int_equal(
        fst_history_tests(place->store, "project", see_test, &found, &err), 0);
    assert_int_equal(strlen(found.outcomes), FST_HISTORY_OUTCOMES);
    assert_null(strchr(found.outcomes, 'F'));
    for (int i = 1; i <= 2 * FST_HISTORY_OUTCOMES; i++)
        run_once(place, FST_HISTORY_OUTCOMES + i, FST_PASSED, 1);
    int64_t kept = ask(place, "SELECT count(*) FROM outcome");
    assert_true(kept >= FST_HISTORY_OUTCOMES);
    assert_true(kept < 2 * FST_HISTORY_OUTCOMES);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FILE(a_new_file_is_made_with_its_folder),
        WITH_FILE(a_missing_file_is_not_made_unasked),
        WITH_FILE(a_newer_file_is_refused_and_left_alone),
        WITH_FILE(a_foreign_database_is_refused),
        WITH_FILE(what_is_no_database_is_refused_and_left_alone),
        WITH_FILE(what_is_rolled_back_is_gone),
        WITH_FILE(what_was_committed_stays),
        WITH_FILE(a_result_that_comes_twice_is_written_once),
        WITH_FILE(only_runs_that_are_over_become_history),
        cmocka_unit_test(an_estimate_is_the_median_of_the_last),
        cmocka_unit_test(an_estimate_follows_a_level_that_has_shifted),
        WITH_FILE(ended_runs_become_history),
        WITH_FILE(an_absurd_time_is_mended_by_later_runs),
        WITH_FILE(what_tests_share_is_the_files_cost),
        WITH_FILE(a_workers_start_is_kept),
        WITH_FILE(only_the_last_outcomes_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
