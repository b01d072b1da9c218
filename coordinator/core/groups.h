/* Groups of tests (the mark xdist_group): all of a group's tests, of whatever
 * files, run in one slot: the one that got its first, as long as that slot's
 * worker lives. Ids that differ between workers are not bound.
 * Private to coordinator/core. */
#ifndef FST_CORE_GROUPS_H
#define FST_CORE_GROUPS_H

#include "coordinator/core/state.h"

/* The group's number, from 1. */
uint32_t fst_groups_number(struct run *run, const char *name);
/* Its name; NULL for 0. */
const char *fst_groups_name(const struct run *run, uint32_t number);
void fst_groups_fini(struct run *run);

/* May the slot have the item? */
bool fst_groups_allow(const struct file *file, size_t item,
                      const struct slot *slot);
/* Is any of the file's queued items for the slot? O(items) where the file has
 * groups. */
bool fst_groups_have(const struct file *file, const struct slot *slot);
/* The slot gets the item, and so its group. */
void fst_groups_bind(const struct file *file, size_t item,
                     const struct slot *slot);

#endif
