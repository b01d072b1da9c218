/* One turn of the loop: messages arrive -> fst_core_step() for each -> its
 * effects go to the agents and to the report -> the journal's thread is given
 * what all of them said -> it is kept, and the acknowledgements go out. While
 * something is being written what further turns say gathers. A peer that is
 * lost while effects are carried out is told to the core after them, so that
 * the core is never entered twice. */
#include <stdio.h>
#include <string.h>

#include "coordinator/cli/runstate.h"
#include "shared/base/buf.h"
#include "shared/base/log.h"

/* The local agent is started again so often without a result between. */
enum { AGENT_STARTS = 5 };

/* From so many agents on what comes within 5 ms is kept by one transaction:
 * they hold their results until they are acknowledged. */
enum { MANY_AGENTS = 16 };
#define KEEP_NS INT64_C(5000000)

/* How a local agent ends that need not be started again. */
enum { EXIT_NO_USE = 3, EXIT_REFUSED = 4 };

void fst_turn_set_tick(struct run *run)
{
    int64_t deadline = fst_core_deadline(run->core);
    if (deadline == INT64_MAX) {
        fst_timer_clear(run->tick);
        return;
    }
    int64_t delay = deadline - fst_loop_now_ns(&run->loop);
    fst_timer_set(run->tick, delay > 0 ? delay : 0);
}

static void end_run(struct run *run, int exit_code)
{
    run->ended = true;
    run->exit_code = exit_code;
    fst_loop_stop(&run->loop);
}

void fst_turn_summary(struct run *run, const struct fst_summary *summary)
{
    /* pytest-cov's are wanted where it is asked for. */
    if (summary->begun && !run->covers)
        fst_ledger_host(run->ledger, summary->hooks);
    if (summary->exit_code)
        run->plugin_exit_code = (int)summary->exit_code;
    if (summary->text)
        fst_report_sections(run->report, summary->text);
    if (!summary->problem)
        return;
    fst_report_warn(run->report, summary->problem);
    if (!run->plugin_exit_code)
        run->plugin_exit_code = 1; /* what was asked for is missing */
}

/* The line of pytest's text that says most. */
static const char *find_gist(const char *text, int *len)
{
    const char *found = text;
    bool raised = false;
    for (const char *line = text; *line; line += *line == '\n') {
        size_t n = strcspn(line, "\n");
        const char *error = memmem(line, n, "error: ", 7);
        if (n > 2 && !strncmp(line, "E ", 2)) {
            found = line + 1 + strspn(line + 1, " ");
            raised = true;
        } else if (error && !raised) {
            found = error;
        }
        line += n;
    }
    *len = (int)strcspn(found, "\n");
    return found;
}

static void put_out(struct run *run, const struct fst_effect *effect)
{
    struct fst_buf text = FST_BUF_INIT;
    int len;
    const char *gist = find_gist(effect->text, &len);
    const char *name = fst_farm_put_out(run->farm, effect->agent);
    run->local_out |= run->connected && effect->agent.v == run->local_id.v;
    fst_buf_addf(&text, "agent %s takes no part, its workers can't start: %.*s",
                 name ? name : "(gone)", len, gist);
    fst_report_warn(run->report, fst_buf_str(&text));
    fst_buf_release(&text);
}

static void take_effect(struct run *run, const struct fst_effect *effect)
{
    struct fst_counts counts;
    fst_core_counts(run->core, run->id, &counts);
    fst_report_effect(run->report, effect, &counts);
    fst_ledger_effect(run->ledger, effect);
    fst_past_effect(run->past, effect);
    if (effect->type == FST_EF_ATTEMPT)
        run->agent_starts = 0;
    if (effect->type == FST_EF_OUT)
        put_out(run, effect);
    if (effect->type == FST_EF_ENDED)
        end_run(run, effect->exit_code);
}

void fst_turn_send(void *user, struct fst_agent_id agent, struct fst_msg *msg)
{
    struct run *run = user;
    fst_farm_send(run->farm, agent, msg);
}

void fst_turn_carry_out(struct run *run)
{
    struct fst_effect *effect;
    fst_vec_each (effect, &run->effects.list) {
        if (effect->type == FST_EF_SEND)
            continue;
        take_effect(run, effect);
        if (effect->type == FST_EF_LIST && !effect->past &&
            fst_ledger_keeps(run->ledger))
            fst_outbox_listed(run->outbox, effect->list->file);
    }
    fst_vec_each (effect, &run->effects.list) {
        if (effect->type != FST_EF_SEND)
            continue;
        if (effect->msg->type == FST_MSG_DRAIN) {
            run->draining = true;
            fst_farm_close(run->farm);
        }
        fst_outbox_send(run->outbox, effect->agent, effect->msg);
        effect->msg = NULL;
    }
    fst_effects_clear(&run->effects);
}

