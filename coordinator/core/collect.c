#include "coordinator/core/collect.h"

#include <string.h>

#include "coordinator/core/demand.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/files.h"
#include "coordinator/core/groups.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/steal.h"
#include "coordinator/core/table.h"
#include "coordinator/core/verdict.h"

/* RUN: "A file whose collection kills two workers is an `error`". */
enum { MOST_KILLS = 2 };
/* A file that needs fresh workers has failed so often in them. */
enum { MOST_FAILED = 4 };

static void report_all(struct run *run, const struct fst_result *reports,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        fst_verdict_report(run, &reports[i]);
}

/* Bad news that isn't in the report yet? */
static bool has_new_error(const struct run *run,
                          const struct fst_collected *collected)
{
    for (size_t i = 0; i < collected->n_reports; i++) {
        const struct fst_result *report = &collected->reports[i];
        if (fst_core_bad(report->outcome) &&
            !fst_verdict_reported(run, report->id))
            return true;
    }
    return false;
}

/* Confirmation (b): may the file's trouble come from what the worker had run
 * before? Then fresh ones get it from now on; a run that is being stopped
 * doesn't get to know. Of leases that were under way by then any number may
 * fail. */
static bool wants_fresh(const struct lease *lease, const struct slot *slot,
                        const struct fst_collected *collected)
{
    struct file *file = lease->file;
    const struct run *run = file->run;
    if (!run->confirm || run->full || !slot->used || collected->n_items ||
        !has_new_error(run, collected))
        return false;
    if (lease->warned && ++file->failed > MOST_FAILED)
        return false;
    file->fresh = true;
    file->keep_whole = true;
    return true;
}

bool fst_collect_is_listing(const struct run *run)
{
    bool listing = run->list == LIST_WANTED || run->list == LIST_ASKED;
    /* A plugin of the first worker may know of files. */
    return listing || (run->roots.count && !run->seen_up);
}

void fst_collect_print(struct run *run)
{
    struct file *file = run->printed ? run->printed->next : run->files;
    if (fst_collect_is_listing(run))
        return;
    for (; file; file = file->next) {
        if (file->state != FILE_LISTED && file->state != FILE_DEAD &&
            file->state != FILE_DROPPED)
            return;
        for (size_t i = 0; i < file->n_items; i++) {
            if (file->items[i].state != ITEM_TWIN)
                fst_effects_add(run, FST_EF_LISTED)->id = file->items[i].id;
        }
        run->printed = file;
    }
}

void fst_collect_missing(struct run *run, const struct fst_collected *collected)
{
    const char *text = collected->missing_text ? collected->missing_text
                                               : collected->missing.items[0];
    run->missing = run->missing ? fst_arena_printf(&run->arena, "%s\n%s",
                                                   run->missing, text)
                                : fst_arena_str(&run->arena, text);
}

/* The lease covers all of the new list but for items with a group. */
static void lease_all(struct lease *lease)
{
    struct file *file = lease->file;
    size_t left = file->n_items;
    lease->items = fst_calloc(file->n_items + 1, sizeof *lease->items);
    for (size_t i = 0; i < file->n_items; i++) {
        if (file->items[i].state != ITEM_QUEUED)
            continue;
        if (file->items[i].group) {
            left = i < left ? i : left;
            continue;
        }
        lease->items[lease->n_items++] = (uint32_t)i;
        fst_files_move_item(file, i, ITEM_LEASED, lease);
    }
    file->queue_from = left;
    fst_files_place(file, false);
}

static void set_home(struct file *file, const struct slot *slot)
{
    file->home = slot->worker;
    file->home_slot = slot->number;
}

/* The file is OPENING; lease: that opens it for slot; NULL: over. */
static void take_list(struct file *file, struct lease *lease,
                      const struct slot *slot,
                      const struct fst_collected *collected)
{
    struct run *run = file->run;
    fst_files_list(file, collected);
    fst_effects_add(run, FST_EF_LIST)->list = collected;
    if (lease)
        set_home(file, slot);
    if (lease && lease->kind == LEASE_PLAIN && !run->collect_only)
        lease_all(lease);
    report_all(run, collected->reports, collected->n_reports);
    if (collected->deselected.count)
        fst_effects_add(run, FST_EF_DESELECTED)->count =
            collected->deselected.count;
    if (collected->missing.count)
        fst_collect_missing(run, collected);
}

/* What this slot holds of the file under ids that its worker lacks goes back
 * to the queue; the worker will call them absent. */
