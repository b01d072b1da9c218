/* What a person wants to see of a run that is under way. */
#include "coordinator/core/demand.h"
#include "coordinator/core/files.h"
#include "coordinator/core/lease.h"

void fst_core_counts(const struct fst_core *core, struct fst_run_id id,
                     struct fst_counts *counts)
{
    const struct run *run = fst_core_find_run(core, id);
    *counts = run ? run->counts : (struct fst_counts){0};
}

/* Index of the item that the lease's slot is at, SIZE_MAX: of none. */
static size_t running_item(struct lease *lease)
{
    if (lease->confirm)
        return lease->confirm->item;
    size_t first = lease->items ? fst_lease_first(lease) : lease->n_items;
    return first < lease->n_items ? lease->items[first] : SIZE_MAX;
}

static bool is_at_work(const struct slot *slot, const struct run *run)
{
    return slot->agent->run == run && slot->up && slot->leases &&
           slot->leases->file;
}

size_t fst_core_running(const struct fst_core *core, struct fst_run_id id,
                        struct fst_running *running, size_t most)
{
    const struct run *run = fst_core_find_run(core, id);
    const struct slot *slot, *tmp;
    size_t count = 0;
    HASH_ITER (hh, core->slots, slot, tmp) {
        if (!run || !is_at_work(slot, run))
            continue;
        size_t at = count < most ? count++ : most;
        for (; at && running[at - 1].since_ns > slot->since_ns; at--)
            if (at < most)
                running[at] = running[at - 1];
        if (at == most)
            continue;
        const struct file *file = slot->leases->file;
        size_t item = running_item(slot->leases);
        running[at] = (struct fst_running){
            .agent = {slot->agent->id},
            .slot = slot->number,
            .id = item == SIZE_MAX ? file->path : file->items[item].id,
            .since_ns = slot->since_ns,
        };
    }
    return count;
}

double fst_core_left_s(const struct fst_core *core, struct fst_run_id id,
                       int64_t now_ns)
{
    const struct run *run = fst_core_find_run(core, id);
    const struct slot *slot, *tmp;
    size_t workers;
    double longest = 0;
    if (!run || !run->times || run->collect_only || !fst_files_run_known(run))
        return -1;
    double left = fst_demand_left_s(run, &workers);
    HASH_ITER (hh, core->slots, slot, tmp) {
        if (!is_at_work(slot, run))
            continue;
        size_t item = running_item(slot->leases);
        if (item == SIZE_MAX)
            continue;
        double expect = fst_files_item_s(slot->leases->file, item);
        double took = (double)(now_ns - slot->since_ns) / 1e9;
        left -= took < expect ? took : expect;
        if (expect - took > longest)
            longest = expect - took;
    }
    left = left > 0 ? left / (double)workers : 0;
    return left > longest ? left : longest;
}
