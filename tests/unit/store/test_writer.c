/* The journal's thread: what is given is written while the next batch fills. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "coordinator/store/writer.h"
#include "shared/base/mem.h"

struct place {
    char folder[64];
    char *path;
    struct fst_store *store;
    struct fst_journal *journal;
    struct fst_writer *writer;
    pthread_mutex_t lock;
    int written; /* calls of on_written; under lock */
};

static void on_written(void *user)
{
    struct place *place = user;
    pthread_mutex_lock(&place->lock);
    place->written++;
    pthread_mutex_unlock(&place->lock);
}

static int set_up(void **state)
{
    static const struct fst_journal_run run = {.suite = "project",
                                               .name = "run",
                                               .started_s = 1000,
                                               .arguments = "[]",
                                               .checkout = ""};
    struct fst_err err;
    struct place *place = fst_alloc(sizeof *place);
    strcpy(place->folder, "/tmp/fst_writer_XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->path = fst_printf("%s/history.db", place->folder);
    pthread_mutex_init(&place->lock, NULL);
    place->store = fst_store_open(place->path, FST_STORE_CREATE, &err);
    assert_non_null(place->store);
    place->journal = fst_journal_start(place->store, &run, 0, &err);
    assert_non_null(place->journal);
    place->writer = fst_writer_start(place->journal, on_written, place);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    fst_writer_stop(place->writer);
    fst_journal_free(place->journal);
    fst_store_close(place->store);
    char *command = fst_printf("rm -rf '%s'", place->folder);
    int status = system(command);
    free(command);
    pthread_mutex_destroy(&place->lock);
    free(place->path);
    free(place);
    return status;
}

static int64_t ask(const struct place *place, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

static void add(struct place *place, int number)
{
    char id[32], message[32];
    snprintf(id, sizeof id, "a.py::t%d", number);
    snprintf(message, sizeof message, "{%d}", number);
    const struct fst_journal_row row = {.id = id,
                                        .attempt = 1,
                                        .outcome = FST_FAILED,
                                        .agent = "here",
                                        .message = message};
    fst_writer_add(place->writer, &row);
}

static void judge(struct place *place, int number)
{
    char id[32];
    snprintf(id, sizeof id, "a.py::t%d", number);
    fst_writer_judge(place->writer, id, 1, FST_FAILED);
}

static void take(struct place *place)
{
    struct fst_err err;
    if (fst_writer_take(place->writer, &err))
        fail_msg("%s", err.msg);
}

/* Many batches, each filled while the one before is written. */
static void every_batch_is_written_once(void **state)
{
    enum { BATCHES = 200, EACH = 20 };
    struct place *place = *state;
    int number = 0;
    for (int batch = 0; batch < BATCHES; batch++) {
        for (int i = 0; i < EACH; i++, number++) {
            add(place, number);
            judge(place, number);
        }
        if (fst_writer_is_out(place->writer))
            take(place);
        assert_true(fst_writer_give(place->writer));
        assert_true(fst_writer_is_out(place->writer));
    }
    take(place);
    assert_false(fst_writer_is_out(place->writer));
    assert_false(fst_writer_give(place->writer)); /* nothing is left */
    assert_int_equal(ask(place, "SELECT sum(verdict) FROM result"),
                     BATCHES * EACH);
    assert_int_equal(ask(place, "SELECT count(*) FROM report"), BATCHES * EACH);
    fst_writer_stop(place->writer);
    place->writer = NULL;
    assert_int_equal(place->written, BATCHES);
}

/* Right behind its attempt, behind another's, and in another batch. */
static void a_verdict_finds_its_attempt(void **state)
{
    struct place *place = *state;
    add(place, 1);
    judge(place, 1);
    add(place, 2);
    add(place, 3);
    judge(place, 2);
    assert_true(fst_writer_give(place->writer));
    judge(place, 3);
    add(place, 1); /* came twice */
    judge(place, 1);
    take(place);
    assert_int_equal(ask(place, "SELECT count(*) FROM result"), 3);
    assert_int_equal(ask(place, "SELECT sum(verdict) FROM result"), 2);
    assert_true(fst_writer_give(place->writer));
    take(place);
    assert_int_equal(ask(place, "SELECT count(*) FROM result"), 3);
    assert_int_equal(ask(place, "SELECT sum(verdict) FROM result"), 3);
    assert_int_equal(ask(place, "SELECT count(*) FROM report"), 3);
}

static void what_was_not_given_is_not_kept(void **state)
{
    struct place *place = *state;
    add(place, 1);
    assert_true(fst_writer_bytes(place->writer) > 0);
    assert_true(fst_writer_give(place->writer));
    assert_int_equal(fst_writer_bytes(place->writer), 0);
    add(place, 2);
    fst_writer_stop(place->writer); /* waits for what was given */
    place->writer = NULL;
    assert_int_equal(ask(place, "SELECT count(*) FROM result"), 1);
}

/* The whole batch is taken back, and nothing is written behind it. */
static void after_an_error_nothing_is_written(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    add(place, 1);
    assert_true(fst_writer_give(place->writer));
    take(place);
    assert_int_equal(
        sqlite3_exec(db, "ALTER TABLE report RENAME TO gone", NULL, NULL, NULL),
        SQLITE_OK);
    add(place, 2);
    assert_true(fst_writer_give(place->writer));
    assert_int_equal(fst_writer_take(place->writer, &err), -1);
    assert_non_null(strstr(err.msg, "no such table"));
    assert_int_equal(
        sqlite3_exec(db, "ALTER TABLE gone RENAME TO report", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    add(place, 3);
    assert_true(fst_writer_give(place->writer));
    assert_int_equal(fst_writer_take(place->writer, &err), -1);
    assert_non_null(strstr(err.msg, "no such table"));
    assert_int_equal(ask(place, "SELECT count(*) FROM result"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_batch_is_written_once),
        TEST(a_verdict_finds_its_attempt),
        TEST(what_was_not_given_is_not_kept),
        TEST(after_an_error_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
