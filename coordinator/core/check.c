/* The invariants that core.h promises, counted afresh. */
#include <string.h>

#include "coordinator/core/files.h"
#include "coordinator/core/groups.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/state.h"

struct tally {
    size_t open, pending, leases, agents, verify, running, promised, ready;
    size_t serving, idle, paused;
    size_t unknown; /* pending items without a past */
};

static bool is_pending(uint8_t state)
{
    return state == ITEM_QUEUED || state == ITEM_LEASED ||
           state == ITEM_CONFIRMING;
}

/* A leased item belongs to a live lease of its file, which lists it; the
 * counters are what they count. */
static void check_items(const struct file *file, struct tally *tally)
{
    size_t by_state[ITEM_STATES] = {0}, unknown[ITEM_STATES] = {0};
    for (size_t i = 0; i < file->n_items; i++) {
        const struct item *item = &file->items[i];
        by_state[item->state]++;
        unknown[item->state] += item->past_s < 0;
        tally->pending += is_pending(item->state);
        FST_ASSERT((item->state == ITEM_LEASED) == (item->lease != NULL));
        FST_ASSERT(!item->lease || item->lease->file == file);
        FST_ASSERT(!item->lease || item->lease->kind == LEASE_PLAIN);
        FST_ASSERT(item->state != ITEM_QUEUED || i >= file->queue_from);
    }
    for (uint8_t i = 0; i < ITEM_STATES; i++) {
        FST_ASSERT(by_state[i] == file->by_state[i] &&
                   unknown[i] == file->weights[i].unknown);
        if (is_pending(i))
            tally->unknown += unknown[i];
    }
}

static void check_file(const struct file *file, struct tally *tally)
{
    bool queued = file->by_state[ITEM_QUEUED] > 0;
    tally->open += file->state == FILE_HELD || file->state == FILE_NEW ||
                   file->state == FILE_OPENING;
    tally->verify += file->verify;
    check_items(file, tally);
    FST_ASSERT((file->queue == QUEUE_READY) ==
               (file->state == FILE_LISTED && queued));
    FST_ASSERT((file->queue == QUEUE_VERIFY) ==
               (file->state == FILE_NEW && file->verify));
    FST_ASSERT((file->queue == QUEUE_UNOPENED) ==
               (file->state == FILE_NEW && !file->verify));
    FST_ASSERT(file->state != FILE_OPENING || file->n_leases > 0);
    FST_ASSERT(file->state != FILE_DEAD || !queued);
}

/* Each item is in at most one live lease: those that name it and are named by
 * it are as many as the lease says. */
static void check_lease(const struct fst_core *core, const struct lease *lease,
                        struct tally *tally)
{
    size_t live = 0, unknown = 0;
    tally->leases++;
    tally->promised += lease->promised;
    for (size_t i = 0; i < lease->n_items; i++) {
        const struct item *item = &lease->file->items[lease->items[i]];
        bool mine = item->state == ITEM_LEASED && item->lease == lease;
        FST_ASSERT(!mine || i >= lease->from);
        FST_ASSERT(!i || lease->items[i] > lease->items[i - 1]);
        FST_ASSERT(!mine ||
                   fst_groups_allow(lease->file, lease->items[i], lease->slot));
        live += mine;
        unknown += mine && item->past_s < 0;
    }
    FST_ASSERT(live == lease->live && unknown == lease->weight.unknown);
    FST_ASSERT(fst_lease_record(core, lease->id)->live == lease);
    FST_ASSERT((lease->kind == LEASE_CONFIRM) == (lease->confirm != NULL));
    FST_ASSERT(lease->kind != LEASE_CONFIRM ||
               lease->file->items[lease->confirm->item].state ==
                   ITEM_CONFIRMING ||
               lease->run->phase != RUN_ACTIVE);
    FST_ASSERT(lease->kind != LEASE_PLAIN || lease->live || !lease->opened);
}

static bool has_work(const struct run *run, const struct file *file)
{
    const struct slot *slot;
    DL_FOREACH(run->hungry, slot)
    {
        if (!slot->leases && fst_groups_have(file, slot))
            return true;
    }
    return false;
}

/* With a slot idle and something that it may run queued, something is leased:
 * what waits then waits for something that is under way. */
static void check_work(const struct run *run, const struct tally *tally)
{
    bool idle = false;
    const struct slot *slot;
    const struct file *file;
    if (run->phase != RUN_ACTIVE || run->held)
        return;
    DL_FOREACH(run->hungry, slot)
    {
        idle = idle || (!slot->leases && (!run->only || run->only == slot));
    }
    if (!idle)
        return;
    FST_ASSERT(!run->verify && run->list != LIST_WANTED);
    FST_ASSERT(!run->confirms || run->n_verify);
    for (size_t i = 0; i < SIZE_CLASSES && !run->n_verify; i++)
        FST_ASSERT(!run->unopened[i]);
    DL_FOREACH2(run->ready, file, queue_next)
    {
        FST_ASSERT(file->n_leases || file->unstable || run->n_verify ||
                   !has_work(run, file));
    }
    FST_ASSERT(tally->leases || !tally->pending || run->n_verify);
}

static void check_run(const struct fst_core *core, const struct run *run)
{
    struct tally tally = {0};
    const struct file *file;
    const struct agent *agent, *next_agent;
    const struct slot *slot, *next_slot;
    const struct lease *lease;
    DL_FOREACH(run->files, file)
    {
        check_file(file, &tally);
    }
    HASH_ITER (hh, core->agents, agent, next_agent) {
        tally.agents += agent->run == run;
    }
    HASH_ITER (hh, core->slots, slot, next_slot) {
        if (slot->agent->run != run)
            continue;
        tally.running += slot->leases != NULL;
        tally.serving += slot->asked && !slot->retired;
        tally.idle += slot->hungry && !slot->leases;
        tally.paused += slot->paused;
        FST_ASSERT(!slot->hungry || slot->up);
        FST_ASSERT(!slot->up || slot->asked);
        FST_ASSERT(!slot->hungry || !slot->paused);
        FST_ASSERT(slot->leases || !slot->up || slot->hungry || slot->paused);
        DL_FOREACH(slot->leases, lease)
        {
            check_lease(core, lease, &tally);
        }
    }
    FST_ASSERT(tally.open == run->n_open);
    FST_ASSERT(run->n_opening <= run->n_open);
    FST_ASSERT(tally.pending == run->n_pending);
    FST_ASSERT(tally.unknown == run->pending_weight.unknown);
    FST_ASSERT(tally.leases == run->n_leases);
    FST_ASSERT(tally.agents == run->n_agents);
    FST_ASSERT(tally.verify == run->n_verify);
    FST_ASSERT(tally.running == run->counts.running_slots);
    FST_ASSERT(tally.promised == run->promised);
    FST_ASSERT(tally.serving == run->n_serving);
    FST_ASSERT(tally.idle == run->n_idle);
    FST_ASSERT(tally.paused == run->n_paused);
    check_work(run, &tally);
}

void fst_core_check(const struct fst_core *core)
{
    const struct run *run;
    DL_FOREACH(core->runs, run)
    {
        if (run->phase != RUN_ENDED)
            check_run(core, run);
    }
}
