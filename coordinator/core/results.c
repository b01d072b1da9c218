#include "coordinator/core/results.h"

#include <string.h>

#include "coordinator/core/agents.h"
#include "coordinator/core/confirm.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/files.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/resume.h"
#include "coordinator/core/verdict.h"

/* An item that so many dispatches could not find in its file is an error. */
enum { MOST_LOST = 3 };

/* Of an item, the late ones included; more are no news. */
enum { MOST_ATTEMPTS = 1000 };

/* docs/worker.md: a crashed test's name is cut at this length. */
enum { LONGEST_NAME = 4032 };

/* Index of the result's item; SIZE_MAX: none. Most results come in the order
 * of their lease. */
static size_t find_item(struct lease_record *record,
                        const struct fst_result *result)
{
    struct file *file = record->file;
    struct lease *lease = record->live;
    if (lease && lease->kind == LEASE_PLAIN) {
        size_t first = fst_lease_first(lease);
        if (first < lease->n_items) {
            uint32_t at = lease->items[first];
            const char *id = file->items[at].id;
            size_t len = strlen(result->id);
            if (!strcmp(id, result->id) ||
                (result->crashed && len >= LONGEST_NAME &&
                 !strncmp(id, result->id, len)))
                return at;
        }
    }
    return fst_files_find_item(file, result->id);
}

static int check_result(const struct agent *agent,
                        const struct fst_result *result, struct fst_err *err)
{
    struct lease_record *record =
        fst_lease_record(agent->run->core, result->lease);
    if (!record || record->agent != agent->id || record->slot != result->slot ||
        record->kind == LEASE_LIST)
        return fst_fail(err, FST_E_PROTO,
                        "a result of lease %llu, which gw%u never had",
                        (unsigned long long)result->lease, result->slot);
    /* Given by a coordinator that knew more of the file. */
    if (record->adopted)
        return 0;
    /* Where lists differ, function units match items that ours lacks. */
    if (result->outcome == FST_ABSENT || record->file->unstable ||
        record->kind == LEASE_CONFIRM || find_item(record, result) != SIZE_MAX)
        return 0;
    return fst_fail(err, FST_E_PROTO, "a result of %s, which %s doesn't have",
                    result->id, record->file->path);
}

/* The worker lacks the item; another one may have it. */
static void take_absent(struct lease_record *record, size_t index)
{
    struct file *file = record->file;
    struct lease *lease = record->live;
    if (index == SIZE_MAX || !lease)
        return;
    if (lease->kind == LEASE_CONFIRM) {
        if (lease->confirm->item == index) {
            lease->opened = true; /* it is answered: not again */
            fst_lease_give_back(lease, LOSS_GIVEN_BACK);
        }
        return;
    }
    struct item *item = &file->items[index];
    if (item->state != ITEM_LEASED || item->lease != lease)
        return;
    if (++item->lost >= MOST_LOST)
        fst_verdict_lost(file, index, "no worker could find it again");
    else
        fst_files_move_item(file, index, ITEM_QUEUED, NULL);
    fst_files_place(file, false);
    fst_lease_settle(lease);
}

/* Which worker it is from: of a session that was taken on, perhaps not the one
 * that is there now. */
static uint32_t worker_of(const struct lease_record *record,
                          const struct slot *slot,
                          const struct fst_result *result)
{
    if (!record->adopted || result->pid == slot->pid)
        return slot->worker;
    return fst_resume_worker(record->run, slot->number, result->pid);
}

static void take_late(struct lease_record *record, uint32_t worker,
                      size_t index, const struct fst_result *result)
{
    struct file *file = record->file;
    struct item *item = &file->items[index];
    bool same_worker = item->worker == worker;
    bool twin = item->flags & ITEM_HAS_TWIN && same_worker &&
                result->outcome > item->outcome;
    if (item->state == ITEM_ENDED && same_worker && (result->amend || twin)) {
        fst_verdict_amend(file, index, result);
    } else if (item->state == ITEM_CONFIRMING && result->amend) {
        if (same_worker && result->outcome > item->outcome)
            item->outcome = (uint8_t)result->outcome;
    } else if (!result->amend && item->attempts < MOST_ATTEMPTS) {
        fst_verdict_attempt(file, index, result, FST_ATTEMPT_DUPLICATE);
    }
}

