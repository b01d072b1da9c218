#include "coordinator/core/confirm.h"

#include "coordinator/core/files.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/verdict.h"

enum {
    MOST_LOST = 4,    /* with agents; RUN: "again, at most 3 times" */
    MOST_UNBEGUN = 20 /* with what ran before it in its slot */
};

/* What a confirmation runs before its item is told by nobody, and which worker
 * has run an item is forgotten when another one tries it again. */
static bool has_rehearsed(const struct file *file, uint32_t worker)
{
    const uint32_t *one;
    fst_vec_each (one, &file->rehearsed) {
        if (*one == worker)
            return true;
    }
    return false;
}

void fst_confirm_rehearsed(struct file *file, uint32_t worker)
{
    if (!has_rehearsed(file, worker))
        fst_vec_add(&file->rehearsed, worker);
}

/* Did exactly the items before it, of its file, run before it in the worker?
 * O(file), for failures only. */
static bool ran_in_order(const struct file *file, size_t index, uint32_t worker)
{
    if (has_rehearsed(file, worker))
        return false;
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

static bool needs_order(const struct file *file, size_t index, uint32_t worker)
{
    const struct item *item = &file->items[index];
    return file->run->confirm && !item->retries &&
           !(item->flags & (ITEM_CONFIRMED | ITEM_CRASHED)) &&
           !ran_in_order(file, index, worker);
}

/* Its result so far is item->outcome. */
static void queue(struct file *file, size_t index, bool retry)
{
    struct item *item = &file->items[index];
    struct confirm *confirm = fst_alloc(sizeof *confirm);
    confirm->file = file;
    confirm->item = (uint32_t)index;
    confirm->retry = retry;
    item->verdict = item->attempts;
    if (item->state != ITEM_CONFIRMING)
        fst_files_move_item(file, index, ITEM_CONFIRMING, NULL);
    fst_files_place(file, false);
    DL_APPEND(file->run->confirms, confirm);
    file->run->dirty = true;
}

bool fst_confirm_wanted(struct file *file, size_t index, uint32_t worker)
{
    struct item *item = &file->items[index];
    const struct run *run = file->run;
    if (run->phase != RUN_ACTIVE)
        return false;
    if (needs_order(file, index, worker)) {
        item->flags |= ITEM_CONFIRMED;
        queue(file, index, false);
    } else if (item->retries < run->retries) {
        item->retries++;
        queue(file, index, true);
    } else {
        return false;
    }
    return true;
}

bool fst_confirm_follows(const struct confirm *confirm, const struct slot *slot)
{
    return !confirm->retry && slot->in_order == confirm->file &&
           slot->in_order_next <= confirm->item;
}

bool fst_confirm_suits(const struct confirm *confirm, const struct slot *slot,
                       bool anywhere)
{
    return anywhere || !confirm->retry ||
           confirm->file->items[confirm->item].worker != slot->worker;
}

/* Nothing more will come of this try: what was known before it counts. */
static void last_stands(const struct confirm *confirm)
{
    struct file *file = confirm->file;
    const struct item *item = &file->items[confirm->item];
    if (item->state == ITEM_CONFIRMING &&
        !fst_confirm_wanted(file, confirm->item, item->worker))
        fst_verdict_item(file, confirm->item, item->outcome, item->verdict);
}

static void wait_again(struct lease *lease)
{
    struct run *run = lease->run;
    struct confirm *confirm = lease->confirm;
    lease->confirm = NULL;
    DL_APPEND(run->confirms, confirm);
    run->dirty = true;
}

void fst_confirm_result(struct lease_record *record, struct slot *slot,
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
    if (lease->follows && slot->order_worker != slot->worker) {
        wait_again(lease); /* what it follows was lost with another worker */
        fst_lease_end(lease);
        return;
    }
    if (result->crashed)
        item->flags |= ITEM_CRASHED;
    bool retry = lease->confirm->retry;
    fst_confirm_rehearsed(file, slot->worker);
    fst_verdict_attempt(file, index, result,
                        retry ? FST_ATTEMPT_RETRY : FST_ATTEMPT_CONFIRM);
    item->worker = slot->worker;
    if (!retry)
        slot->order_worker = slot->worker;
    item->outcome = (uint8_t)result->outcome;
    if (!fst_core_bad(result->outcome)) {
        file->keep_whole = file->keep_whole || !retry;
        file->run->flaky += retry && result->outcome == FST_PASSED;
        fst_verdict_item(file, index, result->outcome, item->attempts);
    } else if (!fst_confirm_wanted(file, index, slot->worker)) {
        fst_verdict_item(file, index, result->outcome, item->attempts);
    }
    fst_lease_end(lease);
}

void fst_confirm_lost(struct lease *lease, bool with_agent)
{
    struct confirm *confirm = lease->confirm;
    struct run *run = lease->run;
    lease->slot->in_order = NULL;
    uint32_t most = with_agent ? MOST_LOST : MOST_UNBEGUN;
    bool answered = lease->opened && !with_agent && !confirm->retry;
    if (answered || ++confirm->lost >= most || run->phase != RUN_ACTIVE) {
        last_stands(confirm);
        return;
    }
    wait_again(lease);
}

void fst_confirm_give_up(struct run *run)
{
    while (run->confirms) {
        struct confirm *confirm = run->confirms;
        DL_DELETE(run->confirms, confirm);
        last_stands(confirm);
        free(confirm);
    }
    if (run->phase != RUN_ENDED)
        return;
    for (size_t i = 0; i < run->core->records.count; i++) {
        const struct lease_record *record = &run->core->records.items[i];
        if (record->run == run && record->live && record->live->confirm)
            last_stands(record->live->confirm);
    }
}
