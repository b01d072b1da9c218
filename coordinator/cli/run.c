/* A run from its beginning to its end: farm, discovery, core, the loop, report
 * and journal. */
#include "coordinator/cli/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/cli/arguments.h"
#include "coordinator/cli/plan.h"
#include "coordinator/cli/runstate.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/steady.h"

double fst_run_now_s(const struct run *run)
{
    return run->epoch_s + fst_steady_s();
}

static void tell_found(struct run *run, const struct fst_suite *suite,
                       const struct fst_run_spec *spec)
{
    struct fst_report_discovery found = {
        .files = suite->files.count,
        .parsed = suite->n_parsed,
        .duration_s = suite->duration_s,
    };
    for (size_t i = 0; i < spec->n_files; i++)
        found.tests += spec->files[i].n_functions;
    fst_report_discovered(run->report, &found);
    for (size_t i = 0; i < suite->files.count; i++)
        fst_report_file(run->report, suite->files.items[i].path);
    for (size_t i = 0; i < suite->problems.count; i++)
        fst_info("%s: %s", suite->problems.items[i].path,
                 suite->problems.items[i].text);
}

/* Finds the tests and gives them to the core. */
static int add_run(struct run *run, struct fst_err *err)
{
    const struct fst_settings *settings = run->settings;
    struct fst_suite suite = {0};
    struct fst_arena arena = {0};
    struct fst_run_spec spec;
    if (fst_cli_find_tests(settings,
                           !settings->no_history || settings->listen.count,
                           &suite, err))
        return -1;
    if (fst_remember_start(run, &suite, err)) {
        fst_suite_release(&suite);
        return -1;
    }
    fst_plan_make(&suite, settings, &arena, &spec);
    spec.times = fst_ledger_times(run->ledger);
    fst_report_past(run->report, spec.times);
    spec.recalled = fst_ledger_recalled(run->ledger);
    if (run->config.order_seed)
        fst_plan_shuffle(&spec, run->config.order_seed, &arena);
    bool whole = fst_past_needs_whole(run->past);
    if (whole)
        spec.full = FST_FULL_ALWAYS;
    else
        fst_learned_apply(run->learned, &spec, &arena);
    tell_found(run, &suite, &spec);
    fst_turn_say_full(run,
                      settings->collect == FST_COLLECT_FULL ? "--collect full"
                      : whole ? "--lf, --ff, --nf and --sw need it"
                      : settings->collect == FST_COLLECT_AUTO ? suite.whole_list
                                                              : NULL);
    if (fst_past_says(run->past))
        fst_report_say(run->report, fst_past_says(run->past));
    fst_gather_return(run);
    spec.held = run->held =
        (settings->agents > 0 && settings->listen.count) || run->returning > 0;
    run->id = fst_core_add_run(run->core, &spec, fst_loop_now_ns(&run->loop),
                               &run->effects);
    fst_turn_carry_out(run);
    fst_gather_open(run, &suite);
    fst_arena_release(&arena);
    fst_suite_release(&suite);
    if (!run->ended)
        fst_gather_begin(run);
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
    fst_timer_free(run->keep);
    fst_after_free(run->after);
    fst_timer_free(run->limit);
    fst_gather_release(run);
    fst_screen_release(run);
    fst_net_free(run->net);
    fst_places_release(run);
    fst_ledger_free(run->ledger);
    fst_loop_fini(&run->loop);
    fst_outbox_free(run->outbox);
    fst_report_free(run->report);
    fst_past_free(run->past);
    fst_effects_release(&run->effects);
    fst_core_free(run->core);
    fst_learned_free(run->learned);
    fst_vec_free(&run->lost);
    fst_coverage_release(run);
    free((char *)run->config.cwd);
    free((char *)run->config.hash_seed);
    free((char *)run->config.order_seed);
}

/* What could not be written is an error whatever the tests say. */
static int end_report(struct run *run, int status)
{
    struct fst_strings problems = {0};
    if (fst_report_end(run->report, status, fst_run_now_s(run), &problems))
        status = fst_code_exit(FST_E_IO);
    for (size_t i = 0; i < problems.count; i++)
        fprintf(stderr, "ERROR: %s\n", problems.items[i]);
    fst_strings_clear(&problems);
    return status;
}

/* A plugin's own, which only ever worsens what the tests say. */
static int worst_exit_code(const struct run *run)
{
    int code = run->exit_code;
    bool ordinary = code == 0 || code == 1 || code == 5;
    return ordinary && run->plugin_exit_code ? run->plugin_exit_code : code;
}

int fst_cli_run(const struct fst_settings *settings,
                const struct fst_again *again, double start_s)
{
    struct fst_err err;
    struct run run = {.settings = settings,
                      .again = again,
                      .start_s = start_s,
                      .epoch_s = fst_steady_epoch_s()};
    if (fst_loop_init(&run.loop, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        return fst_code_exit(err.code);
    }
    fst_prepare_id(&run);
    run.local_spec = (struct fst_local_spec){
        .root = settings->pytest.root,
        .python = settings->python,
        .slots =
            fst_settings_one_worker(settings) ? 1 : (uint32_t)settings->workers,
        .max_memory = settings->max_memory,
        .log_level = settings->log_level,
        .log_json = settings->log_json,
    };
    fst_prepare_config(&run);
    fst_prepare_report(&run);
    run.past = fst_past_new(settings);
    run.core = fst_core_new();
    run.outbox = fst_outbox_new(fst_turn_send, &run);
    run.net = new_net(&run.loop);
    run.tick = fst_timer_new(&run.loop, fst_turn_on_tick, &run);
    run.keep = fst_timer_new(&run.loop, fst_turn_keep, &run);
    run.after = fst_after_new(&run.loop, fst_turn_keep, &run);
    fst_stop_limit(&run);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* an error says it better */
    int status;
    if (fst_report_open(run.report, &err) || fst_prepare_seed(&run, &err) ||
        fst_remember_open(&run, &err) || fst_remember_past(&run, &err) ||
        fst_stop_watch(&run, &err) || fst_screen_watch(&run, &err) ||
        fst_gather_start(&run, &err) || add_run(&run, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        status = fst_code_exit(err.code);
    } else {
        if (!run.ended) {
            fst_turn_set_tick(&run);
            fst_loop_run(&run.loop);
        }
        fst_coverage_report(&run);
        status = worst_exit_code(&run);
        if (fst_past_end(run.past, &err))
            fst_report_warn(run.report, err.msg);
        status = end_report(&run, status);
        /* A run is over when its report is there: --resume makes it, else. */
        if (fst_ledger_end(run.ledger, fst_run_now_s(&run), status, &err))
            fprintf(stderr, "warning: %s\n", err.msg);
    }
    release(&run);
    return status;
}
