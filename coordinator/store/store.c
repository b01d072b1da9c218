/* SQLite in WAL mode: a commit appends to a second file and needs no fsync to
 * survive our own death (synchronous=NORMAL); closing moves everything back
 * into the first, as does every commit that finds 16 MiB in it, which takes
 * some ms. The version of the schema is user_version; application_id
 * tells that the file is ours. Both are looked at before anything is changed.
 */
#include "coordinator/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/store/migrations.h"
#include "coordinator/store/sql.h"
#include "shared/base/log.h"

enum { APPLICATION_ID = 0x46535431 }; /* "FST1" */

static int read_pragma(struct fst_store *store, const char *text, int *value,
                       struct fst_err *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL))
        return fst_sql_fail(store, err);
    int result = fst_sql_step(store, statement, err);
    *value = result > 0 ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    return result < 0 ? -1 : 0;
}

/* The file's schema version, 0 for one that is empty. */
static int find_version(struct fst_store *store, int *version,
                        struct fst_err *err)
{
    int application, tables;
    if (read_pragma(store, "PRAGMA application_id", &application, err) ||
        read_pragma(store, "PRAGMA user_version", version, err) ||
        read_pragma(store, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return -1;
    if (application != APPLICATION_ID && (application || *version || tables))
        return fst_fail(err, FST_E_REFUSED,
                        "%s: a database, but not one of fastest: name another "
                        "file with --history",
                        store->path);
    if (*version > fst_migrations_count)
        return fst_fail(err, FST_E_REFUSED,
                        "%s: made by a newer fastest (its version %d, this "
                        "program knows %d): update, or name another file with "
                        "--history",
                        store->path, *version, fst_migrations_count);
    return 0;
}

/* The same as it stands at one moment: another process may be making it. */
static int look(struct fst_store *store, int *version, struct fst_err *err)
{
    if (fst_sql_exec(store, "BEGIN", err))
        return -1;
    int result = find_version(store, version, err);
    struct fst_err unheard;
    return fst_sql_exec(store, "ROLLBACK", result ? &unheard : err) ? -1
                                                                    : result;
}

/* All that are missing in one transaction. Another process may have been
 * quicker, so the version is read again inside. */
static int migrate(struct fst_store *store, struct fst_err *err)
{
    int version;
    char pragmas[96];
    if (fst_store_begin(store, err))
        return -1;
    if (find_version(store, &version, err))
        goto out;
    for (; version < fst_migrations_count; version++) {
        if (fst_sql_exec(store, fst_migrations[version], err)) {
            fst_wrap(err, "migration %d", version + 1);
            goto out;
        }
    }
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID,
             fst_migrations_count);
    if (!fst_sql_exec(store, pragmas, err))
        return fst_store_commit(store, err);
out:
    fst_store_rollback(store);
    return -1;
}

int fst_store_make_folder(const char *path, struct fst_err *err)
{
    char *copy = fst_strdup(path);
    const char *folder = dirname(copy);
    int result = 0;
    if (!mkdir(folder, 0777)) {
        char *ignore = fst_printf("%s/.gitignore", folder);
        int fd = open(ignore, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 || write(fd, "*\n", 2) != 2)
            result = fst_fail_sys(err, "%s", ignore);
        if (fd >= 0)
            close(fd);
        free(ignore);
    } else if (errno != EEXIST) {
        result = fst_fail_sys(err, "%s", folder);
    }
    free(copy);
    return result;
}

static int open_database(struct fst_store *store, unsigned flags,
                         struct fst_err *err)
{
    int how = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
              (flags & FST_STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int version;
    if (!(flags & FST_STORE_CREATE) && access(store->path, F_OK))
        return fst_fail_sys(err, "%s", store->path);
    if (flags & FST_STORE_CREATE && fst_store_make_folder(store->path, err))
        return -1;
    if (sqlite3_open_v2(store->path, &store->db, how, NULL))
        return fst_sql_fail(store, err);
    sqlite3_extended_result_codes(store->db, 0);
    sqlite3_busy_timeout(store->db, FST_STORE_BUSY_MS);
    if (look(store, &version, err) ||
        fst_sql_exec(store, "PRAGMA journal_mode=WAL", err) ||
        fst_sql_exec(store,
                     flags & FST_STORE_DURABLE ? "PRAGMA synchronous=FULL"
                                               : "PRAGMA synchronous=NORMAL",
                     err) ||
        fst_sql_exec(store, "PRAGMA wal_autocheckpoint=4000", err) ||
        fst_sql_exec(store, "PRAGMA foreign_keys=ON", err))
        return -1;
    return version < fst_migrations_count ? migrate(store, err) : 0;
}

struct fst_store *fst_store_open(const char *path, unsigned flags,
                                 struct fst_err *err)
{
    struct fst_store *store = fst_alloc(sizeof *store);
    store->path = fst_strdup(path);
    if (!open_database(store, flags, err))
        return store;
    fst_store_close(store);
    return NULL;
}

void fst_store_close(struct fst_store *store)
{
    struct fst_err err;
    if (!store)
        return;
    fst_store_rollback(store);
    for (size_t i = 0; i < FST_SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    if (store->db && !sqlite3_db_readonly(store->db, "main") &&
        fst_sql_exec(store, "PRAGMA wal_checkpoint(TRUNCATE)", &err))
        fst_debug("%s", err.msg);
    sqlite3_close(store->db);
    free(store->path);
    free(store);
}

static int run_bare(struct fst_store *store, enum fst_sql name,
                    struct fst_err *err)
{
    sqlite3_stmt *statement = fst_sql_get(store, name, err);
    return statement ? fst_sql_run(store, statement, err) : -1;
}

int fst_store_begin(struct fst_store *store, struct fst_err *err)
{
    FST_ASSERT(!store->in_transaction);
    if (run_bare(store, FST_SQL_BEGIN, err))
        return -1;
    store->in_transaction = true;
    return 0;
}

int fst_store_commit(struct fst_store *store, struct fst_err *err)
{
    FST_ASSERT(store->in_transaction);
    if (run_bare(store, FST_SQL_COMMIT, err)) {
        fst_store_rollback(store);
        return -1;
    }
    store->in_transaction = false;
    return 0;
}

void fst_store_rollback(struct fst_store *store)
{
    struct fst_err err;
    if (!store->in_transaction)
        return;
    store->in_transaction = false;
    /* SQLite may have rolled back by itself (disk full, I/O error). */
    if (!sqlite3_get_autocommit(store->db) &&
        run_bare(store, FST_SQL_ROLLBACK, &err))
        fst_debug("%s", err.msg);
}
