#include "coordinator/report/book.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/report/wellformed.h"
#include "shared/base/mem.h"
#include "shared/base/steady.h"

/* Of one result; an agent could say anything. */
enum { MOST_RERUNS = 1000 };

void fst_book_init(struct fst_book *book, double epoch_s, bool keep_passed)
{
    *book = (struct fst_book){.epoch_s = epoch_s, .keep_passed = keep_passed};
}

void fst_book_release(struct fst_book *book)
{
    struct fst_agent_entry *agent;
    fst_vec_each (agent, &book->agents) {
        free(agent->name);
        fst_strings_clear(&agent->labels);
    }
    fst_vec_free(&book->agents);
    fst_vec_free(&book->entries);
    fst_index_release(&book->by_id);
    for (int i = 0; i < FST_STATS; i++)
        fst_vec_free(&book->shown[i]);
    fst_vec_free(&book->fresh);
    fst_vec_free(&book->not_run);
    fst_vec_free(&book->listed);
    fst_vec_free(&book->confirmed);
    fst_vec_free(&book->retried);
    fst_strings_clear(&book->properties);
    fst_arena_release(&book->arena);
}

/* The agent of this number that came last. */
static uint32_t find_agent(const struct fst_book *book, uint32_t id)
{
    for (size_t i = book->agents.count; i--;)
        if (book->agents.items[i].id == id)
            return (uint32_t)i;
    return FST_NO_AGENT;
}

/* Results that don't name their agent are those of the only one there is. */
static uint32_t agent_of(const struct fst_book *book,
                         const struct fst_effect *effect)
{
    uint32_t only = FST_NO_AGENT;
    if (effect->agent.v)
        return find_agent(book, effect->agent.v);
    if (!effect->result->pid)
        return FST_NO_AGENT;
    for (size_t i = 0; i < book->agents.count; i++) {
        if (book->agents.items[i].lost)
            continue;
        if (only != FST_NO_AGENT)
            return FST_NO_AGENT;
        only = (uint32_t)i;
    }
    return only;
}

void fst_book_agent(struct fst_book *book, uint32_t agent, const char *name,
                    size_t slots, bool lost, const struct fst_strs *labels)
{
    uint32_t known = find_agent(book, agent);
    if (lost) {
        if (known != FST_NO_AGENT)
            book->agents.items[known].lost = true;
        return;
    }
    struct fst_agent_entry *entry = fst_vec_push(&book->agents);
    *entry = (struct fst_agent_entry){
        .id = agent, .name = fst_strdup(name ? name : "?"), .slots = slots};
    for (size_t i = 0; labels && i < labels->count; i++)
        fst_strings_add(&entry->labels, labels->items[i]);
}

size_t fst_book_live_agents(const struct fst_book *book)
{
    const struct fst_agent_entry *agent;
    size_t count = 0;
    fst_vec_each (agent, &book->agents)
        count += agent->slots && !agent->lost;
    return count;
}

size_t fst_book_slots(const struct fst_book *book)
{
    size_t count = 0;
    const struct fst_agent_entry *agent;
    fst_vec_each (agent, &book->agents)
        count += agent->lost ? 0 : agent->slots;
    return count;
}

const struct fst_agent_entry *fst_book_agent_find(const struct fst_book *book,
                                                  uint32_t agent)
{
    uint32_t known = find_agent(book, agent);
    return known == FST_NO_AGENT ? NULL : &book->agents.items[known];
}

struct fst_entry *fst_book_find(const struct fst_book *book, const char *id)
{
    const uint32_t *at = fst_index_find(&book->by_id, id);
    return at ? book->entries.items[*at] : NULL;
}

static struct fst_entry *entry_of(struct fst_book *book, const char *id)
{
    struct fst_entry *entry = fst_book_find(book, id);
    if (entry)
        return entry;
    entry = fst_arena_alloc(&book->arena, sizeof *entry);
    entry->id = id;
    fst_index_add(&book->by_id, id, (uint32_t)book->entries.count);
    fst_vec_add(&book->entries, entry);
    return entry;
}

/* A report's sections hold those of the phases before it, so that one text
 * would be kept up to three times. */
static const char *kept_text(struct fst_book *book,
                             const struct fst_attempt *attempt,
                             const struct fst_section *section)
{
    for (size_t i = 0; i < attempt->n_phases; i++) {
        const struct fst_phase *phase = &attempt->phases[i];
        for (size_t k = 0; k < phase->n_sections; k++)
            if (strcmp(phase->sections[k].name, section->name) == 0 &&
                strcmp(phase->sections[k].text, section->text) == 0)
                return phase->sections[k].text;
    }
    return fst_arena_str(&book->arena, section->text);
}

