/* Merging: runs are copied with their journals and folded like our own; of a
 * test that is new here the other file's estimates and outcomes are taken as
 * they are. Outcomes of runs whose journal is gone get negative numbers, so
 * that they lie before all that has one. */
#include "coordinator/store/upkeep.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "coordinator/store/history.h"
#include "coordinator/store/sql.h"

static const char copy_runs[] =
    "INSERT OR IGNORE INTO main.suite (name) SELECT name FROM other.suite;"
    "CREATE TEMP TABLE merge_suite AS SELECT o.id AS theirs, m.id AS ours"
    " FROM other.suite o JOIN main.suite m USING (name);"
    "CREATE TEMP TABLE merge_fresh AS SELECT name FROM other.run"
    " WHERE name NOT IN (SELECT name FROM main.run);"
    "INSERT INTO main.run (suite, name, started, ended, exit_code, host, pid,"
    " arguments) SELECT s.ours, name, started, ended, exit_code, host, pid,"
    " '' FROM other.run JOIN merge_suite s ON s.theirs = suite"
    " WHERE name IN (SELECT name FROM merge_fresh) ORDER BY started;"
    "CREATE TEMP TABLE merge_run AS SELECT o.id AS theirs, m.id AS ours,"
    " o.name IN (SELECT name FROM merge_fresh) AS fresh"
    " FROM other.run o JOIN main.run m USING (name);";

static const char copy_tests[] =
    "CREATE TEMP TABLE merge_new AS SELECT t.id AS theirs, s.ours AS suite,"
    " node_id FROM other.test t JOIN merge_suite s ON s.theirs = t.suite"
    " WHERE NOT EXISTS (SELECT 1 FROM main.test m"
    " WHERE m.suite = s.ours AND m.node_id = t.node_id);"
    "INSERT INTO main.test (suite, node_id)"
    " SELECT suite, node_id FROM merge_new;"
    "CREATE TEMP TABLE merge_test (theirs INTEGER PRIMARY KEY, ours, new);"
    "INSERT INTO merge_test SELECT t.id, m.id,"
    " t.id IN (SELECT theirs FROM merge_new) FROM other.test t"
    " JOIN merge_suite s ON s.theirs = t.suite"
    " JOIN main.test m ON m.suite = s.ours AND m.node_id = t.node_id;";

static const char copy_rows[] =
    "INSERT INTO main.outcome (test, run, outcome, flaky, seconds)"
    " SELECT t.ours, coalesce(r.ours,"
    " x.run - 1 - (SELECT max(run) FROM other.outcome)),"
    " outcome, flaky, seconds FROM other.outcome x"
    " JOIN merge_test t ON t.theirs = x.test AND t.new"
    " LEFT JOIN merge_run r ON r.theirs = x.run;"
    "INSERT INTO main.result (run, test, attempt, kind, outcome, verdict,"
    " setup, call, teardown, shared, start, agent, slot, pid)"
    " SELECT r.ours, t.ours, attempt, kind, outcome, verdict, setup, call,"
    " teardown, shared, start, agent, slot, pid FROM other.result x"
    " JOIN merge_run r ON r.theirs = x.run AND r.fresh"
    " JOIN merge_test t ON t.theirs = x.test;"
    "INSERT INTO main.cost (run, test, seconds)"
    " SELECT r.ours, t.ours, seconds FROM other.cost x"
    " JOIN merge_run r ON r.theirs = x.run AND r.fresh"
    " JOIN merge_test t ON t.theirs = x.test;";

/* Folding has counted the last runs' times once more. */
static const char copy_times[] =
    "INSERT OR REPLACE INTO main.timing (test, part, estimate, samples)"
    " SELECT t.ours, part, estimate, samples FROM other.timing x"
    " JOIN merge_test t ON t.theirs = x.test AND t.new;";

static const char forget[] = "DROP TABLE IF EXISTS merge_suite;"
                             "DROP TABLE IF EXISTS merge_fresh;"
                             "DROP TABLE IF EXISTS merge_run;"
                             "DROP TABLE IF EXISTS merge_new;"
                             "DROP TABLE IF EXISTS merge_test;";

static int in_transaction(struct fst_store *store, const char *const *texts,
                          size_t count, struct fst_err *err)
{
    if (fst_store_begin(store, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (fst_sql_exec(store, texts[i], err)) {
            fst_store_rollback(store);
            return -1;
        }
    }
    return fst_store_commit(store, err);
}

/* A statement's one number. */
static int count(struct fst_store *store, const char *text, int64_t *number,
                 struct fst_err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL))
        return fst_sql_fail(store, err);
    int found = fst_sql_step(store, statement, err);
    if (found > 0)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return found < 0 ? -1 : 0;
}

