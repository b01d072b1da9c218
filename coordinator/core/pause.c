#include "coordinator/core/pause.h"

#include "coordinator/core/agents.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/files.h"
#include "coordinator/core/lease.h"

/* As in steal.c: one that gives nothing back so often is left alone. */
enum { MOST_REFUSED = 3 };

void fst_pause_on(struct slot *slot, const char *note)
{
    struct run *run = slot->agent->run;
    if (run && note)
        fst_effects_note(run, "%s", note);
    if (slot->paused)
        return;
    fst_agents_fed(slot);
    slot->paused = true;
    if (run) {
        run->n_paused++;
        run->dirty = true;
    }
}

void fst_pause_off(struct slot *slot)
{
    struct run *run = slot->agent->run;
    if (!slot->paused)
        return;
    slot->paused = false;
    if (run)
        run->n_paused--;
    if (!slot->leases)
        fst_agents_hungry(slot);
}

/* The first place that has not begun and where the lease can be cut without
 * parting a group; n_items: none. */
static size_t find_cut(struct lease *lease, bool waits)
{
    size_t at = fst_lease_first(lease);
    bool alone = waits && lease->file->n_leases == 1;
    if (!alone && !fst_files_splittable(lease->file))
        return lease->n_items;
    for (at += !waits; at < lease->n_items; at++) {
        if (fst_files_boundary(lease->file, lease->items[at]))
            return at;
    }
    return lease->n_items;
}

static void ask_back(struct lease *lease)
{
    bool waits = lease != lease->slot->leases;
    if (lease->kind != LEASE_PLAIN || lease->revoking ||
        lease->refused >= (lease->opened ? MOST_REFUSED : 1))
        return;
    if (!lease->items) { /* a file that nobody has opened goes as a whole */
        if (waits)
            fst_lease_revoke(lease, 0, 0);
        return;
    }
    size_t cut = find_cut(lease, waits);
    if (cut < lease->n_items)
        fst_lease_revoke(lease, cut, 0);
}

void fst_pause_serve(struct run *run)
{
    struct slot *slot, *tmp;
    struct lease *lease;
    if (!run->n_paused || run->phase != RUN_ACTIVE)
        return;
    HASH_ITER (hh, run->core->slots, slot, tmp) {
        if (slot->agent->run != run || !slot->paused || slot->agent->leaving)
            continue;
        DL_FOREACH(slot->leases, lease)
        {
            ask_back(lease);
        }
    }
}
