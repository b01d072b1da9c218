#include "coordinator/core/verdict.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/core/effects.h"
#include "coordinator/core/end.h"
#include "coordinator/core/files.h"

int fst_verdict_check(const struct fst_result *results, size_t count,
                      bool reports, struct fst_err *err)
{
    for (size_t i = 0; i < count; i++) {
        bool absent = reports && results[i].outcome == FST_ABSENT;
        for (size_t j = 0; j < results[i].n_phases; j++)
            absent = absent || results[i].phases[j].outcome == FST_ABSENT;
        if (absent)
            return fst_fail(err, FST_E_PROTO, "a result of %s without outcome",
                            results[i].id);
    }
    return 0;
}

static void count_failure(struct run *run)
{
    run->failures++;
    if (run->maxfail && run->failures >= run->maxfail &&
        run->phase == RUN_ACTIVE) {
        char text[64];
        snprintf(text, sizeof text, "stopping after %u failures",
                 run->failures);
        fst_end_stop(run, &(struct stop){
                              .exit_code = 1, .text = text, .why = "maxfail"});
    }
}

static void count_outcome(struct run *run, enum fst_outcome outcome)
{
    FST_ASSERT(outcome != FST_ABSENT);
    run->counts.ended++;
    run->counts.outcomes[outcome]++;
}

void fst_verdict_attempt(struct file *file, size_t index,
                         const struct fst_result *result,
                         enum fst_attempt_kind kind)
{
    struct item *item = &file->items[index];
    struct fst_effect *effect = fst_effects_add(file->run, FST_EF_ATTEMPT);
    effect->agent = file->run->core->from;
    effect->id = item->id;
    effect->attempt = ++item->attempts;
    effect->kind = kind;
    effect->outcome = result->outcome;
    effect->result = result;
}

void fst_verdict_item(struct file *file, size_t index, enum fst_outcome outcome,
                      uint32_t attempt)
{
    struct item *item = &file->items[index];
    struct run *run = file->run;
    if (item->state != ITEM_ENDED)
        fst_files_move_item(file, index, ITEM_ENDED, NULL);
    item->outcome = (uint8_t)outcome;
    item->verdict = (uint16_t)attempt;
    struct fst_effect *effect = fst_effects_add(run, FST_EF_OUTCOME);
    effect->id = item->id;
    effect->attempt = attempt;
    effect->outcome = outcome;
    count_outcome(run, outcome);
    fst_files_place(file, false);
    if (fst_core_bad(outcome))
        count_failure(run);
}

void fst_verdict_amend(struct file *file, size_t index,
                       const struct fst_result *result)
{
    struct item *item = &file->items[index];
    struct run *run = file->run;
    enum fst_outcome before = item->outcome;
    enum fst_outcome after =
        result->outcome > before ? result->outcome : before;
    struct fst_effect *effect = fst_effects_add(run, FST_EF_AMEND);
    effect->id = item->id;
    effect->attempt = item->verdict;
    effect->outcome = after;
    effect->result = result;
    item->outcome = (uint8_t)after;
    run->counts.outcomes[before]--;
    run->counts.outcomes[after]++;
    if (fst_core_bad(after) && !fst_core_bad(before))
        count_failure(run);
}

void fst_verdict_lost(struct file *file, size_t index, const char *text)
{
    struct item *item = &file->items[index];
    const struct fst_result *result =
        fst_effects_error(file->run, item->id, "call", text);
    fst_verdict_attempt(file, index, result, FST_ATTEMPT_AGAIN);
    fst_verdict_item(file, index, FST_ERROR, item->attempts);
}

bool fst_verdict_reported(const struct run *run, const char *id)
{
    struct report *known;
    HASH_FIND_STR(run->reports, id, known);
    return known != NULL;
}

void fst_verdict_report(struct run *run, const struct fst_result *result)
{
    if (fst_verdict_reported(run, result->id))
        return;
    struct report *report = fst_arena_alloc(&run->arena, sizeof *report);
    report->id = fst_arena_str(&run->arena, result->id);
    HASH_ADD_KEYPTR(hh, run->reports, report->id, strlen(report->id), report);
    struct fst_effect *effect = fst_effects_add(run, FST_EF_ATTEMPT);
    effect->agent = run->core->from;
    effect->id = report->id;
    effect->attempt = 1;
    effect->kind = FST_ATTEMPT_FIRST;
    effect->outcome = result->outcome;
    effect->result = result;
    effect = fst_effects_add(run, FST_EF_OUTCOME);
    effect->id = report->id;
    effect->attempt = 1;
    effect->outcome = result->outcome;
    count_outcome(run, result->outcome);
    run->counts.expected++;
    if (fst_core_bad(result->outcome))
        count_failure(run);
}

void fst_verdict_file_dead(struct file *file, const char *text)
{
    for (size_t i = 0; i < file->n_items; i++) {
        if (file->items[i].state == ITEM_QUEUED)
            fst_files_move_item(file, i, ITEM_LEFT, NULL);
    }
    fst_files_move(file, FILE_DEAD);
    fst_verdict_report(
        file->run, fst_effects_error(file->run, file->path, "collect", text));
}
