#include "tests/sim/farm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/world.h"

#define END_OF_TIME (INT64_C(100000) * SECOND)
enum { MOST_EVENTS = 3000000 };

static void watch_sent(struct farm *farm, const struct fst_msg *msg)
{
    struct suite *suite = farm->suite;
    struct judge *judge = &farm->judge;
    if (msg->type == FST_MSG_CANCEL) {
        judge->cancelled = judge->stopped = true;
        bool missing = false;
        for (size_t i = 0; i < suite->n_files; i++)
            missing = missing || suite->files[i].missing;
        if (!missing && !suite->maxfail && !suite->stops &&
            suite->max_worker_restart > 1000)
            judge_fail(judge, "stopped for \"%s\"", msg->cancel.why);
    }
    if (msg->type != FST_MSG_LEASE)
        return;
    farm->result.leases++;
    if (!farm->first_lease)
        farm->first_lease = farm->now;
    if (judge->cancelled)
        judge_fail(judge, "a lease after the cancel");
    if (farm->only < 0)
        farm->only = (int)msg->lease.slot;
    if (suite->one_worker && !suite->faults &&
        farm->only != (int)msg->lease.slot)
        judge_fail(judge, "one_worker, but two slots have leases");
}

static void trace(const struct farm *farm, const char *who, uint32_t agent,
                  const struct fst_msg *msg)
{
    if (!farm->spec->trace)
        return;
    printf("%10.4f %s %u type %d", (double)farm->now / 1e9, who, agent,
           msg->type);
    if (msg->type == FST_MSG_LEASE)
        printf(" lease %llu gw%u %s kind %d whole %d units %zu %s%s",
               (unsigned long long)msg->lease.lease, msg->lease.slot,
               msg->lease.file, msg->lease.kind, msg->lease.whole,
               msg->lease.n_units,
               msg->lease.n_units ? msg->lease.units[0].id : "",
               msg->lease.fresh ? " fresh" : "");
    if (msg->type == FST_MSG_COLLECTED)
        printf(" lease %llu gw%u %s same %d items %zu",
               (unsigned long long)msg->collected.lease, msg->collected.slot,
               msg->collected.file, msg->collected.same,
               msg->collected.n_items);
    for (size_t i = 0;
         msg->type == FST_MSG_RESULTS && i < msg->results.n_results; i++)
        printf(" [%llu %s %s%s]",
               (unsigned long long)msg->results.results[i].lease,
               msg->results.results[i].id,
               fst_outcome_names[msg->results.results[i].outcome],
               msg->results.results[i].crashed ? " crashed" : "");
    if (msg->type == FST_MSG_STATE)
        printf(" gw%u state %d lease %llu", msg->state.slot, msg->state.state,
               (unsigned long long)msg->state.lease);
    if (msg->type == FST_MSG_REVOKE)
        printf(" lease %llu gw%u items %zu",
               (unsigned long long)msg->revoke.lease, msg->revoke.slot,
               msg->revoke.items.count);
    if (msg->type == FST_MSG_REVOKED)
        printf(" lease %llu gw%u items %zu rest %d",
               (unsigned long long)msg->revoked.lease, msg->revoked.slot,
               msg->revoked.items.count, msg->revoked.rest);
    if (msg->type == FST_MSG_CREDIT)
        printf(" gw%u", msg->credit.slot);
    putchar('\n');
}

static void carry_out(struct farm *farm)
{
    for (size_t i = 0; i < farm->effects.list.count; i++) {
        struct fst_effect *effect = &farm->effects.list.items[i];
        if (effect->type != FST_EF_SEND) {
            judge_effect(&farm->judge, effect);
            journal_effect(&farm->journal, effect);
            if (farm->spec->trace && effect->type == FST_EF_ENDED)
                printf("%10.4f ended: %d %s\n", (double)farm->now / 1e9,
                       effect->exit_code, effect->text ? effect->text : "");
            if (effect->type == FST_EF_OUTCOME)
                farm->last_outcome = farm->now;
            continue;
        }
        watch_sent(farm, effect->msg);
        farm->result.revokes += effect->msg->type == FST_MSG_REVOKE;
        trace(farm, "->", effect->agent.v, effect->msg);
        struct agent *agent = farm->agents;
        while (agent && agent->id != effect->agent.v)
            agent = agent->next;
        if (!agent) {
            judge_fail(&farm->judge, "a message to agent %u", effect->agent.v);
            continue;
        }
        int64_t at = farm->now + sim_latency(farm);
        agent->in_at = at > agent->in_at ? at : agent->in_at + 1;
        sim_add_event(farm, agent->in_at,
                      (struct event){.type = TO_AGENT,
                                     .agent = agent,
                                     .msg = effect->msg});
        effect->msg = NULL; /* taken */
    }
    fst_effects_clear(&farm->effects);
    if (farm->spec->check)
        fst_core_check(farm->core);
}

