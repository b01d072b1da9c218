#include "tests/sim/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct verdict {
    char key[128];
    bool owed;        /* plain pytest reports it */
    unsigned excused; /* bit of each outcome that may come instead */
    bool ended, not_run, listed;
    bool kept; /* before the coordinator died, as: */
    enum fst_outcome kept_outcome;
    enum fst_outcome plain, outcome;
    uint32_t attempts, retries, confirms, duplicates;
    bool retried; /* all retries are used before it ends badly */
    bool amended;
    UT_hash_handle hh;
};

void judge_fail(struct judge *judge, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "seed %llu: ", (unsigned long long)judge->seed);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    judge->failed = true;
}

static struct verdict *get_verdict(struct judge *judge, const char *id)
{
    char key[128];
    struct verdict *verdict;
    suite_key(id, key, sizeof key);
    HASH_FIND_STR(judge->verdicts, key, verdict);
    if (!verdict) {
        verdict = calloc(1, sizeof *verdict);
        memcpy(verdict->key, key, sizeof key);
        HASH_ADD_STR(judge->verdicts, key, verdict);
    }
    return verdict;
}

static void owe(struct judge *judge, const char *id, enum fst_outcome outcome)
{
    struct verdict *verdict = get_verdict(judge, id);
    verdict->owed = true;
    verdict->plain = outcome;
}

/* A retry has attempt number 2 or more, and one more behind a confirmation. It
 * runs alone, which some tests don't like. */
static void owe_flaky(struct judge *judge, const char *id,
                      const struct test *test)
{
    struct verdict *verdict = get_verdict(judge, id);
    uint32_t retries = judge->suite->retries;
    bool alone = test->needs < 0 && !test->hates_later;
    bool passes = test->flaky <= retries && alone && !judge->suite->faults;
    verdict->plain = test->amends ? FST_ERROR : test->outcome;
    if (!passes)
        verdict->excused |= 1U << FST_FAILED;
    if (test->flaky > retries + 1 && alone && !test->amends &&
        !judge->suite->faults)
        verdict->plain = FST_FAILED;
}

static void owe_file(struct judge *judge, const struct model_file *file)
{
    bool items = file->opening == OPEN_OK || file->opening == OPEN_PART ||
                 file->opening == OPEN_KILLS_ONCE ||
                 file->opening == OPEN_NEEDS_FRESH;
    if (!file->real)
        return;
    if (file->opening == OPEN_ERROR || file->opening == OPEN_PART ||
        file->opening == OPEN_KILLS)
        owe(judge, file->path, FST_ERROR);
    if (file->opening == OPEN_SKIP)
        owe(judge, file->path, FST_SKIPPED);
    for (size_t i = 0; items && i < file->n_tests; i++) {
        const struct test *test = &file->tests[i];
        char id[128];
        suite_id(file, i, 0, id, sizeof id);
        owe(judge, id,
            test->crashes  ? FST_FAILED
            : test->amends ? FST_ERROR
                           : test->outcome);
        get_verdict(judge, id)->retried = file->vary == VARY_NOT;
        if (test->flaky)
            owe_flaky(judge, id, test);
    }
}

void judge_init(struct judge *judge, const struct suite *suite, uint64_t seed)
{
    *judge = (struct judge){.suite = suite, .seed = seed};
    for (size_t i = 0; i < suite->n_files; i++)
        owe_file(judge, &suite->files[i]);
}

void judge_release(struct judge *judge)
{
    struct verdict *verdict, *tmp;
    HASH_ITER (hh, judge->verdicts, verdict, tmp) {
        HASH_DELETE(hh, judge->verdicts, verdict);
        free(verdict);
    }
}

void judge_excuse(struct judge *judge, const char *id, enum fst_outcome outcome)
{
    get_verdict(judge, id)->excused |= 1U << outcome;
}

void judge_restart(struct judge *judge)
{
    struct verdict *verdict, *tmp;
    HASH_ITER (hh, judge->verdicts, verdict, tmp) {
        verdict->kept = verdict->ended;
        verdict->kept_outcome = verdict->outcome;
        verdict->ended = verdict->amended = false;
        verdict->attempts = verdict->retries = verdict->confirms = 0;
        verdict->duplicates = 0;
    }
    judge->n_outcomes = judge->n_failures = judge->n_flaky = 0;
    judge->stopped = judge->cancelled = false;
}

static bool is_bad(enum fst_outcome outcome)
{
    return outcome == FST_FAILED || outcome == FST_ERROR;
}

void judge_kept(struct judge *judge)
{
    struct verdict *verdict, *tmp;
    HASH_ITER (hh, judge->verdicts, verdict, tmp) {
        /* It may have to be confirmed, or retried, which was given up. */
        bool open =
            !verdict->confirms || verdict->retries < judge->suite->retries;
        if (verdict->kept && !verdict->ended && open &&
            is_bad(verdict->kept_outcome))
            continue;
        if (verdict->kept != verdict->ended ||
            (verdict->kept && verdict->kept_outcome != verdict->outcome))
            judge_fail(judge, "%s: %s before the restart, %s after it",
                       verdict->key,
                       verdict->kept ? fst_outcome_names[verdict->kept_outcome]
                                     : "nothing",
                       verdict->ended ? fst_outcome_names[verdict->outcome]
                                      : "nothing");
    }
}

static void on_outcome(struct judge *judge, struct verdict *verdict,
                       const struct fst_effect *effect)
{
    if (verdict->ended)
        judge_fail(judge, "%s ended twice", effect->id);
    if (!effect->attempt || effect->attempt > verdict->attempts)
        judge_fail(judge, "%s: outcome of attempt %u of %u", effect->id,
                   effect->attempt, verdict->attempts);
    verdict->ended = true;
    verdict->outcome = effect->outcome;
    judge->n_outcomes++;
    judge->n_failures += is_bad(effect->outcome);
}