static void keep_phase(struct fst_book *book, struct fst_attempt *attempt,
                       const struct fst_phase *from)
{
    struct fst_arena *arena = &book->arena;
    struct fst_phase *to = &attempt->phases[attempt->n_phases];
    *to = (struct fst_phase){
        .when = fst_arena_str(arena, from->when ? from->when : "call"),
        .outcome = from->outcome,
        .title = fst_arena_str(arena, from->title),
        .longrepr = fst_arena_str(arena, from->longrepr),
        .message = fst_arena_str(arena, from->message),
        .location = fst_arena_str(arena, from->location),
        .n_sections = from->n_sections,
    };
    if (from->n_sections)
        to->sections =
            fst_arena_array(arena, from->n_sections, sizeof *to->sections);
    for (size_t i = 0; i < from->n_sections; i++) {
        to->sections[i].name = fst_arena_str(arena, from->sections[i].name);
        to->sections[i].text = kept_text(book, attempt, &from->sections[i]);
    }
    attempt->n_phases++;
}

/* Behind those that attempt has already. */
static void keep_phases(struct fst_book *book, struct fst_attempt *attempt,
                        const struct fst_result *result)
{
    bool passed = result->outcome == FST_PASSED && !book->keep_passed;
    if (!result->n_phases || passed)
        return;
    struct fst_phase *phases = fst_arena_array(
        &book->arena, attempt->n_phases + result->n_phases, sizeof *phases);
    if (attempt->n_phases)
        memcpy(phases, attempt->phases, attempt->n_phases * sizeof *phases);
    attempt->phases = phases;
    for (size_t i = 0; i < result->n_phases; i++)
        keep_phase(book, attempt, &result->phases[i]);
}

static struct fst_attempt *add_attempt(struct fst_book *book,
                                       struct fst_entry *entry, uint32_t number)
{
    struct fst_attempt *attempt = &entry->first;
    if (entry->n_attempts++) {
        while (attempt->next)
            attempt = attempt->next;
        attempt->next = fst_arena_alloc(&book->arena, sizeof *attempt);
        attempt = attempt->next;
    }
    attempt->number = number ? number : entry->n_attempts;
    attempt->agent = FST_NO_AGENT;
    return attempt;
}

double fst_book_now_s(const struct fst_book *book)
{
    return book->epoch_s + fst_steady_s();
}

const struct fst_attempt *fst_book_before_last(const struct fst_entry *entry)
{
    const struct fst_attempt *before = NULL, *at = &entry->first;
    for (; at->next; at = at->next)
        if (at->kind != FST_ATTEMPT_DUPLICATE)
            before = at;
    return before;
}

size_t fst_book_attempts(const struct fst_entry *entry)
{
    size_t count = 0;
    for (const struct fst_attempt *at = &entry->first; at; at = at->next)
        count += at->kind != FST_ATTEMPT_DUPLICATE;
    return count;
}

/* The try before this one is known now to have been no verdict. */
static void show_rerun(struct fst_book *book, struct fst_entry *entry)
{
    struct fst_attempt *before =
        (struct fst_attempt *)fst_book_before_last(entry);
    if (before)
        fst_vec_add(&book->fresh,
                    ((struct fst_shown){entry, before, NULL, FST_STAT_RERUN}));
}

/* Workers record the same where each sets up the same fixture. */
static void keep_property(struct fst_book *book, const char *text, size_t len)
{
    char *property = fst_strndup(text, len);
    bool known = false;
    for (size_t i = 0; i < book->properties.count && !known; i++)
        known = !strcmp(book->properties.items[i], property);
    if (!known)
        fst_strings_add(&book->properties, property);
    free(property);
}

/* What JUnit's report needs of a result; phases: are kept already. */
static void keep_junit(struct fst_book *book, struct fst_attempt *attempt,
                       const struct fst_result *result)
{
    const char *end, *at = result->junit_properties;
    bool fine = at && fst_xml_is_fine(at);
    for (; fine && (end = strstr(at, "/>")); at = end + 2)
        keep_property(book, at, (size_t)(end + 2 - at));
    if (!result->junit || !fst_xml_is_fine(result->junit))
        return;
    attempt->junit = fst_arena_str(&book->arena, result->junit);
    attempt->junit_tests = result->junit_tests;
    attempt->junit_phases = attempt->n_phases;
}

