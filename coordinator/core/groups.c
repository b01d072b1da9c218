#include "coordinator/core/groups.h"

#include <string.h>

struct group {
    const char *name;
    uint32_t number;
    bool bound;
    uint32_t slot; /* where it is bound */
    UT_hash_handle hh;
};

uint32_t fst_groups_number(struct run *run, const char *name)
{
    struct group *group;
    HASH_FIND_STR(run->groups.by_name, name, group);
    if (!group) {
        group = fst_arena_alloc(&run->arena, sizeof *group);
        group->name = fst_arena_str(&run->arena, name);
        fst_vec_add(&run->groups.list, group);
        group->number = (uint32_t)run->groups.list.count;
        HASH_ADD_KEYPTR(hh, run->groups.by_name, group->name,
                        strlen(group->name), group);
    }
    return group->number;
}

const char *fst_groups_name(const struct run *run, uint32_t number)
{
    return number ? run->groups.list.items[number - 1]->name : NULL;
}

void fst_groups_fini(struct run *run)
{
    HASH_CLEAR(hh, run->groups.by_name);
    fst_vec_free(&run->groups.list);
}

static struct group *group_of(const struct file *file, size_t item)
{
    uint32_t number = file->unstable ? 0 : file->items[item].group;
    return number ? file->run->groups.list.items[number - 1] : NULL;
}

/* The slot that the group is bound to, while it takes leases: else nothing
 * might be under way that the others could wait for. */
static const struct slot *home_of(const struct run *run,
                                  const struct group *group)
{
    const struct slot *slot = NULL;
    if (group->bound)
        HASH_FIND(hh, run->core->slots, &group->slot, sizeof group->slot, slot);
    return slot && slot->agent->run == run &&
                   (slot->leases || (slot->up && !slot->paused))
               ? slot
               : NULL;
}

bool fst_groups_allow(const struct file *file, size_t item,
                      const struct slot *slot)
{
    const struct group *group = group_of(file, item);
    const struct slot *home = group ? home_of(file->run, group) : NULL;
    return !home || home == slot;
}

bool fst_groups_have(const struct file *file, const struct slot *slot)
{
    if (!file->grouped || file->unstable)
        return true;
    for (size_t i = file->queue_from; i < file->n_items; i++) {
        if (file->items[i].state == ITEM_QUEUED &&
            fst_groups_allow(file, i, slot))
            return true;
    }
    return false;
}

void fst_groups_bind(const struct file *file, size_t item,
                     const struct slot *slot)
{
    struct group *group = group_of(file, item);
    if (!group)
        return;
    group->bound = true;
    group->slot = slot->number;
}
