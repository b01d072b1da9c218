#include "coordinator/store/names.h"

#include <string.h>

int fst_names_init(struct fst_names *names, struct fst_store *store,
                   const char *suite, struct fst_err *err)
{
    *names = (struct fst_names){.store = store};
    sqlite3_stmt *add = fst_sql_get(store, FST_SQL_ADD_SUITE, err);
    if (!add)
        return -1;
    fst_sql_bind_text(add, 1, suite);
    if (fst_sql_step(store, add, err) != 1)
        return -1;
    names->suite = sqlite3_column_int64(add, 0);
    sqlite3_reset(add);
    return 0;
}

void fst_names_release(struct fst_names *names)
{
    HASH_CLEAR(hh, names->known);
    fst_vec_free(&names->fresh);
    fst_arena_release(&names->arena);
}

static struct fst_name *remember(struct fst_names *names, const char *text,
                                 int64_t id)
{
    size_t len = strlen(text);
    struct fst_name *name =
        fst_arena_alloc(&names->arena, sizeof *name + len + 1);
    memcpy(name->text, text, len + 1);
    name->id = id;
    HASH_ADD_KEYPTR(hh, names->known, name->text, len, name);
    return name;
}

int fst_names_get(struct fst_names *names, const char *text, int64_t *id,
                  struct fst_err *err)
{
    struct fst_name *name;
    HASH_FIND_STR(names->known, text, name);
    if (name) {
        *id = name->id;
        return 0;
    }
    sqlite3_stmt *find = fst_sql_get(names->store, FST_SQL_FIND_TEST, err);
    if (!find)
        return -1;
    sqlite3_bind_int64(find, 1, names->suite);
    fst_sql_bind_text(find, 2, text);
    int found = fst_sql_step(names->store, find, err);
    if (found < 0)
        return -1;
    if (found) {
        *id = sqlite3_column_int64(find, 0);
        sqlite3_reset(find);
        remember(names, text, *id);
        return 0;
    }
    sqlite3_stmt *add = fst_sql_get(names->store, FST_SQL_ADD_TEST, err);
    if (!add)
        return -1;
    sqlite3_bind_int64(add, 1, names->suite);
    fst_sql_bind_text(add, 2, text);
    if (fst_sql_run(names->store, add, err))
        return -1;
    *id = sqlite3_last_insert_rowid(names->store->db);
    fst_vec_add(&names->fresh, remember(names, text, *id));
    return 0;
}

void fst_names_settle(struct fst_names *names, bool kept)
{
    for (size_t i = 0; i < names->fresh.count && !kept; i++)
        HASH_DELETE(hh, names->known, names->fresh.items[i]);
    names->fresh.count = 0;
}
