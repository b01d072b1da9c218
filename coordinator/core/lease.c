#include "coordinator/core/lease.h"

#include <string.h>

#include "coordinator/core/agents.h"
#include "coordinator/core/confirm.h"
#include "coordinator/core/demand.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/files.h"
#include "coordinator/core/groups.h"
#include "coordinator/core/verdict.h"

/* RUN: "at most 3 times, then `error`". */
enum { MOST_LOST = 3 };

/* The slot's, behind what it holds. */
static struct lease *add_lease(uint64_t id, struct slot *slot, struct run *run,
                               struct file *file, enum lease_kind kind)
{
    struct lease *lease = fst_alloc(sizeof *lease);
    lease->id = id;
    lease->run = run;
    lease->file = file;
    lease->slot = slot;
    lease->kind = kind;
    struct lease_record *record = fst_lease_record(run->core, id);
    record->live = lease;
    record->run = run;
    record->file = file;
    record->agent = slot->agent->id;
    record->slot = slot->number;
    record->kind = kind;
    if (!slot->leases) {
        slot->since_ns = run->core->now_ns;
        run->counts.running_slots++;
        run->n_idle -= slot->hungry;
        fst_demand_busy(slot);
    }
    if (kind != LEASE_CONFIRM)
        slot->in_order = NULL;
    DL_APPEND(slot->leases, lease);
    run->n_leases++;
    if (file) {
        lease->warned = file->fresh;
        file->n_leases++;
        slot->file = file;
    }
    return lease;
}

static struct lease *new_lease(struct slot *slot, struct run *run,
                               struct file *file, enum lease_kind kind)
{
    struct fst_core *core = run->core;
    fst_vec_add(&core->records, ((struct lease_record){0}));
    return add_lease(core->lease_epoch | core->records.count, slot, run, file,
                     kind);
}

static void copy_strings(struct fst_arena *arena, struct fst_strs *to,
                         const struct fst_strs *from)
{
    to->items = fst_arena_array(arena, from->count, sizeof *to->items);
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++)
        to->items[i] = fst_arena_str(arena, from->items[i]);
}

/* Units for items (rising indices): a function where all its instances are
 * among them, else single items. */
static void add_units(struct fst_msg *msg, struct file *file,
                      const uint32_t *items, size_t count)
{
    struct fst_lease *to = &msg->lease;
    to->units = fst_arena_array(&msg->arena, count, sizeof *to->units);
    for (size_t i = 0; i < count; i++)
        file->functions[file->items[items[i]].function].counted++;
    for (size_t i = 0; i < count; i++) {
        const struct item *item = &file->items[items[i]];
        struct function *function = &file->functions[item->function];
        bool alone = function->count == 1 || file->unstable ||
                     function->counted < function->count;
        if (!function->counted)
            continue; /* its unit stands already */
        to->units[to->n_units++] = (struct fst_unit){
            .kind = alone ? FST_UNIT_ITEM : FST_UNIT_FUNCTION,
            .id = alone ? fst_arena_str(&msg->arena, item->id)
                        : fst_arena_strn(&msg->arena, function->id,
                                         function->len),
            .index = alone && !file->unstable ? (int32_t)items[i] : -1,
        };
        if (!alone)
            function->counted = 0;
    }
    for (size_t i = 0; i < count; i++)
        file->functions[file->items[items[i]].function].counted = 0;
}

static struct fst_msg *new_message(const struct lease *lease, uint32_t attempt)
{
    static const enum fst_lease_kind kinds[] = {
        [LEASE_PLAIN] = FST_LEASE_PLAIN,
        [LEASE_CONFIRM] = FST_LEASE_CONFIRM,
        [LEASE_COLLECT] = FST_LEASE_COLLECT,
    };
    const struct file *file = lease->file;
    bool retry = lease->confirm && lease->confirm->retry;
    struct fst_msg *msg = fst_msg_new(FST_MSG_LEASE);
    double ms = lease->expect_s * 1000;
    msg->lease = (struct fst_lease){
        .lease = lease->id,
        .slot = lease->slot->number,
        .file = fst_arena_str(&msg->arena, file->path),
        .kind = retry ? FST_LEASE_RETRY : kinds[lease->kind],
        .fresh = (lease->kind == LEASE_CONFIRM && !retry) ||
                 (file->fresh && lease->slot->worker != file->home),
        .attempt = attempt,
        .whole = lease->whole,
        .digest = fst_arena_str(&msg->arena, file->digest),
        .expect_ms = ms < 1e9 ? (uint32_t)ms : 1000000000,
        .full = file->run->full,
    };
    copy_strings(&msg->arena, &msg->lease.selectors, &file->selectors);
    copy_strings(&msg->arena, &msg->lease.earlier, &file->earlier);
    return msg;
}

