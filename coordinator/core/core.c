#include "coordinator/core/core.h"

#include <string.h>

#include "coordinator/core/agents.h"
#include "coordinator/core/collect.h"
#include "coordinator/core/demand.h"
#include "coordinator/core/end.h"
#include "coordinator/core/fatal.h"
#include "coordinator/core/files.h"
#include "coordinator/core/groups.h"
#include "coordinator/core/held.h"
#include "coordinator/core/pause.h"
#include "coordinator/core/pick.h"
#include "coordinator/core/results.h"
#include "coordinator/core/resume.h"
#include "coordinator/core/state.h"
#include "coordinator/core/still.h"

/* Agents that are dropped before a test is blamed for the loss of one. */
enum { MOST_FORGIVEN = 20 };

struct fst_core *fst_core_new(void)
{
    return fst_alloc(sizeof(struct fst_core));
}

static void free_agents(struct fst_core *core)
{
    struct agent *agent, *tmp;
    struct slot *slot, *next;
    HASH_ITER (hh, core->slots, slot, next) {
        while (slot->leases) {
            struct lease *lease = slot->leases;
            DL_DELETE(slot->leases, lease);
            free(lease->items);
            free(lease->confirm);
            free(lease);
        }
        HASH_DELETE(hh, core->slots, slot);
        free(slot);
    }
    HASH_ITER (hh, core->agents, agent, tmp) {
        HASH_DELETE(hh, core->agents, agent);
        free(agent->slots);
        free(agent->fatal);
        free(agent);
    }
}

static void free_run(struct run *run)
{
    struct file *file;
    struct confirm *confirm, *tmp;
    DL_FOREACH(run->files, file)
    {
        fst_files_fini(file);
    }
    DL_FOREACH_SAFE(run->confirms, confirm, tmp)
    {
        free(confirm);
    }
    fst_vec_free(&run->past_workers);
    HASH_CLEAR(hh, run->reports);
    fst_groups_fini(run);
    fst_arena_release(&run->arena);
    free(run);
}

void fst_core_number_leases(struct fst_core *core, uint32_t epoch)
{
    core->lease_epoch = (uint64_t)epoch << 32;
}

void fst_core_free(struct fst_core *core)
{
    struct run *run, *next;
    if (!core)
        return;
    free_agents(core);
    DL_FOREACH_SAFE(core->runs, run, next)
    {
        free_run(run);
    }
    fst_vec_free(&core->records);
    fst_held_fini(core);
    free(core);
}

/* What follows from whatever has just happened. */
static void settle(struct run *run)
{
    if (run->phase == RUN_ENDED)
        return;
    if (run->collect_only)
        fst_collect_print(run);
    fst_fatal_serve(run);
    fst_end_check(run);
    fst_pause_serve(run);
    fst_pick_serve(run);
    fst_demand_serve(run);
}

static void copy_strings(struct run *run, struct fst_strs *to,
                         const char *const *items, size_t count)
{
    to->items = fst_arena_array(&run->arena, count, sizeof *to->items);
    to->count = count;
    for (size_t i = 0; i < count; i++)
        to->items[i] = fst_arena_str(&run->arena, items[i]);
}

struct fst_run_id fst_core_add_run(struct fst_core *core,
                                   const struct fst_run_spec *spec,
                                   int64_t now_ns, struct fst_effects *effects)
{
    struct run *run = fst_alloc(sizeof *run);
    core->now_ns = now_ns;
    core->out = effects;
    run->core = core;
    run->id = ++core->last_run;
    run->times = spec->times;
    run->start_s = fst_times_start(spec->times);
    run->maxfail = spec->maxfail;
    run->confirm = spec->confirm;
    run->retries = spec->retries;
    run->fail_flaky = spec->fail_flaky;
    run->collect_only = spec->collect_only;
    run->one_worker = spec->one_worker;
    run->held = run->gathered = spec->held;
    run->keep_files = spec->keep_files;
    run->given_order = spec->given_order;
    run->max_restart = spec->max_worker_restart;
    run->tick_ns = run->first_up_ns = run->demand_ns = INT64_MAX;
    copy_strings(run, &run->list_dirs, spec->list_dirs, spec->n_list_dirs);
    copy_strings(run, &run->roots, spec->roots, spec->n_roots);
    run->list = spec->n_list_dirs ? LIST_WANTED : LIST_NONE;
    run->may_full = spec->full;
    for (size_t i = 0; i < spec->n_files; i++)
        fst_files_add(run, &spec->files[i], NULL);
    if (spec->full == FST_FULL_ALWAYS)
        fst_collect_want_all(run);
    if (spec->recalled)
        fst_resume(run, spec->recalled);
    DL_APPEND(core->runs, run);
    fst_agents_bind(run);
    settle(run);
    core->out = NULL;
    return (struct fst_run_id){run->id};
}

