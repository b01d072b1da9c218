#include "coordinator/core/resume.h"

#include <string.h>

#include "coordinator/core/collect.h"
#include "coordinator/core/confirm.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/files.h"
#include "coordinator/core/verdict.h"

/* The run's files by path, and by id the file that has it. */
struct lookup {
    struct run *run;
    struct fst_table paths, ids;
    struct file **files, **owners;
};

static void init_lookup(struct lookup *lookup, const struct fst_recalled *past)
{
    size_t n_ids = 0;
    for (size_t i = 0; i < past->n_lists; i++)
        n_ids += past->lists[i].n_items;
    lookup->files = fst_files_index(lookup->run, past->n_lists, &lookup->paths);
    fst_table_init(&lookup->ids, n_ids + 1);
    lookup->owners = fst_calloc(n_ids + 1, sizeof(struct file *));
}

static void release_lookup(struct lookup *lookup)
{
    fst_table_fini(&lookup->paths);
    fst_table_fini(&lookup->ids);
    free(lookup->files);
    free(lookup->owners);
}

/* A file that only a plugin knew of is added, as LISTED would. */
static struct file *find_file(struct lookup *lookup, const char *path)
{
    uint32_t known = lookup->paths.count;
    uint32_t at = fst_table_intern(&lookup->paths, path, strlen(path));
    if (at == known)
        lookup->files[at] = fst_files_add(
            lookup->run, &(struct fst_file_plan){.path = path}, NULL);
    return lookup->files[at];
}

static void take_list(struct lookup *lookup, const struct fst_collected *list)
{
    struct run *run = lookup->run;
    struct file *file = find_file(lookup, list->file);
    if (list->missing.count)
        fst_collect_missing(run, list);
    if (file->state == FILE_HELD)
        fst_files_move(file, FILE_NEW);
    if (file->state != FILE_NEW)
        return;
    fst_files_move(file, FILE_OPENING);
    fst_files_list(file, list);
    struct fst_effect *told = fst_effects_add(run, FST_EF_LIST);
    told->list = list;
    told->past = true;
    for (size_t i = 0; i < file->n_items; i++) {
        const char *id = file->items[i].id;
        uint32_t at = fst_table_intern(&lookup->ids, id, strlen(id));
        if (!lookup->owners[at])
            lookup->owners[at] = file;
    }
    if (!list->deselected.count)
        return;
    struct fst_effect *effect = fst_effects_add(run, FST_EF_DESELECTED);
    effect->count = list->deselected.count;
    effect->past = true;
}

/* The item of the id, and its file; SIZE_MAX: none. */
static size_t find_item(const struct lookup *lookup, const char *id,
                        struct file **file)
{
    uint32_t at;
    if (!fst_table_find(&lookup->ids, id, strlen(id), &at))
        return SIZE_MAX;
    *file = lookup->owners[at];
    return fst_files_find_item(*file, id);
}

/* What was said since `from` is the try's; the run may have been stopped by it,
 * so that others have their verdict, too. */
static void mark_past(struct run *run, size_t from, const struct fst_try *try)
{
    for (size_t i = from; i < run->core->out->list.count; i++) {
        struct fst_effect *effect = &run->core->out->list.items[i];
        effect->past = effect->type != FST_EF_SEND;
        if ((effect->type == FST_EF_ATTEMPT ||
             effect->type == FST_EF_OUTCOME) &&
            !strcmp(effect->id, try->result->id))
            effect->attempt = try->attempt;
        if (effect->type == FST_EF_ATTEMPT) {
            effect->agent = try->agent;
            effect->kind = try->kind;
        }
    }
}

/* A file that has its verdict and no list can't be opened. */
static void give_up_file(const struct lookup *lookup, const char *path)
{
    uint32_t at;
    if (!fst_table_find(&lookup->paths, path, strlen(path), &at))
        return;
    struct file *file = lookup->files[at];
    if (file->state == FILE_HELD)
        fst_files_move(file, FILE_NEW);
    if (file->state == FILE_NEW)
        fst_files_move(file, FILE_DEAD);
}

