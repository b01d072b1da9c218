#include "coordinator/core/agents.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/core/collect.h"
#include "coordinator/core/demand.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/end.h"
#include "coordinator/core/fatal.h"
#include "coordinator/core/files.h"
#include "coordinator/core/lease.h"
#include "coordinator/core/pause.h"
#include "coordinator/core/resume.h"
#include "coordinator/core/verdict.h"

struct agent *fst_agents_find(const struct fst_core *core, uint32_t id)
{
    struct agent *agent;
    HASH_FIND(hh, core->agents, &id, sizeof id, agent);
    return agent;
}

static struct slot *find_slot(const struct fst_core *core, uint32_t number)
{
    struct slot *slot;
    HASH_FIND(hh, core->slots, &number, sizeof number, slot);
    return slot;
}

struct slot *fst_agents_slot(const struct agent *agent, uint32_t number)
{
    struct slot *slot = NULL;
    for (size_t i = 0; i < agent->n_slots && !slot; i++) {
        if (agent->slots[i]->number == number)
            slot = agent->slots[i];
    }
    return slot;
}

static bool is_serving(const struct slot *slot)
{
    return slot->asked && !slot->retired;
}

void fst_agents_asked(struct slot *slot)
{
    bool before = is_serving(slot);
    slot->asked = true;
    if (slot->agent->run)
        slot->agent->run->n_serving += !before && is_serving(slot);
}

void fst_agents_hungry(struct slot *slot)
{
    struct run *run = slot->agent->run;
    if (!slot->up || slot->hungry || slot->paused)
        return;
    slot->hungry = true;
    if (run) {
        DL_APPEND(run->hungry, slot);
        run->n_idle += !slot->leases;
        run->dirty = true;
    }
}

void fst_agents_fed(struct slot *slot)
{
    struct run *run = slot->agent->run;
    if (slot->hungry && run) {
        DL_DELETE(run->hungry, slot);
        run->n_idle -= !slot->leases;
    }
    slot->hungry = false;
}

static void see_worker(struct run *run, const struct slot *slot)
{
    bool first = !run->seen_up;
    if (first && slot->full && run->may_full == FST_FULL_ASKED)
        fst_collect_want_all(run);
    else if (first && slot->list && !run->full)
        fst_collect_want_roots(run);
    fst_fatal_up(slot->agent);
    run->seen_up = true;
    fst_demand_up(run, slot->start_s);
}

static void bind(struct agent *agent, struct run *run)
{
    agent->run = run;
    run->n_agents++;
    run->all_asked = false;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = agent->slots[i];
        run->n_paused += slot->paused;
        run->n_serving += is_serving(slot);
        if (slot->up)
            see_worker(run, slot);
        if (slot->hungry) {
            slot->hungry = false;
            fst_agents_hungry(slot);
        }
    }
    run->fatal |= agent->fatal != NULL;
}

void fst_agents_bind(struct run *run)
{
    struct agent *agent, *tmp;
    HASH_ITER (hh, run->core->agents, agent, tmp) {
        if (!agent->run && run->phase == RUN_ACTIVE)
            bind(agent, run);
    }
}

int fst_agents_up(struct fst_core *core, const struct fst_event *event,
                  struct fst_err *err)
{
    uint32_t id = event->agent.v;
    if (fst_agents_find(core, id))
        return fst_fail(err, FST_E_PROTO, "agent %u is here already", id);
    for (size_t i = 0; i < event->n_slots; i++) {
        if (find_slot(core, event->slots[i]))
            return fst_fail(err, FST_E_PROTO, "slot gw%u is taken",
                            event->slots[i]);
    }
    struct agent *agent = fst_alloc(sizeof *agent);
    agent->id = id;
    agent->local = event->local;
    agent->slots = fst_calloc(event->n_slots + 1, sizeof(struct slot *));
    for (size_t i = 0; i < event->n_slots; i++) {
        struct slot *slot = fst_alloc(sizeof *slot);
        slot->number = event->slots[i];
        slot->agent = agent;
        slot->still_ns = INT64_MAX;
        agent->slots[agent->n_slots++] = slot;
        HASH_ADD(hh, core->slots, number, sizeof slot->number, slot);
    }
    agent->slots[0]->asked = true; /* the agent does that by itself */
    HASH_ADD(hh, core->agents, id, sizeof agent->id, agent);
    struct run *run;
    DL_FOREACH(core->runs, run)
    {
        if (run->phase == RUN_ACTIVE) {
            bind(agent, run);
            break;
        }
    }
    return 0;
}

/* All that the slot holds goes back. */
static void give_back_all(struct slot *slot, bool lost)
{
    bool first = true;
    while (slot->leases) {
        enum lease_loss loss = !lost   ? LOSS_GIVEN_BACK
                               : first ? LOSS_RUNNING
                                       : LOSS_AGENT;
        fst_lease_give_back(slot->leases, loss);
        first = false;
    }
}

static void silence_slot(struct slot *slot)
{
    fst_agents_fed(slot);
    fst_demand_worker(slot);
    slot->up = false;
}

