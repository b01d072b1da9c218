/* What an agent does at each event, written as one line: effects are rendered
 * as words, so that a test reads as a dialogue. */
#ifndef FST_TEST_DIALOGUE_H
#define FST_TEST_DIALOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/agent.h"
#include "shared/base/buf.h"
#include "shared/base/mem.h"
#include "shared/proto/link.h"

#define MS INT64_C(1000000)

struct world {
    struct fst_agent *agent;
    struct fst_agent_effects effects;
    struct fst_buf said;
    struct fst_err err;
    int64_t now;
    int result;
    const char *left;       /* what a sweep finds, or NULL */
    uint64_t ordered, sent; /* messages to the agent, and from it */
};

static inline void render_state(struct fst_buf *out,
                                const struct fst_state *state)
{
    static const char *const names[] = {"up",   "down",   "retired", "fatal",
                                        "stop", "paused", "resumed"};
    fst_buf_addf(out, "%s gw%u", names[state->state], state->slot);
    if (state->lease)
        fst_buf_addf(out, " of %d", (int)state->lease);
    if (state->exit_code)
        fst_buf_addf(out, " %u", state->exit_code);
    if (state->text)
        fst_buf_addf(out, " (%s)", state->text);
}

static inline void render_msg(struct fst_buf *out, const struct fst_msg *msg)
{
    switch (msg->type) {
    case FST_MSG_LEASE:
        fst_buf_addf(out, "lease %d", (int)msg->lease.lease);
        break;
    case FST_MSG_LIST:
        fst_buf_addf(out, "list %d", (int)msg->list.lease);
        break;
    case FST_MSG_LISTED:
        fst_buf_addf(out, "listed %d", (int)msg->listed.lease);
        break;
    case FST_MSG_REVOKE:
        fst_buf_addf(out, "revoke %d", (int)msg->revoke.lease);
        break;
    case FST_MSG_REVOKED:
        fst_buf_addf(out, "revoked %d%s", (int)msg->revoked.lease,
                     msg->revoked.rest ? " rest" : "");
        break;
    case FST_MSG_COLLECTED:
        fst_buf_addf(out, "collected %d", (int)msg->collected.lease);
        break;
    case FST_MSG_RESULTS:
        fst_buf_adds(out, "results:");
        for (size_t i = 0; i < msg->results.n_results; i++)
            fst_buf_addf(out, " %s%s%s", msg->results.results[i].id,
                         msg->results.results[i].crashed ? "!" : "",
                         msg->results.results[i].amend ? "+" : "");
        for (size_t i = 0; i < msg->results.n_warnings; i++)
            if (strlen(msg->results.warnings[i].message) < 100)
                fst_buf_addf(out, " (%s)", msg->results.warnings[i].message);
        break;
    case FST_MSG_STATE:
        render_state(out, &msg->state);
        break;
    case FST_MSG_CREDIT:
        fst_buf_addf(out, "credit gw%u", msg->credit.slot);
        break;
    default:
        fst_buf_adds(out, msg->type == FST_MSG_DRAIN ? "drain" : "bye");
    }
}

static inline void render_effect(struct fst_buf *out,
                                 const struct fst_agent_effect *effect)
{
    static const char *const names[] = {
        [FST_AGENT_SEND] = "send",
        [FST_AGENT_SPAWN] = "spawn",
        [FST_AGENT_TELL] = "tell",
        [FST_AGENT_LOOK] = "look",
        [FST_AGENT_SWEEP] = "sweep",
        [FST_AGENT_ASK] = "ask",
        [FST_AGENT_TERMINATE] = "terminate",
        [FST_AGENT_INTERRUPT] = "interrupt",
        [FST_AGENT_KILL] = "kill",
        [FST_AGENT_KILL_STUCK] = "kill-stuck",
        [FST_AGENT_PAUSE] = "pause",
        [FST_AGENT_RESUME] = "resume",
        [FST_AGENT_OVER] = "over",
    };
    if (out->len)
        fst_buf_adds(out, "; ");
    fst_buf_adds(out, names[effect->type]);
    if (effect->type == FST_AGENT_OVER)
        fst_buf_addf(out, " %d%s%s", effect->exit_code, effect->why ? " " : "",
                     effect->why ? effect->why : "");
    else if (effect->type != FST_AGENT_SEND &&
             effect->type != FST_AGENT_SWEEP && effect->type < FST_AGENT_PAUSE)
        fst_buf_addf(out, " %zu", effect->slot);
    if (effect->msg) {
        fst_buf_addc(out, ' ');
        render_msg(out, effect->msg);
    }
}

static inline void render_effects(struct world *world)
{
    const struct fst_agent_effect *effect;
    fst_vec_each (effect, &world->effects.list) {
        render_effect(&world->said, effect);
        if (effect->type == FST_AGENT_SEND && effect->msg && effect->msg->seq)
            world->sent = effect->msg->seq;
    }
    fst_agent_effects_clear(&world->effects);
}

