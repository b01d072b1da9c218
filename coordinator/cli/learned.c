#include "coordinator/cli/learned.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <uthash.h>

#include "coordinator/cli/again.h"
#include "coordinator/store/history.h"
#include "shared/base/mem.h"
#include "shared/config/python.h"
#include "shared/proto/codec.h"

struct entry { /* of one file */
    int64_t subject;
    struct fst_msg *list; /* COLLECTED, or NULL */
    UT_hash_handle hh;
    char path[];
};

struct fst_learned {
    struct entry *entries;
};

/* ---- subjects */

/* FNV-1a, 64 bits, going on from `hash`. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    while (len--)
        hash = (hash ^ *at++) * UINT64_C(0x100000001b3);
    return hash;
}

/* With its end, so that "ab", "c" isn't "a", "bc". */
static uint64_t mix_text(uint64_t hash, const char *text)
{
    return mix(hash, text, strlen(text) + 1);
}

/* A command as a shell finds it, or as it stands. The caller frees it. */
static char *find_command(const char *name)
{
    const char *path = strchr(name, '/') ? NULL : getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        char *file = fst_printf("%.*s/%s", (int)len, path, name);
        struct stat st;
        if (len && !stat(file, &st) && S_ISREG(st.st_mode))
            return file;
        free(file);
        path += len + (path[len] == ':');
    }
    return fst_strdup(name);
}

/* Its version isn't asked for, which takes longer than all else here: an
 * interpreter is the same where its file is. */
static uint64_t mix_interpreter(uint64_t hash, const char *asked)
{
    char *name = fst_python_find(asked), *file = find_command(name);
    struct stat st;
    hash = mix_text(hash, file);
    if (!stat(file, &st)) {
        hash = mix(hash, &st.st_size, sizeof st.st_size);
        hash = mix(hash, &st.st_mtim.tv_sec, sizeof st.st_mtim.tv_sec);
    }
    free(file);
    free(name);
    return hash;
}

static bool is_path(const struct fst_settings *settings, const char *arg)
{
    for (size_t i = 0; i < settings->paths.count; i++)
        if (!strcmp(settings->paths.items[i], arg))
            return true;
    return false;
}

/* What is the same for all files of a run. */
static uint64_t surroundings(const struct fst_settings *settings)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct utsname system;
    if (!uname(&system)) {
        hash = mix_text(hash, system.sysname);
        hash = mix_text(hash, system.machine);
    }
    hash = mix_interpreter(hash, settings->python);
    for (size_t i = 0; i < settings->pytest_args.count; i++) {
        const char *arg = settings->pytest_args.items[i];
        if (!is_path(settings, arg) && !fst_again_only_shows(arg))
            hash = mix_text(hash, arg);
    }
    return hash;
}

struct fst_learned *fst_learned_new(const struct fst_suite *suite,
                                    const struct fst_settings *settings)
{
    struct fst_learned *learned = fst_alloc(sizeof *learned);
    uint64_t common = surroundings(settings);
    const struct fst_file *file;
    fst_vec_each (file, &suite->files) {
        size_t len = strlen(file->path);
        struct entry *entry;
        HASH_FIND(hh, learned->entries, file->path, len, entry);
        if (entry || file->n_selectors || !file->closure)
            continue;
        entry = fst_alloc(sizeof *entry + len + 1);
        memcpy(entry->path, file->path, len);
        entry->subject =
            (int64_t)mix(common, &file->closure, sizeof file->closure);
        HASH_ADD_KEYPTR(hh, learned->entries, entry->path, len, entry);
    }
    return learned;
}

void fst_learned_free(struct fst_learned *learned)
{
    struct entry *entry, *tmp;
    if (!learned)
        return;
    HASH_ITER (hh, learned->entries, entry, tmp) {
        HASH_DEL(learned->entries, entry);
        fst_msg_free(entry->list);
        free(entry);
    }
    free(learned);
}

static struct entry *find_entry(const struct fst_learned *learned,
                                const char *path)
{
    struct entry *entry;
    HASH_FIND_STR(learned->entries, path, entry);
    return entry;
}

int64_t fst_learned_subject(const struct fst_learned *learned, const char *path)
{
    const struct entry *entry = find_entry(learned, path);
    return entry ? entry->subject : 0;
}

/* ---- lists */

/* What can't be read is no guess. */
static void take_list(void *user, const struct fst_history_list *list)
{
    struct entry *entry = find_entry(user, list->path);
    if (!entry || entry->list || entry->subject != list->subject)
        return;
    entry->list = fst_msg_decode(FST_MSG_COLLECTED, list->message,
                                 strlen(list->message), NULL);
}

int fst_learned_load(struct fst_learned *learned, struct fst_store *store,
                     const char *suite, struct fst_err *err)
{
    return fst_history_lists(store, suite, take_list, learned, err);
}

static void plan_by(const struct fst_collected *list, struct fst_arena *arena,
                    struct fst_file_plan *plan)
{
    const char **ids = fst_arena_array(arena, list->n_items, sizeof *ids);
    for (size_t i = 0; i < list->n_items; i++)
        ids[i] = list->items[i].id;
    plan->functions = ids;
    plan->n_functions = list->n_items;
    plan->learned = true;
}

void fst_learned_apply(const struct fst_learned *learned,
                       struct fst_run_spec *spec, struct fst_arena *arena)
{
    struct fst_file_plan *files =
        fst_arena_array(arena, spec->n_files, sizeof *files);
    for (size_t i = 0; i < spec->n_files; i++) {
        const struct entry *entry = find_entry(learned, spec->files[i].path);
        files[i] = spec->files[i];
        if (entry && entry->list && entry->list->collected.n_items)
            plan_by(&entry->list->collected, arena, &files[i]);
    }
    spec->files = files;
}
