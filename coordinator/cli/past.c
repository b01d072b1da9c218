#include "coordinator/cli/past.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "coordinator/cli/pytestcache.h"
#include "shared/base/arena.h"

struct word { /* the last one on a name: a node id, or a collector's */
    bool failed;
    bool opened; /* it could not be collected, and could be in this run */
    UT_hash_handle hh;
    char name[];
};

struct fst_past {
    const struct fst_settings *settings;
    const char *dir; /* pytest's cache */
    bool writes;     /* pytest would write it, too */
    struct fst_arena arena;
    struct word *words;
    size_t n_failed;
    struct fst_strings failed; /* names are the words' */
    struct fst_strings known;
    bool changed;              /* lastfailed has to be written */
    bool forgets_stepwise;     /* as this version of pytest does */
    FST_VEC(const char *) met; /* node ids of this run; the core's */
};

bool fst_past_asked(const struct fst_settings *settings)
{
    return settings->last_failed || settings->failed_first ||
           settings->new_first || fst_settings_stepwise(settings);
}

static bool has_plugin(const struct fst_settings *settings)
{
    bool has = true;
    for (size_t i = 0; i < settings->plugins.count; i++) {
        if (!strcmp(settings->plugins.items[i], "no:cacheprovider"))
            has = false;
        else if (!strcmp(settings->plugins.items[i], "cacheprovider"))
            has = true;
    }
    return has;
}

struct fst_past *fst_past_new(const struct fst_settings *settings)
{
    struct fst_past *past = fst_alloc(sizeof *past);
    past->settings = settings;
    past->dir = settings->pytest.cache_dir;
    past->writes = has_plugin(settings) && !settings->collect_only;
    return past;
}

void fst_past_free(struct fst_past *past)
{
    if (!past)
        return;
    HASH_CLEAR(hh, past->words);
    fst_arena_release(&past->arena);
    fst_vec_free(&past->failed);
    fst_strings_clear(&past->known);
    fst_vec_free(&past->met);
    free(past);
}

/* ---- words */

static struct word *find_word(const struct fst_past *past, const char *name,
                              size_t len)
{
    struct word *word;
    HASH_FIND(hh, past->words, name, len, word);
    return word;
}

static void say_failed(struct fst_past *past, const char *name)
{
    size_t len = strlen(name);
    struct word *word = find_word(past, name, len);
    if (!word) {
        word = fst_arena_alloc(&past->arena, sizeof *word + len + 1);
        memcpy(word->name, name, len + 1);
        HASH_ADD_KEYPTR(hh, past->words, word->name, len, word);
    }
    past->changed = past->changed || !word->failed;
    past->n_failed += !word->failed;
    word->failed = true;
}

static void say_good(struct fst_past *past, struct word *word)
{
    if (!word || !word->failed)
        return;
    word->failed = false;
    past->n_failed--;
    past->changed = true;
}

/* The length of the next collector above a node id: its folders, its file, its
 * class …; `from` is that of the last one. 0: none any more. */
static size_t next_above(const char *id, size_t from)
{
    bool behind = strstr(id, "::") && strstr(id, "::") < id + from;
    for (size_t at = from + 1; id[at]; at++) {
        if (id[at] == '[')
            return 0;
        if ((id[at] == '/' && !behind) || (id[at] == ':' && id[at + 1] == ':'))
            return at;
    }
    return 0;
}

/* What a test of it has run of could be collected. */
static void open_above(struct fst_past *past, const char *id)
{
    for (size_t len = 0; past->n_failed && (len = next_above(id, len));) {
        struct word *word = find_word(past, id, len);
        if (word && word->failed)
            word->opened = true;
        say_good(past, word);
    }
}

static void say_outcome(struct fst_past *past, const char *id,
                        enum fst_outcome outcome)
{
    if (past->words)
        open_above(past, id);
    if (outcome == FST_FAILED || outcome == FST_ERROR)
        say_failed(past, id);
    else if (past->words)
        say_good(past, find_word(past, id, strlen(id)));
}

/* pytest: of what could not be collected all tests count as failed, until they
 * have run. */