/* The program answers at once; what it finds: world->left. */
static inline void answer_sweep(struct world *world)
{
    if (!strstr(fst_buf_str(&world->said), "sweep"))
        return;
    const struct fst_warning left = {.message = world->left, .category = "W"};
    struct fst_agent_event event = {
        .type = FST_AGENT_EV_SWEPT,
        .warnings = &left,
        .n_warnings = world->left != NULL,
    };
    fst_agent_step(world->agent, &event, world->now, &world->effects,
                   &world->err);
    render_effects(world);
}

static inline const char *step(struct world *world,
                               struct fst_agent_event event)
{
    if (event.type == FST_AGENT_EV_ORDER && fst_link_counts(event.msg->type))
        event.msg->seq = ++world->ordered;
    fst_buf_clear(&world->said);
    world->result = fst_agent_step(world->agent, &event, world->now,
                                   &world->effects, &world->err);
    render_effects(world);
    answer_sweep(world);
    return fst_buf_str(&world->said);
}

static inline const char *order(struct world *world, struct fst_msg *msg)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_ORDER,
                                                .msg = msg});
}

static inline const char *said(struct world *world, size_t slot,
                               struct fst_msg *msg)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_SAID,
                                                .slot = slot,
                                                .msg = msg});
}

static inline const char *lease(struct world *world, uint64_t number,
                                uint32_t slot, bool fresh)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LEASE);
    msg->lease.lease = number;
    msg->lease.slot = slot;
    msg->lease.file = "a.py";
    msg->lease.fresh = fresh;
    return order(world, msg);
}

static inline const char *start(struct world *world, uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_START);
    msg->start.slot = slot;
    return order(world, msg);
}

static inline const char *revoke(struct world *world, uint64_t number,
                                 uint32_t slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKE);
    msg->revoke.lease = number;
    msg->revoke.slot = slot;
    return order(world, msg);
}

static inline const char *cancel(struct world *world, bool now)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CANCEL);
    msg->cancel.why = "interrupted";
    msg->cancel.now = now;
    return order(world, msg);
}

static inline const char *drain(struct world *world)
{
    return order(world, fst_msg_new(FST_MSG_DRAIN));
}

static inline const char *ack(struct world *world, uint64_t seq)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_ACK);
    msg->ack.seq = seq;
    return order(world, msg);
}

static inline const char *ack_all(struct world *world)
{
    return ack(world, world->sent);
}

static inline const char *resumed(struct world *world, uint64_t heard)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_RESUMED,
                                                .heard = heard});
}

static inline const char *says_state(struct world *world, size_t slot,
                                     enum fst_slot_state state)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state.slot = (uint32_t)slot + 10;
    msg->state.state = state;
    return said(world, slot, msg);
}

static inline const char *says_result(struct world *world, size_t slot,
                                      uint64_t of, const char *id,
                                      enum fst_outcome outcome)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    msg->results.results =
        fst_arena_alloc(&msg->arena, sizeof *msg->results.results);
    msg->results.results[0] = (struct fst_result){
        .lease = of, .slot = (uint32_t)slot + 10, .id = id, .outcome = outcome};
    msg->results.n_results = 1;
    return said(world, slot, msg);
}

static inline const char *says_collected(struct world *world, size_t slot,
                                         uint64_t of)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    msg->collected.lease = of;
    msg->collected.slot = (uint32_t)slot + 10;
    return said(world, slot, msg);
}

static inline const char *says_bye(struct world *world, size_t slot)
{
    return said(world, slot, fst_msg_new(FST_MSG_BYE));
}

static inline const char *ends(struct world *world, size_t slot,
                               struct fst_worker_end end)
{
    if (!end.name)
        end.name = "";
    end.tail = "";
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_ENDED,
                                                .slot = slot,
                                                .end = &end});
}

static inline const char *tick(struct world *world)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_TICK});
}

static inline const char *leave(struct world *world)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_LEAVE});
}

/* Slots gw10, gw11, … at places 0, 1, …, all with a worker; up: they are
 * ready. */
static inline struct world new_world(size_t n_slots, bool up)
{
    static const uint32_t numbers[] = {10, 11, 12};
    struct world world = {.now = 1000 * MS};
    world.agent = fst_agent_new(numbers, n_slots);
    step(&world, (struct fst_agent_event){.type = FST_AGENT_EV_START});
    for (size_t i = 1; i < n_slots; i++)
        start(&world, numbers[i]);
    for (size_t i = 0; up && i < n_slots; i++)
        says_state(&world, i, FST_SLOT_UP);
    return world;
}

static inline void free_world(struct world *world)
{
    fst_agent_free(world->agent);
    fst_agent_effects_release(&world->effects);
    fst_buf_release(&world->said);
}

#define TESTING(of, id)                                                        \
    ((struct fst_worker_end){                                                  \
        .status = -9, .doing = FST_DOING_TESTING, .lease = of, .name = id})
#define DIES ((struct fst_worker_end){.status = 1})
#define ENDS ((struct fst_worker_end){.status = 0})

#endif