static void on_id(struct judge *judge, const struct fst_effect *effect)
{
    struct verdict *verdict = get_verdict(judge, effect->id);
    switch (effect->type) {
    case FST_EF_ATTEMPT:
        if (effect->attempt != ++verdict->attempts)
            judge_fail(judge, "%s: attempt %u is called %u", effect->id,
                       verdict->attempts, effect->attempt);
        verdict->duplicates += effect->kind == FST_ATTEMPT_DUPLICATE;
        verdict->retries += effect->kind == FST_ATTEMPT_RETRY;
        verdict->confirms += effect->kind == FST_ATTEMPT_CONFIRM;
        if (verdict->retries > judge->suite->retries)
            judge_fail(judge, "%s: retry number %u", effect->id,
                       verdict->retries);
        judge->n_flaky +=
            effect->kind == FST_ATTEMPT_RETRY && effect->outcome == FST_PASSED;
        break;
    case FST_EF_OUTCOME:
        on_outcome(judge, verdict, effect);
        break;
    case FST_EF_AMEND:
        if (!verdict->ended || effect->outcome < verdict->outcome)
            judge_fail(judge,
                       "%s: an amendment without verdict or for the "
                       "better",
                       effect->id);
        verdict->outcome = effect->outcome;
        verdict->amended = true;
        break;
    case FST_EF_NOT_RUN:
        if (verdict->ended || verdict->not_run)
            judge_fail(judge, "%s is not run, but ended or named before",
                       effect->id);
        verdict->not_run = true;
        break;
    default:
        if (verdict->listed)
            judge_fail(judge, "%s listed twice", effect->id);
        verdict->listed = true;
        judge->n_listed++;
    }
}

void judge_effect(struct judge *judge, const struct fst_effect *effect)
{
    if (judge->ended)
        judge_fail(judge, "an effect after the end");
    if (effect->type == FST_EF_ENDED) {
        judge->ended = true;
        judge->exit_code = effect->exit_code;
        judge->stopped = judge->stopped || effect->text;
    } else if (effect->type != FST_EF_NOTE && effect->type != FST_EF_OPENED &&
               effect->type != FST_EF_OUT && effect->type != FST_EF_LIST &&
               effect->type != FST_EF_DESELECTED) {
        on_id(judge, effect);
    }
}

/* A run that went to its end: exactly what plain pytest reports. */
static void compare_whole(struct judge *judge, const struct verdict *verdict)
{
    bool excused = verdict->excused & (1U << verdict->outcome);
    if (verdict->owed && !verdict->ended && !verdict->excused)
        judge_fail(judge, "%s: no verdict%s", verdict->key,
                   verdict->not_run ? ", not run" : "");
    if (verdict->duplicates && verdict->retries)
        excused = true; /* it was told a higher attempt number */
    if (verdict->retries && is_bad(verdict->plain) && is_bad(verdict->outcome))
        excused = true; /* alone it may fail in another way */
    if (verdict->retried && verdict->ended && is_bad(verdict->outcome) &&
        !verdict->amended && !judge->suite->faults &&
        verdict->retries < judge->suite->retries)
        judge_fail(judge, "%s: %s after %u retries", verdict->key,
                   fst_outcome_names[verdict->outcome], verdict->retries);
    if (!verdict->owed && verdict->ended && !excused)
        judge_fail(judge, "%s: %s, but plain pytest has no such id",
                   verdict->key, fst_outcome_names[verdict->outcome]);
    if (verdict->owed && verdict->ended && verdict->outcome != verdict->plain &&
        !excused)
        judge_fail(judge, "%s: %s, in plain pytest %s", verdict->key,
                   fst_outcome_names[verdict->outcome],
                   fst_outcome_names[verdict->plain]);
}

/* One that was ended early: a verdict or not run, and nothing from nowhere. */
static void compare_part(struct judge *judge, const struct verdict *verdict)
{
    if (verdict->ended && !verdict->owed && !verdict->excused)
        judge_fail(judge, "%s: plain pytest has no such id", verdict->key);
}

void judge_end(struct judge *judge, const struct fst_counts *counts)
{
    struct verdict *verdict, *tmp;
    size_t owed_items = 0;
    HASH_ITER (hh, judge->verdicts, verdict, tmp) {
        bool item = strstr(verdict->key, "::") != NULL;
        owed_items += verdict->owed && item;
        judge->n_bad += verdict->ended && is_bad(verdict->outcome);
        if (judge->suite->collect_only && item) {
            if (verdict->ended)
                judge_fail(judge, "%s has run", verdict->key);
            if (verdict->owed && !judge->stopped && !judge->suite->faults &&
                !verdict->listed)
                judge_fail(judge, "%s was not listed", verdict->key);
        } else if (judge->stopped) {
            compare_part(judge, verdict);
        } else {
            compare_whole(judge, verdict);
        }
    }
    if (counts->ended != judge->n_outcomes)
        judge_fail(judge, "%zu counted as ended, %zu are", counts->ended,
                   judge->n_outcomes);
    if (!judge->stopped && counts->running_slots)
        judge_fail(judge, "%zu slots run after the end", counts->running_slots);
    if (judge->suite->maxfail && !judge->stopped &&
        judge->n_failures >= judge->suite->maxfail)
        judge_fail(judge, "%zu failures and no stop", judge->n_failures);
    int code = judge->n_bad || judge->n_flaky ? 1 : owed_items ? 0 : 5;
    if (!judge->stopped && judge->exit_code != code && !judge->suite->faults)
        judge_fail(judge, "exit code %d instead of %d", judge->exit_code, code);
}