/* ---- keeping */

void fst_turn_on_kept(void *user, const struct fst_err *why)
{
    struct run *run = user;
    if (why) {
        struct fst_err err = *why;
        fst_wrap(&err, "the run goes on without history");
        fst_report_warn(run->report, err.msg);
    }
    fst_report_flush(run->report);
    fst_outbox_kept(run->outbox);
    fst_farm_tell(run->farm);
}

static void give(struct run *run)
{
    run->unkept = false;
    run->kept_ns = fst_loop_now_ns(&run->loop);
    fst_outbox_mark(run->outbox);
    fst_farm_mark(run->farm);
    if (!fst_ledger_give(run->ledger))
        fst_turn_on_kept(run, NULL);
}

/* One that has ended does, and one that is too far ahead of it. */
static bool waits_for_journal(const struct run *run)
{
    return run->ended || fst_ledger_is_full(run->ledger);
}

static void keep_now(struct run *run)
{
    fst_ledger_wait(run->ledger);
    if (!fst_ledger_is_busy(run->ledger))
        give(run);
    fst_ledger_wait(run->ledger);
}

static void keep(struct run *run)
{
    if (waits_for_journal(run))
        keep_now(run);
    else if (!fst_ledger_is_busy(run->ledger))
        give(run);
}

void fst_turn_keep(void *user)
{
    struct run *run = user;
    if (!run->unkept)
        return;
    int64_t since = fst_loop_now_ns(&run->loop) - run->kept_ns;
    bool must_wait = waits_for_journal(run);
    if (fst_ledger_is_busy(run->ledger) && !must_wait)
        return; /* it comes again */
    if (run->n_remote < MANY_AGENTS || since >= KEEP_NS || must_wait ||
        fst_outbox_waits(run->outbox))
        keep(run);
    else
        fst_timer_set(run->keep, KEEP_NS - since);
}

static int step(struct run *run, const struct fst_event *event,
                struct fst_err *err)
{
    int64_t now = fst_loop_now_ns(&run->loop);
    run->stepping = true;
    int result = fst_core_step(run->core, event, now, &run->effects, err);
    fst_turn_carry_out(run);
    bool lost_one = run->lost.count > 0;
    while (run->lost.count) {
        struct lost_agent lost = run->lost.items[--run->lost.count];
        struct fst_event down = {.type = FST_EV_AGENT_DOWN,
                                 .agent = lost.id,
                                 .why = lost.why,
                                 .dropped = lost.dropped};
        if (fst_core_step(run->core, &down, now, &run->effects, NULL))
            fst_debug("the core did not know agent %u", lost.id.v);
        fst_turn_carry_out(run);
    }
    run->stepping = false;
    run->unkept = true;
    fst_turn_set_tick(run);
    if (lost_one)
        fst_turn_replace_local(run);
    return result;
}

/* Events that the core can't refuse. */
void fst_turn_step(struct run *run, const struct fst_event *event)
{
    struct fst_err err;
    if (step(run, event, &err))
        fst_error("%s", err.msg);
    keep(run);
}

void fst_turn_on_tick(void *user)
{
    fst_turn_step(user, &(struct fst_event){.type = FST_EV_TICK});
}

/* For a coordinator that goes on with the run. */
static void note_farm(struct run *run)
{
    fst_ledger_farm(run->ledger, run->n_remote, run->slots_given);
}

static void say_joined(struct run *run, const struct fst_farm_agent *agent)
{
    struct fst_buf text = FST_BUF_INIT;
    fst_buf_addf(&text, "agent %s joins: %zu worker%s from gw%u on",
                 agent->name, agent->n_slots, agent->n_slots == 1 ? "" : "s",
                 agent->slots[0]);
    bool labels = agent->labels.count && run->settings->verbosity > 0;
    for (size_t i = 0; labels && i < agent->labels.count; i++)
        fst_buf_addf(&text, "%s%s", i ? " " : " (", agent->labels.items[i]);
    if (labels)
        fst_buf_addc(&text, ')');
    fst_report_say(run->report, fst_buf_str(&text));
    fst_buf_clear(&text);
    if (agent->mismatch) {
        fst_buf_addf(&text, "agent %s takes part in spite of %s", agent->name,
                     agent->mismatch);
        fst_report_warn(run->report, fst_buf_str(&text));
    }
    fst_buf_release(&text);
}