static void take_back_unknown(struct lease *from, struct file *file,
                              const struct fst_collected *collected)
{
    struct fst_table ids;
    fst_table_init(&ids, collected->n_items + file->n_items + 1);
    for (size_t i = 0; i < collected->n_items; i++)
        fst_table_intern(&ids, collected->items[i].id,
                         strlen(collected->items[i].id));
    for (size_t i = 0; i < from->n_items; i++) {
        size_t at = from->items[i];
        const struct item *item = &file->items[at];
        uint32_t known = ids.count;
        if (item->state == ITEM_LEASED && item->lease == from &&
            fst_table_intern(&ids, item->id, strlen(item->id)) >= known)
            fst_files_move_item(file, at, ITEM_QUEUED, NULL);
    }
    fst_table_fini(&ids);
    fst_files_place(file, false);
}

/* A file that has a list can't be opened by this worker: a fresh one gets what
 * is left; where that was tried, the file is given up. */
static void fail_again(struct lease *lease, const struct slot *slot,
                       const struct fst_collected *collected)
{
    struct file *file = lease->file;
    bool fresh = wants_fresh(lease, slot, collected);
    take_back_unknown(lease, file, collected);
    if (fresh || file->by_state[ITEM_LEASED] || !file->by_state[ITEM_QUEUED])
        return;
    report_all(file->run, collected->reports, collected->n_reports);
    fst_verdict_file_dead(file, "it could be collected, and then not again");
}

static bool is_same(const struct file *file,
                    const struct fst_collected *collected)
{
    return collected->same || (file->digest && collected->digest &&
                               !strcmp(file->digest, collected->digest));
}

/* A worker whose list differs makes the file unstable, even if nothing is left
 * of its lease. */
static void note_difference(struct file *file,
                            const struct fst_collected *collected)
{
    bool failed = !collected->n_items && collected->n_reports;
    if (file->state == FILE_LISTED && !failed && !is_same(file, collected))
        file->unstable = true;
}

static bool has_item(const struct fst_collected *collected, const char *id)
{
    for (size_t i = 0; i < collected->n_items; i++) {
        if (!strcmp(collected->items[i].id, id))
            return true;
    }
    return false;
}

/* This worker can't say more of an item that it lacks: the result so far
 * stands. A retry may find the item by its place in the list, and is answered
 * as absent where it doesn't. */
static bool lacks_target(const struct lease *lease,
                         const struct fst_collected *collected)
{
    if (lease->kind == LEASE_CONFIRM && lease->confirm->retry)
        return !collected->n_items;
    return lease->kind == LEASE_CONFIRM &&
           !has_item(collected, lease->file->items[lease->confirm->item].id);
}

/* What the file's list is now: what has ended keeps its ids of an earlier one.
 */
static void tell_merged_list(struct file *file)
{
    struct fst_arena *arena = &file->run->core->out->arena;
    struct fst_collected *list = fst_arena_alloc(arena, sizeof *list);
    list->file = file->path;
    list->digest = file->digest;
    list->items = fst_arena_array(arena, file->n_items, sizeof *list->items);
    for (size_t i = 0; i < file->n_items; i++) {
        const struct item *item = &file->items[i];
        if (item->state == ITEM_TWIN || item->state == ITEM_ABSENT)
            continue;
        list->items[list->n_items++] = (struct fst_item){
            .id = item->id,
            .bind =
                item->bind ? fst_arena_printf(arena, "%u", item->bind) : NULL,
            .group = fst_groups_name(file->run, item->group)};
    }
    fst_effects_add(file->run, FST_EF_LIST)->list = list;
}

/* The file has a list, and this worker sent one of its own. */
static void compare_list(struct lease *lease, const struct slot *slot,
                         const struct fst_collected *collected)
{
    struct file *file = lease->file;
    bool failed = !collected->n_items && collected->n_reports;
    if (lacks_target(lease, collected)) {
        fst_lease_give_back(lease, LOSS_GIVEN_BACK);
    } else if (lease->kind == LEASE_CONFIRM) {
        return;
    } else if (failed) {
        fail_again(lease, slot, collected);
    } else if (lease->kind == LEASE_COLLECT && file->by_state[ITEM_LEASED]) {
        return; /* of another list, by now: it runs under those ids */
    } else if (lease->kind == LEASE_COLLECT) {
        fst_files_relist(file, collected);
        tell_merged_list(file);
        report_all(file->run, collected->reports, collected->n_reports);
        set_home(file, slot);
    } else {
        take_back_unknown(lease, file, collected);
    }
}

