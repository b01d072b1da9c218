#include "agent/core/slot.h"

#include <string.h>

#include "agent/core/memory.h"

void fst_slot_effect(const struct fst_slot *slot,
                     enum fst_agent_effect_type type, struct fst_msg *msg,
                     struct fst_agent_effects *out)
{
    fst_vec_add(&out->list,
                ((struct fst_agent_effect){
                    .type = type, .slot = slot->index, .msg = msg}));
}

void fst_slot_init(struct fst_slot *slot, size_t index, uint32_t number)
{
    *slot = (struct fst_slot){.index = index, .number = number};
    slot->start_ns = slot->kill_ns = INT64_MAX;
    fst_hang_stop(&slot->hang);
}

void fst_slot_release(struct fst_slot *slot)
{
    struct fst_held *held;
    fst_vec_each (held, &slot->held) {
        fst_msg_free(held->msg);
    }
    fst_vec_free(&slot->held);
    free(slot->last_id);
    free(slot->memory.test);
    fst_hang_release(&slot->hang);
}

bool fst_slot_has_worker(const struct fst_slot *slot)
{
    return slot->stage == FST_STAGE_STARTING || slot->stage == FST_STAGE_UP;
}

void fst_slot_spawn(struct fst_slot *slot, int64_t now_ns,
                    struct fst_agent_effects *out)
{
    slot->stage = FST_STAGE_STARTING;
    slot->spawn_ns = now_ns;
    slot->used = slot->draining = slot->interrupted = false;
    slot->ended_well = slot->fatal = slot->stopped = slot->recycled = false;
    slot->start_ns = slot->kill_ns = INT64_MAX;
    free(slot->last_id);
    slot->last_id = NULL;
    fst_memory_forget(slot);
    fst_slot_effect(slot, FST_AGENT_SPAWN, NULL, out);
}

void fst_slot_start(struct fst_slot *slot, int64_t now_ns,
                    struct fst_agent_effects *out)
{
    if (slot->stage == FST_STAGE_NONE && slot->start_ns == INT64_MAX)
        fst_slot_spawn(slot, now_ns, out);
}

void fst_slot_hold(struct fst_slot *slot, struct fst_msg *msg)
{
    bool list = msg->type == FST_MSG_LIST;
    fst_vec_add(&slot->held,
                ((struct fst_held){
                    .lease = list ? msg->list.lease : msg->lease.lease,
                    .collect = !list && msg->lease.kind == FST_LEASE_COLLECT,
                    .full = !list && msg->lease.full,
                    .msg = msg}));
}

void fst_slot_feed(struct fst_slot *slot, int64_t now_ns,
                   struct fst_agent_effects *out)
{
    struct fst_held *held;
    fst_vec_each (held, &slot->held) {
        if (!fst_slot_has_worker(slot) || slot->draining || slot->interrupted)
            return;
        if (!held->msg)
            continue;
        bool lease = held->msg->type == FST_MSG_LEASE;
        if (lease && held->msg->lease.fresh && slot->used) {
            fst_slot_drain(slot, now_ns, out);
            return;
        }
        slot->used |= lease;
        fst_slot_effect(slot, FST_AGENT_TELL, held->msg, out);
        held->msg = NULL;
    }
}

void fst_slot_drain(struct fst_slot *slot, int64_t now_ns,
                    struct fst_agent_effects *out)
{
    if (!fst_slot_has_worker(slot) || slot->draining || slot->interrupted)
        return;
    if (slot->stage == FST_STAGE_STARTING && !slot->used) {
        /* It has nothing to finish: don't wait for its imports. */
        fst_slot_interrupt(slot, now_ns, out);
        return;
    }
    slot->draining = true;
    slot->kill_ns = now_ns + FST_AGENT_FINISH_NS;
    fst_slot_effect(slot, FST_AGENT_TELL, fst_msg_new(FST_MSG_DRAIN), out);
}

void fst_slot_interrupt(struct fst_slot *slot, int64_t now_ns,
                        struct fst_agent_effects *out)
{
    if (!fst_slot_has_worker(slot) || slot->interrupted)
        return;
    slot->interrupted = true;
    slot->kill_ns = now_ns + FST_AGENT_INTERRUPT_NS;
    fst_slot_effect(slot, FST_AGENT_INTERRUPT, NULL, out);
}

static struct fst_held *find_held(struct fst_slot *slot, uint64_t lease)
{
    struct fst_held *held;
    fst_vec_each (held, &slot->held) {
        if (held->lease == lease)
            return held;
    }
    return NULL;
}

static void drop_held(struct fst_slot *slot, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++)
        fst_msg_free(slot->held.items[i].msg);
    slot->held.count -= n;
    if (n && slot->held.count > at)
        memmove(slot->held.items + at, slot->held.items + at + n,
                (slot->held.count - at) * sizeof *slot->held.items);
}

void fst_slot_forget(struct fst_slot *slot, uint64_t lease)
{
    struct fst_held *held = find_held(slot, lease);
    if (held)
        drop_held(slot, (size_t)(held - slot->held.items), 1);
}

void fst_slot_opened(struct fst_slot *slot, uint64_t lease)
{
    struct fst_held *held = find_held(slot, lease);
    if (held && held->collect)
        fst_slot_forget(slot, lease);
}

void fst_slot_revoke(struct fst_slot *slot, struct fst_msg *msg,
                     struct fst_agent_effects *out)
{
    uint64_t lease = msg->revoke.lease;
    struct fst_held *held = find_held(slot, lease);
    if (held && !held->msg) {
        fst_slot_effect(slot, FST_AGENT_TELL, msg, out);
        return;
    }
    /* Over, or not begun: then all of it goes back, not just what was asked. */
    fst_slot_send_over(slot, lease, out);
    fst_slot_forget(slot, lease);
    fst_msg_free(msg);
}

void fst_slot_reached(struct fst_slot *slot, uint64_t lease)
{
    struct fst_held *held = find_held(slot, lease);
    if (held && !held->full)
        drop_held(slot, 0, (size_t)(held - slot->held.items));
}

void fst_slot_send_over(const struct fst_slot *slot, uint64_t lease,
                        struct fst_agent_effects *out)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    msg->revoked = (struct fst_revoked){
        .lease = lease, .slot = slot->number, .rest = true};
    fst_slot_effect(slot, FST_AGENT_SEND, msg, out);
}

void fst_slot_give_back(struct fst_slot *slot, bool all,
                        struct fst_agent_effects *out)
{
    size_t at = 0;
    while (at < slot->held.count) {
        struct fst_held *held = &slot->held.items[at];
        if (!all && !held->msg) {
            at++;
            continue;
        }
        fst_slot_send_over(slot, held->lease, out);
        drop_held(slot, at, 1);
    }
}
