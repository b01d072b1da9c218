#include "coordinator/store/sql.h"

#include <string.h>

static const char *const texts[] = {
#define FST_SQL_ENUM(name, text) [FST_SQL_##name] = text,
#include "coordinator/store/statements.def"
#undef FST_SQL_ENUM
};

/* What to do about it, and the error's code. */
static const char *hint_of(int result, enum fst_code *code)
{
    *code = FST_E_IO;
    switch (result) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ": another process has been using it for too long";
    case SQLITE_FULL:
        return ": make room on its disk, or name another file";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return ": it and its folder must be writable";
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        *code = FST_E_REFUSED;
        return ": move it away; a new one will be made";
    case SQLITE_IOERR:
        return ": look after its disk, or name another file";
    default:
        return "";
    }
}

int fst_sql_fail(const struct fst_store *store, struct fst_err *err)
{
    enum fst_code code;
    int result = sqlite3_errcode(store->db);
    const char *hint = hint_of(result, &code);
    int number = result == SQLITE_IOERR ? sqlite3_system_errno(store->db) : 0;
    if (number)
        return fst_fail(err, code, "%s: %s (%s)%s", store->path,
                        sqlite3_errmsg(store->db), strerror(number), hint);
    return fst_fail(err, code, "%s: %s%s", store->path,
                    sqlite3_errmsg(store->db), hint);
}

sqlite3_stmt *fst_sql_get(struct fst_store *store, enum fst_sql name,
                          struct fst_err *err)
{
    sqlite3_stmt **statement = &store->statements[name];
    if (*statement) {
        sqlite3_reset(*statement);
        sqlite3_clear_bindings(*statement);
    } else if (sqlite3_prepare_v3(store->db, texts[name], -1,
                                  SQLITE_PREPARE_PERSISTENT, statement, NULL)) {
        fst_sql_fail(store, err);
        return NULL;
    }
    return *statement;
}

int fst_sql_step(struct fst_store *store, sqlite3_stmt *statement,
                 struct fst_err *err)
{
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        fst_sql_fail(store, err);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : -1;
}

int fst_sql_run(struct fst_store *store, sqlite3_stmt *statement,
                struct fst_err *err)
{
    int result = fst_sql_step(store, statement, err);
    if (result > 0)
        sqlite3_reset(statement);
    return result < 0 ? -1 : 0;
}

int fst_sql_exec(struct fst_store *store, const char *text, struct fst_err *err)
{
    if (sqlite3_exec(store->db, text, NULL, NULL, NULL))
        return fst_sql_fail(store, err);
    return 0;
}

void fst_sql_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

const char *fst_sql_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}
