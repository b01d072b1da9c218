#include "coordinator/core/confirm.h"

#include "coordinator/core/files.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/verdict.h"

enum { MOST_LOST = 2 };

/* Did exactly the items before it, of its file, run before it in the worker?
 * O(file), for failures only. */
static bool ran_in_order(const struct file *file, size_t index, uint32_t worker)
{
    for (size_t i = 0; i < file->n_items; i++) {
        const struct item *item = &file->items[i];
        bool has_run =
            item->state == ITEM_ENDED || item->state == ITEM_CONFIRMING;
        bool here = has_run && item->worker == worker;
        if (i == index || item->state == ITEM_TWIN ||
            item->state == ITEM_ABSENT)
            continue;
        if (here != (i < index))
            return false;
    }
    return true;
}

bool fst_confirm_needed(const struct file *file, size_t index, uint32_t worker)
{
    const struct item *item = &file->items[index];
    return file->run->confirm && file->run->phase == RUN_ACTIVE &&
           !(item->flags & (ITEM_CONFIRMED | ITEM_CRASHED)) &&
           !ran_in_order(file, index, worker);
}

bool fst_confirm_follows(const struct confirm *confirm, const struct slot *slot)
{
    return slot->in_order == confirm->file &&
           slot->in_order_next <= confirm->item;
}

void fst_confirm_queue(struct file *file, size_t index)
{
    struct item *item = &file->items[index];
    struct confirm *confirm = fst_alloc(sizeof *confirm);
    confirm->file = file;
    confirm->item = (uint32_t)index;
    item->flags |= ITEM_CONFIRMED;
    item->verdict = item->attempts;
    fst_files_move_item(file, index, ITEM_CONFIRMING, NULL);
    fst_files_place(file, false);
    DL_APPEND(file->run->confirms, confirm);
    file->run->dirty = true;
}

static void first_stands(const struct confirm *confirm)
{
    const struct item *item = &confirm->file->items[confirm->item];
    if (item->state == ITEM_CONFIRMING)
        fst_verdict_item(confirm->file, confirm->item, item->outcome,
                         item->verdict);
}

void fst_confirm_result(struct lease_record *record, const struct slot *slot,
                        size_t index, const struct fst_result *result)
{
    struct file *file = record->file;
    struct lease *lease = record->live;
    if (index == SIZE_MAX)
        return;
    struct item *item = &file->items[index];
    if (result->amend) {
        if (item->state == ITEM_ENDED && item->worker == slot->worker)
            fst_verdict_amend(file, index, result);
        return;
    }
    /* Only the item in question counts, and only once. */
    if (!lease || lease->confirm->item != index ||
        item->state != ITEM_CONFIRMING)
        return;
    if (result->crashed)
        item->flags |= ITEM_CRASHED;
    fst_verdict_attempt(file, index, result, FST_ATTEMPT_CONFIRM);
    item->worker = slot->worker;
    if (!fst_core_bad(result->outcome))
        file->keep_whole = true;
    fst_verdict_item(file, index, result->outcome, item->attempts);
    fst_lease_end(lease);
}

void fst_confirm_lost(struct lease *lease, bool with_agent)
{
    struct confirm *confirm = lease->confirm;
    struct run *run = lease->run;
    lease->slot->in_order = NULL;
    if ((lease->opened && !with_agent) || ++confirm->lost >= MOST_LOST ||
        run->phase != RUN_ACTIVE) {
        first_stands(confirm);
        return;
    }
    lease->confirm = NULL;
    DL_APPEND(run->confirms, confirm);
    run->dirty = true;
}

void fst_confirm_give_up(struct run *run)
{
    while (run->confirms) {
        struct confirm *confirm = run->confirms;
        DL_DELETE(run->confirms, confirm);
        first_stands(confirm);
        free(confirm);
    }
    if (run->phase != RUN_ENDED)
        return;
    for (size_t i = 0; i < run->core->records.count; i++) {
        const struct lease_record *record = &run->core->records.items[i];
        if (record->run == run && record->live && record->live->confirm)
            first_stands(record->live->confirm);
    }
}
