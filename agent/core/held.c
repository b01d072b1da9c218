#include "agent/core/held.h"

#include "shared/proto/codec.h"

/* Strings stay the slots': the message is encoded within the step. */
static void add_worker(struct fst_held *held, const struct fst_slot *slot)
{
    if (slot->up && slot->stage == FST_STAGE_UP && !slot->interrupted)
        held->workers[held->n_workers++] = slot->up->state;
    if (slot->paused)
        held->workers[held->n_workers++] =
            (struct fst_state){.slot = slot->number, .state = FST_SLOT_PAUSED};
}

static void add_leases(struct fst_held *held, const struct fst_slot *slot)
{
    const struct fst_slot_lease *lease;
    const struct fst_slot_past *past;
    fst_vec_each (lease, &slot->held) {
        bool list = !lease->msg || lease->msg->type != FST_MSG_LEASE;
        if (list || lease->differs)
            held->past[held->n_past++] = (struct fst_past_lease){
                .lease = lease->lease,
                .slot = slot->number,
                .file = list ? "" : lease->msg->lease.file,
                .again = !list && fst_slot_is_again(&lease->msg->lease)};
        else
            held->leases[held->n_leases++] = (struct fst_holding){
                .lease = lease->msg->lease,
                .gone = {(const char **)lease->gone.items, lease->gone.count}};
    }
    fst_vec_each (past, &slot->past) {
        held->past[held->n_past++] =
            (struct fst_past_lease){.lease = past->lease,
                                    .slot = slot->number,
                                    .file = past->file,
                                    .again = past->again};
    }
}

static struct fst_msg *new_held(const struct fst_agent *agent)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_HELD);
    struct fst_held *held = &msg->held;
    size_t leases = 0, past = 0;
    for (size_t i = 0; i < agent->n_slots; i++) {
        leases += agent->slots[i].held.count;
        past += agent->slots[i].past.count;
    }
    held->workers =
        fst_arena_array(&msg->arena, 2 * agent->n_slots, sizeof *held->workers);
    held->leases = fst_arena_array(&msg->arena, leases, sizeof *held->leases);
    held->past =
        fst_arena_array(&msg->arena, past + leases, sizeof *held->past);
    for (size_t i = 0; i < agent->n_slots; i++) {
        add_worker(held, &agent->slots[i]);
        add_leases(held, &agent->slots[i]);
    }
    return msg;
}

/* ---- what was not heard: into HELD, so that all of it is taken at once. An
 * earlier HELD was not heard itself. The parts stay unheard's. */

static void add_lists(struct fst_held *held, const struct fst_collected *lists,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        held->lists[held->n_lists++] = lists[i];
}

static void add_results(struct fst_held *held, const struct fst_result *results,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        held->results[held->n_results++] = results[i];
}

static void add_unheard(struct fst_held *held, const struct fst_msg *unheard)
{
    if (unheard->type == FST_MSG_COLLECTED)
        add_lists(held, &unheard->collected, 1);
    if (unheard->type == FST_MSG_RESULTS)
        add_results(held, unheard->results.results, unheard->results.n_results);
    if (unheard->type == FST_MSG_HELD) {
        add_lists(held, unheard->held.lists, unheard->held.n_lists);
        add_results(held, unheard->held.results, unheard->held.n_results);
    }
}

static void make_room(struct fst_msg *msg, struct fst_msg *const *unheard,
                      size_t count)
{
    size_t lists = 0, results = 0;
    for (size_t i = 0; i < count; i++) {
        lists += unheard[i]->type == FST_MSG_COLLECTED;
        if (unheard[i]->type == FST_MSG_RESULTS)
            results += unheard[i]->results.n_results;
        if (unheard[i]->type == FST_MSG_HELD) {
            lists += unheard[i]->held.n_lists;
            results += unheard[i]->held.n_results;
        }
    }
    msg->held.lists =
        fst_arena_array(&msg->arena, lists, sizeof *msg->held.lists);
    msg->held.results =
        fst_arena_array(&msg->arena, results, sizeof *msg->held.results);
}

/* What HELD doesn't tell. */
static bool is_news(struct fst_msg *msg)
{
    switch (msg->type) {
    case FST_MSG_RESULTS:
        msg->results.n_results = 0;
        return msg->results.n_warnings > 0;
    case FST_MSG_OUTPUT:
    case FST_MSG_SUMMARY:
        return true;
    case FST_MSG_STATE:
        return msg->state.state == FST_SLOT_FATAL ||
               msg->state.state == FST_SLOT_STOP;
    default:
        return false;
    }
}

void fst_held_move(struct fst_step *step)
{
    struct fst_agent *agent = step->agent;
    struct fst_link before = agent->link;
    struct fst_msg *held = new_held(agent);
    size_t count = before.kept.count;
    struct fst_msg **unheard = fst_calloc(count + 1, sizeof *unheard);
    for (size_t i = 0; i < count; i++) {
        unheard[i] = fst_link_copy(&before, i);
        unheard[i]->seq = 0;
    }
    make_room(held, unheard, count);
    for (size_t i = 0; i < count; i++)
        add_unheard(&held->held, unheard[i]);
    agent->link = (struct fst_link){0};
    fst_step_send(step, fst_msg_copy(held));
    fst_msg_free(held);
    for (size_t i = 0; i < count; i++) {
        if (is_news(unheard[i]))
            fst_step_send(step, unheard[i]);
        else
            fst_msg_free(unheard[i]);
    }
    free(unheard);
    fst_link_release(&before);
    if (agent->told_leave)
        fst_step_send(step, fst_msg_new(FST_MSG_DRAIN));
}
