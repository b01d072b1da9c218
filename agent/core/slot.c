#include "agent/core/slot.h"

#include <string.h>

#include "agent/core/memory.h"
#include "shared/proto/codec.h"

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

static void release_held(struct fst_slot_lease *held)
{
    fst_msg_free(held->msg);
    for (size_t i = 0; i < held->gone.count; i++)
        free(held->gone.items[i]);
    fst_vec_free(&held->gone);
}

void fst_slot_release(struct fst_slot *slot)
{
    struct fst_slot_lease *held;
    struct fst_slot_past *past;
    fst_vec_each (held, &slot->held) {
        release_held(held);
    }
    fst_vec_each (past, &slot->past) {
        free(past->file);
    }
    fst_vec_free(&slot->held);
    fst_vec_free(&slot->past);
    fst_msg_free(slot->up);
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
    fst_msg_free(slot->up);
    slot->up = NULL;
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
                ((struct fst_slot_lease){
                    .lease = list ? msg->list.lease : msg->lease.lease,
                    .collect = !list && msg->lease.kind == FST_LEASE_COLLECT,
                    .full = !list && msg->lease.full,
                    .msg = msg}));
}

void fst_slot_feed(struct fst_slot *slot, int64_t now_ns,
                   struct fst_agent_effects *out)
{
    struct fst_slot_lease *held;
    fst_vec_each (held, &slot->held) {
        if (!fst_slot_has_worker(slot) || slot->draining || slot->interrupted)
            return;
        if (held->told)
            continue;
        bool lease = held->msg->type == FST_MSG_LEASE;
        if (lease && held->msg->lease.fresh && slot->used) {
            fst_slot_drain(slot, now_ns, out);
            return;
        }
        slot->used |= lease;
        held->told = true;
        struct fst_msg *kept = slot->keeps ? fst_msg_copy(held->msg) : NULL;
        fst_slot_effect(slot, FST_AGENT_TELL, held->msg, out);
        held->msg = kept;
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

static struct fst_slot_lease *find_held(struct fst_slot *slot, uint64_t lease)
{
    struct fst_slot_lease *held;
    fst_vec_each (held, &slot->held) {
        if (held->lease == lease)
            return held;
    }
    return NULL;
}

bool fst_slot_is_again(const struct fst_lease *lease)
{
    return lease->kind == FST_LEASE_CONFIRM || lease->kind == FST_LEASE_RETRY;
}

static void drop_held(struct fst_slot *slot, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        struct fst_slot_lease *held = &slot->held.items[i];
        if (held->told && held->msg && held->msg->type == FST_MSG_LEASE) {
            const struct fst_lease *lease = &held->msg->lease;
            fst_vec_add(&slot->past, ((struct fst_slot_past){
                                         held->lease, fst_strdup(lease->file),
                                         fst_slot_is_again(lease)}));
        }
        release_held(held);
    }
    slot->held.count -= n;
    if (n && slot->held.count > at)
        memmove(slot->held.items + at, slot->held.items + at + n,
                (slot->held.count - at) * sizeof *slot->held.items);
}

void fst_slot_forget(struct fst_slot *slot, uint64_t lease)
{
    struct fst_slot_lease *held = find_held(slot, lease);
    if (held)
        drop_held(slot, (size_t)(held - slot->held.items), 1);
}

void fst_slot_opened(struct fst_slot *slot,
                     const struct fst_collected *collected)
{
    struct fst_slot_lease *held = find_held(slot, collected->lease);
    if (held)
        held->differs =
            !collected->same &&
            (!collected->n_items || (held->msg && held->msg->lease.digest));
    if (held && held->collect)
        fst_slot_forget(slot, collected->lease);
}

void fst_slot_revoke(struct fst_slot *slot, struct fst_msg *msg,
                     struct fst_agent_effects *out)
{
    uint64_t lease = msg->revoke.lease;
    struct fst_slot_lease *held = find_held(slot, lease);
    if (held && held->told) {
        fst_slot_effect(slot, FST_AGENT_TELL, msg, out);
        return;
    }
    /* Over, or not begun: then all of it goes back, not just what was asked. */
    fst_slot_send_over(slot, lease, out);
    fst_slot_forget(slot, lease);
    fst_msg_free(msg);
}

void fst_slot_ended(struct fst_slot *slot, uint64_t lease, const char *id)
{
    struct fst_slot_lease *held = slot->keeps ? find_held(slot, lease) : NULL;
    if (held)
        fst_vec_add(&held->gone, fst_strdup(id));
}

void fst_slot_revoked(struct fst_slot *slot, const struct fst_revoked *revoked)
{
    if (revoked->rest) {
        fst_slot_forget(slot, revoked->lease);
        return;
    }
    for (size_t i = 0; i < revoked->items.count; i++)
        fst_slot_ended(slot, revoked->lease, revoked->items.items[i]);
}

void fst_slot_reached(struct fst_slot *slot, uint64_t lease)
{
    struct fst_slot_lease *held = find_held(slot, lease);
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
        struct fst_slot_lease *held = &slot->held.items[at];
        if (!all && held->told) {
            at++;
            continue;
        }
        fst_slot_send_over(slot, held->lease, out);
        drop_held(slot, at, 1);
    }
}
