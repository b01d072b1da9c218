/* A small run over a file whose Nth operation fails, for every N until a run
 * ends that has fewer: each call succeeds or says which file failed; afterwards
 * the file opens, holds what was committed, whole turns only, and each result
 * is counted once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "coordinator/store/history.h"
#include "coordinator/store/journal.h"
#include "shared/base/buf.h"
#include "shared/base/mem.h"
#include "tests/support/faulty_vfs.h"

enum { TURNS = 3, MOST_OPERATIONS = 5000 };

static const char project[] = "project";

struct place {
    char folder[64];
    char *path, *wal;
    /* What a run starts from: nothing, or what a killed one has left. */
    struct fst_buf seed, seed_wal;
};

struct ended { /* how far a run came */
    int turns; /* whose results may be acknowledged */
    bool complete;
    struct fst_err err; /* else */
};

/* ---- a run, as the ledger of fastest-coord does it */

static int add(struct fst_journal *journal, const char *id,
               enum fst_outcome outcome, struct fst_err *err)
{
    struct fst_journal_row row = {
        .id = id,
        .attempt = 1,
        .kind = FST_ATTEMPT_FIRST,
        .outcome = outcome,
        .call_s = 1,
        .agent = "here",
    };
    return fst_journal_add(journal, &row, err);
}

/* The turns: what they write, and what stands in the file after each. */
static int write_turn(struct fst_journal *journal, int turn,
                      struct fst_err *err)
{
    switch (turn) {
    case 0:
        return add(journal, "a.py::t", FST_PASSED, err) ||
               fst_journal_judge(journal, "a.py::t", 1, FST_PASSED, err) ||
               fst_journal_cost(journal, "a.py", 0.25, err);
    case 1:
        return add(journal, "a.py::u", FST_FAILED, err) ||
               add(journal, "a.py::v", FST_PASSED, err) ||
               fst_journal_judge(journal, "a.py::v", 1, FST_PASSED, err);
    default: /* a result again, a late verdict, and an amendment */
        return add(journal, "a.py::t", FST_FAILED, err) ||
               fst_journal_judge(journal, "a.py::u", 1, FST_FAILED, err) ||
               fst_journal_judge(journal, "a.py::v", 1, FST_ERROR, err);
    }
}

static const char *const after[TURNS + 1] = {
    "",
    "a.py::t passed",
    "a.py::t passed, a.py::u open, a.py::v passed",
    "a.py::t passed, a.py::u failed, a.py::v error",
};

static int write_turns(struct fst_journal *journal, struct ended *ended)
{
    for (int turn = 0; turn < TURNS; turn++) {
        if (write_turn(journal, turn, &ended->err) ||
            fst_journal_commit(journal, &ended->err))
            return -1;
        ended->turns = turn + 1;
    }
    return fst_journal_end(journal, 1001, 1, &ended->err);
}

static void ignore_times(void *user, const struct fst_history_times *times)
{
    (void)user;
    (void)times;
}

static struct ended play(const char *path, const char *name, unsigned flags)
{
    const struct fst_journal_run run = {.suite = project,
                                        .name = name,
                                        .started_s = 1000,
                                        .arguments = "[]",
                                        .checkout = ""};
    struct ended ended = {0};
    struct fst_journal *journal = NULL;
    struct fst_store *store =
        fst_store_open(path, FST_STORE_CREATE | flags, &ended.err);
    if (store && !fst_history_fold(store, project, &ended.err) &&
        !fst_history_times(store, project, ignore_times, NULL, &ended.err))
        journal = fst_journal_start(store, &run, 0, &ended.err);
    ended.complete = journal && !write_turns(journal, &ended) &&
                     !fst_history_fold(store, project, &ended.err);
    fst_journal_free(journal);
    fst_store_close(store);
    return ended;
}

/* ---- the file before it */

static void read_file(const char *path, struct fst_buf *into)
{
    char bytes[4096];
    size_t count;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while ((count = fread(bytes, 1, sizeof bytes, file)))
        fst_buf_add(into, bytes, count);
    fclose(file);
}

static void write_file(const char *path, const struct fst_buf *from)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(from->data, 1, from->len, file), from->len);
    assert_int_equal(fclose(file), 0);
}

static void restore(const struct place *place)
{
    char *shm = fst_printf("%s-shm", place->path);
    unlink(place->path);
    unlink(place->wal);
    unlink(shm);
    free(shm);
    if (place->seed.len)
        write_file(place->path, &place->seed);
    if (place->seed_wal.len)
        write_file(place->wal, &place->seed_wal);
}

