#include "coordinator/core/held.h"

#include <string.h>

#include "coordinator/core/agents.h"
#include "coordinator/core/collect.h"
#include "coordinator/core/confirm.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/files.h"
#include "coordinator/core/groups.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/results.h"
#include "coordinator/core/resume.h"

struct adopting {
    struct agent *agent;
    struct run *run;
    struct fst_table paths;
    struct file **files;
};

/* ---- what may be said */

static int check_slot(const struct agent *agent, uint32_t number,
                      struct fst_err *err)
{
    const struct slot *slot = fst_agents_slot(agent, number);
    if (!slot)
        return fst_fail(err, FST_E_PROTO, "HELD: gw%u is none of its slots",
                        number);
    if (slot->up || slot->leases)
        return fst_fail(err, FST_E_PROTO, "HELD in the midst of a session");
    return 0;
}

/* One of another coordinator's; of ours, one that was given. */
static int check_id(const struct fst_core *core, uint64_t id,
                    struct fst_err *err)
{
    bool ours = id >> 32 == core->lease_epoch >> 32;
    const struct lease_record *record = fst_lease_record(core, id);
    if ((ours && !record) || (record && record->live))
        return fst_fail(err, FST_E_PROTO,
                        "HELD: lease %llu, which it can't have",
                        (unsigned long long)id);
    return 0;
}

static int check(const struct agent *agent, const struct fst_held *held,
                 struct fst_err *err)
{
    const struct fst_core *core = agent->run ? agent->run->core : NULL;
    if (!core)
        return fst_fail(err, FST_E_PROTO, "HELD, but there is no run");
    for (size_t i = 0; i < held->n_workers; i++) {
        const struct fst_state *state = &held->workers[i];
        if (check_slot(agent, state->slot, err))
            return -1;
        if (state->state != FST_SLOT_UP && state->state != FST_SLOT_PAUSED)
            return fst_fail(err, FST_E_PROTO, "HELD: a worker that is not up");
    }
    for (size_t i = 0; i < held->n_leases; i++) {
        const struct fst_lease *lease = &held->leases[i].lease;
        if (check_slot(agent, lease->slot, err) ||
            check_id(core, lease->lease, err))
            return -1;
    }
    for (size_t i = 0; i < held->n_past; i++) {
        const struct fst_past_lease *past = &held->past[i];
        if (check_slot(agent, past->slot, err) ||
            check_id(core, past->lease, err))
            return -1;
    }
    return 0;
}

/* ---- files by path */

/* One that only a plugin knew of is added, as LISTED would. */
static struct file *find_file(struct adopting *adopting, const char *path)
{
    uint32_t at = fst_table_intern(&adopting->paths, path, strlen(path));
    if (!adopting->files[at])
        adopting->files[at] = fst_files_add(
            adopting->run, &(struct fst_file_plan){.path = path}, NULL);
    return adopting->files[at];
}

/* ---- leases */

/* A record for an id of another coordinator's. */
static struct lease_record *record_of(struct fst_core *core, uint64_t id)
{
    struct lease_record *record = fst_lease_record(core, id);
    if (record)
        return record;
    struct foreign_lease *foreign = fst_alloc(sizeof *foreign);
    foreign->id = id;
    HASH_ADD(hh, core->foreign, id, sizeof foreign->id, foreign);
    return &foreign->record;
}

/* What comes of it is late, of a confirmation too: what that was for is not
 * known here, and its result is as good as any. false: it is a lease already.
 */
static bool note_lease(const struct adopting *adopting,
                       const struct fst_past_lease *lease, struct file *file)
{
    struct lease_record *record = record_of(adopting->run->core, lease->lease);
    if (record->live)
        return false;
    *record = (struct lease_record){.run = adopting->run,
                                    .file = file,
                                    .agent = adopting->agent->id,
                                    .slot = lease->slot,
                                    .kind = file ? LEASE_PLAIN : LEASE_LIST,
                                    .adopted = true,
                                    .again = file && lease->again};
    return true;
}

/* Without ids: all of it that has not started. */
static void ask_back(const struct adopting *adopting,
                     const struct fst_lease *lease, const struct file *file,
                     const uint32_t *items, size_t count)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKE);
    msg->revoke.lease = lease->lease;
    msg->revoke.slot = lease->slot;
    msg->revoke.items.items =
        fst_arena_array(&msg->arena, count, sizeof *msg->revoke.items.items);
    for (size_t i = 0; i < count; i++)
        msg->revoke.items.items[msg->revoke.items.count++] =
            fst_arena_str(&msg->arena, file->items[items[i]].id);
    fst_effects_send(adopting->run, adopting->agent, msg);
}

/* Those of the file's items that the lease names: [i] is true. The caller's. */
static bool *named_items(const struct file *file,
                         const struct fst_holding *holding)
{
    const struct fst_lease *lease = &holding->lease;
    bool *named = fst_calloc(file->n_items + 1, sizeof *named);
    for (size_t i = 0; lease->whole && i < file->n_items; i++)
        named[i] = !file->items[i].group;
    for (size_t k = 0; k < lease->n_units; k++) {
        const struct fst_unit *unit = &lease->units[k];
        size_t at = fst_files_find_item(file, unit->id), len = strlen(unit->id);
        if (unit->kind == FST_UNIT_ITEM && at != SIZE_MAX)
            named[at] = true;
        for (size_t i = 0; unit->kind == FST_UNIT_FUNCTION && i < file->n_items;
             i++) {
            const struct function *function =
                &file->functions[file->items[i].function];
            named[i] |=
                function->len == len && !strncmp(function->id, unit->id, len);
        }
    }
    for (size_t i = 0; i < holding->gone.count; i++) {
        size_t at = fst_files_find_item(file, holding->gone.items[i]);
        if (at != SIZE_MAX)
            named[at] = false;
    }
    return named;
}

