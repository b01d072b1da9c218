/* SQLite for the modules of this layer: statements that are prepared once, and
 * its errors as ours. Private to coordinator/store; the only header that
 * includes sqlite3.h. */
#ifndef FST_STORE_SQL_H
#define FST_STORE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "coordinator/store/store.h"
#include "shared/base/mem.h"

/* Statements of the store, by name; the texts are in sql.c. */
enum fst_sql {
#define FST_SQL_ENUM(name, text) FST_SQL_##name,
#include "coordinator/store/statements.def"
#undef FST_SQL_ENUM
    FST_SQL_COUNT
};

struct fst_store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[FST_SQL_COUNT];
    bool in_transaction;
};

/* The statement, reset, with its parameters cleared; NULL and err where it
 * can't be prepared. */
sqlite3_stmt *fst_sql_get(struct fst_store *store, enum fst_sql name,
                          struct fst_err *err);
/* 1: a row, 0: done (and reset), -1: err. */
int fst_sql_step(struct fst_store *store, sqlite3_stmt *statement,
                 struct fst_err *err);
/* A statement without rows: 0, or -1. */
int fst_sql_run(struct fst_store *store, sqlite3_stmt *statement,
                struct fst_err *err);
/* Sets err from the database's last error and returns -1. */
int fst_sql_fail(const struct fst_store *store, struct fst_err *err);
int fst_sql_exec(struct fst_store *store, const char *text,
                 struct fst_err *err);
/* The text stays the caller's until the statement was run. */
void fst_sql_bind_text(sqlite3_stmt *statement, int at, const char *text);
/* "" for NULL; lives until the next step. */
const char *fst_sql_text(sqlite3_stmt *statement, int column);

#endif