/* One run that has ended, and one that was killed after its first turn. */
static void make_seed(struct place *place)
{
    int status;
    pid_t child = fork();
    if (!child) {
        struct fst_err err;
        const struct fst_journal_run run = {.suite = project,
                                            .name = "killed",
                                            .started_s = 1000,
                                            .arguments = "[]",
                                            .checkout = ""};
        bool done = play(place->path, "first", 0).complete;
        struct fst_store *store =
            fst_store_open(place->path, FST_STORE_CREATE, &err);
        struct fst_journal *journal = fst_journal_start(store, &run, 0, &err);
        _exit(done && journal && !write_turn(journal, 0, &err) &&
                      !fst_journal_commit(journal, &err)
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    read_file(place->path, &place->seed);
    read_file(place->wal, &place->seed_wal);
    assert_true(place->seed_wal.len > 0);
}

static int set_up(void **state)
{
    struct place *place = fst_alloc(sizeof *place);
    strcpy(place->folder, "/tmp/fst_faults_XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->path = fst_printf("%s/history.db", place->folder);
    place->wal = fst_printf("%s-wal", place->path);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char *command = fst_printf("rm -rf '%s'", place->folder);
    int status = system(command);
    fst_buf_release(&place->seed);
    fst_buf_release(&place->seed_wal);
    free(command);
    free(place->path);
    free(place->wal);
    free(place);
    return status;
}

/* ---- the file after it */

static int64_t ask(sqlite3 *db, const char *sql, char *text, size_t size)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    const char *found = (const char *)sqlite3_column_text(statement, 0);
    if (text)
        snprintf(text, size, "%s", found ? found : "");
    sqlite3_finalize(statement);
    return number;
}

/* How many of the run's turns the file holds. */
static int find_turns(sqlite3 *db)
{
    char text[256];
    ask(db,
        "SELECT group_concat(node_id || ' ' || CASE WHEN NOT verdict THEN"
        " 'open' ELSE CASE outcome WHEN 0 THEN 'passed' WHEN 4 THEN 'failed'"
        " ELSE 'error' END END, ', ') FROM (SELECT * FROM result"
        " JOIN test ON test.id = test JOIN run ON run.id = run"
        " WHERE run.name = 'ours' ORDER BY node_id)",
        text, sizeof text);
    for (int turns = 0; turns <= TURNS; turns++)
        if (!strcmp(text, after[turns]))
            return turns;
    fail_msg("no whole turns: %s", text);
    return 0;
}

/* The next run opens it, and folds what this one has left. */
static void check(const struct place *place, const struct ended *ended)
{
    struct fst_err err;
    char text[64];
    struct fst_store *store =
        fst_store_open(place->path, FST_STORE_CREATE, &err);
    if (!store || fst_history_fold(store, project, &err))
        fail_msg("after \"%s\": %s", ended->err.msg, err.msg);
    fst_store_close(store);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    ask(db, "PRAGMA integrity_check", text, sizeof text);
    assert_string_equal(text, "ok");
    assert_int_equal(
        ask(db, "SELECT count(*) FROM pragma_foreign_key_check", NULL, 0), 0);
    int turns = find_turns(db);
    assert_in_range(turns, ended->turns, TURNS);
    bool ours =
        ask(db, "SELECT count(*) FROM run WHERE name = 'ours'", NULL, 0);
    bool over = ask(db,
                    "SELECT count(*) FROM run WHERE ended > 0 AND name ="
                    " 'ours'",
                    NULL, 0);
    assert_true(over || !ended->complete);
    /* A run that was begun is folded when it has ended; the newest may go on
     * for all that anybody knows. */
    int earlier = place->seed.len ? 2 : 0;
    int64_t outcomes =
        ask(db,
            "SELECT count(*) FROM outcome JOIN test ON test.id = test"
            " WHERE node_id = 'a.py::t'",
            NULL, 0);
    int64_t samples =
        ask(db,
            "SELECT ifnull(sum(length(samples)) / 4, 0) FROM timing"
            " JOIN test ON test.id = test WHERE node_id = 'a.py::t'"
            " AND part = 0",
            NULL, 0);
    int expected = earlier - (earlier && !ours) + over;
    assert_int_equal(outcomes, expected);
    assert_int_equal(samples, expected);
    sqlite3_close(db);
}

/* ---- every N */

static void try_all(struct place *place, enum fault fault, bool lasting,
                    unsigned flags)
{
    for (unsigned long at = 1;; at++) {
        assert_in_range(at, 1, MOST_OPERATIONS);
        restore(place);
        faulty_vfs_arm(fault, at, lasting);
        struct ended ended = play(place->path, "ours", flags);
        unsigned long seen = faulty_vfs_disarm();
        if (!ended.complete && !strstr(ended.err.msg, place->path))
            fail_msg("operation %lu: \"%s\"", at, ended.err.msg);
        check(place, &ended);
        if (seen < at) {
            assert_true(ended.complete);
            break;
        }
    }
}

static void a_run_that_makes_its_file(void **state)
{
    try_all(*state, FAULT_IOERR, false, 0);
    try_all(*state, FAULT_SHORT, true, 0); /* dies there, as by kill -9 */
}

static void a_run_that_finds_what_a_killed_one_left(void **state)
{
    make_seed(*state);
    try_all(*state, FAULT_IOERR, false, 0);
    try_all(*state, FAULT_IOERR, true, 0);
    try_all(*state, FAULT_FULL, false, 0);
    try_all(*state, FAULT_FULL, true, 0);
    try_all(*state, FAULT_SHORT, true, 0);
    try_all(*state, FAULT_BUSY, false, 0);
    try_all(*state, FAULT_BUSY, true, 0);
}

static void a_run_whose_commits_reach_the_disk(void **state)
{
    make_seed(*state);
    try_all(*state, FAULT_IOERR, false, FST_STORE_DURABLE);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FILE(a_run_that_makes_its_file),
        WITH_FILE(a_run_that_finds_what_a_killed_one_left),
        WITH_FILE(a_run_whose_commits_reach_the_disk),
    };
    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
