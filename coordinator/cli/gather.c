/* Who takes part in a run: the local agent, and those that come to --listen's
 * places (places.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "coordinator/cli/runstate.h"
#include "shared/base/mem.h"

/* An agent whose coordinator is away dials at least so often. */
enum { LONGEST_DIAL_S = 2 };

/* ---- the local agent */

/* Until it has its WELCOME (or won't): from then on it starts a worker by
 * itself, while this thread reads the tree and hears nobody. */
static void greet(struct run *run)
{
    run->greeting = true;
    fst_loop_run(&run->loop);
    run->greeting = false;
}

/* Private socket and first start. */
static int start_local(struct run *run, struct fst_err *err)
{
    run->local = fst_local_new(&run->loop, &run->local_spec, err);
    if (!run->local ||
        fst_farm_listen(run->farm, run->net, fst_local_url(run->local), true,
                        err) < 0 ||
        fst_local_start(run->local, fst_turn_local_exit, run, err))
        return -1;
    greet(run);
    return 0;
}

int fst_gather_start(struct run *run, struct fst_err *err)
{
    run->farm =
        fst_farm_new(&run->loop, &run->farm_spec, &fst_turn_farm_events, run);
    if (fst_places_listen(run, err))
        return -1;
    return run->local_spec.slots ? start_local(run, err) : 0;
}

/* ---- those that come */

static void begin(struct run *run)
{
    run->held = false;
    fst_turn_step(run,
                  &(struct fst_event){.type = FST_EV_BEGIN, .run = run->id});
}

static void on_patience(void *user)
{
    struct run *run = user;
    const struct fst_settings *settings = run->settings;
    char text[160];
    if (run->returning) {
        run->returning = 0;
        begin(run);
        fst_gather_lost(run);
    } else if (!run->connected && !run->n_remote) {
        snprintf(text, sizeof text, "no agent for %g s (--agents-timeout)",
                 settings->agents_timeout_s);
        fst_turn_step(run, &(struct fst_event){.type = FST_EV_NO_AGENTS,
                                               .run = run->id,
                                               .why = text});
    } else if (run->held) {
        snprintf(text, sizeof text,
                 "%zu of %d agents have come within %g s: the run starts with "
                 "what is there",
                 run->n_remote, settings->agents, settings->agents_timeout_s);
        fst_report_warn(run->report, text);
        begin(run);
    }
}

static double patience_s(const struct run *run)
{
    const struct fst_settings *settings = run->settings;
    return run->returning ? settings->grace_s + LONGEST_DIAL_S
                          : settings->agents_timeout_s;
}

static void set_patience(struct run *run)
{
    if (!run->patience)
        run->patience = fst_timer_new(&run->loop, on_patience, run);
    fst_timer_set(run->patience, (int64_t)(patience_s(run) * 1e9));
}

static bool watch(struct run *run)
{
    bool nobody = !run->connected && !run->n_remote;
    bool waits = !run->ended && !run->draining && !run->held && nobody &&
                 run->settings->listen.count;
    if (waits)
        set_patience(run);
    return waits;
}

void fst_gather_lost(struct run *run)
{
    char text[100];
    snprintf(text, sizeof text,
             "no agent is left; the run waits %g s for one (--agents-timeout)",
             run->settings->agents_timeout_s);
    if (watch(run))
        fst_report_warn(run->report, text);
}

/* Without any of them a run that is held doesn't begin. */
static size_t wanted(const struct run *run)
{
    return run->returning ? run->returning : (size_t)run->settings->agents;
}

/* Beside the line of the place where it listens: the header comes with the
 * first worker. */
static void say_wait(const struct run *run)
{
    size_t more = run->held ? wanted(run) : 1;
    fprintf(stderr, "waiting for %zu agent%s, %g s at most%s\n", more,
            more == 1 ? "" : "s", patience_s(run),
            run->returning ? "" : " (--agents-timeout)");
}

/* What an agent holds must not be handed to another one. */
static void begin_if_complete(struct run *run)
{
    if (run->held && (run->n_remote < wanted(run) || run->unheard.count))
        return;
    run->returning = 0;
    if (run->patience)
        fst_timer_clear(run->patience);
    if (run->held)
        begin(run);
}

void fst_gather_came(struct run *run, const struct fst_farm_agent *agent)
{
    if (agent->adopted)
        fst_vec_add(&run->unheard, agent->id);
    begin_if_complete(run);
}

void fst_gather_settled(struct run *run, struct fst_agent_id agent)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->unheard.count; i++)
        if (run->unheard.items[i].v != agent.v)
            run->unheard.items[kept++] = run->unheard.items[i];
    bool known = kept < run->unheard.count;
    run->unheard.count = kept;
    if (known && run->n_remote)
        begin_if_complete(run);
}

static void number_leases(struct run *run)
{
    uint32_t epoch = 0;
    while (!epoch)
        FST_ASSERT(getrandom(&epoch, sizeof epoch, 0) == sizeof epoch);
    fst_core_number_leases(run->core, epoch);
}

void fst_gather_return(struct run *run)
{
    const struct fst_again *again = run->again;
    if (!again->wanted || again->failed || !run->settings->listen.count)
        return;
    number_leases(run);
    run->slots_given = again->run.slots;
    fst_farm_reserve(run->farm, run->slots_given);
    if (!run->settings->agents) /* else they are waited for anyway */
        run->returning = again->run.agents;
}

void fst_gather_open(struct run *run, const struct fst_suite *suite)
{
    const struct fst_settings *settings = run->settings;
    if (!settings->listen.count || run->ended)
        return;
    run->admit = fst_admit_new(settings, suite);
    fst_farm_open(run->farm, run->admit);
    if (run->held)
        set_patience(run);
}

void fst_gather_begin(struct run *run)
{
    if (run->greeted.n_slots)
        fst_turn_agent_greeted(run, &run->greeted);
    fst_turn_replace_local(run);
    if (watch(run) || run->held)
        say_wait(run);
    if (run->interrupts && !run->ended)
        fst_stop_interrupt(run);
    else if (run->late && !run->ended)
        fst_stop_late(run);
}

void fst_gather_release(struct run *run)
{
    fst_timer_free(run->patience);
    fst_vec_free(&run->unheard);
    fst_admit_free(run->admit);
}