static int on_slot_message(struct fst_core *core, struct agent *agent,
                           const struct fst_msg *msg, struct fst_err *err)
{
    uint32_t number = msg->type == FST_MSG_CREDIT      ? msg->credit.slot
                      : msg->type == FST_MSG_COLLECTED ? msg->collected.slot
                      : msg->type == FST_MSG_REVOKED   ? msg->revoked.slot
                                                       : msg->state.slot;
    struct slot *slot = fst_agents_slot(agent, number);
    if (!slot)
        return fst_fail(err, FST_E_PROTO, "gw%u is none of its slots", number);
    if (msg->type == FST_MSG_CREDIT) {
        fst_agents_hungry(slot);
        return 0;
    }
    if (msg->type == FST_MSG_STATE) {
        fst_agents_on_state(core, slot, &msg->state);
        return 0;
    }
    if (!agent->run)
        return fst_fail(err, FST_E_PROTO, "an answer before any lease");
    return msg->type == FST_MSG_COLLECTED
               ? fst_collect_on_collected(agent, slot, &msg->collected, err)
               : fst_results_on_revoked(agent, slot, &msg->revoked, err);
}

static int on_message(struct fst_core *core, const struct fst_event *event,
                      struct fst_err *err)
{
    struct agent *agent = fst_agents_find(core, event->agent.v);
    const struct fst_msg *msg = event->msg;
    if (!agent)
        return fst_fail(err, FST_E_PROTO, "agent %u is not known",
                        event->agent.v);
    if (msg->type == FST_MSG_BYE) {
        fst_agents_down(core, agent, false);
        return 0;
    }
    if (agent->run && agent->run->phase == RUN_ENDED)
        return 0;
    switch (msg->type) {
    case FST_MSG_DRAIN:
        fst_agents_leaving(agent);
        return 0;
    case FST_MSG_CREDIT:
    case FST_MSG_COLLECTED:
    case FST_MSG_REVOKED:
    case FST_MSG_STATE:
        return on_slot_message(core, agent, msg, err);
    case FST_MSG_HELD:
        return fst_held_take(agent, &msg->held, err);
    case FST_MSG_LISTED:
        return fst_collect_on_listed(agent, &msg->listed, err);
    case FST_MSG_SUMMARY:
        if (agent->run)
            fst_end_on_summary(agent->run, &msg->summary);
        return 0;
    case FST_MSG_PING:
        return fst_still_on_ping(agent, &msg->ping, err);
    case FST_MSG_RESULTS:
        if (!agent->run)
            return fst_fail(err, FST_E_PROTO, "results before any lease");
        return fst_results_on_results(agent, &msg->results, err);
    default:
        return fst_fail(err, FST_E_PROTO, "a message that agents don't send");
    }
}

static void on_begin(struct run *run)
{
    run->held = false;
    run->dirty = true;
}

static void on_stop(struct run *run, const struct fst_event *event)
{
    const char *why = event->why ? event->why : "stopped";
    fst_end_stop(run, &(struct stop){.exit_code = event->exit_code,
                                     .text = why,
                                     .why = why,
                                     .now = event->now});
}

static void on_no_agents(struct run *run, const struct fst_event *event)
{
    if (run->phase == RUN_ENDED)
        return;
    fst_end_stop(run,
                 &(struct stop){.exit_code = 3,
                                .text = event->why ? event->why : "no agent",
                                .why = "no agent"});
    fst_end_finish(run);
}

static void on_tick(struct fst_core *core)
{
    struct run *run;
    DL_FOREACH(core->runs, run)
    {
        if (run->phase == RUN_ACTIVE && run->tick_ns <= core->now_ns)
            run->dirty = true;
    }
}

static bool is_forgiven(struct run *run, const struct fst_event *down)
{
    return run && down->dropped && run->dropped++ < MOST_FORGIVEN;
}

static int handle(struct fst_core *core, const struct fst_event *event,
                  struct fst_err *err)
{
    struct run *run = NULL;
    struct agent *agent = NULL;
    switch (event->type) {
    case FST_EV_AGENT_UP:
        return fst_agents_up(core, event, err);
    case FST_EV_AGENT_DOWN:
        agent = fst_agents_find(core, event->agent.v);
        if (agent)
            fst_agents_down(core, agent, !is_forgiven(agent->run, event));
        return 0;
    case FST_EV_MESSAGE:
        return on_message(core, event, err);
    case FST_EV_TICK:
        on_tick(core);
        return 0;
    case FST_EV_BEGIN:
    case FST_EV_STOP:
    case FST_EV_NO_AGENTS:
        run = fst_core_find_run(core, event->run);
        if (!run)
            return fst_fail(err, FST_E_NOTFOUND, "run %u is not known",
                            event->run.v);
        if (event->type == FST_EV_BEGIN)
            on_begin(run);
        else if (event->type == FST_EV_STOP)
            on_stop(run, event);
        else
            on_no_agents(run, event);
        return 0;
    }
    return fst_fail(err, FST_E_INTERNAL, "an event of unknown type");
}

int fst_core_step(struct fst_core *core, const struct fst_event *event,
                  int64_t now_ns, struct fst_effects *effects,
                  struct fst_err *err)
{
    struct run *run;
    core->now_ns = now_ns;
    core->from = event->agent;
    core->out = effects;
    int result = handle(core, event, err);
    DL_FOREACH(core->runs, run)
    {
        settle(run);
    }
    core->out = NULL;
    return result;
}

int64_t fst_core_deadline(const struct fst_core *core)
{
    const struct run *run;
    int64_t first = INT64_MAX;
    DL_FOREACH(core->runs, run)
    {
        first = run->tick_ns < first ? run->tick_ns : first;
        if (run->phase == RUN_ACTIVE && run->demand_ns < first)
            first = run->demand_ns;
    }
    return first;
}
