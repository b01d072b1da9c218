#include "tests/sim/world.h"

void sim_say(struct farm *farm, struct agent *agent, struct fst_msg *msg)
{
    int64_t at = farm->now + sim_latency(farm);
    agent->out_at = at > agent->out_at ? at : agent->out_at + 1;
    sim_add_event(farm, agent->out_at,
                  (struct event){.type = TO_CORE, .agent = agent, .msg = msg});
}

void sim_flush(struct farm *farm, struct slot *slot)
{
    struct fst_msg *msg = model_results(&slot->model);
    if (msg)
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
    msg->state.slot = slot->model.slot;
    sim_say_of_slot(farm, slot, msg);
}

void sim_say_credit(struct farm *farm, struct slot *slot)
{
    if (slot->credit)
        return;
    slot->credit = true;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = slot->model.slot;
    sim_say_of_slot(farm, slot, msg);
}

void sim_give_back(struct farm *farm, struct slot *slot)
{
    struct model *model = &slot->model;
    while (model->leases) {
        sim_say_of_slot(farm, slot,
                        model_revoked(model, model_id(model->leases), true));
        model_drop(model, model->leases);
    }
}
