#include "coordinator/core/pick.h"

#include <math.h>

#include "coordinator/core/agents.h"
#include "coordinator/core/confirm.h"
#include "coordinator/core/files.h"
#include "coordinator/core/groups.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/steal.h"

/* A batch is an eighth of what a slot still has to do, but at most this. */
static const double longest_batch_s = 1;
/* Estimates are good for more than one lease at a time after so many tests. */
enum { ENOUGH_TIMED = 10 };
/* Low water: a slot gets more when its work will last no longer than this. What
 * lies in a worker's pipe can't be had back while a test runs. */
static const double low_water_s = 0.3;
/* Work is fetched from others for a slot that will be idle so soon: they give
 * it back when their running test ends. */
static const double fetch_s = 0.15;
/* Idle slots look again after this long. */
#define LOOK_NS INT64_C(100000000)
/* What looks at all slots takes time with their number. Where they are many it
 * is not done at each event, but at most every so many ns for each of them. */
enum { FEW_SLOTS = 32 };
#define WIDE_NS INT64_C(1000)

/* Slots that have asked for more and will need it soon. */
static size_t idle_soon(const struct run *run)
{
    const struct slot *slot;
    size_t count = 0;
    DL_FOREACH(run->hungry, slot)
    {
        count += slot->leases && fst_steal_drain_s(slot) <= fetch_s;
    }
    return count;
}

static struct file *first_unopened(const struct run *run)
{
    for (size_t i = SIZE_CLASSES; i-- > 0;) {
        if (run->unopened[i])
            return run->unopened[i];
    }
    return NULL;
}

/* Is the worker whose list stands alive? */
static bool has_home(const struct file *file)
{
    const struct slot *slot;
    HASH_FIND(hh, file->run->core->slots, &file->home_slot,
              sizeof file->home_slot, slot);
    return slot && slot->up && !slot->paused && slot->worker == file->home;
}

/* How much of a ready file's work a slot gets, in seconds: its share of what
 * was revoked for several; else all, or its share where other idle slots have
 * nothing better and the shares are worth it. */
static double share_s(const struct file *file)
{
    const struct run *run = file->run;
    size_t idle = run->n_idle;
    double open = fst_files_open_s(file);
    double work = fst_files_weight_s(file, file->weights[ITEM_QUEUED]);
    if (!fst_files_splittable(file))
        return HUGE_VAL;
    if (file->sharers > 1)
        return work / (double)file->sharers;
    if (file->sharers || first_unopened(run))
        return HUGE_VAL;
    while (idle > 1 && work / (double)idle <= open)
        idle--;
    return idle > 1 ? work / (double)idle : HUGE_VAL;
}

/* Queued items of a listed file, or what they wait for. */
static struct lease *take_ready(struct slot *slot, struct file *file)
{
    if (file->reopening)
        return NULL;
    if (file->unstable) {
        if (!has_home(file))
            return file->by_state[ITEM_LEASED] ? NULL
                                               : fst_lease_relist(slot, file);
        if (file->home_slot != slot->number)
            return NULL;
    } else if (!fst_files_splittable(file) && file->by_state[ITEM_LEASED] &&
               slot->file != file) {
        return NULL;
    }
    if (!fst_groups_have(file, slot))
        return NULL;
    return fst_lease_queued(slot, file, 0, share_s(file));
}

/* The rules of pick, in their order. Each gives a lease that it has sent, or
 * NULL. */

static struct lease *ask_for_files(struct run *run, struct slot *slot)
{
    return run->list == LIST_WANTED ? fst_lease_list(run, slot) : NULL;
}

/* A selector that may match nothing: before anything runs. */
static struct lease *verify(struct run *run, struct slot *slot)
{
    return run->verify ? fst_lease_whole(slot, run->verify, true) : NULL;
}

/* What the slot's worker can go on with, else the oldest's file; of a file the
 * first in its order, so that the others can follow it in the same worker. */
