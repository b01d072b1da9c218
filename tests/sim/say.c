#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

void sim_say(struct farm *farm, struct agent *agent, struct fst_msg *msg)
{
    int64_t at = farm->now + sim_latency(farm);
    agent->out_at = at > agent->out_at ? at : agent->out_at + 1;
    sim_add_event(farm, agent->out_at,
                  (struct event){.type = TO_CORE, .agent = agent, .msg = msg});
}

void sim_flush(struct farm *farm, struct slot *slot)
{
    size_t count = slot->results.count;
    if (!count)
        return;
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    struct fst_result *to =
        fst_arena_array(&msg->arena, count, sizeof(struct fst_result));
    for (size_t i = 0; i < count; i++) {
        const struct said_result *from = &slot->results.items[i];
        to[i] = (struct fst_result){
            .lease = from->lease,
            .slot = slot->number,
            .id = fst_arena_str(&msg->arena, from->id),
            .outcome = from->outcome,
            .amend = from->amend,
            .crashed = from->crashed,
            .call_s = from->seconds,
        };
    }
    msg->results.results = to;
    msg->results.n_results = count;
    slot->last = slot->results.items[count - 1];
    slot->results.count = 0;
    sim_say(farm, slot->agent, msg);
}

void sim_say_of_slot(struct farm *farm, struct slot *slot, struct fst_msg *msg)
{
    sim_flush(farm, slot);
    sim_say(farm, slot->agent, msg);
}

void sim_say_state(struct farm *farm, struct slot *slot,
                   const struct fst_state *state)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = *state;
    msg->state.slot = slot->number;
    sim_say_of_slot(farm, slot, msg);
}

void sim_say_credit(struct farm *farm, struct slot *slot)
{
    if (slot->credit)
        return;
    slot->credit = true;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = slot->number;
    sim_say_of_slot(farm, slot, msg);
}

struct fst_msg *sim_revoked(const struct slot *slot, uint64_t lease, bool rest)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    msg->revoked.lease = lease;
    msg->revoked.slot = slot->number;
    msg->revoked.rest = rest;
    return msg;
}

uint64_t sim_lease_id(const struct lease *lease)
{
    return lease->msg->type == FST_MSG_LIST ? lease->msg->list.lease
                                            : lease->msg->lease.lease;
}

void sim_drop_lease(struct slot *slot, struct lease *lease)
{
    DL_DELETE2(slot->leases, lease, prev, next_lease);
    free(lease->tests);
    fst_msg_free(lease->msg);
    free(lease);
}

void sim_give_back(struct farm *farm, struct slot *slot)
{
    while (slot->leases) {
        sim_say_of_slot(farm, slot,
                        sim_revoked(slot, sim_lease_id(slot->leases), true));
        sim_drop_lease(slot, slot->leases);
    }
}
