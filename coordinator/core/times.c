#include "coordinator/core/times.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "shared/base/arena.h"
#include "shared/base/mem.h"

struct entry {
    double seconds;
    UT_hash_handle hh;
    char name[];
};

struct fst_times {
    struct entry *items, *functions, *files;
    struct fst_arena arena; /* of the entries */
    double sum_s, start_s;
};

struct fst_times *fst_times_new(void)
{
    return fst_alloc(sizeof(struct fst_times));
}

void fst_times_free(struct fst_times *times)
{
    if (!times)
        return;
    HASH_CLEAR(hh, times->items);
    HASH_CLEAR(hh, times->functions);
    HASH_CLEAR(hh, times->files);
    fst_arena_release(&times->arena);
    free(times);
}

static void add(struct fst_times *times, struct entry **table, const char *name,
                size_t len, double seconds)
{
    struct entry *entry;
    HASH_FIND(hh, *table, name, len, entry);
    if (!entry) {
        entry = fst_arena_alloc(&times->arena, sizeof *entry + len + 1);
        memcpy(entry->name, name, len);
        HASH_ADD_KEYPTR(hh, *table, entry->name, len, entry);
    }
    entry->seconds += seconds;
}

static double find(const struct entry *table, const char *name)
{
    const struct entry *entry;
    HASH_FIND_STR(table, name, entry);
    return entry ? entry->seconds : -1;
}

/* Without "[…]"; a path may have brackets of its own. */
static size_t function_len(const char *id)
{
    const char *names = strstr(id, "::");
    size_t path = names ? (size_t)(names - id) : 0;
    return path + strcspn(id + path, "[");
}

void fst_times_add(struct fst_times *times, const char *id, double seconds)
{
    add(times, &times->items, id, strlen(id), seconds);
    add(times, &times->functions, id, function_len(id), seconds);
    times->sum_s += seconds;
}

void fst_times_add_open(struct fst_times *times, const char *path,
                        double seconds)
{
    add(times, &times->files, path, strlen(path), seconds);
}

void fst_times_set_start(struct fst_times *times, double seconds)
{
    times->start_s = seconds;
}

double fst_times_start(const struct fst_times *times)
{
    return times ? times->start_s : 0;
}

double fst_times_item(const struct fst_times *times, const char *id)
{
    return times ? find(times->items, id) : -1;
}

double fst_times_function(const struct fst_times *times, const char *id)
{
    return times ? find(times->functions, id) : -1;
}

double fst_times_open(const struct fst_times *times, const char *path)
{
    return times ? find(times->files, path) : -1;
}

double fst_times_mean(const struct fst_times *times)
{
    size_t count = times ? HASH_COUNT(times->items) : 0;
    return count ? times->sum_s / (double)count : -1;
}