void sim_step(struct farm *farm, const struct fst_event *event)
{
    struct fst_err err = {0};
    clock_t before = clock();
    int result =
        fst_core_step(farm->core, event, farm->now, &farm->effects, &err);
    farm->result.cpu_s += (double)(clock() - before) / CLOCKS_PER_SEC;
    farm->result.steps++;
    if (result)
        judge_fail(&farm->judge, "refused: %s", err.msg);
    carry_out(farm);
}

static void agent_gone(struct farm *farm, struct agent *agent)
{
    sim_step(farm, &(struct fst_event){.type = FST_EV_AGENT_DOWN,
                                       .agent = {agent->id},
                                       .why = "killed"});
    sim_add_event(farm, farm->now + rng_below(&farm->rng, 1000) * SECOND / 1000,
                  (struct event){.type = AGENT_COMES,
                                 .epoch = agent->slots[0].model.slot});
}

static void on_core_message(struct farm *farm, const struct event *event)
{
    if (event->at <= event->agent->cut) {
        trace(farm, "<-", event->agent->id, event->msg);
        sim_step(farm, &(struct fst_event){.type = FST_EV_MESSAGE,
                                           .agent = {event->agent->id},
                                           .msg = event->msg});
    }
    fst_msg_free(event->msg);
}

static void add_run(struct farm *farm, const struct fst_recalled *recalled);

static void restart(struct farm *farm)
{
    if (farm->judge.cancelled || farm->judge.stopped)
        return;
    sim_end_agents(farm);
    fst_core_free(farm->core);
    farm->core = fst_core_new();
    farm->only = -1;
    judge_restart(&farm->judge);
    struct fst_recalled recalled = journal_recall(&farm->journal);
    add_run(farm, &recalled);
    judge_kept(&farm->judge);
}

static void handle(struct farm *farm, const struct event *event)
{
    switch (event->type) {
    case TO_CORE:
        on_core_message(farm, event);
        break;
    case TO_AGENT:
        sim_agent_hear(farm, event->agent, event->msg);
        break;
    case WORKER:
        if (event->slot->epoch == event->epoch && event->slot->agent->alive)
            sim_worker_next(farm, event->slot);
        break;
    case AGENT_COMES:
        sim_agent_comes(farm, event->epoch);
        break;
    case AGENT_GONE:
        agent_gone(farm, event->agent);
        break;
    case KILL_AGENT:
        sim_kill_agent(farm);
        break;
    case KILL_WORKER:
        sim_kill_worker(farm);
        break;
    case RETIRE:
        sim_retire_slot(farm);
        break;
    case RESTART:
        restart(farm);
        break;
    case STOP:
        farm->judge.stopped = true;
        sim_step(farm, &(struct fst_event){.type = FST_EV_STOP,
                                           .run = farm->run,
                                           .why = "interrupted",
                                           .exit_code = 2});
        break;
    }
}

/* What earlier runs took: of some tests, more or less what they will take. */
static struct fst_times *make_times(const struct farm *farm)
{
    const struct suite *suite = farm->suite;
    struct fst_times *times = fst_times_new();
    struct rng rng = {farm->spec->seed + 1};
    if (rng_percent(&rng, suite->known))
        fst_times_set_start(times, 0.3);
    double least = suite->known < 100 ? 0.5 : 0.9, spread = 2 * (1 - least);
    for (size_t i = 0; i < suite->n_files; i++) {
        const struct model_file *file = &suite->files[i];
        if (rng_percent(&rng, suite->known))
            fst_times_add_open(times, file->path, file->open_s);
        for (size_t k = 0; k < file->n_tests; k++) {
            char id[256];
            suite_id(file, k, 0, id, sizeof id);
            if (rng_percent(&rng, suite->known))
                fst_times_add(
                    times, id,
                    file->tests[k].seconds *
                        (least + spread * rng_below(&rng, 1000) / 1000));
        }
    }
    return times;
}

