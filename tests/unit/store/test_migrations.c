/* Files as earlier versions made them (version_N.sql: a dump of one) are
 * brought to today's: nothing is lost, and they become what a new file is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "coordinator/store/history.h"
#include "coordinator/store/migrations.h"
#include "shared/base/buf.h"
#include "shared/base/mem.h"

/* Makes the file at path from the dump. */
static void load(int version, const char *path)
{
    char name[32], bytes[4096];
    struct fst_buf text = FST_BUF_INIT;
    size_t count;
    sqlite3 *db;
    snprintf(name, sizeof name, "version_%d.sql", version);
    FILE *file = fopen(name, "r");
    if (!file)
        fail_msg("%s is missing: dump a file of that version", name);
    while ((count = fread(bytes, 1, sizeof bytes, file)))
        fst_buf_add(&text, bytes, count);
    fclose(file);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, fst_buf_str(&text), NULL, NULL, NULL))
        fail_msg("%s: %s", name, sqlite3_errmsg(db));
    sqlite3_close(db);
    fst_buf_release(&text);
}

/* The tables, without comments and spaces, which migrations need not keep. */
static char *read_schema(const char *path)
{
    struct fst_buf schema = FST_BUF_INIT;
    sqlite3 *db;
    sqlite3_stmt *read;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT m.name, c.name, c.type, c.\"notnull\","
                           " c.pk FROM sqlite_schema AS m,"
                           " pragma_table_xinfo(m.name) AS c ORDER BY 1, 2",
                           -1, &read, NULL),
        SQLITE_OK);
    while (sqlite3_step(read) == SQLITE_ROW) {
        for (int i = 0; i < 5; i++)
            fst_buf_addf(&schema, "%s ", sqlite3_column_text(read, i));
        fst_buf_addc(&schema, '\n');
    }
    sqlite3_finalize(read);
    sqlite3_close(db);
    return fst_buf_take(&schema);
}

static void tell(void *user, const struct fst_history_test *test)
{
    fst_buf_addf(user, "%s %s %.6f\n", test->id, test->outcomes,
                 test->estimate_s);
}

static char *migrate_and_ask(const char *path)
{
    struct fst_err err;
    struct fst_buf told = FST_BUF_INIT;
    struct fst_store *store = fst_store_open(path, FST_STORE_CREATE, &err);
    if (!store || fst_history_tests(store, "project", tell, &told, &err))
        fail_msg("%s", err.msg);
    fst_store_close(store);
    return fst_buf_take(&told);
}

static void each_older_version_becomes_what_a_new_file_is(void **state)
{
    char folder[] = "/tmp/fst_migrations_XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *fresh = fst_printf("%s/new.db", folder);
    free(migrate_and_ask(fresh));
    char *expected = read_schema(fresh);
    for (int version = 1; version == 1 || version < fst_migrations_count;
         version++) {
        char *path = fst_printf("%s/%d.db", folder, version);
        load(version, path);
        char *told = migrate_and_ask(path);
        char *schema = read_schema(path);
        assert_string_equal(told, "test_a.py::test_good .. 0.000001\n"
                                  "test_a.py::test_bad F. 0.000001\n"
                                  "test_a.py::test_named[a'b] .. 0.000519\n"
                                  "test_a.py::test_named[\\xfc] .. "
                                  "0.000001\n");
        assert_string_equal(schema, expected);
        unlink(path);
        free(schema);
        free(told);
        free(path);
    }
    unlink(fresh);
    assert_int_equal(rmdir(folder), 0);
    free(expected);
    free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_older_version_becomes_what_a_new_file_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