/* For good: another one takes its place as a run's only slot. */
static void remove_slot(struct slot *slot)
{
    struct run *run = slot->agent->run;
    silence_slot(slot);
    if (run)
        run->n_serving -= is_serving(slot);
    slot->retired = true;
    fst_pause_off(slot);
    if (run && run->only == slot) {
        run->only = NULL;
        run->dirty = true;
    }
}

void fst_agents_down(struct fst_core *core, struct agent *agent, bool lost)
{
    struct run *run = agent->run;
    agent->gone = true;
    for (size_t i = 0; i < agent->n_slots; i++)
        remove_slot(agent->slots[i]);
    for (size_t i = 0; i < agent->n_slots; i++)
        give_back_all(agent->slots[i], lost);
    for (size_t i = 0; i < agent->n_slots; i++) {
        HASH_DELETE(hh, core->slots, agent->slots[i]);
        free(agent->slots[i]);
    }
    if (run) {
        run->n_agents--;
        run->dirty = true;
    }
    HASH_DELETE(hh, core->agents, agent);
    free(agent->slots);
    free(agent->fatal);
    free(agent);
}

void fst_agents_leaving(struct agent *agent)
{
    agent->leaving = true;
    for (size_t i = 0; i < agent->n_slots; i++)
        fst_pause_on(agent->slots[i], NULL);
}

static int slot_count(const struct run *run)
{
    const struct agent *agent, *tmp;
    size_t count = 0;
    HASH_ITER (hh, run->core->agents, agent, tmp) {
        if (agent->run == run)
            count += agent->n_slots;
    }
    return (int)count;
}

/* As xdist's --max-worker-restart, in its words. */
static void count_crash(struct run *run, const struct slot *slot)
{
    int most = run->max_restart < 0 ? 4 * slot_count(run) : run->max_restart;
    char text[96];
    if (++run->crashes <= most || run->phase != RUN_ACTIVE)
        return;
    if (most)
        snprintf(text, sizeof text, "maximum crashed workers reached: %d",
                 most);
    else
        snprintf(text, sizeof text,
                 "worker 'gw%u' crashed and worker restarting disabled",
                 slot->number);
    fst_end_stop(run, &(struct stop){.exit_code = 1,
                                     .text = text,
                                     .why = "too many crashes"});
}

/* The agent's first line; it names the worker where a test was running. */
static void note_crash(struct run *run, const struct slot *slot,
                       const char *text)
{
    int len = (int)strcspn(text, "\n");
    if (!strncmp(text, "worker '", strlen("worker '")))
        fst_effects_note(run, "%.*s", len, text);
    else
        fst_effects_note(run, "worker 'gw%u': %.*s", slot->number, len, text);
}

static void on_down(struct run *run, struct slot *slot,
                    const struct fst_state *state)
{
    silence_slot(slot);
    if (!run)
        return;
    run->dirty = true; /* groups that were bound to it are free */
    if (state->text) {
        note_crash(run, slot, state->text);
        count_crash(run, slot);
    }
    const struct lease_record *record =
        state->lease ? fst_lease_record(run->core, state->lease) : NULL;
    if (record && record->run == run && record->slot == slot->number)
        fst_collect_killed(record, state->text);
}

static void on_up(struct fst_core *core, struct slot *slot,
                  const struct fst_state *state)
{
    struct run *run = slot->agent->run;
    fst_agents_asked(slot);
    slot->up = true;
    slot->used = false;
    slot->start_s = state->start_s;
    slot->worker = ++core->last_worker;
    slot->pid = state->pid;
    if (!slot->leases) /* else it was started for a confirmation */
        slot->in_order = NULL;
    slot->list = state->list;
    slot->full = state->full != NULL;
    if (run) {
        fst_resume_note(run, slot, slot->worker);
        see_worker(run, slot);
    }
    if (!slot->leases)
        fst_agents_hungry(slot);
}

void fst_agents_on_state(struct fst_core *core, struct slot *slot,
                         const struct fst_state *state)
{
    struct agent *agent = slot->agent;
    struct run *run = agent->run;
    const char *text = state->text ? state->text : "no reason given";
    switch (state->state) {
    case FST_SLOT_UP:
        on_up(core, slot, state);
        break;
    case FST_SLOT_DOWN:
        on_down(run, slot, state);
        break;
    case FST_SLOT_RETIRED:
        remove_slot(slot);
        give_back_all(slot, false);
        if (run)
            fst_effects_note(run, "gw%u is given up: %s", slot->number, text);
        break;
    case FST_SLOT_PAUSED:
        fst_pause_on(slot, state->text);
        break;
    case FST_SLOT_RESUMED:
        if (!agent->leaving)
            fst_pause_off(slot);
        break;
    case FST_SLOT_FATAL:
        fst_fatal_on_state(agent, text, (int)state->exit_code);
        break;
    case FST_SLOT_STOP:
        if (run)
            fst_end_stop(run, &(struct stop){.exit_code = (int)state->exit_code,
                                             .text = text,
                                             .why = text});
        break;
    }
}