static struct confirm *next_confirm(const struct run *run,
                                    const struct slot *slot, bool anywhere)
{
    struct confirm *confirm, *next = NULL;
    DL_FOREACH(run->confirms, confirm)
    {
        if (fst_confirm_follows(confirm, slot) &&
            (!next || confirm->item < next->item))
            next = confirm;
    }
    if (next)
        return next;
    DL_FOREACH(run->confirms, confirm)
    {
        bool better = !next || (confirm->file == next->file &&
                                confirm->item < next->item);
        if (better && fst_confirm_suits(confirm, slot, anywhere))
            next = confirm;
    }
    return next;
}

static struct lease *confirm(struct run *run, struct slot *slot, bool anywhere)
{
    struct confirm *next = next_confirm(run, slot, anywhere);
    if (!next)
        return NULL;
    DL_DELETE(run->confirms, next);
    return next->retry ? fst_lease_retry(slot, next)
                       : fst_lease_confirm(slot, next);
}

static struct lease *stay(struct slot *slot)
{
    struct file *file = slot->file;
    return file && file->run == slot->agent->run && file->queue == QUEUE_READY
               ? take_ready(slot, file)
               : NULL;
}

static struct lease *go_on(struct run *run, struct slot *slot)
{
    struct file *file, *tmp;
    struct lease *lease = NULL;
    DL_FOREACH_SAFE2(run->ready, file, tmp, queue_next)
    {
        lease = take_ready(slot, file);
        if (lease)
            break;
    }
    return lease;
}

/* The largest by size class, in pytest's order within one: what takes longest
 * begins early, and files of comparable size keep their order. */
static struct lease *open_next(struct run *run, struct slot *slot)
{
    struct file *file = first_unopened(run);
    return file ? fst_lease_whole(slot, file, run->collect_only) : NULL;
}

static bool may_look_wide(const struct run *run)
{
    return run->core->now_ns >= run->wide_ns;
}

/* Could any be? Only files whose lists earlier runs have told are. */
static bool may_share(const struct run *run)
{
    return !run->one_worker && run->n_opening && run->learned.count &&
           may_look_wide(run);
}

/* A file is being opened whole there, and one more could share it once its list
 * is known. */
static bool is_shareable(const struct run *run, const struct slot *slot)
{
    const struct lease *lease = slot->leases;
    return slot->agent->run == run && lease && lease->whole &&
           lease->file->n_leases <= fst_files_helpers(lease->file);
}

/* Of the files that others are opening, one that the slot can share once its
 * list is there: the one with the most work. */
static struct lease *open_ahead(struct run *run, struct slot *slot)
{
    struct slot *other, *tmp;
    struct file *best = NULL;
    if (!may_share(run) || slot->leases)
        return NULL;
    HASH_ITER (hh, run->core->slots, other, tmp) {
        struct file *file = other->leases ? other->leases->file : NULL;
        if (file != slot->file && is_shareable(run, other) &&
            (!best || fst_files_whole_s(file) > fst_files_whole_s(best)))
            best = file;
    }
    return best ? fst_lease_ahead(slot, best) : NULL;
}

/* Is there anything that pick() could give to some slot? Asked before each
 * slot, so that a thousand hungry ones cost nothing where all is handed out. */
static bool has_work(const struct run *run)
{
    const struct slot *slot, *tmp;
    bool any = run->list == LIST_WANTED || run->n_verify || run->confirms ||
               run->ready || first_unopened(run);
    if (any || !may_share(run))
        return any;
    HASH_ITER (hh, run->core->slots, slot, tmp) {
        if (is_shareable(run, slot))
            return true;
    }
    return false;
}

static struct lease *pick(struct run *run, struct slot *slot)
{
    struct lease *lease = ask_for_files(run, slot);
    if (!lease && run->n_verify)
        return verify(run, slot);
    if (!lease && (run->maxfail || slot->in_order))
        lease = confirm(run, slot, run->maxfail > 0); /* the run may end by it,
                                                         or it follows */
    if (!lease)
        lease = stay(slot);
    if (!lease)
        lease = confirm(run, slot, false);
    if (!lease)
        lease = go_on(run, slot);
    if (!lease)
        lease = open_next(run, slot);
    if (!lease)
        lease = open_ahead(run, slot);
    return lease;
}

