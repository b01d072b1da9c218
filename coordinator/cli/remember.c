/* What earlier runs say of this one: history and journal. */
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/cli/runstate.h"

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

int fst_remember_open(struct run *run, struct fst_err *err)
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
        fst_report_agent(run->report, id.v, agent, 0, false, NULL);
    for (size_t i = 0; (warning = fst_ledger_recalled_warning(run->ledger, i));
         i++)
        fst_report_warning(run->report, warning);
    snprintf(text, sizeof text, "%s run %s: %zu result%s kept",
             run->again->failed ? "after" : "going on with", name,
             past->n_tries, past->n_tries == 1 ? " is" : "s are");
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

int fst_remember_start(struct run *run, const struct fst_suite *suite,
                       struct fst_err *err)
{
    char *checkout = fst_again_checkout(suite);
    run->learned = fst_learned_new(suite, run->settings);
    const struct fst_ledger_run spec = {
        .name = run->run_id,
        .start_s = run->start_s,
        .checkout = checkout,
        .again = run->again,
        .learned = run->learned,
        .loop = &run->loop,
        .on_kept = fst_turn_on_kept,
        .user = run,
    };
    int result = fst_ledger_start(run->ledger, &spec, err)
                     ? without_ledger(run, err)
                     : 0;
    free(checkout);
    if (!result)
        tell_recalled(run);
    return result;
}

/* What earlier runs say of selection and order. */
int fst_remember_past(struct run *run, struct fst_err *err)
{
    if (fst_past_load(run->past, run->ledger, err))
        return -1;
    fst_past_configure(run->past, &run->config);
    run->config.host = run->covers || fst_ledger_had_host(run->ledger);
    return 0;
}