void fst_turn_agent_greeted(struct run *run, const struct fst_farm_agent *agent)
{
    fst_report_agent(run->report, agent->id.v, agent->name, agent->n_slots,
                     false, &agent->labels);
    fst_ledger_agent(run->ledger, agent->id, agent->name);
    for (size_t i = 0; !agent->local && i < agent->n_slots; i++)
        if (agent->slots[i] >= run->slots_given)
            run->slots_given = agent->slots[i] + 1;
    if (!agent->local) {
        /* Who goes on with the run waits for those that it knows of. */
        note_farm(run);
        keep_now(run);
        say_joined(run, agent);
    }
    fst_turn_step(run, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                           .agent = agent->id,
                                           .local = agent->local,
                                           .slots = agent->slots,
                                           .n_slots = agent->n_slots});
}

static void on_agent_up(void *user, const struct fst_farm_agent *agent)
{
    struct run *run = user;
    run->connected |= agent->local;
    if (agent->local)
        run->local_id = agent->id;
    run->n_remote += !agent->local;
    if (run->greeting) {
        run->greeted = *agent;
        fst_loop_stop(&run->loop);
        return;
    }
    fst_turn_agent_greeted(run, agent);
    fst_gather_came(run, agent);
}

/* The core and the user hear of it; now, or behind the step that lasts. */
static void tell_lost(struct run *run, struct fst_agent_id agent,
                      const struct fst_farm_end *end)
{
    char text[700];
    fst_report_agent(run->report, agent.v, NULL, 0, true, NULL);
    if (!end->local) {
        snprintf(text, sizeof text,
                 "agent %s is lost: %s; what it had begun runs elsewhere",
                 end->name, end->why);
        fst_report_warn(run->report, text);
    }
    if (run->stepping) {
        struct lost_agent *lost = fst_vec_push(&run->lost);
        lost->id = agent;
        lost->dropped = end->dropped;
        snprintf(lost->why, sizeof lost->why, "%s", end->why);
        return;
    }
    fst_turn_step(run, &(struct fst_event){.type = FST_EV_AGENT_DOWN,
                                           .agent = agent,
                                           .why = end->why,
                                           .dropped = end->dropped});
}

static void on_agent_cut(void *user, struct fst_agent_id agent,
                         const char *name, const char *why)
{
    struct run *run = user;
    char text[700];
    (void)agent;
    if (run->ended)
        return;
    if (why)
        snprintf(text, sizeof text,
                 "agent %s: %s; it has %g s to come back, its tests go on",
                 name, why, run->settings->grace_s);
    else
        snprintf(text, sizeof text, "agent %s is back", name);
    fst_report_say(run->report, text);
    fst_report_flush(run->report); /* nothing else may happen for long */
}

static void on_agent_down(void *user, struct fst_agent_id agent,
                          const struct fst_farm_end *end)
{
    struct run *run = user;
    char text[300];
    if (run->ended)
        return;
    if (end->local)
        run->connected = false;
    else
        run->n_remote--;
    note_farm(run);
    if (run->greeting) {
        run->greeted.n_slots = 0;
        return;
    }
    if (!end->left) {
        run->n_lost++;
        tell_lost(run, agent, end);
    } else if (!end->local && !run->draining && !end->out) {
        snprintf(text, sizeof text, "agent %s has left", end->name);
        fst_report_say(run->report, text);
        fst_report_flush(run->report);
    }
    if (!run->stepping)
        fst_turn_replace_local(run);
    fst_gather_settled(run, agent);
    fst_gather_lost(run);
}

/* Once a run, with -v. */
void fst_turn_say_full(struct run *run, const char *why)
{
    char text[512];
    if (!why || run->said_full || run->settings->verbosity < 1)
        return;
    run->said_full = true;
    snprintf(text, sizeof text, "each worker collects the whole selection: %s",
             why);
    fst_report_say(run->report, text);
}

/* Once a run, with -v. */
static void say_by_hooks(struct run *run, const char *why)
{
    char text[512];
    if (!why || run->said_by_hooks || run->settings->verbosity < 1)
        return;
    run->said_by_hooks = true;
    snprintf(text, sizeof text, "every test runs by pytest's hooks: %s", why);
    fst_report_say(run->report, text);
}

