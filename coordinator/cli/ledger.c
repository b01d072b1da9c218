/* An error of the store ends the journal, never the run: the first one is told
 * once. While the run lasts the store is the writer's thread's. */
#include "coordinator/cli/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "coordinator/cli/recall.h"
#include "coordinator/cli/suitename.h"
#include "coordinator/store/history.h"
#include "coordinator/store/writer.h"
#include "shared/base/mem.h"
#include "shared/proto/codec.h"

struct known_agent {
    uint32_t id;
    char *name;
    UT_hash_handle hh;
};

/* What waits for the journal takes so much memory at most: past it the run
 * does, too. */
enum { WAITING_MAX = 32 << 20 };

struct fst_ledger {
    struct fst_store *store;     /* NULL: none, or it has failed */
    struct fst_journal *journal; /* NULL before the start, and with it */
    struct fst_writer *writer;   /* the same */
    struct fst_inbox *inbox;     /* of the writer's news; NULL: no journal */
    void (*on_kept)(void *user, const struct fst_err *why);
    void *user;
    char *suite;
    struct fst_times *times; /* NULL: none known */
    bool host;               /* the last run wanted xdist's controller hooks */
    struct known_agent *agents;
    struct fst_recall *recall; /* of an earlier run, or NULL */
    const struct fst_learned *learned;
    struct fst_strings changed;
    bool started;        /* a worker was up */
    struct fst_buf text; /* of the row that is written */
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
    fst_writer_stop(ledger->writer);
    fst_journal_free(ledger->journal);
    fst_store_close(ledger->store);
    ledger->writer = NULL;
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
    fst_inbox_free(ledger->inbox);
    fst_times_free(ledger->times);
    fst_recall_free(ledger->recall);
    fst_strings_clear(&ledger->changed);
    fst_buf_release(&ledger->text);
    HASH_ITER (hh, ledger->agents, agent, next) {
        HASH_DEL(ledger->agents, agent);
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

static int begin(struct fst_ledger *ledger, const struct fst_ledger_run *run,
                 struct fst_err *err)
{
    const struct fst_journal_run told = {
        .suite = ledger->suite,
        .name = run->name,
        .started_s = run->start_s,
        .arguments = run->again->arguments,
        .checkout = run->checkout,
    };
    if (run->again->wanted)
        return begin_after(ledger, run, &told, err);
    if (!fst_learned_load(run->learned, ledger->store, ledger->suite, err))
        ledger->journal = fst_journal_start(ledger->store, &told, 0, err);
    return ledger->journal ? 0 : -1;
}

/* On the writer's thread; the loop takes the letter. */
static void on_written(void *user)
{
    struct fst_ledger *ledger = user;
    fst_inbox_post(ledger->inbox, fst_alloc(sizeof(struct fst_letter)));
}

static void take_written(struct fst_ledger *ledger)
{
    struct fst_err err;
    int result = fst_writer_take(ledger->writer, &err);
    if (result)
        close_store(ledger);
    ledger->on_kept(ledger->user, result ? &err : NULL);
}

/* What it speaks of may have been waited for. */
static void on_letter(void *user, struct fst_letter *letter)
{
    struct fst_ledger *ledger = user;
    free(letter);
    if (fst_ledger_is_busy(ledger) && fst_writer_is_written(ledger->writer))
        take_written(ledger);
}

int fst_ledger_start(struct fst_ledger *ledger,
                     const struct fst_ledger_run *run, struct fst_err *err)
{
    ledger->learned = run->learned;
    ledger->on_kept = run->on_kept;
    ledger->user = run->user;
    if (!ledger->store)
        return 0;
    if (begin(ledger, run, err)) {
        close_store(ledger);
        return -1;
    }
    ledger->inbox = fst_inbox_new(run->loop, on_letter, ledger);
    ledger->writer = fst_writer_start(ledger->journal, on_written, ledger);
    return 0;
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
    HASH_ADD(hh, ledger->agents, id, sizeof agent->id, agent);
}

static const char *name_of(const struct fst_ledger *ledger,
                           struct fst_agent_id id)
{
    struct known_agent *agent;
    HASH_FIND(hh, ledger->agents, &id.v, sizeof id.v, agent);
    return agent ? agent->name : "";
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

static void add_attempt(struct fst_ledger *ledger,
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
    fst_writer_add(ledger->writer, &row);
}

static void amend(struct fst_ledger *ledger, const struct fst_effect *effect)
{
    const char *message = result_as_json(ledger, effect->result);
    if (message)
        fst_writer_amend(ledger->writer, effect->id, effect->attempt, message);
    fst_writer_judge(ledger->writer, effect->id, effect->attempt,
                     effect->outcome);
}

/* Bad news of collectors are results of their own. */
static void add_list(struct fst_ledger *ledger,
                     const struct fst_collected *list)
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
    if (text)
        fst_writer_list(ledger->writer, list->file, text, subject);
}

static void write_effect(struct fst_ledger *ledger,
                         const struct fst_effect *effect)
{
    switch (effect->type) {
    case FST_EF_ATTEMPT:
        add_attempt(ledger, effect);
        break;
    case FST_EF_OUTCOME:
        fst_writer_judge(ledger->writer, effect->id, effect->attempt,
                         effect->outcome);
        break;
    case FST_EF_AMEND:
        amend(ledger, effect);
        break;
    case FST_EF_LIST:
        add_list(ledger, effect->list);
        break;
    case FST_EF_OPENED:
        fst_writer_cost(ledger->writer, effect->id, effect->seconds);
        break;
    default:
        break;
    }
}

void fst_ledger_effect(struct fst_ledger *ledger,
                       const struct fst_effect *effect)
{
    if (ledger->writer && !effect->past)
        write_effect(ledger, effect);
}

void fst_ledger_farm(struct fst_ledger *ledger, size_t agents, uint32_t slots)
{
    if (ledger->writer)
        fst_writer_agents(ledger->writer, agents, slots);
}

void fst_ledger_host(struct fst_ledger *ledger, bool wanted)
{
    if (ledger->writer)
        fst_writer_host(ledger->writer, wanted);
}

void fst_ledger_started(struct fst_ledger *ledger, double seconds)
{
    if (ledger->started || !ledger->writer)
        return;
    ledger->started = true;
    fst_writer_start_s(ledger->writer, seconds);
}

void fst_ledger_warnings(struct fst_ledger *ledger,
                         const struct fst_results *results)
{
    const struct fst_msg message = {
        .type = FST_MSG_RESULTS,
        .results = {.warnings = results->warnings,
                    .n_warnings = results->n_warnings},
    };
    const char *text = ledger->writer && results->n_warnings
                           ? as_json(ledger, &message)
                           : NULL;
    if (text)
        fst_writer_warn(ledger->writer, text);
}

/* ---- batches */

bool fst_ledger_give(struct fst_ledger *ledger)
{
    return ledger->writer && fst_writer_give(ledger->writer);
}

bool fst_ledger_is_busy(const struct fst_ledger *ledger)
{
    return ledger->writer && fst_writer_is_out(ledger->writer);
}

bool fst_ledger_is_full(const struct fst_ledger *ledger)
{
    return ledger->writer && fst_writer_bytes(ledger->writer) > WAITING_MAX;
}

bool fst_ledger_keeps(const struct fst_ledger *ledger)
{
    return ledger->writer;
}

void fst_ledger_wait(struct fst_ledger *ledger)
{
    if (fst_ledger_is_busy(ledger))
        take_written(ledger);
}

/* What was found out last. */
static int write_rest(struct fst_ledger *ledger, struct fst_err *err)
{
    struct fst_writer *writer = ledger->writer;
    int result = fst_writer_is_out(writer) ? fst_writer_take(writer, err) : 0;
    if (!result && fst_writer_give(writer))
        result = fst_writer_take(writer, err);
    fst_writer_stop(writer);
    ledger->writer = NULL;
    return result;
}

int fst_ledger_end(struct fst_ledger *ledger, double end_s, int exit_code,
                   struct fst_err *err)
{
    if (!ledger->writer)
        return 0;
    int result =
        write_rest(ledger, err) ||
                fst_journal_end(ledger->journal, end_s, exit_code, err) ||
                fst_history_fold(ledger->store, ledger->suite, err)
            ? -1
            : 0;
    close_store(ledger);
    return result;
}
