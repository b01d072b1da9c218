#include "coordinator/core/steal.h"

#include "coordinator/core/files.h"
#include "coordinator/core/lease.h"

/* A lease that will begin sooner than this is not worth a round trip. */
static const double soon_s = 0.02;
/* A lease that gives nothing back so often is left alone. One that nobody has
 * opened can't be asked by name: once. */
enum { MOST_REFUSED = 3 };

struct theft { /* the best one so far */
    struct lease *lease;
    size_t from;  /* place in lease->items */
    size_t feeds; /* slots */
    double drain_s;
};

static double lease_left_s(const struct lease *lease)
{
    if (lease->kind != LEASE_PLAIN)
        return lease->expect_s;
    if (!lease->items)
        return fst_files_whole_s(lease->file);
    return fst_files_weight_s(lease->file, lease->weight);
}

/* What is left of the thing that runs now: where it has overrun its estimate,
 * as long again as it has taken. */
static double running_left_s(const struct slot *slot, double expect)
{
    double took =
        (double)(slot->agent->run->core->now_ns - slot->since_ns) / 1e9;
    return took < expect ? expect - took : took;
}

/* What the lease's running thing is expected to take as a whole. */
static double running_s(struct lease *lease)
{
    if (!lease->items)
        return lease_left_s(lease);
    size_t first = fst_lease_first(lease);
    return first < lease->n_items
               ? fst_files_item_s(lease->file, lease->items[first])
               : 0;
}

double fst_steal_drain_s(const struct slot *slot)
{
    struct lease *lease = slot->leases;
    double running = running_s(lease);
    double sum = running_left_s(slot, running) - running;
    DL_FOREACH(slot->leases, lease)
    {
        sum += lease_left_s(lease);
    }
    return sum;
}

/* Where to cut items of about `seconds` (at least one item) off the lease's
 * tail, or more where a group would be parted; n_items: nowhere. The first live
 * item stays. */
static size_t find_cut(struct lease *lease, double seconds)
{
    struct file *file = lease->file;
    size_t first = fst_lease_first(lease), cut = lease->n_items;
    double taken = 0;
    for (size_t i = lease->n_items; i-- > first + 1;) {
        const struct item *item = &file->items[lease->items[i]];
        if (item->state != ITEM_LEASED || item->lease != lease)
            continue;
        if (item->group || (cut < lease->n_items && taken >= seconds))
            break;
        taken += fst_files_item_s(file, lease->items[i]);
        if (fst_files_boundary(file, lease->items[i]))
            cut = i;
    }
    return cut;
}

/* What idle slots pay before they can run a piece of the file: hardly anything
 * where all have it open. */
static double joining_s(const struct file *file)
{
    const struct slot *slot;
    DL_FOREACH(file->run->hungry, slot)
    {
        if (!slot->leases && slot->file != file)
            return fst_files_open_s(file);
    }
    return soon_s;
}

/* A piece of the lease's tail that is worth its set-up on each slot that gets
 * a share of it. */
static bool plan_split(struct theft *theft, size_t idle, double later_s)
{
    struct lease *lease = theft->lease;
    struct file *file = lease->file;
    double open = joining_s(file);
    if (!fst_files_splittable(file) || lease->live < 2)
        return false;
    double most = lease_left_s(lease) - running_s(lease), piece = 0;
    double gain = theft->drain_s - open - later_s;
    double paying = most < gain ? most / open : gain / open;
    if (paying < (double)idle) /* more couldn't pay */
        idle = paying > 0 ? (size_t)paying + 1 : 1;
    for (; idle; idle--) {
        double share = (double)idle / (double)(idle + 1);
        piece = gain * share;
        piece = piece < most ? piece : most;
        if (piece > open * (double)idle)
            break;
    }
    if (!idle)
        return false;
    theft->feeds = idle;
    theft->from = find_cut(lease, piece);
    return theft->from < lease->n_items;
}

/* The lease, if it waits behind others or can be split. */
static bool plan_lease(const struct slot *slot, struct lease *lease,
                       size_t idle, double later_s, struct theft *theft)
{
    if (lease->kind != LEASE_PLAIN ||
        lease->refused >= (lease->opened ? MOST_REFUSED : 1))
        return false;
    *theft = (struct theft){
        .lease = lease, .feeds = 1, .drain_s = fst_steal_drain_s(slot)};
    bool waits = lease != slot->leases && !lease->opened && !lease->grouped;
    bool alone = lease->file->n_leases == 1;
    if (waits && alone && !lease->run->one_worker &&
        theft->drain_s - lease_left_s(lease) > soon_s + later_s)
        return true;
    return lease->items && plan_split(theft, idle, later_s);
}

/* The slot's last lease that has something to give; one at a time. */
static bool plan_theft(const struct slot *slot, size_t idle, double later_s,
                       struct theft *theft)
{
    struct lease *lease = slot->leases ? slot->leases->prev : NULL;
    while (lease && !lease->revoking) {
        if (plan_lease(slot, lease, idle, later_s, theft))
            return true;
        lease = lease == slot->leases ? NULL : lease->prev;
    }
    return false;
}

/* Of so many slots, those that fit the part that `drain` has of `sum`; at
 * least one. */
static size_t part_of(size_t idle, double drain, double sum)
{
    size_t part = (size_t)((double)idle * drain / sum + 0.5);
    return part ? part : 1;
}

/* SCHEDULING's urgent rule: a unit that takes most of what a slot has left. */
static const double urgent_part = 0.7;

void fst_steal_urgent(struct lease *lease)
{
    struct file *file = lease->file;
    size_t first = fst_lease_first(lease), longest = first;
    double horizon =
        fst_files_run_left_s(lease->run) / (double)lease->run->n_serving;
    double before = 0, sum = 0;
    if (lease->revoking || !lease->run->times || lease->run->given_order ||
        !fst_files_splittable(file) ||
        !fst_files_boundary(file, lease->items[first]))
        return;
    for (size_t i = first; i < lease->n_items; i++) {
        uint32_t at = lease->items[i];
        if (i > first && fst_files_boundary(file, at) &&
            fst_files_item_s(file, at) >
                fst_files_item_s(file, lease->items[longest])) {
            longest = i;
            before = sum;
        }
        sum += fst_files_item_s(file, at);
    }
    if (longest <= first + 1 || before <= fst_files_open_s(file) ||
        fst_files_item_s(file, lease->items[longest]) < urgent_part * horizon)
        return;
    lease->urgent = lease->items[longest];
    fst_lease_revoke(lease, first + 1, 0);
}

size_t fst_steal_start(struct run *run, size_t idle, double later_s)
{
    struct theft best = {0}, theft;
    struct slot *slot, *tmp;
    double sum = 0;
    if (run->one_worker)
        return 0;
    HASH_ITER (hh, run->core->slots, slot, tmp) {
        if (slot->agent->run != run || !plan_theft(slot, idle, later_s, &theft))
            continue;
        sum += theft.drain_s;
        if (theft.drain_s > best.drain_s)
            best = theft;
    }
    if (!best.lease ||
        !plan_theft(best.lease->slot, part_of(idle, best.drain_s, sum), later_s,
                    &best))
        return 0;
    fst_lease_revoke(best.lease, best.from, best.feeds);
    return best.feeds;
}
