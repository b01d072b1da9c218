/* Two batches: `filling` is the caller's, `writing` the thread's while the
 * state is GIVEN, which is what the lock is for; nobody holds it while a batch
 * is written. */
#include "coordinator/store/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/arena.h"
#include "shared/base/mem.h"
#include "shared/base/vec.h"

enum entry_type {
    ENTRY_ADD,
    ENTRY_JUDGE,
    ENTRY_AMEND,
    ENTRY_WARN,
    ENTRY_AGENTS,
    ENTRY_HOST,
    ENTRY_START,
    ENTRY_LIST,
    ENTRY_COST,
};

struct entry {
    enum entry_type type;
    struct fst_journal_row row; /* or those of its fields that the type has */
    int64_t number;             /* of agents; wanted; a list's subject */
    double seconds;
};

struct batch {
    struct fst_arena arena;
    FST_VEC(struct entry) entries;
};

struct fst_writer {
    struct fst_journal *journal;
    void (*on_written)(void *user);
    void *user;
    struct batch filling, writing;
    bool out;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { IDLE, GIVEN, WRITTEN } state; /* under lock, as the rest */
    bool stop;
    int result;
    struct fst_err err;
};

/* ---- the thread */

static int write_entry(struct fst_journal *journal, const struct entry *entry,
                       struct fst_err *err)
{
    const struct fst_journal_row *row = &entry->row;
    switch (entry->type) {
    case ENTRY_ADD:
        return fst_journal_add(journal, row, err);
    case ENTRY_JUDGE:
        return fst_journal_judge(journal, row->id, row->attempt, row->outcome,
                                 err);
    case ENTRY_AMEND:
        return fst_journal_amend(journal, row->id, row->attempt, row->message,
                                 err);
    case ENTRY_WARN:
        return fst_journal_warn(journal, row->message, err);
    case ENTRY_AGENTS:
        return fst_journal_agents(journal, (size_t)entry->number, row->slot,
                                  err);
    case ENTRY_HOST:
        return fst_journal_host(journal, entry->number, err);
    case ENTRY_START:
        return fst_journal_start_s(journal, entry->seconds, err);
    case ENTRY_LIST:
        return fst_journal_list(journal, row->id, row->message, entry->number,
                                err);
    case ENTRY_COST:
        return fst_journal_cost(journal, row->id, entry->seconds, err);
    }
    return 0;
}

static void clear(struct batch *batch)
{
    batch->entries.count = 0;
    fst_arena_release(&batch->arena);
}

/* The whole batch, or nothing of it. */
static int write_batch(struct fst_writer *writer, struct fst_err *err)
{
    const struct entry *entry;
    fst_vec_each (entry, &writer->writing.entries)
        if (write_entry(writer->journal, entry, err))
            return -1;
    return fst_journal_commit(writer->journal, err);
}

