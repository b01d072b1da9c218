/* An error of the store ends the journal, never the run: the first one is kept
 * until the turn's commit reports it. */
#include "coordinator/cli/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/cli/recall.h"
#include "coordinator/cli/suitename.h"
#include "coordinator/store/history.h"
#include "coordinator/store/journal.h"
#include "shared/base/mem.h"
#include "shared/proto/codec.h"

struct known_agent {
    struct known_agent *next;
    uint32_t id;
    char *name;
};

struct fst_ledger {
    struct fst_store *store;     /* NULL: none, or it has failed */
    struct fst_journal *journal; /* NULL before the start, and with it */
    char *suite;
    struct fst_times *times; /* NULL: none known */
    bool host;               /* the last run wanted xdist's controller hooks */
    struct known_agent *agents;
    struct fst_recall *recall; /* of an earlier run, or NULL */
    const struct fst_learned *learned;
    struct fst_strings changed;
    bool started;           /* a worker was up */
    struct fst_buf text;    /* of the row that is written */
    struct fst_err failure; /* why there is none any more */
    bool failed;            /* and it was not told yet */
};

/* ---- opening */

static void take_times(void *user, const struct fst_history_times *told)
{
    struct fst_ledger *ledger = user;
    if (!ledger->times)
        ledger->times = fst_times_new();
    if (strstr(told->name, "::"))
        fst_times_add(ledger->times, told->name,
                      told->s[FST_PART_SETUP] + told->s[FST_PART_CALL] +
                          told->s[FST_PART_TEARDOWN]);
    else
        fst_times_add_open(ledger->times, told->name, told->s[FST_PART_OPEN]);
}

static void close_store(struct fst_ledger *ledger)
{
    fst_journal_free(ledger->journal);
    fst_store_close(ledger->store);
    ledger->journal = NULL;
    ledger->store = NULL;
}

int fst_ledger_open(struct fst_ledger **opened,
                    const struct fst_ledger_spec *spec, struct fst_err *err)
{
    struct fst_ledger *ledger = *opened = fst_alloc(sizeof *ledger);
    if (spec->off)
        return 0;
    char *file = fst_suite_history(spec->root, spec->file);
    ledger->suite = fst_suite_name(spec->root);
    ledger->store = fst_store_open(
        file, FST_STORE_CREATE | (spec->durable ? FST_STORE_DURABLE : 0), err);
    free(file);
    if (!ledger->store)
        return -1;
    double start_s;
    if (!fst_history_fold(ledger->store, ledger->suite, err) &&
        !fst_history_host(ledger->store, ledger->suite, &ledger->host, err) &&
        !fst_history_start_s(ledger->store, ledger->suite, &start_s, err) &&
        !fst_history_times(ledger->store, ledger->suite, take_times, ledger,
                           err)) {
        if (ledger->times)
            fst_times_set_start(ledger->times, start_s);
        return 0;
    }
    close_store(ledger);
    return -1;
}

void fst_ledger_free(struct fst_ledger *ledger)
{
    struct known_agent *agent, *next;
    if (!ledger)
        return;
    close_store(ledger);
    fst_times_free(ledger->times);
    fst_recall_free(ledger->recall);
    fst_strings_clear(&ledger->changed);
    fst_buf_release(&ledger->text);
    for (agent = ledger->agents; agent; agent = next) {
        next = agent->next;
        free(agent->name);
        free(agent);
    }
    free(ledger->suite);
    free(ledger);
}

const struct fst_times *fst_ledger_times(const struct fst_ledger *ledger)
{
    return ledger->times;
}

bool fst_ledger_had_host(const struct fst_ledger *ledger)
{
    return ledger->host;
}

int fst_ledger_outcomes(struct fst_ledger *ledger,
                        void (*on_outcome)(void *user, const char *name,
                                           enum fst_outcome outcome),
                        void *user, struct fst_err *err)
{
    return ledger->store ? fst_history_last(ledger->store, ledger->suite,
                                            on_outcome, user, err)
                         : 0;
}

/* ---- the journal's beginning */

/* A run is gone on with only in the checkout that it was started in. */
static int check_checkout(struct fst_ledger *ledger,
                          const struct fst_ledger_run *run, struct fst_err *err)
{
    char some[300];
    fst_again_differences(run->again->run.checkout, run->checkout,
                          &ledger->changed);
    if (run->again->failed || !ledger->changed.count)
        return 0;
    fst_again_name_some(&ledger->changed, some, sizeof some);
    return fst_fail(err, FST_E_REFUSED,
                    "--resume: the checkout has changed since run %s: %s",
                    run->again->run.name, some);
}