static void tell_opened(struct file *file, int64_t since_ns)
{
    file->open_s = (double)(file->run->core->now_ns - since_ns) / 1e9;
    struct fst_effect *effect = fst_effects_add(file->run, FST_EF_OPENED);
    effect->id = file->path;
    effect->seconds = file->open_s;
}

/* From the moment that the slot came to the lease. */
static void measure_opening(struct lease *lease)
{
    const struct slot *slot = lease->slot;
    struct file *file = lease->file;
    if (file->run->full)
        file->open_s = 0; /* picked from what is there */
    else if (slot->leases == lease && !lease->opened && file->open_s < 0)
        tell_opened(file, slot->since_ns);
}

/* The lease that a COLLECTED or LISTED answers: 0 and NULL where it is over.
 */
static int find_lease(const struct agent *agent, uint64_t id, uint32_t slot,
                      struct lease **lease, struct fst_err *err)
{
    const struct lease_record *record =
        agent->run ? fst_lease_record(agent->run->core, id) : NULL;
    if (!record || record->agent != agent->id || record->slot != slot)
        return fst_fail(err, FST_E_PROTO,
                        "an answer for lease %llu, which gw%u never had",
                        (unsigned long long)id, slot);
    *lease = record->live;
    return 0;
}

/* The lease that is to say the list of a file in OPENING. */
static struct lease *find_opener(const struct file *file)
{
    struct slot *slot, *tmp;
    struct lease *lease;
    HASH_ITER (hh, file->run->core->slots, slot, tmp) {
        DL_FOREACH(slot->leases, lease)
        {
            if (lease->file == file && lease->whole && !lease->opened)
                return lease;
        }
    }
    return NULL;
}

/* Its lease has gone back, but results of it are on their way. Where there is
 * no item, whoever opens it next says what is wrong. */
static void take_late_list(struct file *file, const struct slot *slot,
                           const struct fst_collected *collected)
{
    struct lease *opener =
        file->state == FILE_OPENING ? find_opener(file) : NULL;
    if (file->state > FILE_OPENING || !collected->n_items)
        return;
    if (file->state == FILE_HELD)
        fst_files_move(file, FILE_NEW);
    if (file->state == FILE_NEW)
        fst_files_move(file, FILE_OPENING);
    take_list(file, NULL, slot, collected);
    if (opener && !file->run->collect_only)
        lease_all(opener);
}

int fst_collect_on_collected(struct agent *agent, struct slot *slot,
                             const struct fst_collected *collected,
                             struct fst_err *err)
{
    struct lease *lease;
    if (find_lease(agent, collected->lease, slot->number, &lease, err))
        return -1;
    const struct lease_record *given =
        fst_lease_record(agent->run->core, collected->lease);
    struct file *file = given->file;
    if (!file && given->kind != LEASE_LIST)
        return 0; /* held.h: another coordinator's */
    if (!file || strcmp(file->path, collected->file) != 0)
        return fst_fail(err, FST_E_PROTO, "%s was not leased in lease %llu",
                        collected->file, (unsigned long long)collected->lease);
    if (collected->same && !file->digest)
        return fst_fail(err, FST_E_PROTO,
                        "%s: \"same\" as a list that was never sent",
                        file->path);
    if (fst_verdict_check(collected->reports, collected->n_reports, true, err))
        return -1;
    if (lease && lease->ahead) {
        fst_demand_opened(slot);
        fst_lease_end(lease);
        return 0;
    }
    note_difference(file, collected);
    /* What it runs now may not be reported: a confirmation's predecessors, and
     * what others have told meanwhile. */
    bool runs =
        given->kind != LEASE_COLLECT && (collected->same || collected->n_items);
    if (!lease) {
        take_late_list(file, slot, collected);
        slot->used = slot->used || runs;
        return 0;
    }
    measure_opening(lease);
    fst_demand_opened(slot);
    slot->since_ns = agent->run->core->now_ns;
    if (file->state == FILE_OPENING && wants_fresh(lease, slot, collected)) {
        fst_lease_give_back(lease, LOSS_GIVEN_BACK);
        return 0;
    }
    lease->opened = true;
    lease->refused = 0; /* by name it may give something */
    bool opened = file->state == FILE_OPENING;
    if (opened)
        take_list(file, lease, slot, collected);
    else if (file->state == FILE_LISTED && !is_same(file, collected))
        compare_list(lease, slot, collected);
    else if (lease->kind == LEASE_COLLECT)
        set_home(file, slot);
    if (given->live && lease->kind == LEASE_COLLECT)
        fst_lease_end(lease);
    else if (given->live)
        fst_lease_settle(lease);
    slot->used = slot->used || runs;
    if (opened && given->live && lease->items && lease->live)
        fst_steal_urgent(lease);
    return 0;
}