static void say_not_run(struct fst_past *past, const char *id)
{
    for (size_t len = 0; past->words && (len = next_above(id, len));) {
        const struct word *word = find_word(past, id, len);
        if (word && (word->opened || word->failed)) {
            open_above(past, id);
            say_failed(past, id);
            return;
        }
    }
}

/* ---- reading */

static void take_outcome(void *user, const char *name, enum fst_outcome outcome)
{
    struct fst_past *past = user;
    say_outcome(past, name, outcome);
    if (past->settings->new_first && strstr(name, "::"))
        fst_strings_add(&past->known, name);
}

/* False: there is none. */
static bool read_lastfailed(struct fst_past *past)
{
    struct fst_json *read =
        fst_pytestcache_read(past->dir, FST_CACHE_LASTFAILED);
    const struct fst_json *member = NULL;
    bool is_one = read && fst_json_type(read) == FST_JSON_OBJECT;
    if (is_one)
        member = fst_json_first(read);
    for (; member; member = fst_json_next(member))
        say_failed(past, fst_json_key(member));
    fst_json_free(read);
    return is_one;
}

static void read_nodeids(const struct fst_past *past, struct fst_strings *ids)
{
    struct fst_json *read = fst_pytestcache_read(past->dir, FST_CACHE_NODEIDS);
    const struct fst_json *id = NULL;
    if (read && fst_json_type(read) == FST_JSON_ARRAY)
        id = fst_json_first(read);
    for (; id; id = fst_json_next(id))
        if (fst_json_type(id) == FST_JSON_STRING)
            fst_strings_add(ids, fst_json_string(id));
    fst_json_free(read);
}

/* pytest begins with nothing then. */
static bool clears_cache(const struct fst_settings *settings)
{
    bool clears = false;
    for (size_t i = 0; i < settings->pytest_args.count; i++)
        clears =
            clears || !strcmp(settings->pytest_args.items[i], "--cache-clear");
    return clears;
}

static int read_all(struct fst_past *past, struct fst_ledger *ledger,
                    struct fst_err *err)
{
    const struct fst_settings *settings = past->settings;
    bool first = settings->last_failed || settings->failed_first;
    if (clears_cache(settings))
        return 0;
    bool is_there = !first && read_lastfailed(past);
    past->changed = false;
    if (!is_there || settings->new_first) {
        if (fst_ledger_outcomes(ledger, take_outcome, past, err))
            return -1;
        if (first && !past->n_failed) {
            read_lastfailed(past);
            past->changed = false;
        }
    }
    if (settings->new_first)
        read_nodeids(past, &past->known);
    return 0;
}

int fst_past_load(struct fst_past *past, struct fst_ledger *ledger,
                  struct fst_err *err)
{
    const struct fst_settings *settings = past->settings;
    if (fst_past_asked(settings) && settings->collect == FST_COLLECT_LAZY)
        return fst_fail(err, FST_E_USAGE,
                        "--collect lazy: --lf, --ff, --nf and --sw look at the "
                        "whole selection");
    if (read_all(past, ledger, err))
        return -1;
    for (const struct word *word = past->words; word; word = word->hh.next)
        if (word->failed)
            fst_vec_add(&past->failed, (char *)word->name);
    return 0;
}

void fst_past_configure(const struct fst_past *past, struct fst_config *config)
{
    const struct fst_settings *settings = past->settings;
    if (settings->last_failed || settings->failed_first)
        config->failed = (struct fst_strs){(const char **)past->failed.items,
                                           past->failed.count};
    if (settings->new_first)
        config->known = (struct fst_strs){(const char **)past->known.items,
                                          past->known.count};
}

static bool has_nothing_to_do(const struct fst_past *past)
{
    const struct fst_settings *settings = past->settings;
    return !past->failed.count && !settings->new_first &&
           !fst_settings_stepwise(settings);
}

bool fst_past_needs_whole(const struct fst_past *past)
{
    return fst_past_asked(past->settings) && !has_nothing_to_do(past);
}

const char *fst_past_says(const struct fst_past *past)
{
    const struct fst_settings *settings = past->settings;
    if (!fst_past_asked(settings) || !has_nothing_to_do(past) ||
        settings->verbosity < 0)
        return NULL;
    return settings->none_without_failures
               ? "run-last-failure: no previously failed tests, deselecting "
                 "all items."
               : "run-last-failure: no previously failed tests, not "
                 "deselecting items.";
}