/* The first result of an item. */
static void take_first(struct file *file, uint32_t worker, size_t index,
                       const struct fst_result *result)
{
    struct item *item = &file->items[index];
    struct lease *lease = item->state == ITEM_LEASED ? item->lease : NULL;
    double took = result->setup_s + result->call_s + result->teardown_s -
                  result->shared_s;
    if (took >= 0) { /* also no NaN */
        file->sum_s += took;
        file->n_timed++;
        file->run->sum_s += took;
        file->run->n_timed++;
    }
    if (worker == file->home && result->shared_s > 0)
        file->shared_s += result->shared_s;
    item->worker = worker;
    item->outcome = (uint8_t)result->outcome;
    if (result->crashed)
        item->flags |= ITEM_CRASHED;
    fst_verdict_attempt(file, index, result,
                        item->lost ? FST_ATTEMPT_AGAIN : FST_ATTEMPT_FIRST);
    if (!fst_core_bad(result->outcome) ||
        !fst_confirm_wanted(file, index, worker))
        fst_verdict_item(file, index, result->outcome, item->attempts);
    if (lease)
        fst_lease_settle(lease);
}

static void take_result(struct agent *agent, const struct fst_result *result)
{
    struct lease_record *record =
        fst_lease_record(agent->run->core, result->lease);
    struct slot *slot = fst_agents_slot(agent, result->slot);
    struct file *file = record->file;
    if (!file)
        return;
    size_t index = find_item(record, result);
    if (result->outcome == FST_ABSENT) {
        take_absent(record, index);
        return;
    }
    slot->since_ns = agent->run->core->now_ns;
    if (record->kind == LEASE_CONFIRM) {
        fst_confirm_result(record, slot, index, result);
        return;
    }
    if (index == SIZE_MAX && record->adopted && record->live) {
        /* Its ids differ between workers: it must be opened here once more. */
        fst_lease_give_back(record->live, LOSS_GIVEN_BACK);
    }
    if (index == SIZE_MAX)
        return;
    uint8_t state = file->items[index].state;
    uint32_t worker = worker_of(record, slot, result);
    if (record->again)
        fst_confirm_rehearsed(file, worker);
    if (!result->amend && (state == ITEM_QUEUED || state == ITEM_LEASED))
        take_first(file, worker, index, result);
    else if (state == ITEM_ENDED || state == ITEM_CONFIRMING)
        take_late(record, worker, index, result);
}

int fst_results_on_results(struct agent *agent,
                           const struct fst_results *results,
                           struct fst_err *err)
{
    if (fst_verdict_check(results->results, results->n_results, false, err))
        return -1;
    for (size_t i = 0; i < results->n_results; i++) {
        if (check_result(agent, &results->results[i], err))
            return -1;
    }
    for (size_t i = 0; i < results->n_results; i++)
        take_result(agent, &results->results[i]);
    return 0;
}

/* Returned items whose group has begun on the slot stay there. */
static void keep_group(struct slot *slot, const struct lease *lease,
                       size_t lowest)
{
    struct file *file = lease->file;
    if (!slot->up || file->run->phase != RUN_ACTIVE ||
        fst_files_boundary(file, lowest))
        return;
    const struct item *before = &file->items[lowest - 1];
    bool begun = before->state == ITEM_LEASED ? before->lease == lease
                                              : before->worker == slot->worker;
    if (begun)
        fst_lease_queued(slot, file, lowest, 0);
}

/* The item for which the others were revoked runs next. */
static void go_first(struct slot *slot, struct lease *lease)
{
    uint32_t urgent = lease->urgent;
    lease->urgent = 0;
    if (urgent && slot->up && lease->run->phase == RUN_ACTIVE &&
        lease->file->items[urgent].state == ITEM_QUEUED)
        fst_lease_queued(slot, lease->file, urgent, 0);
}

int fst_results_on_revoked(struct agent *agent, struct slot *slot,
                           const struct fst_revoked *revoked,
                           struct fst_err *err)
{
    const struct lease_record *record =
        fst_lease_record(agent->run->core, revoked->lease);
    if (!record || record->agent != agent->id || record->slot != slot->number)
        return fst_fail(err, FST_E_PROTO,
                        "REVOKED of lease %llu, which gw%u never had",
                        (unsigned long long)revoked->lease, slot->number);
    struct lease *lease = record->live;
    if (!lease)
        return 0;
    if (revoked->rest) {
        fst_lease_give_back(lease, LOSS_GIVEN_BACK);
        return 0;
    }
    struct file *file = lease->file;
    size_t lowest = SIZE_MAX;
    for (size_t i = 0; i < revoked->items.count && file; i++) {
        size_t at = fst_files_find_item(file, revoked->items.items[i]);
        if (at == SIZE_MAX || file->items[at].state != ITEM_LEASED ||
            file->items[at].lease != lease)
            continue;
        fst_files_move_item(file, at, ITEM_QUEUED, NULL);
        lowest = at < lowest ? at : lowest;
    }
    if (lowest == SIZE_MAX)
        lease->refused++;
    else
        file->sharers += lease->promised;
    fst_lease_revoked(lease);
    if (lowest != SIZE_MAX) {
        fst_files_place(file, true);
        keep_group(slot, lease, lowest);
        go_first(slot, lease);
    }
    fst_lease_settle(lease);
    return 0;
}