/* The dirs are the caller's strings, relative to the root. */
static bool lies_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    if (!len || !strcmp(dir, "."))
        return true;
    return !strncmp(path, dir, len) && path[len] == '/';
}

void fst_collect_want_roots(struct run *run)
{
    struct file *file;
    if (!run->roots.count || run->list == LIST_DONE || run->list == LIST_ASKED)
        return;
    run->list_dirs = run->roots;
    run->list = LIST_WANTED;
    run->dirty = true;
    DL_FOREACH(run->files, file)
    {
        for (size_t i = 0; i < run->roots.count; i++) {
            if (file->state == FILE_NEW && !file->verify &&
                !file->selectors.count &&
                lies_below(file->path, run->roots.items[i]))
                fst_files_move(file, FILE_HELD);
        }
    }
}

static void hold(struct file *file)
{
    /* pytest itself looks up the selectors, before anything runs. */
    if (file->verify) {
        file->verify = false;
        file->run->n_verify--;
    }
    if (file->state == FILE_NEW)
        fst_files_move(file, FILE_HELD);
    /* In the list's order, not by size; it waits in no queue now. */
    file->size_class = 0;
}

void fst_collect_want_all(struct run *run)
{
    struct file *file;
    run->full = true;
    run->list = LIST_WANTED;
    run->dirty = true;
    DL_FOREACH(run->files, file)
    {
        hold(file);
    }
}

static void take_files(struct run *run, const struct fst_listed *listed)
{
    struct fst_table paths;
    struct file *file, *last = NULL;
    struct file **files = fst_files_index(run, listed->files.count, &paths);
    for (size_t i = 0; i < listed->files.count; i++) {
        const char *path = listed->files.items[i];
        uint32_t at = fst_table_intern(&paths, path, strlen(path));
        if (!files[at])
            files[at] =
                fst_files_add(run, &(struct fst_file_plan){.path = path}, last);
        else if (files[at]->state == FILE_HELD)
            fst_files_move(files[at], FILE_NEW);
        if (run->full) {
            DL_DELETE(run->files, files[at]);
            DL_APPEND(run->files, files[at]);
        }
        last = files[at];
    }
    DL_FOREACH(run->files, file)
    {
        if (file->state == FILE_HELD)
            fst_files_move(file, FILE_DROPPED);
    }
    fst_table_fini(&paths);
    free(files);
}

int fst_collect_on_listed(struct agent *agent, const struct fst_listed *listed,
                          struct fst_err *err)
{
    struct lease *lease;
    if (find_lease(agent, listed->lease, listed->slot, &lease, err) ||
        fst_verdict_check(listed->reports, listed->n_reports, true, err))
        return -1;
    if (!lease)
        return 0;
    if (lease->kind != LEASE_LIST)
        return fst_fail(err, FST_E_PROTO, "LISTED for lease %llu, no LIST",
                        (unsigned long long)lease->id);
    struct run *run = lease->run;
    take_files(run, listed);
    report_all(run, listed->reports, listed->n_reports);
    run->list = LIST_DONE;
    fst_lease_end(lease);
    return 0;
}

/* It can't be collected as a whole: what is wrong with a file can be said of
 * that file alone. */
static void collect_lazily(struct run *run)
{
    struct file *file;
    run->full = false;
    run->dirty = true;
    if (run->list != LIST_DONE)
        run->list = run->list_dirs.count ? LIST_WANTED : LIST_DONE;
    fst_effects_note(run, "the whole selection can't be collected in one "
                          "process; files are collected one by one");
    DL_FOREACH(run->files, file)
    {
        if (file->state == FILE_HELD && run->list == LIST_DONE)
            fst_files_move(file, FILE_NEW);
    }
}

void fst_collect_killed(const struct lease_record *record, const char *text)
{
    struct file *file = record->file;
    struct lease *lease = record->live;
    if (record->run->full) {
        if (++record->run->full_kills == MOST_KILLS)
            collect_lazily(record->run);
        return;
    }
    if (!file)
        return;
    /* Whoever else holds the file now may have better luck. */
    bool held = file->n_leases > (lease ? 1U : 0U);
    file->kills++;
    file->fresh = true;
    if (file->kills < MOST_KILLS || held)
        return;
    if (lease)
        fst_lease_give_back(lease, LOSS_GIVEN_BACK);
    if (file->state == FILE_NEW ||
        (file->state == FILE_LISTED && file->by_state[ITEM_QUEUED]))
        fst_verdict_file_dead(file, text ? text : "its worker died");
}
