#include "coordinator/store/journal.h"

#include <unistd.h>

#include "coordinator/store/names.h"
#include "coordinator/store/owner.h"

struct fst_journal {
    struct fst_store *store;
    struct fst_names names;
    int64_t run;
};

/* ---- transactions */

static int begin(struct fst_journal *journal, struct fst_err *err)
{
    return journal->store->in_transaction
               ? 0
               : fst_store_begin(journal->store, err);
}

static void roll_back(struct fst_journal *journal)
{
    fst_store_rollback(journal->store);
    fst_names_settle(&journal->names, false);
}

int fst_journal_commit(struct fst_journal *journal, struct fst_err *err)
{
    if (!journal->store->in_transaction)
        return 0;
    int result = fst_store_commit(journal->store, err);
    fst_names_settle(&journal->names, !result);
    return result;
}

/* Statement with the run and, unless NULL, a name as its first parameters. */
static sqlite3_stmt *prepare(struct fst_journal *journal, enum fst_sql name,
                             const char *id, struct fst_err *err)
{
    int64_t test;
    if (begin(journal, err) ||
        (id && fst_names_get(&journal->names, id, &test, err)))
        return NULL;
    sqlite3_stmt *statement = fst_sql_get(journal->store, name, err);
    if (!statement)
        return NULL;
    sqlite3_bind_int64(statement, 1, journal->run);
    if (id)
        sqlite3_bind_int64(statement, 2, test);
    return statement;
}

/* Runs it; an error takes the whole turn back. */
static int run(struct fst_journal *journal, sqlite3_stmt *statement,
               struct fst_err *err)
{
    if (statement && !fst_sql_run(journal->store, statement, err))
        return 0;
    roll_back(journal);
    return -1;
}

/* ---- the run */

static struct fst_journal *new_journal(struct fst_store *store,
                                       const char *suite, struct fst_err *err)
{
    struct fst_journal *journal = fst_alloc(sizeof *journal);
    journal->store = store;
    if (!fst_store_begin(store, err)) {
        if (!fst_names_init(&journal->names, store, suite, err))
            return journal;
        fst_store_rollback(store);
    }
    free(journal);
    return NULL;
}

void fst_journal_free(struct fst_journal *journal)
{
    if (!journal)
        return;
    fst_store_rollback(journal->store);
    fst_names_release(&journal->names);
    free(journal);
}

static int add_run(struct fst_journal *journal,
                   const struct fst_journal_run *told, struct fst_err *err)
{
    char host[FST_OWNER_HOST];
    sqlite3_stmt *add = fst_sql_get(journal->store, FST_SQL_ADD_RUN, err);
    if (!add)
        return -1;
    sqlite3_bind_int64(add, 1, journal->names.suite);
    fst_sql_bind_text(add, 2, told->name);
    sqlite3_bind_double(add, 3, told->started_s);
    fst_owner_host(host);
    fst_sql_bind_text(add, 4, host);
    sqlite3_bind_int64(add, 5, getpid());
    fst_sql_bind_text(add, 6, told->arguments);
    fst_sql_bind_text(add, 7, told->checkout);
    if (fst_sql_run(journal->store, add, err))
        return -1;
    journal->run = sqlite3_last_insert_rowid(journal->store->db);
    return 0;
}

/* A statement with the run and a number, or the run alone. */
static int run_with(struct fst_journal *journal, enum fst_sql name,
                    int64_t second, struct fst_err *err)
{
    sqlite3_stmt *statement = prepare(journal, name, NULL, err);
    if (statement && sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, second);
    return run(journal, statement, err);
}

static int keep_good(struct fst_journal *journal, int64_t from,
                     struct fst_err *err)
{
    static const enum fst_sql copies[] = {
        FST_SQL_KEEP_LISTINGS, FST_SQL_KEEP_RESULTS, FST_SQL_KEEP_REPORTS};
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        if (run_with(journal, copies[i], from, err))
            return -1;
    return 0;
}