static void send_lease(const struct lease *lease, struct fst_msg *msg)
{
    fst_effects_send(lease->run, lease->slot->agent, msg);
}

struct lease *fst_lease_whole(struct slot *slot, struct file *file,
                              bool collect)
{
    struct lease *lease =
        new_lease(slot, file->run, file, collect ? LEASE_COLLECT : LEASE_PLAIN);
    lease->whole = !collect;
    lease->expect_s =
        collect ? fst_files_open_s(file) : fst_files_whole_s(file);
    send_lease(lease, new_message(lease, 1));
    fst_files_move(file, FILE_OPENING);
    return lease;
}

struct lease *fst_lease_adopt_whole(uint64_t id, struct slot *slot,
                                    struct file *file)
{
    struct lease *lease = add_lease(id, slot, file->run, file, LEASE_PLAIN);
    lease->whole = true;
    lease->expect_s = fst_files_whole_s(file);
    fst_files_move(file, FILE_OPENING);
    return lease;
}

struct lease *fst_lease_adopt_items(uint64_t id, struct slot *slot,
                                    struct file *file, uint32_t *items,
                                    size_t count)
{
    struct lease *lease = add_lease(id, slot, file->run, file, LEASE_PLAIN);
    lease->items = items;
    lease->n_items = count;
    for (size_t i = 0; i < count; i++) {
        lease->expect_s += fst_files_item_s(file, items[i]);
        lease->grouped = lease->grouped || file->items[items[i]].group;
        fst_groups_bind(file, items[i], slot);
        fst_files_move_item(file, items[i], ITEM_LEASED, lease);
    }
    fst_files_place(file, false);
    return lease;
}

struct lease *fst_lease_ahead(struct slot *slot, struct file *file)
{
    struct lease *lease = new_lease(slot, file->run, file, LEASE_COLLECT);
    lease->ahead = true;
    lease->expect_s = fst_files_open_s(file);
    send_lease(lease, new_message(lease, 1));
    return lease;
}

struct lease *fst_lease_relist(struct slot *slot, struct file *file)
{
    struct lease *lease = new_lease(slot, file->run, file, LEASE_COLLECT);
    lease->expect_s = fst_files_open_s(file);
    file->reopening = true;
    struct fst_msg *msg = new_message(lease, 1);
    /* The old list is of no use: the new one is wanted in full. */
    msg->lease.digest = NULL;
    send_lease(lease, msg);
    return lease;
}

struct lease *fst_lease_queued(struct slot *slot, struct file *file,
                               size_t from, double most_s)
{
    struct lease *lease = new_lease(slot, file->run, file, LEASE_PLAIN);
    size_t queued = file->by_state[ITEM_QUEUED];
    size_t at = from > file->queue_from ? from : file->queue_from;
    bool first = at == file->queue_from;
    size_t skipped = SIZE_MAX; /* the first that is for another slot */
    double sum_s = 0;
    lease->items = fst_calloc(queued, sizeof *lease->items);
    while (lease->n_items < queued && at < file->n_items) {
        bool is_queued = file->items[at].state == ITEM_QUEUED;
        if (!is_queued || !fst_groups_allow(file, at, slot)) {
            if (is_queued && skipped == SIZE_MAX)
                skipped = at;
            at++;
            continue;
        }
        if (lease->n_items && sum_s >= most_s && fst_files_boundary(file, at))
            break;
        sum_s += fst_files_item_s(file, at);
        lease->items[lease->n_items++] = (uint32_t)at;
        lease->grouped = lease->grouped || file->items[at].group;
        fst_groups_bind(file, at, slot);
        fst_files_move_item(file, at, ITEM_LEASED, lease);
        at++;
    }
    if (first)
        file->queue_from = at < skipped ? at : skipped;
    file->sharers -= file->sharers > 0;
    if (!file->by_state[ITEM_QUEUED])
        file->sharers = 0;
    lease->expect_s = sum_s;
    struct fst_msg *msg = new_message(lease, 1);
    add_units(msg, file, lease->items, lease->n_items);
    send_lease(lease, msg);
    fst_files_place(file, false);
    return lease;
}