static void note_attempt(struct fst_book *book, const struct fst_effect *effect)
{
    const struct fst_result *result = effect->result;
    struct fst_entry *entry = entry_of(book, effect->id);
    struct fst_attempt *attempt = add_attempt(book, entry, effect->attempt);
    attempt->setup_s = result->setup_s;
    attempt->call_s = result->call_s;
    attempt->teardown_s = result->teardown_s;
    attempt->shared_s = result->shared_s;
    attempt->start_s = result->start_s;
    attempt->pid = result->pid;
    attempt->slot = result->slot;
    attempt->agent = agent_of(book, effect);
    attempt->outcome = result->outcome;
    attempt->kind = effect->kind;
    attempt->crashed = result->crashed;
    attempt->reruns = result->reruns;
    if (effect->kind != FST_ATTEMPT_DUPLICATE)
        keep_phases(book, attempt, result);
    keep_junit(book, attempt, result);
    if (effect->kind == FST_ATTEMPT_RETRY)
        show_rerun(book, entry);
    if (attempt->agent != FST_NO_AGENT)
        book->agents.items[attempt->agent].busy_s +=
            result->setup_s + result->call_s + result->teardown_s;
    book->last_s = fst_book_now_s(book);
}

static enum fst_stat stat_of(enum fst_outcome outcome)
{
    switch (outcome) {
    case FST_PASSED:
        return FST_STAT_PASSED;
    case FST_SKIPPED:
        return FST_STAT_SKIPPED;
    case FST_XFAILED:
        return FST_STAT_XFAILED;
    case FST_XPASSED:
        return FST_STAT_XPASSED;
    case FST_FAILED:
        return FST_STAT_FAILED;
    default:
        return FST_STAT_ERROR;
    }
}

static void show(struct fst_book *book, struct fst_entry *entry,
                 struct fst_attempt *attempt, const struct fst_phase *phase,
                 enum fst_outcome outcome)
{
    struct fst_shown shown = {entry, attempt, phase, stat_of(outcome)};
    book->counts[shown.stat]++;
    fst_vec_add(&book->fresh, shown);
    if (outcome != FST_PASSED || book->keep_passed)
        fst_vec_add(&book->shown[shown.stat], shown);
}

static bool is_when(const struct fst_phase *phase, const char *when)
{
    return strcmp(phase->when, when) == 0;
}

/* pytest's reports of one attempt: set-up and tear-down count where they went
 * wrong, the call always, and a call without anything to say comes as no phase
 * at all. */
static void show_phases(struct fst_book *book, struct fst_entry *entry,
                        struct fst_attempt *attempt)
{
    enum fst_outcome worst = FST_PASSED;
    bool shown = false;
    for (size_t i = 0; i < attempt->n_phases; i++) {
        const struct fst_phase *phase = &attempt->phases[i];
        bool is_call = is_when(phase, "call");
        if (phase->outcome == FST_PASSED && !is_call)
            continue;
        if (is_when(phase, "teardown") && !shown && !attempt->crashed)
            show(book, entry, attempt, NULL, FST_PASSED);
        show(book, entry, attempt, phase, phase->outcome);
        shown = true;
        if (phase->outcome > worst)
            worst = phase->outcome;
    }
    if (!shown || worst < entry->outcome)
        show(book, entry, attempt, NULL, entry->outcome);
}

static struct fst_attempt *find_attempt(struct fst_entry *entry,
                                        uint32_t number)
{
    struct fst_attempt *last = NULL;
    if (!entry->n_attempts)
        return NULL;
    for (struct fst_attempt *at = &entry->first; at; at = at->next) {
        if (at->number == number)
            return at;
        if (at->kind != FST_ATTEMPT_DUPLICATE)
            last = at;
    }
    return last;
}

static void show_reruns(struct fst_book *book, struct fst_entry *entry,
                        struct fst_attempt *attempt)
{
    struct fst_shown shown = {entry, attempt, NULL, FST_STAT_RERUN};
    for (uint32_t i = 0; i < attempt->reruns && i < MOST_RERUNS; i++) {
        book->counts[FST_STAT_RERUN]++;
        fst_vec_add(&book->fresh, shown);
        fst_vec_add(&book->shown[FST_STAT_RERUN], shown);
    }
}

/* A verdict without a result ("lost with 3 agents") gets an attempt too. */
static struct fst_attempt *make_attempt(struct fst_book *book,
                                        struct fst_entry *entry,
                                        const struct fst_effect *effect)
{
    struct fst_attempt *attempt = add_attempt(book, entry, effect->attempt);
    attempt->outcome = effect->outcome;
    attempt->kind = effect->kind;
    if (effect->text) {
        struct fst_phase phase = {.when = "setup",
                                  .outcome = effect->outcome,
                                  .title = effect->id,
                                  .longrepr = effect->text,
                                  .message = effect->text};
        struct fst_result result = {
            .outcome = effect->outcome, .phases = &phase, .n_phases = 1};
        keep_phases(book, attempt, &result);
    }
    return attempt;
}

