#include "coordinator/store/oldrun.h"

#include "coordinator/store/owner.h"
#include "coordinator/store/sql.h"

static void take_run(struct fst_oldrun *run, sqlite3_stmt *row)
{
    int64_t pid = sqlite3_column_int64(row, 6);
    *run = (struct fst_oldrun){
        .id = sqlite3_column_int64(row, 0),
        .name = fst_strdup(fst_sql_text(row, 1)),
        .arguments = fst_strdup(fst_sql_text(row, 2)),
        .checkout = fst_strdup(fst_sql_text(row, 3)),
        .ended = sqlite3_column_type(row, 4) != SQLITE_NULL,
        .exit_code = sqlite3_column_int(row, 4),
        .agents = (size_t)sqlite3_column_int64(row, 7),
        .slots = (uint32_t)sqlite3_column_int64(row, 8),
    };
    if (!run->ended && fst_owner_is_alive(fst_sql_text(row, 5), pid))
        run->owner = pid;
}

int fst_oldrun_find(struct fst_store *store, const char *suite,
                    const char *name, struct fst_oldrun *run,
                    struct fst_err *err)
{
    *run = (struct fst_oldrun){0};
    sqlite3_stmt *find = fst_sql_get(store, FST_SQL_FIND_RUN, err);
    if (!find)
        return -1;
    fst_sql_bind_text(find, 1, suite);
    if (name)
        fst_sql_bind_text(find, 2, name);
    int found = fst_sql_step(store, find, err);
    if (found > 0) {
        take_run(run, find);
        found = name ? fst_sql_step(store, find, err) + 1 : 1;
    }
    sqlite3_reset(find);
    if (found > 1)
        return fst_fail(err, FST_E_USAGE,
                        "several runs begin with %s: name one in full", name);
    if (found < 0 || run->name)
        return found < 0 ? -1 : 0;
    return name ? fst_fail(err, FST_E_NOTFOUND,
                           "%s keeps no run %s (it keeps the last few)",
                           store->path, name)
                : fst_fail(err, FST_E_NOTFOUND, "%s keeps no run of %s",
                           store->path, suite);
}

void fst_oldrun_release(struct fst_oldrun *run)
{
    free(run->name);
    free(run->arguments);
    free(run->checkout);
    *run = (struct fst_oldrun){0};
}

typedef int text_fn(void *user, const char *message);

/* Rows whose text stands in the column. */
static int read_texts(struct fst_store *store, enum fst_sql name, int64_t run,
                      int column, text_fn *on_text, void *user,
                      struct fst_err *err)
{
    int result;
    sqlite3_stmt *read = fst_sql_get(store, name, err);
    if (!read)
        return -1;
    sqlite3_bind_int64(read, 1, run);
    while ((result = fst_sql_step(store, read, err)) == 1)
        if (on_text(user, fst_sql_text(read, column)))
            break;
    sqlite3_reset(read);
    return result ? -1 : 0;
}

static int read_row(struct fst_store *store, int64_t run, sqlite3_stmt *from,
                    const struct fst_oldrun_reader *reader, struct fst_err *err)
{
    struct fst_journal_row row = {
        .id = fst_sql_text(from, 1),
        .attempt = (uint32_t)sqlite3_column_int64(from, 2),
        .kind = (enum fst_attempt_kind)sqlite3_column_int(from, 3),
        .outcome = (enum fst_outcome)sqlite3_column_int(from, 4),
        .verdict = sqlite3_column_int(from, 5) != 0,
        .setup_s = sqlite3_column_double(from, 6),
        .call_s = sqlite3_column_double(from, 7),
        .teardown_s = sqlite3_column_double(from, 8),
        .shared_s = sqlite3_column_double(from, 9),
        .start_s = sqlite3_column_double(from, 10),
        .agent = fst_sql_text(from, 11),
        .slot = (uint32_t)sqlite3_column_int64(from, 12),
        .pid = sqlite3_column_int64(from, 13),
    };
    sqlite3_stmt *texts = fst_sql_get(store, FST_SQL_READ_REPORTS, err);
    if (!texts)
        return -1;
    sqlite3_bind_int64(texts, 1, run);
    sqlite3_bind_int64(texts, 2, sqlite3_column_int64(from, 0));
    sqlite3_bind_int64(texts, 3, row.attempt);
    int result = fst_sql_step(store, texts, err);
    bool own = result == 1 && !sqlite3_column_int(texts, 1);
    if (own)
        row.message = fst_sql_text(texts, 0);
    if (result < 0 || reader->on_row(reader->user, &row))
        return -1;
    if (own)
        result = fst_sql_step(store, texts, err);
    for (; result == 1; result = fst_sql_step(store, texts, err))
        if (reader->on_amend(reader->user, fst_sql_text(texts, 0)))
            break;
    sqlite3_reset(texts);
    return result ? -1 : 0;
}

int fst_oldrun_read(struct fst_store *store, int64_t run,
                    const struct fst_oldrun_reader *reader, struct fst_err *err)
{
    int result;
    if (read_texts(store, FST_SQL_READ_LISTINGS, run, 1, reader->on_list,
                   reader->user, err))
        return -1;
    sqlite3_stmt *read = fst_sql_get(store, FST_SQL_READ_RESULTS, err);
    if (!read)
        return -1;
    sqlite3_bind_int64(read, 1, run);
    while ((result = fst_sql_step(store, read, err)) == 1)
        if (read_row(store, run, read, reader, err))
            break;
    sqlite3_reset(read);
    return result ? -1
                  : read_texts(store, FST_SQL_READ_WARNINGS, run, 0,
                               reader->on_warnings, reader->user, err);
}