static int fold_all(struct fst_store *store, struct fst_err *err)
{
    sqlite3_stmt *read;
    struct fst_strings names = {0};
    int result;
    if (sqlite3_prepare_v2(store->db, "SELECT name FROM suite", -1, &read,
                           NULL))
        return fst_sql_fail(store, err);
    while ((result = fst_sql_step(store, read, err)) == 1)
        fst_strings_add(&names, fst_sql_text(read, 0));
    sqlite3_finalize(read);
    for (size_t i = 0; !result && i < names.count; i++)
        result = fst_history_fold(store, names.items[i], err);
    fst_strings_clear(&names);
    return result;
}

static int merge(struct fst_store *store, struct fst_merged *merged,
                 struct fst_err *err)
{
    static const char *const first[] = {copy_runs, copy_tests, copy_rows};
    static const char *const then[] = {copy_times};
    if (in_transaction(store, first, 3, err) ||
        count(store, "SELECT count(*) FROM merge_fresh", &merged->runs, err) ||
        count(store,
              "SELECT count(*) FROM merge_new WHERE instr(node_id, '::')",
              &merged->tests, err) ||
        fold_all(store, err) || in_transaction(store, then, 1, err))
        return -1;
    return 0;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

int fst_history_merge(struct fst_store *store, const char *path,
                      struct fst_merged *merged, struct fst_err *err)
{
    struct fst_err later;
    if (is_same_file(store->path, path))
        return fst_fail(err, FST_E_USAGE, "%s: it is the history itself", path);
    struct fst_store *other = fst_store_open(path, 0, err);
    if (!other)
        return -1;
    fst_store_close(other);
    char *attach = sqlite3_mprintf("ATTACH %Q AS other", path);
    int result = fst_sql_exec(store, attach, err);
    sqlite3_free(attach);
    if (!result) {
        result = merge(store, merged, err);
        if (fst_sql_exec(store, forget, &later) ||
            fst_sql_exec(store, "DETACH other", &later))
            result =
                result ? result : fst_fail(err, later.code, "%s", later.msg);
    }
    return result ? fst_wrap(err, "%s", path) : 0;
}

/* ---- sweeping */

static const char sweep_tests[] =
    "WITH newest AS (SELECT suite, max(run) AS run FROM outcome"
    " JOIN test ON test.id = outcome.test GROUP BY suite)"
    " DELETE FROM test WHERE id IN (SELECT outcome.test FROM outcome"
    " JOIN test t ON t.id = outcome.test JOIN newest USING (suite)"
    " GROUP BY outcome.test HAVING max(outcome.run) <= max(newest.run) - ?1)";

static const char sweep_files[] =
    "DELETE FROM test WHERE NOT instr(node_id, '::')"
    " AND id NOT IN (SELECT test FROM outcome)"
    " AND NOT EXISTS (SELECT 1 FROM test t WHERE t.suite = test.suite"
    " AND t.node_id > test.node_id || '::'"
    " AND t.node_id < test.node_id || ':;')";

static const char sweep_runs[] =
    "DELETE FROM run WHERE folded AND id NOT IN (SELECT id FROM run r"
    " WHERE r.suite = run.suite ORDER BY id DESC LIMIT ?1)";

static const char sweep_suites[] =
    "DELETE FROM suite WHERE id NOT IN (SELECT suite FROM test)"
    " AND id NOT IN (SELECT suite FROM run)";

/* Rows that are gone are added to *gone. */
static int sweep(struct fst_store *store, const char *text, int64_t keep,
                 int64_t *gone, struct fst_err *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL))
        return fst_sql_fail(store, err);
    if (sqlite3_bind_parameter_count(statement))
        sqlite3_bind_int64(statement, 1, keep);
    int result = fst_sql_step(store, statement, err);
    sqlite3_finalize(statement);
    *gone += sqlite3_changes(store->db);
    return result;
}

int fst_history_sweep(struct fst_store *store, int64_t keep,
                      struct fst_swept *swept, struct fst_err *err)
{
    int64_t others = 0;
    if (fold_all(store, err) || fst_store_begin(store, err))
        return -1;
    if (sweep(store, sweep_tests, keep, &swept->tests, err) ||
        sweep(store, sweep_files, keep, &others, err) ||
        sweep(store, sweep_runs, keep, &swept->runs, err) ||
        sweep(store, sweep_suites, keep, &others, err)) {
        fst_store_rollback(store);
        return -1;
    }
    if (fst_store_commit(store, err))
        return -1;
    return fst_sql_exec(store, "VACUUM", err);
}