/* Whose results are kept, but for those of files that have changed. */
static int begin_after(struct fst_ledger *ledger,
                       const struct fst_ledger_run *run,
                       const struct fst_journal_run *told, struct fst_err *err)
{
    const struct fst_again *again = run->again;
    if (check_checkout(ledger, run, err))
        return -1;
    ledger->journal =
        again->failed
            ? fst_journal_start(ledger->store, told, again->run.id, err)
            : fst_journal_resume(ledger->store, ledger->suite, again->run.id,
                                 err);
    for (size_t i = 0; ledger->journal && i < ledger->changed.count; i++)
        if (fst_journal_forget(ledger->journal, ledger->changed.items[i], err))
            return -1;
    if (!ledger->journal)
        return -1;
    ledger->recall =
        fst_recall_new(ledger->store, fst_journal_run_id(ledger->journal), err);
    return ledger->recall ? 0 : -1;
}

int fst_ledger_start(struct fst_ledger *ledger,
                     const struct fst_ledger_run *run, struct fst_err *err)
{
    const struct fst_journal_run told = {
        .suite = ledger->suite,
        .name = run->name,
        .started_s = run->start_s,
        .arguments = run->again->arguments,
        .checkout = run->checkout,
    };
    ledger->learned = run->learned;
    if (!ledger->store)
        return 0;
    if (run->again->wanted)
        return begin_after(ledger, run, &told, err);
    if (!fst_learned_load(run->learned, ledger->store, ledger->suite, err))
        ledger->journal = fst_journal_start(ledger->store, &told, 0, err);
    if (ledger->journal)
        return 0;
    close_store(ledger);
    return -1;
}

const struct fst_recalled *fst_ledger_recalled(const struct fst_ledger *ledger)
{
    return ledger->recall ? &ledger->recall->recalled : NULL;
}

const char *fst_ledger_recalled_agent(const struct fst_ledger *ledger,
                                      size_t at, struct fst_agent_id *id)
{
    if (!ledger->recall || at >= ledger->recall->agents.count)
        return NULL;
    *id = fst_recall_agent_id(at);
    return ledger->recall->agents.items[at];
}

const struct fst_warning *
fst_ledger_recalled_warning(const struct fst_ledger *ledger, size_t at)
{
    return ledger->recall && at < ledger->recall->warnings.count
               ? &ledger->recall->warnings.items[at]
               : NULL;
}

const struct fst_strings *fst_ledger_changed(const struct fst_ledger *ledger)
{
    return ledger->changed.count ? &ledger->changed : NULL;
}

/* ---- writing */

void fst_ledger_agent(struct fst_ledger *ledger, struct fst_agent_id id,
                      const char *name)
{
    struct known_agent *agent = fst_alloc(sizeof *agent);
    agent->id = id.v;
    agent->name = fst_strdup(name);
    agent->next = ledger->agents;
    ledger->agents = agent;
}

static const char *name_of(const struct fst_ledger *ledger,
                           struct fst_agent_id id)
{
    const struct known_agent *agent = ledger->agents;
    while (agent && agent->id != id.v)
        agent = agent->next;
    return agent ? agent->name : "";
}

static void check(struct fst_ledger *ledger, int result)
{
    if (!result)
        return;
    ledger->failed = true;
    close_store(ledger);
}

/* A message as JSON; valid until the next one. */
static const char *as_json(struct fst_ledger *ledger,
                           const struct fst_msg *message)
{
    fst_buf_clear(&ledger->text);
    if (fst_msg_encode(message, &ledger->text, NULL))
        return NULL;
    return fst_buf_str(&ledger->text);
}

static const char *result_as_json(struct fst_ledger *ledger,
                                  const struct fst_result *result)
{
    struct fst_result copy = *result;
    const struct fst_msg message = {
        .type = FST_MSG_RESULTS,
        .results = {.results = &copy, .n_results = 1},
    };
    return as_json(ledger, &message);
}