struct lease *fst_lease_confirm(struct slot *slot, struct confirm *confirm)
{
    struct file *file = confirm->file;
    struct lease *lease = new_lease(slot, file->run, file, LEASE_CONFIRM);
    const struct item *target = &file->items[confirm->item];
    uint32_t *items = fst_calloc(confirm->item + 1, sizeof *items);
    size_t count = 0;
    /* A worker that has just confirmed an earlier one goes on from there. */
    uint32_t from =
        fst_confirm_follows(confirm, slot) ? slot->in_order_next : 0;
    lease->expect_s = fst_files_open_s(file);
    for (uint32_t i = from; i <= confirm->item; i++) {
        const struct item *item = &file->items[i];
        if (item->state != ITEM_TWIN && item->state != ITEM_ABSENT &&
            !(item->flags & ITEM_CRASHED)) {
            items[count++] = i;
            lease->expect_s += fst_files_item_s(file, i);
        }
    }
    slot->in_order = file;
    slot->in_order_next = confirm->item + 1;
    if (!from)
        slot->order_worker = 0;
    lease->follows = from > 0;
    lease->confirm = confirm;
    struct fst_msg *msg = new_message(lease, target->attempts + 1U);
    msg->lease.fresh = !from;
    msg->lease.target = fst_arena_str(&msg->arena, target->id);
    add_units(msg, file, items, count);
    send_lease(lease, msg);
    free(items);
    return lease;
}

struct lease *fst_lease_retry(struct slot *slot, struct confirm *confirm)
{
    struct file *file = confirm->file;
    const struct item *item = &file->items[confirm->item];
    struct lease *lease = new_lease(slot, file->run, file, LEASE_CONFIRM);
    slot->in_order = NULL;
    lease->confirm = confirm;
    lease->expect_s =
        fst_files_open_s(file) + fst_files_item_s(file, confirm->item);
    struct fst_msg *msg = new_message(lease, item->attempts + 1U);
    struct fst_lease *to = &msg->lease;
    /* Not where it has failed, nor where it could not be found. */
    to->fresh = to->fresh || item->worker == slot->worker || confirm->lost > 0;
    to->target = fst_arena_str(&msg->arena, item->id);
    to->units = fst_arena_array(&msg->arena, 1, sizeof *to->units);
    to->n_units = 1;
    to->units[0] = (struct fst_unit){.kind = FST_UNIT_ITEM,
                                     .id = to->target,
                                     .index = (int32_t)confirm->item};
    send_lease(lease, msg);
    return lease;
}

struct lease *fst_lease_list(struct run *run, struct slot *slot)
{
    struct lease *lease = new_lease(slot, run, NULL, LEASE_LIST);
    struct fst_msg *msg = fst_msg_new(FST_MSG_LIST);
    msg->list.lease = lease->id;
    msg->list.slot = slot->number;
    msg->list.full = run->full;
    if (!run->full)
        copy_strings(&msg->arena, &msg->list.dirs, &run->list_dirs);
    send_lease(lease, msg);
    run->list = LIST_ASKED;
    return lease;
}

void fst_lease_revoke(struct lease *lease, size_t from, size_t promised)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKE);
    struct fst_revoke *revoke = &msg->revoke;
    revoke->lease = lease->id;
    revoke->slot = lease->slot->number;
    revoke->items.items = fst_arena_array(&msg->arena, lease->n_items - from,
                                          sizeof *revoke->items.items);
    for (size_t i = from; i < lease->n_items; i++) {
        const struct item *item = &lease->file->items[lease->items[i]];
        if (item->state == ITEM_LEASED && item->lease == lease)
            revoke->items.items[revoke->items.count++] =
                fst_arena_str(&msg->arena, item->id);
    }
    lease->revoking = true;
    lease->promised = promised;
    lease->run->promised += promised;
    send_lease(lease, msg);
}