static void *work(void *user)
{
    struct fst_writer *writer = user;
    int result = 0;
    struct fst_err err = {0};
    pthread_mutex_lock(&writer->lock);
    while (writer->state == GIVEN || !writer->stop) {
        if (writer->state != GIVEN) {
            pthread_cond_wait(&writer->changed, &writer->lock);
            continue;
        }
        pthread_mutex_unlock(&writer->lock);
        if (!result)
            result = write_batch(writer, &err);
        clear(&writer->writing);
        pthread_mutex_lock(&writer->lock);
        writer->state = WRITTEN;
        writer->result = result;
        writer->err = err;
        pthread_cond_signal(&writer->changed);
        pthread_mutex_unlock(&writer->lock);
        writer->on_written(writer->user);
        pthread_mutex_lock(&writer->lock);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* Signals are the other threads'. */
struct fst_writer *fst_writer_start(struct fst_journal *journal,
                                    void (*on_written)(void *user), void *user)
{
    struct fst_writer *writer = fst_alloc(sizeof *writer);
    sigset_t all, before;
    writer->journal = journal;
    writer->on_written = on_written;
    writer->user = user;
    FST_ASSERT(!pthread_mutex_init(&writer->lock, NULL));
    FST_ASSERT(!pthread_cond_init(&writer->changed, NULL));
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    FST_ASSERT(!pthread_create(&writer->thread, NULL, work, writer));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return writer;
}

static void release(struct batch *batch)
{
    clear(batch);
    fst_vec_free(&batch->entries);
}

void fst_writer_stop(struct fst_writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    FST_ASSERT(!pthread_join(writer->thread, NULL));
    release(&writer->filling);
    release(&writer->writing);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

/* ---- batches */

size_t fst_writer_bytes(const struct fst_writer *writer)
{
    return writer->filling.arena.total +
           writer->filling.entries.count * sizeof(struct entry);
}

bool fst_writer_give(struct fst_writer *writer)
{
    FST_ASSERT(!writer->out);
    if (!writer->filling.entries.count)
        return false;
    struct batch empty = writer->writing;
    writer->writing = writer->filling;
    writer->filling = empty;
    writer->out = true;
    pthread_mutex_lock(&writer->lock);
    writer->state = GIVEN;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    return true;
}

bool fst_writer_is_out(const struct fst_writer *writer)
{
    return writer->out;
}

bool fst_writer_is_written(struct fst_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    bool written = writer->state == WRITTEN;
    pthread_mutex_unlock(&writer->lock);
    return written;
}

int fst_writer_take(struct fst_writer *writer, struct fst_err *err)
{
    FST_ASSERT(writer->out);
    pthread_mutex_lock(&writer->lock);
    while (writer->state != WRITTEN)
        pthread_cond_wait(&writer->changed, &writer->lock);
    writer->state = IDLE;
    int result = writer->result;
    if (result)
        *err = writer->err;
    pthread_mutex_unlock(&writer->lock);
    writer->out = false;
    return result;
}

/* ---- entries */

static struct entry *new_entry(struct fst_writer *writer, enum entry_type type,
                               const char *id, const char *message)
{
    struct fst_arena *arena = &writer->filling.arena;
    struct entry *entry = fst_vec_push(&writer->filling.entries);
    *entry = (struct entry){
        .type = type,
        .row = {.id = fst_arena_str(arena, id),
                .message = fst_arena_str(arena, message)},
    };
    return entry;
}

void fst_writer_add(struct fst_writer *writer,
                    const struct fst_journal_row *row)
{
    struct entry *entry = new_entry(writer, ENTRY_ADD, row->id, row->message);
    const char *id = entry->row.id, *message = entry->row.message;
    entry->row = *row;
    entry->row.id = id;
    entry->row.message = message;
}

void fst_writer_judge(struct fst_writer *writer, const char *id,
                      uint32_t attempt, enum fst_outcome outcome)
{
    size_t count = writer->filling.entries.count;
    struct entry *entry =
        count ? &writer->filling.entries.items[count - 1] : NULL;
    if (!entry || entry->type != ENTRY_ADD || entry->row.attempt != attempt ||
        strcmp(entry->row.id, id) != 0) {
        entry = new_entry(writer, ENTRY_JUDGE, id, NULL);
        entry->row.attempt = attempt;
    }
    entry->row.verdict = true;
    entry->row.outcome = outcome;
}

void fst_writer_amend(struct fst_writer *writer, const char *id,
                      uint32_t attempt, const char *message)
{
    new_entry(writer, ENTRY_AMEND, id, message)->row.attempt = attempt;
}

void fst_writer_warn(struct fst_writer *writer, const char *message)
{
    new_entry(writer, ENTRY_WARN, NULL, message);
}

void fst_writer_agents(struct fst_writer *writer, size_t agents, uint32_t slots)
{
    struct entry *entry = new_entry(writer, ENTRY_AGENTS, NULL, NULL);
    entry->number = (int64_t)agents;
    entry->row.slot = slots;
}

void fst_writer_host(struct fst_writer *writer, bool wanted)
{
    new_entry(writer, ENTRY_HOST, NULL, NULL)->number = wanted;
}

void fst_writer_start_s(struct fst_writer *writer, double seconds)
{
    new_entry(writer, ENTRY_START, NULL, NULL)->seconds = seconds;
}

void fst_writer_list(struct fst_writer *writer, const char *path,
                     const char *message, int64_t subject)
{
    new_entry(writer, ENTRY_LIST, path, message)->number = subject;
}

void fst_writer_cost(struct fst_writer *writer, const char *path,
                     double seconds)
{
    new_entry(writer, ENTRY_COST, path, NULL)->seconds = seconds;
}