struct fst_journal *fst_journal_start(struct fst_store *store,
                                      const struct fst_journal_run *told,
                                      int64_t keep, struct fst_err *err)
{
    struct fst_journal *journal = new_journal(store, told->suite, err);
    if (!journal)
        return NULL;
    if (!add_run(journal, told, err) &&
        !(keep && keep_good(journal, keep, err)) &&
        !fst_journal_commit(journal, err))
        return journal;
    fst_journal_free(journal);
    return NULL;
}

/* In this order: what is in the history is marked while the run's row says
 * that it is. */
static int take_over(struct fst_journal *journal, struct fst_err *err)
{
    static const enum fst_sql steps[] = {
        FST_SQL_MARK_RESULTS, FST_SQL_DROP_RUN_COSTS,
        FST_SQL_DROP_UNJUDGED_REPORTS, FST_SQL_DROP_UNJUDGED};
    char host[FST_OWNER_HOST];
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (run_with(journal, steps[i], 0, err))
            return -1;
    fst_owner_host(host);
    sqlite3_stmt *take = prepare(journal, FST_SQL_TAKE_RUN, NULL, err);
    if (take) {
        fst_sql_bind_text(take, 2, host);
        sqlite3_bind_int64(take, 3, getpid());
    }
    return run(journal, take, err);
}

struct fst_journal *fst_journal_resume(struct fst_store *store,
                                       const char *suite, int64_t id,
                                       struct fst_err *err)
{
    struct fst_journal *journal = new_journal(store, suite, err);
    if (!journal)
        return NULL;
    journal->run = id;
    if (!take_over(journal, err) && !fst_journal_commit(journal, err))
        return journal;
    fst_journal_free(journal);
    return NULL;
}

int fst_journal_forget(struct fst_journal *journal, const char *path,
                       struct fst_err *err)
{
    static const enum fst_sql steps[] = {
        FST_SQL_FORGET_LISTING, FST_SQL_FORGET_REPORTS, FST_SQL_FORGET_RESULTS};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (run(journal, prepare(journal, steps[i], path, err), err))
            return -1;
    return fst_journal_commit(journal, err);
}

int64_t fst_journal_run_id(const struct fst_journal *journal)
{
    return journal->run;
}

int fst_journal_end(struct fst_journal *journal, double ended_s, int exit_code,
                    struct fst_err *err)
{
    sqlite3_stmt *end = prepare(journal, FST_SQL_END_RUN, NULL, err);
    if (end) {
        sqlite3_bind_double(end, 2, ended_s);
        sqlite3_bind_int(end, 3, exit_code);
    }
    return run(journal, end, err) ? -1 : fst_journal_commit(journal, err);
}

/* ---- rows */

static int add_report(struct fst_journal *journal, const char *id,
                      uint32_t attempt, bool amend, const char *message,
                      struct fst_err *err)
{
    sqlite3_stmt *add = prepare(journal, FST_SQL_ADD_REPORT, id, err);
    if (add) {
        sqlite3_bind_int64(add, 3, attempt);
        sqlite3_bind_int(add, 4, amend);
        fst_sql_bind_text(add, 5, message);
    }
    return run(journal, add, err);
}

int fst_journal_add(struct fst_journal *journal,
                    const struct fst_journal_row *row, struct fst_err *err)
{
    sqlite3_stmt *add = prepare(journal, FST_SQL_ADD_RESULT, row->id, err);
    if (add) {
        sqlite3_bind_int64(add, 3, row->attempt);
        sqlite3_bind_int(add, 4, (int)row->kind);
        sqlite3_bind_int(add, 5, (int)row->outcome);
        sqlite3_bind_double(add, 6, row->setup_s);
        sqlite3_bind_double(add, 7, row->call_s);
        sqlite3_bind_double(add, 8, row->teardown_s);
        sqlite3_bind_double(add, 9, row->shared_s);
        sqlite3_bind_double(add, 10, row->start_s);
        fst_sql_bind_text(add, 11, row->agent);
        sqlite3_bind_int64(add, 12, row->slot);
        sqlite3_bind_int64(add, 13, row->pid);
        sqlite3_bind_int(add, 14, row->verdict);
    }
    if (run(journal, add, err))
        return -1;
    /* One that came twice is written once. */
    if (!sqlite3_changes(journal->store->db))
        return row->verdict ? fst_journal_judge(journal, row->id, row->attempt,
                                                row->outcome, err)
                            : 0;
    if (!row->message)
        return 0;
    return add_report(journal, row->id, row->attempt, false, row->message, err);
}

