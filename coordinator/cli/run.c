/* One turn of the loop: a message arrives -> fst_core_step() -> its effects go
 * to the agents and to the report -> the acknowledgement goes out. A peer that
 * is lost while effects are carried out is told to the core after them, so
 * that the core is never entered twice. */
#include "coordinator/cli/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/cli/farm.h"
#include "coordinator/cli/ledger.h"
#include "coordinator/cli/local.h"
#include "coordinator/cli/past.h"
#include "coordinator/cli/plan.h"
#include "coordinator/core/core.h"
#include "coordinator/report/report.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"

/* The local agent is started again so often without a result between. */
enum { AGENT_STARTS = 5, EXIT_INTERRUPTED = 2 };

/* How a local agent ends that need not be started again. */
enum { EXIT_NO_USE = 3, EXIT_REFUSED = 4 };

struct lost_agent {
    struct fst_agent_id id;
    char why[256];
};

struct greeted { /* an agent that came before the core knew of a run */
    struct fst_agent_id id;
    char name[256];
    const uint32_t *slots; /* the farm's */
    size_t n_slots;        /* 0: none came */
};

struct run {
    const struct fst_settings *settings;
    const struct fst_again *again;
    double start_s; /* Unix time at which the process started */
    struct fst_loop loop;
    struct fst_net *net;
    struct fst_farm *farm;
    struct fst_local *local;
    struct fst_local_spec local_spec;
    struct fst_config config;
    struct fst_farm_spec farm_spec;
    struct fst_core *core;
    struct fst_run_id id;
    struct fst_effects effects;
    FST_VEC(struct lost_agent) lost; /* while effects are carried out */
    bool stepping;
    struct fst_timer *tick, *limit; /* limit: --run-timeout */
    struct fst_signal *signals[3];
    int interrupts;
    int agent_starts; /* since the last result */
    bool said_full, said_by_hooks;
    bool greeting; /* see greet() */
    bool late;     /* --run-timeout was over while greeting */
    struct greeted greeted;
    bool connected;   /* the local agent is */
    bool local_ended; /* its process has, with local_status */
    int local_status;
    bool ended;
    int exit_code;
    int plugin_exit_code; /* 0: none */
    char run_id[33];
    struct fst_report *report;
    struct fst_ledger *ledger;
    struct fst_past *past;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void set_tick(struct run *run)
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

/* A plugin's own exit code, which only ever worsens what the tests say. */
static int worst_exit_code(const struct run *run, int exit_code)
{
    bool ordinary = exit_code == 0 || exit_code == 1 || exit_code == 5;
    return ordinary && run->plugin_exit_code ? run->plugin_exit_code
                                             : exit_code;
}

static void take_summary(struct run *run, const struct fst_summary *summary)
{
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

static void carry_out(struct run *run)
{
    for (size_t i = 0; i < run->effects.list.count; i++) {
        const struct fst_effect *effect = &run->effects.list.items[i];
        if (effect->type == FST_EF_SEND) {
            fst_farm_send(run->farm, effect->agent, effect->msg);
            continue;
        }
        struct fst_counts counts;
        fst_core_counts(run->core, run->id, &counts);
        fst_report_effect(run->report, effect, &counts);
        fst_ledger_effect(run->ledger, effect);
        fst_past_effect(run->past, effect);
        if (effect->type == FST_EF_ATTEMPT)
            run->agent_starts = 0;
        if (effect->type == FST_EF_ENDED)
            end_run(run, worst_exit_code(run, effect->exit_code));
    }
    fst_effects_clear(&run->effects);
}

static void replace_local(struct run *run);

/* Before anything is acknowledged. */
static void commit(struct run *run)
{
    struct fst_err err;
    if (!fst_ledger_commit(run->ledger, &err))
        return;
    fst_wrap(&err, "the run goes on without history");
    fst_report_warn(run->report, err.msg);
}

static int step(struct run *run, const struct fst_event *event,
                struct fst_err *err)
{
    int64_t now = fst_loop_now_ns(&run->loop);
    run->stepping = true;
    int result = fst_core_step(run->core, event, now, &run->effects, err);
    carry_out(run);
    bool lost_one = run->lost.count > 0;
    while (run->lost.count) {
        struct lost_agent lost = run->lost.items[--run->lost.count];
        struct fst_event down = {
            .type = FST_EV_AGENT_DOWN, .agent = lost.id, .why = lost.why};
        if (fst_core_step(run->core, &down, now, &run->effects, NULL))
            fst_debug("the core did not know agent %u", lost.id.v);
        carry_out(run);
    }
    run->stepping = false;
    commit(run);
    fst_report_flush(run->report);
    set_tick(run);
    if (lost_one) {
        run->connected = false;
        replace_local(run);
    }
    return result;
}

/* Events that the core can't refuse. */
static void step_own(struct run *run, const struct fst_event *event)
{
    struct fst_err err;
    if (step(run, event, &err))
        fst_error("%s", err.msg);
}

static void on_tick(void *user)
{
    step_own(user, &(struct fst_event){.type = FST_EV_TICK});
}

static void on_agent_up(void *user, struct fst_agent_id agent, const char *name,
                        const uint32_t *slots, size_t n_slots)
{
    struct run *run = user;
    run->connected = true;
    if (run->greeting) {
        run->greeted =
            (struct greeted){.id = agent, .slots = slots, .n_slots = n_slots};
        snprintf(run->greeted.name, sizeof run->greeted.name, "%s", name);
        fst_loop_stop(&run->loop);
        return;
    }
    fst_report_agent(run->report, agent.v, name, n_slots, false);
    fst_ledger_agent(run->ledger, agent, name);
    step_own(run, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                      .agent = agent,
                                      .slots = slots,
                                      .n_slots = n_slots});
}

static void on_agent_down(void *user, struct fst_agent_id agent,
                          const char *why)
{
    struct run *run = user;
    if (run->ended)
        return;
    if (run->greeting) {
        run->connected = false;
        run->greeted.n_slots = 0;
        return;
    }
    fst_report_agent(run->report, agent.v, NULL, 0, true);
    if (run->stepping) {
        struct lost_agent *lost = fst_vec_push(&run->lost);
        lost->id = agent;
        snprintf(lost->why, sizeof lost->why, "%s", why);
        return;
    }
    step_own(run, &(struct fst_event){
                      .type = FST_EV_AGENT_DOWN, .agent = agent, .why = why});
    run->connected = false;
    replace_local(run);
}

/* Once a run, with -v. */
static void say_full(struct run *run, const char *why)
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

static void meet_worker(struct run *run, const struct fst_state *state)
{
    fst_report_session(run->report, state);
    fst_past_session(run->past, state->pytest);
    say_by_hooks(run, state->by_hooks);
}

/* What pytest prints once it has collected everything. */
static void say_collected(struct run *run, const struct fst_strs *said)
{
    const char *known = fst_past_says(run->past);
    for (size_t i = 0; i < said->count; i++)
        if (!known || strcmp(said->items[i], known))
            fst_report_say(run->report, said->items[i]);
}

static void acknowledge(struct run *run, struct fst_agent_id agent,
                        uint64_t seq)
{
    struct fst_msg *ack = fst_msg_new(FST_MSG_ACK);
    ack->ack.seq = seq;
    fst_farm_send(run->farm, agent, ack);
    fst_msg_free(ack);
}

static int on_agent_message(void *user, struct fst_agent_id agent,
                            const struct fst_msg *msg, struct fst_err *err)
{
    struct run *run = user;
    if (msg->type == FST_MSG_OUTPUT) {
        fst_report_output(run->report, &msg->output);
        acknowledge(run, agent, msg->output.seq);
        return 0;
    }
    if (msg->type == FST_MSG_STATE && msg->state.state == FST_SLOT_UP)
        meet_worker(run, &msg->state);
    if (msg->type == FST_MSG_LISTED)
        say_collected(run, &msg->listed.said);
    if (msg->type == FST_MSG_STATE &&
        run->settings->collect == FST_COLLECT_AUTO)
        say_full(run, msg->state.full);
    if (msg->type == FST_MSG_SUMMARY)
        take_summary(run, &msg->summary);
    if (msg->type == FST_MSG_RESULTS)
        fst_ledger_warnings(run->ledger, &msg->results);
    struct fst_event event = {
        .type = FST_EV_MESSAGE, .agent = agent, .msg = msg};
    if (step(run, &event, err))
        return -1;
    if (msg->type != FST_MSG_RESULTS)
        return 0;
    for (size_t i = 0; i < msg->results.n_warnings; i++)
        fst_report_warning(run->report, &msg->results.warnings[i]);
    acknowledge(run, agent, msg->results.seq);
    return 0;
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

static void on_local_exit(void *user, int status);

/* Once its process has ended and all that it had said was heard. */
static void replace_local(struct run *run)
{
    struct fst_err err;
    int status = run->local_status;
    if (run->ended || !run->local_ended || run->connected)
        return;
    run->local_ended = false;
    if (status == EXIT_REFUSED) {
        end_run(run, EXIT_REFUSED); /* it has said why itself */
        return;
    }
    if (status != EXIT_NO_USE && run->agent_starts++ < AGENT_STARTS &&
        !fst_local_start(run->local, on_local_exit, run, &err)) {
        say_restart(run);
        return;
    }
    step_own(run, &(struct fst_event){
                      .type = FST_EV_NO_AGENTS,
                      .run = run->id,
                      .why = status == EXIT_NO_USE
                                 ? "no worker can be started"
                                 : "the local agent ended again and again"});
}

static void on_local_exit(void *user, int status)
{
    struct run *run = user;
    run->local_ended = true;
    run->local_status = status;
    if (run->greeting)
        fst_loop_stop(&run->loop);
    else
        replace_local(run);
}

static void interrupt(struct run *run)
{
    step_own(run, &(struct fst_event){.type = FST_EV_STOP,
                                      .run = run->id,
                                      .why = "interrupted",
                                      .exit_code = EXIT_INTERRUPTED,
                                      .now = run->interrupts > 1});
    if (run->interrupts > 1 && !run->ended) {
        fst_local_kill(run->local);
        step_own(run, &(struct fst_event){.type = FST_EV_NO_AGENTS,
                                          .run = run->id,
                                          .why = "interrupted"});
    }
}

static void on_signal(void *user, int number)
{
    struct run *run = user;
    (void)number;
    run->interrupts++;
    if (run->greeting)
        fst_loop_stop(&run->loop);
    else
        interrupt(run);
}

static void on_run_timeout(void *user)
{
    struct run *run = user;
    char why[64];
    if (run->greeting) {
        fst_loop_stop(&run->loop);
        run->late = true;
        return;
    }
    snprintf(why, sizeof why, "the run took longer than %g s (--run-timeout)",
             run->settings->run_timeout_s);
    step_own(run, &(struct fst_event){.type = FST_EV_STOP,
                                      .run = run->id,
                                      .why = why,
                                      .exit_code = EXIT_INTERRUPTED});
}

/* It counts from the program's start. */
static void limit_run(struct run *run)
{
    double left_s = run->settings->run_timeout_s - (now_s() - run->start_s);
    run->limit = fst_timer_new(&run->loop, on_run_timeout, run);
    if (run->settings->run_timeout_s > 0)
        fst_timer_set(run->limit, left_s > 0 ? (int64_t)(left_s * 1e9) : 0);
}

static int watch_signals(struct run *run, struct fst_err *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        run->signals[i] =
            fst_signal_new(&run->loop, numbers[i], on_signal, run, err);
        if (!run->signals[i])
            return -1;
    }
    return 0;
}

/* 128 random bits in hex; a run that is resumed keeps its own. */
static void make_run_id(struct run *run)
{
    unsigned char bytes[16];
    if (run->again->wanted && !run->again->failed) {
        snprintf(run->run_id, sizeof run->run_id, "%s", run->again->run.name);
        return;
    }
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort();
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(run->run_id + 2 * i, 3, "%02x", bytes[i]);
}

/* Where the caller stands, seen from the root: workers start there. */
static char *relative_cwd(const struct fst_pytest_config *pytest)
{
    size_t len = strlen(pytest->root);
    if (!strcmp(pytest->cwd, pytest->root))
        return fst_strdup(".");
    if (!strncmp(pytest->cwd, pytest->root, len) && pytest->cwd[len] == '/')
        return fst_strdup(pytest->cwd + len + 1);
    return fst_strdup(pytest->cwd);
}

static bool want_color(enum fst_color color)
{
    const char *off = getenv("NO_COLOR"), *on = getenv("FORCE_COLOR");
    const char *term = getenv("TERM");
    if (color != FST_COLOR_AUTO)
        return color == FST_COLOR_YES;
    if (off && *off)
        return false;
    if (on && *on)
        return true;
    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

static uint32_t terminal_columns(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (columns && atoi(columns) > 0)
        return (uint32_t)atoi(columns);
    if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
        return size.ws_col;
    return 80;
}

static void make_report(struct run *run)
{
    const struct fst_settings *settings = run->settings;
    run->report = fst_report_new(&(struct fst_report_spec){
        .fd = STDOUT_FILENO,
        .color = run->config.color,
        .columns = terminal_columns(),
        .verbosity = settings->verbosity,
        .chars = settings->report_chars,
        .tb = settings->tb,
        .no_header = settings->no_header,
        .no_summary = settings->no_summary,
        .collect_only = settings->collect_only,
        .json_path = settings->report_json,
        .run = run->run_id,
        .start_s = run->start_s,
        .workers = (int)run->local_spec.slots,
    });
    for (size_t i = 0; i < settings->warnings.count; i++)
        fst_report_warn(run->report, settings->warnings.items[i]);
}

/* --cov, and not --no-cov: pytest-cov has a controller's part. What else has
 * one only a worker can find. */
static bool asks_for_coverage(const struct fst_strings *args)
{
    bool asked = false;
    for (size_t i = 0; i < args->count; i++) {
        const char *arg = args->items[i];
        if (!strcmp(arg, "--no-cov"))
            return false;
        asked = asked || !strcmp(arg, "--cov") || !strncmp(arg, "--cov=", 6);
    }
    return asked;
}

static void make_config(struct run *run)
{
    const struct fst_settings *settings = run->settings;
    const char *seed = getenv("PYTHONHASHSEED");
    run->config = (struct fst_config){
        .args = {(const char **)settings->pytest_args.items,
                 settings->pytest_args.count},
        .root = settings->pytest.root,
        .cwd = relative_cwd(&settings->pytest),
        /* One for the run, so that workers agree on the order of sets. */
        .hash_seed =
            seed ? fst_strdup(seed)
                 : fst_printf("%lu", strtoul(run->run_id + 24, NULL, 16)),
        .slot_count = run->local_spec.slots,
        .color = want_color(settings->color),
        .collect_only = settings->collect_only,
        .host = asks_for_coverage(&settings->pytest_args),
        .live = settings->capture == FST_CAPTURE_NO ||
                settings->capture == FST_CAPTURE_TEE_SYS,
        /* A failure that is retried doesn't end the run: not worth waiting. */
        .maxfail = settings->retries ? 0 : settings->maxfail,
        .pytest_protocol = settings->pytest_protocol,
        .test_timeout_s = settings->test_timeout_s,
        .isolate = settings->isolate,
        .worker_lifetime = (uint32_t)settings->worker_lifetime,
        .groups = !fst_settings_one_worker(settings) &&
                  (settings->dist == FST_DIST_AUTO ||
                   settings->dist == FST_DIST_LOADGROUP),
        .scopes = settings->dist == FST_DIST_LOADSCOPE,
    };
    /* The local agent prepares for its workers before it is told. */
    setenv("PYTHONHASHSEED", run->config.hash_seed, 1);
    run->farm_spec = (struct fst_farm_spec){
        .run = run->run_id,
        .config = &run->config,
        .local_slots = run->local_spec.slots,
    };
}

/* Until the agent has its WELCOME (or won't): from then on it starts a worker
 * by itself, while this thread reads the tree and hears nobody. */
static void greet(struct run *run)
{
    run->greeting = true;
    fst_loop_run(&run->loop);
    run->greeting = false;
}

/* What came meanwhile, now that the core has its run. */
static void catch_up(struct run *run)
{
    const struct greeted *greeted = &run->greeted;
    if (greeted->n_slots)
        on_agent_up(run, greeted->id, greeted->name, greeted->slots,
                    greeted->n_slots);
    replace_local(run);
    if (run->interrupts && !run->ended)
        interrupt(run);
    else if (run->late && !run->ended)
        on_run_timeout(run);
}

/* Socket, listener and the first start of the agent. */
static int start_farm(struct run *run, struct fst_err *err)
{
    static const struct fst_farm_events events = {on_agent_up, on_agent_message,
                                                  on_agent_down};
    run->local = fst_local_new(&run->loop, &run->local_spec, err);
    if (!run->local)
        return -1;
    run->farm = fst_farm_new(run->net, &run->loop, fst_local_url(run->local),
                             &run->farm_spec, &events, run, err);
    if (!run->farm)
        return -1;
    if (fst_local_start(run->local, on_local_exit, run, err))
        return -1;
    greet(run);
    return 0;
}

/* A history that was asked for must be there; else the run goes on. */
static int without_ledger(struct run *run, struct fst_err *err)
{
    if (run->settings->history || run->again->wanted ||
        fst_past_asked(run->settings)) {
        err->code = FST_E_USAGE;
        return -1;
    }
    fst_wrap(err, "the run goes on without history");
    fst_report_warn(run->report, err->msg);
    return 0;
}

static int open_ledger(struct run *run, struct fst_err *err)
{
    const struct fst_settings *settings = run->settings;
    struct fst_ledger_spec spec = {
        .root = settings->pytest.root,
        .file = settings->history,
        .off = settings->no_history || settings->collect_only,
        .durable = settings->durable,
    };
    return fst_ledger_open(&run->ledger, &spec, err) ? without_ledger(run, err)
                                                     : 0;
}

/* What the earlier run had found out, for the report. */
static void tell_recalled(struct run *run)
{
    const struct fst_recalled *past = fst_ledger_recalled(run->ledger);
    const struct fst_strings *changed = fst_ledger_changed(run->ledger);
    const struct fst_warning *warning;
    const char *name = run->again->run.name, *agent;
    struct fst_agent_id id;
    char text[512], some[300];
    if (!past)
        return;
    for (size_t i = 0; (agent = fst_ledger_recalled_agent(run->ledger, i, &id));
         i++)
        fst_report_agent(run->report, id.v, agent, 0, false);
    for (size_t i = 0; (warning = fst_ledger_recalled_warning(run->ledger, i));
         i++)
        fst_report_warning(run->report, warning);
    snprintf(text, sizeof text, "%s run %s: %zu results are kept",
             run->again->failed ? "after" : "going on with", name,
             past->n_tries);
    fst_report_say(run->report, text);
    if (!changed)
        return;
    fst_again_name_some(changed, some, sizeof some);
    snprintf(text, sizeof text,
             "the checkout has changed since run %s: %s; results of test files "
             "that are still the same are kept all the same",
             name, some);
    fst_report_warn(run->report, text);
}

static int start_ledger(struct run *run, const struct fst_suite *suite,
                        struct fst_err *err)
{
    char *checkout = fst_again_checkout(suite);
    const struct fst_ledger_run spec = {
        .name = run->run_id,
        .start_s = run->start_s,
        .checkout = checkout,
        .again = run->again,
    };
    int result = fst_ledger_start(run->ledger, &spec, err)
                     ? without_ledger(run, err)
                     : 0;
    free(checkout);
    if (!result)
        tell_recalled(run);
    return result;
}

/* Finds the tests and gives them to the core. */
static int add_run(struct run *run, struct fst_err *err)
{
    const struct fst_settings *settings = run->settings;
    struct fst_suite suite = {0};
    struct fst_arena arena = {0};
    struct fst_run_spec spec;
    if (fst_discover(&settings->pytest,
                     (const char *const *)settings->paths.items,
                     settings->paths.count, !settings->no_history, &suite, err))
        return -1;
    fst_report_discovered(run->report, &(struct fst_report_discovery){
                                           .files = suite.files.count,
                                           .tests = suite.n_tests,
                                           .parsed = suite.n_parsed,
                                           .duration_s = suite.duration_s,
                                       });
    for (size_t i = 0; i < suite.problems.count; i++)
        fst_info("%s: %s", suite.problems.items[i].path,
                 suite.problems.items[i].text);
    if (start_ledger(run, &suite, err)) {
        fst_suite_release(&suite);
        return -1;
    }
    fst_plan_make(&suite, settings, &arena, &spec);
    spec.times = fst_ledger_times(run->ledger);
    spec.recalled = fst_ledger_recalled(run->ledger);
    if (run->config.order_seed)
        fst_plan_shuffle(&spec, run->config.order_seed, &arena);
    bool whole = fst_past_needs_whole(run->past);
    if (whole)
        spec.full = FST_FULL_ALWAYS;
    say_full(run, settings->collect == FST_COLLECT_FULL ? "--collect full"
                  : whole ? "--lf, --ff, --nf and --sw need it"
                  : settings->collect == FST_COLLECT_AUTO ? suite.whole_list
                                                          : NULL);
    if (fst_past_says(run->past))
        fst_report_say(run->report, fst_past_says(run->past));
    run->id = fst_core_add_run(run->core, &spec, fst_loop_now_ns(&run->loop),
                               &run->effects);
    carry_out(run);
    fst_arena_release(&arena);
    fst_suite_release(&suite);
    if (!run->ended)
        catch_up(run);
    return 0;
}

/* --order random: the same seed gives the same order; it is told. */
static int choose_seed(struct run *run, struct fst_err *err)
{
    const char *seed;
    if (fst_plan_seed(run->settings, &seed, err))
        return -1;
    if (!seed)
        return 0;
    run->config.order_seed =
        *seed ? fst_strdup(seed) : fst_strndup(run->run_id, 8);
    char *line = fst_printf("order: random:%s", run->config.order_seed);
    fst_report_say(run->report, line);
    free(line);
    return 0;
}

/* What earlier runs say of selection and order. */
static int load_past(struct run *run, struct fst_err *err)
{
    if (fst_past_load(run->past, run->ledger, err))
        return -1;
    fst_past_configure(run->past, &run->config);
    return 0;
}

/* Signals go to the loop thread: nng's threads are made with them blocked. */
static struct fst_net *new_net(struct fst_loop *loop)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    struct fst_net *net = fst_net_new(loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return net;
}

static void release(struct run *run)
{
    fst_farm_free(run->farm);
    fst_local_free(run->local);
    for (size_t i = 0; i < sizeof run->signals / sizeof *run->signals; i++)
        fst_signal_free(run->signals[i]);
    fst_timer_free(run->tick);
    fst_timer_free(run->limit);
    fst_net_free(run->net);
    fst_loop_fini(&run->loop);
    fst_report_free(run->report);
    fst_past_free(run->past);
    fst_effects_release(&run->effects);
    fst_core_free(run->core);
    fst_ledger_free(run->ledger);
    fst_vec_free(&run->lost);
    free((char *)run->config.cwd);
    free((char *)run->config.hash_seed);
    free((char *)run->config.order_seed);
}

int fst_cli_run(const struct fst_settings *settings,
                const struct fst_again *again, double start_s)
{
    struct fst_err err;
    struct run run = {.settings = settings, .again = again, .start_s = start_s};
    if (fst_loop_init(&run.loop, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        return fst_code_exit(err.code);
    }
    make_run_id(&run);
    run.local_spec = (struct fst_local_spec){
        .root = settings->pytest.root,
        .python = settings->python,
        .slots =
            fst_settings_one_worker(settings) ? 1 : (uint32_t)settings->workers,
        .max_memory = settings->max_memory,
        .log_level = settings->log_level,
        .log_json = settings->log_json,
    };
    make_config(&run);
    make_report(&run);
    run.past = fst_past_new(settings);
    run.core = fst_core_new();
    run.net = new_net(&run.loop);
    run.tick = fst_timer_new(&run.loop, on_tick, &run);
    limit_run(&run);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* an error says it better */
    int status;
    if (choose_seed(&run, &err) || open_ledger(&run, &err) ||
        load_past(&run, &err) || watch_signals(&run, &err) ||
        start_farm(&run, &err) || add_run(&run, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        status = fst_code_exit(err.code);
    } else {
        if (!run.ended) {
            set_tick(&run);
            fst_loop_run(&run.loop);
        }
        status = run.exit_code;
        if (fst_past_end(run.past, &err))
            fst_report_warn(run.report, err.msg);
        if (fst_report_end(run.report, status, now_s(), &err)) {
            fprintf(stderr, "ERROR: %s\n", err.msg);
            status = status ? status : fst_code_exit(err.code);
        }
        /* A run is over when its report is there: --resume makes it, else. */
        if (fst_ledger_end(run.ledger, now_s(), status, &err))
            fprintf(stderr, "warning: %s\n", err.msg);
    }
    release(&run);
    return status;
}