static void add_run(struct farm *farm, const struct fst_recalled *recalled)
{
    struct fst_run_spec spec = suite_spec(farm->suite);
    spec.times = farm->times;
    spec.recalled = recalled;
    farm->run = fst_core_add_run(farm->core, &spec, farm->now, &farm->effects);
    free((void *)spec.files);
    carry_out(farm);
}

static void plan_faults(struct farm *farm)
{
    struct rng *rng = &farm->rng;
    static const enum event_type faults[] = {KILL_AGENT, KILL_WORKER,
                                             KILL_WORKER, RETIRE};
    uint32_t count = farm->suite->faults ? rng_below(rng, 6) : 0;
    for (uint32_t i = 0; i < count; i++)
        sim_add_event(farm, rng_below(rng, 4000) * SECOND / 1000,
                      (struct event){.type = faults[rng_below(rng, 4)]});
    if (farm->suite->faults && !farm->suite->collect_only &&
        rng_percent(rng, 50))
        sim_add_event(farm, rng_below(rng, 3000) * SECOND / 1000,
                      (struct event){.type = RESTART});
    if (farm->suite->stops)
        sim_add_event(farm, rng_below(rng, 3000) * SECOND / 1000,
                      (struct event){.type = STOP});
}

static void run_events(struct farm *farm)
{
    size_t events = 0;
    while (!farm->judge.ended && !farm->judge.failed) {
        int64_t tick = fst_core_deadline(farm->core);
        bool has_event = farm->heap.count > 0;
        int64_t next = has_event ? farm->heap.items[0].at : INT64_MAX;
        if (next == INT64_MAX && tick == INT64_MAX) {
            judge_fail(&farm->judge, "deadlock: nothing will happen");
            return;
        }
        if (++events > MOST_EVENTS || farm->now > END_OF_TIME) {
            judge_fail(&farm->judge, "the run doesn't end");
            return;
        }
        if (tick <= next) {
            farm->now = tick > farm->now ? tick : farm->now;
            sim_step(farm, &(struct fst_event){.type = FST_EV_TICK});
            continue;
        }
        struct event event = sim_next_event(farm);
        farm->now = event.at > farm->now ? event.at : farm->now;
        handle(farm, &event);
    }
}

struct farm_result farm_run(const struct farm_spec *spec)
{
    struct farm farm = {.spec = spec,
                        .suite = spec->suite,
                        .rng = {spec->seed ^ UINT64_C(0x5bd1e995)},
                        .core = fst_core_new(),
                        .only = -1};
    struct fst_counts counts;
    bool early = rng_percent(&farm.rng, 30); /* agents before the run */
    judge_init(&farm.judge, spec->suite, spec->seed);
    if (spec->suite->known)
        farm.times = make_times(&farm);
    if (!early)
        add_run(&farm, NULL);
    for (uint32_t i = 0; i < spec->agents && !farm.judge.ended; i++)
        sim_agent_comes(&farm, i * spec->slots);
    if (early)
        add_run(&farm, NULL);
    plan_faults(&farm);
    run_events(&farm);
    fst_core_counts(farm.core, farm.run, &counts);
    if (!farm.judge.failed)
        judge_end(&farm.judge, &counts);
    farm.result.failed = farm.judge.failed;
    farm.result.makespan_s =
        (double)(farm.last_outcome - farm.first_lease) / 1e9;
    while (farm.heap.count)
        fst_msg_free(farm.heap.items[--farm.heap.count].msg);
    fst_vec_free(&farm.heap);
    sim_agents_free(&farm);
    fst_core_free(farm.core);
    fst_times_free(farm.times);
    fst_effects_release(&farm.effects);
    judge_release(&farm.judge);
    journal_release(&farm.journal);
    return farm.result;
}