static double batch_s(const struct run *run)
{
    size_t serving = run->n_serving ? run->n_serving : 1;
    double left = fst_files_run_left_s(run) / (double)serving;
    /* Tests of several files may take turns: one worker has them all. */
    if (run->one_worker && run->full)
        return HUGE_VAL;
    if (run->n_timed < ENOUGH_TIMED)
        return 0;
    return left / 8 < longest_batch_s ? left / 8 : longest_batch_s;
}

/* Leases of one list that run by turns wait for each other. */
static void tie(struct fst_effects *effects, size_t from)
{
    struct fst_lease *before = NULL;
    for (size_t i = from; i < effects->list.count; i++) {
        struct fst_msg *msg = effects->list.items[i].msg;
        if (!msg || msg->type != FST_MSG_LEASE)
            continue;
        if (before)
            before->more = true;
        before = &msg->lease;
    }
}

/* At least one lease, then as many as fill the batch. */
static bool feed(struct run *run, struct slot *slot, double batch)
{
    size_t from = run->core->out->list.count;
    double given = 0;
    bool any = false;
    do {
        struct lease *lease = pick(run, slot);
        if (!lease)
            break;
        given += lease->expect_s;
        any = true;
    } while (given < batch);
    if (run->full)
        tie(run->core->out, from);
    return any;
}

/* one_worker: the first that asks, as long as it lives. */
static bool may_serve(struct run *run, struct slot *slot)
{
    if (run->one_worker && !run->only)
        run->only = slot;
    return !run->one_worker || run->only == slot;
}

/* Retries that no slot could take but those whose workers saw the test fail,
 * and that have nothing else to do. */
static void serve_retries(struct run *run)
{
    struct slot *slot, *tmp;
    if (!run->confirms || run->n_verify)
        return;
    DL_FOREACH_SAFE(run->hungry, slot, tmp)
    {
        if (may_serve(run, slot) && confirm(run, slot, true))
            fst_agents_fed(slot);
    }
}

/* How long the slot may be let alone: it has enough to do, as far as the past
 * tells, and others may be free for more before it is. */
static double spare_s(const struct run *run, const struct slot *slot)
{
    bool tied = run->one_worker || run->full || run->n_verify || slot->in_order;
    if (!slot->leases || tied || !fst_files_run_known(run) ||
        run->n_serving < 2)
        return 0;
    return fst_steal_drain_s(slot) - low_water_s;
}

/* Fetches work from others for those that have none, or won't have any soon. */
static void steal(struct run *run)
{
    size_t idle = run->n_idle, fed = run->promised;
    size_t thieves = idle + idle_soon(run);
    while (fed < thieves) {
        size_t more =
            fst_steal_start(run, thieves - fed, idle > fed ? 0 : fetch_s);
        if (!more)
            break;
        fed += more;
    }
}

void fst_pick_serve(struct run *run)
{
    struct slot *slot, *tmp;
    if (!run->dirty || run->held || run->phase != RUN_ACTIVE)
        return;
    run->dirty = false;
    double batch = run->hungry && has_work(run) ? batch_s(run) : 0;
    int64_t now_ns = run->core->now_ns, look_ns = INT64_MAX;
    DL_FOREACH_SAFE(run->hungry, slot, tmp)
    {
        if (!has_work(run))
            break;
        if (!may_serve(run, slot))
            continue;
        double spare = spare_s(run, slot);
        if (spare > 0) {
            int64_t at_ns = now_ns + (int64_t)(spare * 1e9) + 1;
            look_ns = at_ns < look_ns ? at_ns : look_ns;
        } else if (feed(run, slot, batch)) {
            fst_agents_fed(slot);
        }
    }
    serve_retries(run);
    if (may_look_wide(run)) {
        steal(run);
        if (run->hungry && run->n_serving > FEW_SLOTS)
            run->wide_ns = now_ns + (int64_t)run->n_serving * WIDE_NS;
    } else if (run->hungry && look_ns > run->wide_ns) {
        look_ns = run->wide_ns;
    }
    run->dirty = false;
    if (run->n_idle && run->n_leases && look_ns > now_ns + LOOK_NS)
        look_ns = now_ns + LOOK_NS;
    run->tick_ns = look_ns;
}
