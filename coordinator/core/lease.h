/* Leases: made, sent, revoked, given back, ended. Private to
 * coordinator/core. */
#ifndef FST_CORE_LEASE_H
#define FST_CORE_LEASE_H

#include "coordinator/core/state.h"

/* Each of these makes a lease for the slot and sends it. */

/* A file that nobody has opened, whole, or (collect) only to see its list. */
struct lease *fst_lease_whole(struct slot *slot, struct file *file,
                              bool collect);
/* A file that another slot is opening, so that this one has it open, too. */
struct lease *fst_lease_ahead(struct slot *slot, struct file *file);
/* A listed file's new list, from this slot's worker. */
struct lease *fst_lease_relist(struct slot *slot, struct file *file);
/* Queued items of about most_s expected seconds (at least one item), the first
 * of those at index `from` or behind it (there is one); more where a cut would
 * part a group. */
struct lease *fst_lease_queued(struct slot *slot, struct file *file,
                               size_t from, double most_s);
/* The confirmation or retry becomes the lease's. */
struct lease *fst_lease_confirm(struct slot *slot, struct confirm *confirm);
struct lease *fst_lease_retry(struct slot *slot, struct confirm *confirm);
struct lease *fst_lease_list(struct run *run, struct slot *slot);

/* Leases that another coordinator has given, and that are ours now (held.h);
 * their records are there. A NEW file, or the items (at least one, rising,
 * QUEUED; the array becomes the lease's). */
struct lease *fst_lease_adopt_whole(uint64_t id, struct slot *slot,
                                    struct file *file);
struct lease *fst_lease_adopt_items(uint64_t id, struct slot *slot,
                                    struct file *file, uint32_t *items,
                                    size_t count);

/* Asks for the live items at lease->items[from …]; a lease without items, for
 * all of it. promised: slots that are going to be fed by it. */
void fst_lease_revoke(struct lease *lease, size_t from, size_t promised);
/* The answer has come, or none will. */
void fst_lease_revoked(struct lease *lease);

/* What remains of the lease goes back to the queue; the lease is over. */
enum lease_loss {
    LOSS_GIVEN_BACK, /* by an agent that answers for it */
    LOSS_AGENT,      /* with its agent, which was running nothing of it */
    LOSS_RUNNING,    /* with its agent, which was running its first item */
};
void fst_lease_give_back(struct lease *lease, enum lease_loss loss);
/* Ends it if nothing is owed any more. */
void fst_lease_settle(struct lease *lease);
void fst_lease_end(struct lease *lease);

/* First live item's place in lease->items; n_items: none. */
size_t fst_lease_first(struct lease *lease);
/* NULL: no such lease was ever sent. Until the next one is made. */
struct lease_record *fst_lease_record(const struct fst_core *core, uint64_t id);

#endif