/* Another machine's root has no place in the report. */
static void meet_worker(struct run *run, struct fst_agent_id agent,
                        const struct fst_state *state)
{
    struct fst_state here = *state;
    if (agent.v != run->local_id.v)
        here.rootdir = run->settings->pytest.rootdir;
    fst_report_session(
        run->report, &here,
        fst_core_left_s(run->core, run->id, fst_loop_now_ns(&run->loop)));
    fst_past_session(run->past, state->pytest);
    say_by_hooks(run, state->by_hooks);
    fst_ledger_started(run->ledger, state->start_s);
}

/* What pytest prints once it has collected everything. */
static void say_collected(struct run *run, const struct fst_strs *said)
{
    const char *known = fst_past_says(run->past);
    for (size_t i = 0; i < said->count; i++)
        if (!known || strcmp(said->items[i], known))
            fst_report_say(run->report, said->items[i]);
}

static int on_agent_message(void *user, struct fst_agent_id agent,
                            const struct fst_msg *msg, struct fst_err *err)
{
    struct run *run = user;
    if (msg->type == FST_MSG_OUTPUT) {
        fst_report_output(run->report, &msg->output);
        return 0;
    }
    if (msg->type == FST_MSG_STATE)
        fst_report_worker(run->report, agent.v, &msg->state);
    if (msg->type == FST_MSG_STATE && msg->state.state == FST_SLOT_UP)
        meet_worker(run, agent, &msg->state);
    for (size_t i = 0; msg->type == FST_MSG_HELD && i < msg->held.n_workers;
         i++) {
        fst_report_worker(run->report, agent.v, &msg->held.workers[i]);
        if (msg->held.workers[i].state == FST_SLOT_UP)
            meet_worker(run, agent, &msg->held.workers[i]);
    }
    if (msg->type == FST_MSG_LISTED)
        say_collected(run, &msg->listed.said);
    if (msg->type == FST_MSG_STATE &&
        run->settings->collect == FST_COLLECT_AUTO)
        fst_turn_say_full(run, msg->state.full);
    if (msg->type == FST_MSG_SUMMARY) {
        fst_turn_summary(run, &msg->summary);
        fst_coverage_take(run, msg);
    }
    if (msg->type == FST_MSG_RESULTS)
        fst_ledger_warnings(run->ledger, &msg->results);
    struct fst_event event = {
        .type = FST_EV_MESSAGE, .agent = agent, .msg = msg};
    if (step(run, &event, err))
        return -1;
    if (msg->type == FST_MSG_HELD)
        fst_gather_settled(run, agent);
    for (size_t i = 0;
         msg->type == FST_MSG_RESULTS && i < msg->results.n_warnings; i++)
        fst_report_warning(run->report, &msg->results.warnings[i]);
    return 1;
}

static void say_restart(struct run *run)
{
    char text[160];
    int status = run->local_status;
    if (status < 0)
        snprintf(text, sizeof text,
                 "the local agent was killed by signal %d (%s); started again",
                 -status, strsignal(-status));
    else
        snprintf(text, sizeof text,
                 "the local agent ended with status %d; started again", status);
    fst_report_warn(run->report, text);
}

/* Once its process has ended and all that it had said was heard. */
void fst_turn_replace_local(struct run *run)
{
    struct fst_err err;
    char text[160];
    int status = run->local_status;
    if (run->ended || run->draining || !run->local_ended || run->connected)
        return;
    run->local_ended = false;
    if (status == EXIT_REFUSED) {
        end_run(run, EXIT_REFUSED); /* it has said why itself */
        return;
    }
    if (status != EXIT_NO_USE && !run->local_out &&
        run->agent_starts++ < AGENT_STARTS &&
        !fst_local_start(run->local, fst_turn_local_exit, run, &err)) {
        say_restart(run);
        return;
    }
    const char *why = status == EXIT_NO_USE || run->local_out
                          ? "no worker can be started"
                          : "the local agent ended again and again";
    if (run->settings->listen.count) {
        snprintf(text, sizeof text, "%s: the run goes on without it", why);
        fst_report_warn(run->report, text);
        fst_gather_lost(run);
        return;
    }
    fst_turn_step(run, &(struct fst_event){.type = FST_EV_NO_AGENTS,
                                           .run = run->id,
                                           .why = why});
}

void fst_turn_local_exit(void *user, int status)
{
    struct run *run = user;
    run->local_ended = true;
    run->local_status = status;
    if (run->greeting)
        fst_loop_stop(&run->loop);
    else
        fst_turn_replace_local(run);
}

const struct fst_farm_events fst_turn_farm_events = {
    on_agent_up, on_agent_message, on_agent_cut, on_agent_down};
