#include "coordinator/cli/recall.h"

#include <string.h>

#include "shared/proto/codec.h"

struct fst_agent_id fst_recall_agent_id(size_t at)
{
    return (struct fst_agent_id){UINT32_MAX - 1 - (uint32_t)at};
}

struct reading {
    struct fst_recall *recall;
    struct fst_err *err;
};

/* The recall's; NULL: it isn't what this program wrote. */
static const struct fst_msg *decode(struct reading *reading,
                                    enum fst_msg_type type, const char *text)
{
    struct fst_msg *message =
        fst_msg_decode(type, text, strlen(text), reading->err);
    if (message)
        fst_vec_add(&reading->recall->messages, message);
    return message;
}

static int take_list(void *user, const char *text)
{
    struct reading *reading = user;
    const struct fst_msg *message = decode(reading, FST_MSG_COLLECTED, text);
    if (!message)
        return -1;
    fst_vec_add(&reading->recall->lists, message->collected);
    return 0;
}

static struct fst_agent_id agent_of(struct fst_recall *recall, const char *name)
{
    size_t at = 0;
    while (at < recall->agents.count && strcmp(recall->agents.items[at], name))
        at++;
    if (at == recall->agents.count)
        fst_strings_add(&recall->agents, name);
    return fst_recall_agent_id(at);
}

/* The only result of a message RESULTS. */
static const struct fst_result *decode_result(struct reading *reading,
                                              const char *text)
{
    const struct fst_msg *message = decode(reading, FST_MSG_RESULTS, text);
    if (message && message->results.n_results == 1)
        return &message->results.results[0];
    if (message)
        fst_fail(reading->err, FST_E_REFUSED, "not one result, but %zu",
                 message->results.n_results);
    return NULL;
}

static int take_row(void *user, const struct fst_journal_row *row)
{
    struct reading *reading = user;
    struct fst_recall *recall = reading->recall;
    struct fst_result *result = fst_arena_alloc(&recall->arena, sizeof *result);
    const struct fst_result *told = NULL;
    if (row->message && !(told = decode_result(reading, row->message)))
        return -1;
    *result = (struct fst_result){
        .id = fst_arena_str(&recall->arena, row->id),
        .slot = row->slot,
        .outcome = row->outcome,
        .crashed = told && told->crashed,
        .reruns = told ? told->reruns : 0,
        .setup_s = row->setup_s,
        .call_s = row->call_s,
        .teardown_s = row->teardown_s,
        .shared_s = row->shared_s,
        .start_s = row->start_s,
        .pid = row->pid,
        .phases = told ? told->phases : NULL,
        .n_phases = told ? told->n_phases : 0,
        .junit = told ? told->junit : NULL,
        .junit_tests = told ? told->junit_tests : 0,
        .junit_properties = told ? told->junit_properties : NULL,
    };
    const struct fst_try try = {
        .result = result,
        .attempt = row->attempt,
        .kind = row->kind,
        .verdict = row->verdict,
        .agent = agent_of(recall, row->agent),
    };
    fst_vec_add(&recall->tries, try);
    return 0;
}

/* The row's outcome is the worst already. */
static int take_amend(void *user, const char *text)
{
    struct reading *reading = user;
    struct fst_recall *recall = reading->recall;
    const struct fst_result *more = decode_result(reading, text);
    struct fst_try *last = &recall->tries.items[recall->tries.count - 1];
    /* Ours, made by take_row. */
    struct fst_result *result = (struct fst_result *)last->result;
    if (!more)
        return -1;
    last->amended = true;
    size_t count = result->n_phases + more->n_phases;
    struct fst_phase *phases =
        fst_arena_array(&recall->arena, count, sizeof *phases);
    if (result->n_phases)
        memcpy(phases, result->phases, result->n_phases * sizeof *phases);
    if (more->n_phases)
        memcpy(phases + result->n_phases, more->phases,
               more->n_phases * sizeof *phases);
    result->phases = phases;
    result->n_phases = count;
    result->teardown_s += more->teardown_s;
    if (more->junit) {
        result->junit = more->junit;
        result->junit_tests = more->junit_tests;
    }
    return 0;
}

static int take_warnings(void *user, const char *text)
{
    struct reading *reading = user;
    const struct fst_msg *message = decode(reading, FST_MSG_RESULTS, text);
    if (!message)
        return -1;
    for (size_t i = 0; i < message->results.n_warnings; i++)
        fst_vec_add(&reading->recall->warnings, message->results.warnings[i]);
    return 0;
}

struct fst_recall *fst_recall_new(struct fst_store *store, int64_t run,
                                  struct fst_err *err)
{
    struct fst_recall *recall = fst_alloc(sizeof *recall);
    struct reading reading = {.recall = recall, .err = err};
    const struct fst_oldrun_reader reader = {take_list, take_row, take_amend,
                                             take_warnings, &reading};
    if (fst_oldrun_read(store, run, &reader, err)) {
        fst_recall_free(recall);
        return NULL;
    }
    recall->recalled = (struct fst_recalled){
        .lists = recall->lists.items,
        .n_lists = recall->lists.count,
        .tries = recall->tries.items,
        .n_tries = recall->tries.count,
    };
    return recall;
}

void fst_recall_free(struct fst_recall *recall)
{
    if (!recall)
        return;
    for (size_t i = 0; i < recall->messages.count; i++)
        fst_msg_free(recall->messages.items[i]);
    fst_vec_free(&recall->messages);
    fst_vec_free(&recall->lists);
    fst_vec_free(&recall->tries);
    fst_vec_free(&recall->warnings);
    fst_strings_clear(&recall->agents);
    fst_arena_release(&recall->arena);
    free(recall);
}