static void adopt_items(const struct adopting *adopting,
                        const struct fst_holding *holding, struct slot *slot,
                        struct file *file)
{
    bool *named = named_items(file, holding);
    uint32_t *ours = fst_calloc(file->n_items + 1, sizeof *ours);
    uint32_t *others = fst_calloc(file->n_items + 1, sizeof *others);
    size_t n_ours = 0, n_others = 0;
    for (size_t i = 0; i < file->n_items; i++) {
        if (!named[i])
            continue;
        if (file->items[i].state == ITEM_QUEUED &&
            fst_groups_allow(file, i, slot))
            ours[n_ours++] = (uint32_t)i;
        else
            others[n_others++] = (uint32_t)i;
    }
    if (n_ours) {
        fst_lease_adopt_items(holding->lease.lease, slot, file, ours, n_ours);
        if (n_others)
            ask_back(adopting, &holding->lease, file, others, n_others);
    } else {
        ask_back(adopting, &holding->lease, file, NULL, 0);
        free(ours);
    }
    free(others);
    free(named);
}

/* Nobody has; one that waits for LISTED is known to be collected. */
static bool can_open(struct file *file)
{
    if (file->state == FILE_HELD)
        fst_files_move(file, FILE_NEW);
    return file->state == FILE_NEW;
}

static void take_lease(struct adopting *adopting,
                       const struct fst_holding *holding)
{
    const struct fst_lease *lease = &holding->lease;
    struct file *file = find_file(adopting, lease->file);
    struct slot *slot = fst_agents_slot(adopting->agent, lease->slot);
    bool plain = lease->kind == FST_LEASE_PLAIN;
    bool again =
        lease->kind == FST_LEASE_CONFIRM || lease->kind == FST_LEASE_RETRY;
    const struct fst_past_lease as_past = {
        .lease = lease->lease, .slot = lease->slot, .again = again};
    if (!note_lease(adopting, &as_past, file))
        return;
    fst_agents_asked(slot); /* it has a worker, or is getting one */
    if (!plain || adopting->run->phase != RUN_ACTIVE ||
        adopting->run->one_worker || adopting->run->collect_only)
        ask_back(adopting, lease, NULL, NULL, 0);
    else if (can_open(file) && lease->whole)
        fst_lease_adopt_whole(lease->lease, slot, file);
    else if (file->state == FILE_LISTED && !file->unstable)
        adopt_items(adopting, holding, slot, file);
    else
        ask_back(adopting, lease, NULL, NULL, 0);
}

/* Who has run what before is known by slot and pid. */
static void take_worker(const struct adopting *adopting,
                        const struct fst_state *state)
{
    struct slot *slot = fst_agents_slot(adopting->agent, state->slot);
    uint32_t worker =
        state->state == FST_SLOT_UP
            ? fst_resume_worker(adopting->run, slot->number, state->pid)
            : slot->worker;
    fst_agents_on_state(adopting->run->core, slot, state);
    if (state->state == FST_SLOT_UP)
        fst_resume_note(adopting->run, slot, worker);
    slot->used = true; /* for all we know */
}

/* Of confirmations and retries only the slot's worker is known, if it was that
 * one. */
static void note_rehearsal(const struct adopting *adopting, uint64_t id)
{
    const struct lease_record *record =
        fst_lease_record(adopting->run->core, id);
    const struct slot *slot = fst_agents_slot(adopting->agent, record->slot);
    if (record->again && slot->up)
        fst_confirm_rehearsed(record->file, slot->worker);
}

/* In the order in which it was said: a file's list before its results. */
static int take_unheard(struct agent *agent, const struct fst_held *held,
                        struct fst_err *err)
{
    const struct fst_results results = {.results = held->results,
                                        .n_results = held->n_results};
    for (size_t i = 0; i < held->n_lists; i++) {
        struct slot *slot = fst_agents_slot(agent, held->lists[i].slot);
        if (!slot)
            return fst_fail(err, FST_E_PROTO, "HELD: a list of gw%u",
                            held->lists[i].slot);
        if (fst_collect_on_collected(agent, slot, &held->lists[i], err))
            return -1;
    }
    return fst_results_on_results(agent, &results, err);
}

int fst_held_take(struct agent *agent, const struct fst_held *held,
                  struct fst_err *err)
{
    struct adopting adopting = {.agent = agent, .run = agent->run};
    if (check(agent, held, err))
        return -1;
    adopting.files = fst_files_index(
        adopting.run, held->n_leases + held->n_past, &adopting.paths);
    for (size_t i = 0; i < held->n_past; i++) {
        const struct fst_past_lease *past = &held->past[i];
        note_lease(&adopting, past,
                   *past->file ? find_file(&adopting, past->file) : NULL);
    }
    for (size_t i = 0; i < held->n_leases; i++)
        take_lease(&adopting, &held->leases[i]);
    for (size_t i = 0; i < held->n_workers; i++)
        take_worker(&adopting, &held->workers[i]);
    for (size_t i = 0; i < held->n_past; i++)
        note_rehearsal(&adopting, held->past[i].lease);
    for (size_t i = 0; i < held->n_leases; i++)
        note_rehearsal(&adopting, held->leases[i].lease.lease);
    int result = take_unheard(agent, held, err);
    fst_table_fini(&adopting.paths);
    free(adopting.files);
    adopting.run->dirty = true;
    return result;
}

void fst_held_fini(struct fst_core *core)
{
    struct foreign_lease *foreign, *next;
    HASH_ITER (hh, core->foreign, foreign, next) {
        HASH_DELETE(hh, core->foreign, foreign);
        free(foreign);
    }
}
