/* An error of the store ends the journal, never the run: the first one is kept
 * until the turn's commit reports it. */
#include "coordinator/cli/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/cli/suitename.h"
#include "coordinator/store/history.h"
#include "coordinator/store/journal.h"
#include "shared/base/mem.h"
#include "shared/json/json.h"

struct known_agent {
    struct known_agent *next;
    uint32_t id;
    char *name;
};

struct fst_ledger {
    struct fst_store *store;     /* NULL: none, or it has failed */
    struct fst_journal *journal; /* NULL with it */
    char *suite;
    struct fst_times *times; /* NULL: none known */
    struct known_agent *agents;
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

static char *arguments_as_json(const struct fst_ledger_spec *spec)
{
    struct fst_buf out = FST_BUF_INIT;
    struct fst_json_writer json;
    fst_jw_init(&json, &out);
    fst_jw_array(&json);
    for (size_t i = 0; i < spec->n_arguments; i++)
        fst_jw_string(&json, spec->arguments[i]);
    fst_jw_array_end(&json);
    return fst_buf_take(&out);
}

static struct fst_journal *start_journal(const struct fst_ledger *ledger,
                                         const struct fst_ledger_spec *spec,
                                         struct fst_err *err)
{
    char *arguments = arguments_as_json(spec);
    const struct fst_journal_run run = {
        .suite = ledger->suite,
        .name = spec->run,
        .started_s = spec->start_s,
        .arguments = arguments,
    };
    struct fst_journal *journal = fst_journal_start(ledger->store, &run, err);
    free(arguments);
    return journal;
}

int fst_ledger_open(struct fst_ledger **opened,
                    const struct fst_ledger_spec *spec, struct fst_err *err)
{
    struct fst_ledger *ledger = *opened = fst_alloc(sizeof *ledger);
    if (spec->off)
        return 0;
    char *file = spec->file ? fst_strdup(spec->file)
                            : fst_printf("%s/.fastest/history.db", spec->root);
    ledger->suite = fst_suite_name(spec->root);
    ledger->store = fst_store_open(
        file, FST_STORE_CREATE | (spec->durable ? FST_STORE_DURABLE : 0), err);
    free(file);
    if (!ledger->store)
        return -1;
    if (!fst_history_fold(ledger->store, ledger->suite, err) &&
        !fst_history_times(ledger->store, ledger->suite, take_times, ledger,
                           err))
        ledger->journal = start_journal(ledger, spec, err);
    if (ledger->journal)
        return 0;
    fst_store_close(ledger->store);
    ledger->store = NULL;
    return -1;
}

static void close_store(struct fst_ledger *ledger)
{
    fst_journal_free(ledger->journal);
    fst_store_close(ledger->store);
    ledger->journal = NULL;
    ledger->store = NULL;
}

void fst_ledger_free(struct fst_ledger *ledger)
{
    struct known_agent *agent, *next;
    if (!ledger)
        return;
    close_store(ledger);
    fst_times_free(ledger->times);
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

int fst_ledger_outcomes(struct fst_ledger *ledger,
                        void (*on_outcome)(void *user, const char *name,
                                           enum fst_outcome outcome),
                        void *user, struct fst_err *err)
{
    return ledger->store ? fst_history_last(ledger->store, ledger->suite,
                                            on_outcome, user, err)
                         : 0;
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
        .start_s = result->start_s,
        .agent = name_of(ledger, effect->agent),
        .slot = result->slot,
        .pid = result->pid,
    };
    return fst_journal_add(ledger->journal, &row, &ledger->failure);
}

void fst_ledger_effect(struct fst_ledger *ledger,
                       const struct fst_effect *effect)
{
    if (!ledger->journal)
        return;
    if (effect->type == FST_EF_ATTEMPT)
        check(ledger, add_attempt(ledger, effect));
    else if (effect->type == FST_EF_OPENED)
        check(ledger, fst_journal_cost(ledger->journal, effect->id,
                                       effect->seconds, &ledger->failure));
    else if (effect->type == FST_EF_OUTCOME || effect->type == FST_EF_AMEND)
        check(ledger,
              fst_journal_judge(ledger->journal, effect->id, effect->attempt,
                                effect->outcome, &ledger->failure));
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
