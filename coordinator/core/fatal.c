#include "coordinator/core/fatal.h"

#include "coordinator/core/agents.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/end.h"
#include "shared/base/mem.h"

static const char why[] = "no worker can start";

void fst_fatal_on_state(struct agent *agent, const char *text, int exit_code)
{
    if (!agent->fatal) {
        agent->fatal = fst_strdup(text);
        agent->fatal_code = exit_code;
    }
    if (agent->run)
        agent->run->fatal = true;
}

void fst_fatal_up(const struct agent *agent)
{
    struct run *run = agent->run;
    if (run->seen_up && run->up_agent != agent->id)
        run->up_agents = true;
    else
        run->up_agent = agent->id;
}

static bool works_elsewhere(const struct agent *agent)
{
    const struct run *run = agent->run;
    return run->up_agents || (run->seen_up && run->up_agent != agent->id);
}

static void put_out(struct agent *agent)
{
    struct run *run = agent->run;
    struct fst_effect *effect = fst_effects_add(run, FST_EF_OUT);
    effect->agent.v = agent->id;
    effect->text = fst_arena_str(&run->core->out->arena, agent->fatal);
    struct fst_msg *msg = fst_msg_new(FST_MSG_CANCEL);
    msg->cancel.why = fst_arena_str(&msg->arena, why);
    agent->out = true;
    fst_agents_leaving(agent);
    fst_effects_send(run, agent, msg);
}

void fst_fatal_serve(struct run *run)
{
    struct agent *agent, *tmp;
    const struct agent *first = NULL;
    bool others = false, local = false;
    if (!run->fatal || run->phase == RUN_STOPPING)
        return;
    run->fatal = false;
    HASH_ITER (hh, run->core->agents, agent, tmp) {
        if (agent->run != run || agent->out)
            continue;
        if (!agent->fatal) {
            others = true;
        } else if (works_elsewhere(agent)) {
            put_out(agent);
        } else if (!first || (agent->local && !local)) {
            first = agent;
            local = agent->local;
        }
    }
    run->fatal = first != NULL;
    if (first && (local || !others))
        fst_end_stop(run, &(struct stop){.exit_code = first->fatal_code,
                                         .text = first->fatal,
                                         .why = why});
}