void fst_lease_revoked(struct lease *lease)
{
    lease->revoking = false;
    lease->run->promised -= lease->promised;
    lease->promised = 0;
    lease->run->dirty = true;
}

size_t fst_lease_first(struct lease *lease)
{
    const struct item *items = lease->file ? lease->file->items : NULL;
    while (lease->from < lease->n_items) {
        const struct item *item = &items[lease->items[lease->from]];
        if (item->state == ITEM_LEASED && item->lease == lease)
            break;
        lease->from++;
    }
    return lease->from;
}

/* The file goes back unopened, or is given up. */
static void return_file(struct file *file, enum lease_loss loss)
{
    if (file->state != FILE_OPENING)
        return;
    if (loss == LOSS_RUNNING && ++file->lost >= MOST_LOST)
        fst_verdict_file_dead(file, "lost with 3 agents");
    else
        fst_files_move(file, FILE_NEW);
}

static void return_items(struct lease *lease, enum lease_loss loss)
{
    struct file *file = lease->file;
    for (size_t i = fst_lease_first(lease); i < lease->n_items; i++) {
        uint32_t at = lease->items[i];
        struct item *item = &file->items[at];
        if (item->state != ITEM_LEASED || item->lease != lease)
            continue;
        if (loss == LOSS_RUNNING && i == lease->from)
            item->lost++;
        if (item->lost >= MOST_LOST)
            fst_verdict_lost(file, at, "lost with 3 agents");
        else
            fst_files_move_item(file, at, ITEM_QUEUED, NULL);
    }
    fst_files_place(file, true);
}

void fst_lease_give_back(struct lease *lease, enum lease_loss loss)
{
    struct file *file = lease->file;
    if (lease->kind == LEASE_LIST) {
        if (lease->run->list == LIST_ASKED)
            lease->run->list = LIST_WANTED;
        lease->run->dirty = true;
    } else if (lease->kind == LEASE_CONFIRM) {
        fst_confirm_lost(lease, loss != LOSS_GIVEN_BACK);
    } else if (lease->ahead) {
        lease->run->dirty = true;
    } else if (file->state == FILE_OPENING && !lease->opened) {
        return_file(file, loss);
    } else if (lease->kind == LEASE_PLAIN) {
        return_items(lease, loss);
    }
    fst_lease_end(lease);
}

void fst_lease_settle(struct lease *lease)
{
    if (lease->kind == LEASE_PLAIN && !lease->live &&
        (lease->opened || !lease->whole))
        fst_lease_end(lease);
}

void fst_lease_end(struct lease *lease)
{
    struct slot *slot = lease->slot;
    struct run *run = lease->run;
    FST_ASSERT(!lease->live);
    fst_lease_revoked(lease);
    DL_DELETE(slot->leases, lease);
    slot->since_ns = run->core->now_ns;
    fst_lease_record(run->core, lease->id)->live = NULL;
    run->n_leases--;
    if (lease->file) {
        lease->file->n_leases--;
        if (lease->kind == LEASE_COLLECT && !lease->ahead)
            lease->file->reopening = false;
    }
    if (!slot->leases) {
        run->counts.running_slots--;
        run->n_idle += slot->hungry;
        fst_demand_idle(slot);
        fst_agents_hungry(slot);
    }
    run->dirty = true;
    free(lease->items);
    free(lease->confirm);
    free(lease);
}

struct lease_record *fst_lease_record(const struct fst_core *core, uint64_t id)
{
    uint64_t number = id ^ core->lease_epoch;
    if (number && number <= core->records.count)
        return &core->records.items[number - 1];
    struct foreign_lease *foreign;
    HASH_FIND(hh, core->foreign, &id, sizeof id, foreign);
    return foreign ? &foreign->record : NULL;
}
