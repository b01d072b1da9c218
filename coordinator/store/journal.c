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
    if (fst_sql_run(journal->store, add, err))
        return -1;
    journal->run = sqlite3_last_insert_rowid(journal->store->db);
    return 0;
}

struct fst_journal *fst_journal_start(struct fst_store *store,
                                      const struct fst_journal_run *told,
                                      struct fst_err *err)
{
    struct fst_journal *journal = new_journal(store, told->suite, err);
    if (!journal)
        return NULL;
    if (!add_run(journal, told, err) && !fst_journal_commit(journal, err))
        return journal;
    fst_journal_free(journal);
    return NULL;
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
        sqlite3_bind_double(add, 9, row->start_s);
        fst_sql_bind_text(add, 10, row->agent);
        sqlite3_bind_int64(add, 11, row->slot);
        sqlite3_bind_int64(add, 12, row->pid);
    }
    return run(journal, add, err);
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