int fst_journal_amend(struct fst_journal *journal, const char *id,
                      uint32_t attempt, const char *message,
                      struct fst_err *err)
{
    return add_report(journal, id, attempt, true, message, err);
}

int fst_journal_warn(struct fst_journal *journal, const char *message,
                     struct fst_err *err)
{
    sqlite3_stmt *add = prepare(journal, FST_SQL_ADD_WARNING, NULL, err);
    if (add)
        fst_sql_bind_text(add, 2, message);
    return run(journal, add, err);
}

int fst_journal_agents(struct fst_journal *journal, size_t agents,
                       uint32_t slots, struct fst_err *err)
{
    sqlite3_stmt *set = prepare(journal, FST_SQL_SET_AGENTS, NULL, err);
    if (set) {
        sqlite3_bind_int64(set, 2, (int64_t)agents);
        sqlite3_bind_int64(set, 3, slots);
    }
    return run(journal, set, err);
}

int fst_journal_host(struct fst_journal *journal, bool wanted,
                     struct fst_err *err)
{
    sqlite3_stmt *set = prepare(journal, FST_SQL_SET_HOST, NULL, err);
    if (set)
        sqlite3_bind_int(set, 2, wanted);
    return run(journal, set, err);
}

int fst_journal_start_s(struct fst_journal *journal, double seconds,
                        struct fst_err *err)
{
    sqlite3_stmt *set = prepare(journal, FST_SQL_SET_START, NULL, err);
    if (set)
        sqlite3_bind_double(set, 2, seconds);
    return run(journal, set, err);
}

/* The same list of an earlier run, or a new row. */
static int find_collection(struct fst_journal *journal, const char *path,
                           const char *message, int64_t *id,
                           struct fst_err *err)
{
    int64_t test;
    if (fst_names_get(&journal->names, path, &test, err))
        return -1;
    sqlite3_stmt *find =
        fst_sql_get(journal->store, FST_SQL_FIND_COLLECTION, err);
    if (!find)
        return -1;
    sqlite3_bind_int64(find, 1, test);
    fst_sql_bind_text(find, 2, message);
    int found = fst_sql_step(journal->store, find, err);
    if (found > 0)
        *id = sqlite3_column_int64(find, 0);
    sqlite3_reset(find);
    if (found)
        return found < 0 ? -1 : 0;
    sqlite3_stmt *add =
        fst_sql_get(journal->store, FST_SQL_ADD_COLLECTION, err);
    if (!add)
        return -1;
    sqlite3_bind_int64(add, 1, test);
    fst_sql_bind_text(add, 2, message);
    if (fst_sql_run(journal->store, add, err))
        return -1;
    *id = sqlite3_last_insert_rowid(journal->store->db);
    return 0;
}

int fst_journal_list(struct fst_journal *journal, const char *path,
                     const char *message, int64_t subject, struct fst_err *err)
{
    int64_t collection = 0;
    sqlite3_stmt *put = NULL;
    if (!begin(journal, err) &&
        !find_collection(journal, path, message, &collection, err))
        put = prepare(journal, FST_SQL_PUT_LISTING, path, err);
    if (put) {
        sqlite3_bind_int64(put, 3, collection);
        sqlite3_bind_int64(put, 4, subject);
    }
    return run(journal, put, err);
}

int fst_journal_judge(struct fst_journal *journal, const char *id,
                      uint32_t attempt, enum fst_outcome outcome,
                      struct fst_err *err)
{
    sqlite3_stmt *judge = prepare(journal, FST_SQL_JUDGE, id, err);
    if (judge) {
        sqlite3_bind_int64(judge, 3, attempt);
        sqlite3_bind_int(judge, 4, (int)outcome);
    }
    return run(journal, judge, err);
}

int fst_journal_cost(struct fst_journal *journal, const char *path,
                     double seconds, struct fst_err *err)
{
    sqlite3_stmt *add = prepare(journal, FST_SQL_ADD_COST, path, err);
    if (add)
        sqlite3_bind_double(add, 3, seconds);
    return run(journal, add, err);
}