static int add_attempt(struct fst_ledger *ledger,
                       const struct fst_effect *effect)
{
    const struct fst_result *result = effect->result;
    const struct fst_journal_row row = {
        .id = effect->id,
        .attempt = effect->attempt,
        .kind = effect->kind,
        .outcome = effect->outcome,
        .setup_s = result->setup_s,
        .call_s = result->call_s,
        .teardown_s = result->teardown_s,
        .shared_s = result->shared_s,
        .start_s = result->start_s,
        .agent = name_of(ledger, effect->agent),
        .slot = result->slot,
        .pid = result->pid,
        .message = result->n_phases || result->crashed || result->junit ||
                           result->junit_properties || result->reruns
                       ? result_as_json(ledger, result)
                       : NULL,
    };
    return fst_journal_add(ledger->journal, &row, &ledger->failure);
}

static int amend(struct fst_ledger *ledger, const struct fst_effect *effect)
{
    const char *message = result_as_json(ledger, effect->result);
    if (message &&
        fst_journal_amend(ledger->journal, effect->id, effect->attempt, message,
                          &ledger->failure))
        return -1;
    return fst_journal_judge(ledger->journal, effect->id, effect->attempt,
                             effect->outcome, &ledger->failure);
}

/* Bad news of collectors are results of their own. */
static int add_list(struct fst_ledger *ledger, const struct fst_collected *list)
{
    struct fst_msg message = {.type = FST_MSG_COLLECTED, .collected = *list};
    message.collected.reports = NULL;
    message.collected.n_reports = 0;
    message.collected.lease = message.collected.slot = 0;
    const char *text = as_json(ledger, &message);
    bool whole =
        !list->n_reports && !list->deselected.count && !list->missing.count;
    int64_t subject =
        whole ? fst_learned_subject(ledger->learned, list->file) : 0;
    return text ? fst_journal_list(ledger->journal, list->file, text, subject,
                                   &ledger->failure)
                : 0;
}

static int write_effect(struct fst_ledger *ledger,
                        const struct fst_effect *effect)
{
    switch (effect->type) {
    case FST_EF_ATTEMPT:
        return add_attempt(ledger, effect);
    case FST_EF_OUTCOME:
        return fst_journal_judge(ledger->journal, effect->id, effect->attempt,
                                 effect->outcome, &ledger->failure);
    case FST_EF_AMEND:
        return amend(ledger, effect);
    case FST_EF_LIST:
        return add_list(ledger, effect->list);
    case FST_EF_OPENED:
        return fst_journal_cost(ledger->journal, effect->id, effect->seconds,
                                &ledger->failure);
    default:
        return 0;
    }
}

void fst_ledger_effect(struct fst_ledger *ledger,
                       const struct fst_effect *effect)
{
    if (ledger->journal && !effect->past)
        check(ledger, write_effect(ledger, effect));
}

void fst_ledger_farm(struct fst_ledger *ledger, size_t agents, uint32_t slots)
{
    if (ledger->journal)
        check(ledger, fst_journal_agents(ledger->journal, agents, slots,
                                         &ledger->failure));
}

void fst_ledger_host(struct fst_ledger *ledger, bool wanted)
{
    if (ledger->journal)
        check(ledger,
              fst_journal_host(ledger->journal, wanted, &ledger->failure));
}

void fst_ledger_started(struct fst_ledger *ledger, double seconds)
{
    if (ledger->started || !ledger->journal)
        return;
    ledger->started = true;
    check(ledger,
          fst_journal_start_s(ledger->journal, seconds, &ledger->failure));
}

void fst_ledger_warnings(struct fst_ledger *ledger,
                         const struct fst_results *results)
{
    const struct fst_msg message = {
        .type = FST_MSG_RESULTS,
        .results = {.warnings = results->warnings,
                    .n_warnings = results->n_warnings},
    };
    const char *text = ledger->journal && results->n_warnings
                           ? as_json(ledger, &message)
                           : NULL;
    if (text)
        check(ledger,
              fst_journal_warn(ledger->journal, text, &ledger->failure));
}

int fst_ledger_commit(struct fst_ledger *ledger, struct fst_err *err)
{
    if (ledger->journal)
        check(ledger, fst_journal_commit(ledger->journal, &ledger->failure));
    if (!ledger->failed)
        return 0;
    ledger->failed = false;
    *err = ledger->failure;
    return -1;
}

int fst_ledger_end(struct fst_ledger *ledger, double end_s, int exit_code,
                   struct fst_err *err)
{
    if (!ledger->journal)
        return 0;
    int result = fst_journal_end(ledger->journal, end_s, exit_code, err)
                     ? -1
                     : fst_history_fold(ledger->store, ledger->suite, err);
    close_store(ledger);
    return result;
}