/* ---- the run */

void fst_past_session(struct fst_past *past, const char *pytest)
{
    /* From 8.4 on --sw goes on after runs without it, too. */
    int major = 0, minor = 0;
    if (pytest && sscanf(pytest, "%d.%d", &major, &minor) == 2)
        past->forgets_stepwise = major < 8 || (major == 8 && minor < 4);
}

void fst_past_effect(struct fst_past *past, const struct fst_effect *effect)
{
    bool judged =
        effect->type == FST_EF_OUTCOME || effect->type == FST_EF_AMEND;
    if (!past->writes || (!judged && effect->type != FST_EF_NOT_RUN))
        return;
    if (judged)
        say_outcome(past, effect->id, effect->outcome);
    else
        say_not_run(past, effect->id);
    if (effect->type != FST_EF_AMEND && strstr(effect->id, "::"))
        fst_vec_add(&past->met, effect->id);
}

/* ---- writing */

static int write_lastfailed(const struct fst_past *past, struct fst_err *err)
{
    struct fst_buf text = FST_BUF_INIT;
    struct fst_json_writer json;
    fst_jw_init(&json, &text);
    for (const struct word *word = past->words; word; word = word->hh.next) {
        if (!word->failed)
            continue;
        fst_buf_adds(&text, text.len ? ",\n  " : "{\n  ");
        json.comma = false;
        fst_jw_string(&json, word->name);
        fst_buf_adds(&text, ": true");
    }
    fst_buf_adds(&text, text.len ? "\n}" : "{}");
    int result =
        fst_pytestcache_write(past->dir, FST_CACHE_LASTFAILED, &text, err);
    fst_buf_release(&text);
    return result;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those of the file and of this run, as pytest sorts them. */
static int write_nodeids(const struct fst_past *past, struct fst_err *err)
{
    struct fst_strings before = {0};
    FST_VEC(const char *) all = {0};
    struct fst_buf text = FST_BUF_INIT;
    struct fst_json_writer json;
    size_t count = 0;
    int result = 0;
    read_nodeids(past, &before);
    for (size_t i = 0; i < before.count; i++)
        fst_vec_add(&all, before.items[i]);
    for (size_t i = 0; i < past->met.count; i++)
        fst_vec_add(&all, past->met.items[i]);
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, by_text);
    fst_jw_init(&json, &text);
    for (size_t i = 0; i < all.count; i++) {
        if (i && !strcmp(all.items[i], all.items[i - 1]))
            continue;
        fst_buf_adds(&text, count++ ? ",\n  " : "[\n  ");
        json.comma = false;
        fst_jw_string(&json, all.items[i]);
    }
    fst_buf_adds(&text, "\n]");
    if (count > before.count)
        result =
            fst_pytestcache_write(past->dir, FST_CACHE_NODEIDS, &text, err);
    fst_buf_release(&text);
    fst_vec_free(&all);
    fst_strings_clear(&before);
    return result;
}

/* pytest begins --sw anew after a run without it. */
static int forget_stepwise(const struct fst_past *past, struct fst_err *err)
{
    struct fst_json *value =
        fst_pytestcache_read(past->dir, FST_CACHE_STEPWISE);
    struct fst_buf text = FST_BUF_INIT;
    int result = 0;
    fst_buf_adds(&text, "[]");
    if (value &&
        (fst_json_type(value) != FST_JSON_ARRAY || fst_json_count(value)))
        result =
            fst_pytestcache_write(past->dir, FST_CACHE_STEPWISE, &text, err);
    fst_buf_release(&text);
    fst_json_free(value);
    return result;
}

int fst_past_end(struct fst_past *past, struct fst_err *err)
{
    if (!past->writes)
        return 0;
    if (past->changed && write_lastfailed(past, err))
        return -1;
    if (past->met.count && write_nodeids(past, err))
        return -1;
    if (past->forgets_stepwise && !fst_settings_stepwise(past->settings))
        return forget_stepwise(past, err);
    return 0;
}