static bool is_bad(enum fst_outcome outcome)
{
    return outcome == FST_FAILED || outcome == FST_ERROR;
}

static void note_outcome(struct fst_book *book, const struct fst_effect *effect)
{
    struct fst_entry *entry = entry_of(book, effect->id);
    struct fst_attempt *attempt = find_attempt(entry, effect->attempt);
    if (!attempt)
        attempt = make_attempt(book, entry, effect);
    book->ended += !entry->verdict;
    entry->verdict = attempt;
    entry->outcome = effect->outcome;
    entry->kept = effect->past;
    show_reruns(book, entry, attempt);
    show_phases(book, entry, attempt);
    if (attempt->agent != FST_NO_AGENT)
        book->agents.items[attempt->agent].tests++;
    if (attempt->kind == FST_ATTEMPT_CONFIRM && is_bad(entry->first.outcome) &&
        !is_bad(entry->outcome))
        fst_vec_add(&book->confirmed, entry);
    if (fst_book_is_flaky(entry))
        fst_vec_add(&book->retried, entry);
}

static void note_amend(struct fst_book *book, const struct fst_effect *effect)
{
    struct fst_entry *entry = entry_of(book, effect->id);
    struct fst_attempt *attempt = find_attempt(entry, effect->attempt);
    if (!attempt)
        attempt = make_attempt(book, entry, effect);
    size_t before = attempt->n_phases;
    keep_phases(book, attempt, effect->result);
    keep_junit(book, attempt, effect->result);
    attempt->teardown_s += effect->result->teardown_s;
    if (attempt->agent != FST_NO_AGENT)
        book->agents.items[attempt->agent].busy_s += effect->result->teardown_s;
    if (attempt->outcome < effect->result->outcome)
        attempt->outcome = effect->result->outcome;
    if (entry->verdict != attempt)
        return;
    entry->outcome = effect->outcome;
    for (size_t i = before; i < attempt->n_phases; i++)
        if (attempt->phases[i].outcome != FST_PASSED)
            show(book, entry, attempt, &attempt->phases[i],
                 attempt->phases[i].outcome);
    book->last_s = fst_book_now_s(book);
}

void fst_book_effect(struct fst_book *book, const struct fst_effect *effect)
{
    book->fresh.count = 0;
    switch (effect->type) {
    case FST_EF_ATTEMPT:
        note_attempt(book, effect);
        break;
    case FST_EF_OUTCOME:
        note_outcome(book, effect);
        break;
    case FST_EF_AMEND:
        note_amend(book, effect);
        break;
    case FST_EF_DESELECTED:
        book->counts[FST_STAT_DESELECTED] += effect->count;
        break;
    case FST_EF_LISTED:
        fst_vec_add(&book->listed, effect->id);
        break;
    case FST_EF_NOT_RUN:
        fst_vec_add(&book->not_run, effect->id);
        break;
    case FST_EF_OUT:
    case FST_EF_SEND:
    case FST_EF_OPENED:
    case FST_EF_LIST:
    case FST_EF_NOTE:
    case FST_EF_ENDED:
        break;
    }
}

bool fst_book_is_flaky(const struct fst_entry *entry)
{
    return entry->verdict && entry->verdict->kind == FST_ATTEMPT_RETRY &&
           entry->outcome == FST_PASSED;
}

size_t fst_book_flaky(const struct fst_book *book)
{
    struct fst_entry *const *entry;
    size_t count = 0;
    fst_vec_each (entry, &book->retried)
        count += fst_book_is_flaky(*entry);
    return count;
}

const char *fst_book_reason(const struct fst_entry *entry)
{
    const struct fst_attempt *attempt = entry->verdict;
    if (!attempt || (is_bad(entry->outcome) && !attempt->crashed))
        return NULL;
    for (size_t i = 0; i < attempt->n_phases; i++) {
        const struct fst_phase *phase = &attempt->phases[i];
        if (phase->outcome != entry->outcome || !phase->message)
            continue;
        const size_t prefix = strlen("Skipped: ");
        bool skipped = strncmp(phase->message, "Skipped: ", prefix) == 0;
        return phase->message + (skipped ? prefix : 0);
    }
    return NULL;
}