/* Of a collector, or a test that its file's last list lacks. */
static void take_unlisted(const struct lookup *lookup,
                          const struct fst_try *try)
{
    struct run *run = lookup->run;
    if (try->verdict) {
        give_up_file(lookup, try->result->id);
        fst_verdict_report(run, try->result);
        return;
    }
    struct fst_effect *effect = fst_effects_add(run, FST_EF_ATTEMPT);
    effect->id = fst_arena_str(&run->arena, try->result->id);
    effect->outcome = try->result->outcome;
    effect->result = try->result;
}

static struct past_worker *find_worker(const struct run *run, uint32_t slot,
                                       int64_t pid)
{
    struct past_worker *past;
    fst_vec_each (past, &run->past_workers) {
        if (pid && past->slot == slot && past->pid == pid)
            return past;
    }
    return NULL;
}

void fst_resume_note(struct run *run, struct slot *slot, uint32_t worker)
{
    struct past_worker *past = find_worker(run, slot->number, slot->pid);
    slot->worker = worker;
    if (past)
        past->worker = worker;
    else if (slot->pid)
        fst_vec_add(&run->past_workers,
                    ((struct past_worker){slot->number, slot->pid, worker}));
}

uint32_t fst_resume_worker(struct run *run, uint32_t slot, int64_t pid)
{
    const struct past_worker *past = find_worker(run, slot, pid);
    if (past)
        return past->worker;
    uint32_t worker = ++run->core->last_worker;
    if (pid) /* else it is like no other */
        fst_vec_add(&run->past_workers,
                    ((struct past_worker){slot, pid, worker}));
    return worker;
}

/* What is known of an item besides its outcome. */
static void note_try(struct file *file, struct item *item,
                     const struct fst_try *try)
{
    uint32_t worker =
        fst_resume_worker(file->run, try->result->slot, try->result->pid);
    bool again =
        try->kind == FST_ATTEMPT_CONFIRM || try->kind == FST_ATTEMPT_RETRY;
    item->attempts = (uint16_t)(try->attempt - 1);
    if (try->kind != FST_ATTEMPT_DUPLICATE)
        item->worker = worker;
    if (try->kind == FST_ATTEMPT_CONFIRM)
        item->flags |= ITEM_CONFIRMED;
    if (try->kind == FST_ATTEMPT_RETRY)
        item->retries++;
    if (try->result->crashed)
        item->flags |= ITEM_CRASHED;
    if (again)
        fst_confirm_rehearsed(file, worker);
}

/* A run that was stopped has given up to confirm what had failed: that is made
 * up for. */
static void take_verdict(struct file *file, size_t index,
                         const struct fst_try *try)
{
    struct item *item = &file->items[index];
    enum fst_outcome outcome = try->result->outcome;
    item->outcome = (uint8_t)outcome;
    if (fst_core_bad(outcome) && !try->amended &&
        fst_confirm_wanted(file, index, item->worker))
        return;
    file->run->flaky += try->kind == FST_ATTEMPT_RETRY && outcome == FST_PASSED;
    fst_verdict_item(file, index, outcome, try->attempt);
}

static void take_try(struct lookup *lookup, const struct fst_try *try)
{
    struct run *run = lookup->run;
    struct file *file;
    size_t from = run->core->out->list.count;
    size_t index = find_item(lookup, try->result->id, &file);
    struct item *item = index == SIZE_MAX ? NULL : &file->items[index];
    if (!item) {
        take_unlisted(lookup, try);
    } else if (item->state == ITEM_QUEUED || item->state == ITEM_ENDED ||
               item->state == ITEM_CONFIRMING) {
        uint16_t before = item->attempts;
        note_try(file, item, try);
        fst_verdict_attempt(file, index, try->result, try->kind);
        if (before > item->attempts) /* clocks differ */
            item->attempts = before;
        if (try->verdict && item->state == ITEM_QUEUED)
            take_verdict(file, index, try);
    }
    mark_past(run, from, try);
}

void fst_resume(struct run *run, const struct fst_recalled *past)
{
    struct lookup lookup = {.run = run};
    init_lookup(&lookup, past);
    for (size_t i = 0; i < past->n_lists; i++)
        take_list(&lookup, &past->lists[i]);
    for (size_t i = 0; i < past->n_tries; i++)
        take_try(&lookup, &past->tries[i]);
    release_lookup(&lookup);
}
