#include "tests/sim/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void suite_id(const struct model_file *file, size_t test, uint32_t worker,
              char *id, size_t size)
{
    const struct test *t = &file->tests[test];
    char params[40] = "", class[24] = "";
    if (t->bind)
        snprintf(class, sizeof class, "::C%u", t->bind);
    if (t->has_params && file->vary == VARY_IDS)
        snprintf(params, sizeof params, "[%u~w%u]", t->param, worker);
    else if (t->has_params)
        snprintf(params, sizeof params, "[%u]", t->param);
    snprintf(id, size, "%s%s::f%u%s", file->path, class, t->function, params);
}

void suite_key(const char *id, char *key, size_t size)
{
    snprintf(key, size, "%.*s", (int)strcspn(id, "~"), id);
}

size_t suite_at(const struct model_file *file, size_t place, uint32_t worker)
{
    if (file->vary != VARY_ORDER || !file->n_tests)
        return place;
    return (place + worker) % file->n_tests;
}

static enum fst_outcome random_outcome(struct rng *rng)
{
    static const enum fst_outcome odd[] = {FST_SKIPPED, FST_XFAILED,
                                           FST_XPASSED, FST_FAILED, FST_ERROR};
    return rng_percent(rng, 85) ? FST_PASSED : odd[rng_below(rng, 5)];
}

static enum opening random_opening(struct rng *rng)
{
    static const enum opening odd[] = {OPEN_ERROR,      OPEN_SKIP,
                                       OPEN_PART,       OPEN_KILLS,
                                       OPEN_KILLS_ONCE, OPEN_NEEDS_FRESH};
    return rng_percent(rng, 75) ? OPEN_OK : odd[rng_below(rng, 6)];
}

static void make_test(struct rng *rng, struct model_file *file,
                      struct test *test, bool slow)
{
    size_t index = (size_t)(test - file->tests);
    test->outcome = random_outcome(rng);
    test->needs = -1;
    test->seconds = (double)rng_below(rng, 40) / 1000;
    if (slow && rng_percent(rng, 20))
        test->seconds += (double)rng_below(rng, 3000) / 1000;
    if (file->vary != VARY_NOT)
        return;
    test->crashes = rng_percent(rng, 1);
    test->amends = rng_percent(rng, 2);
    if (index && rng_percent(rng, 10)) {
        size_t needed = rng_below(rng, (uint32_t)index);
        if (!file->tests[needed].crashes)
            test->needs = (int)needed;
    }
    test->hates_later = rng_percent(rng, 5);
}

static void make_tests(struct rng *rng, struct model_file *file, bool slow)
{
    uint32_t function = 0, bind = 0;
    file->n_tests =
        rng_percent(rng, 10) ? rng_below(rng, 120) : rng_below(rng, 20);
    file->tests = calloc(file->n_tests + 1, sizeof *file->tests);
    for (size_t i = 0; i < file->n_tests;) {
        uint32_t instances = rng_percent(rng, 30) ? 1 + rng_below(rng, 8) : 0;
        if (file->vary == VARY_NOT && rng_percent(rng, 15))
            bind = bind ? 0 : function + 1;
        for (uint32_t k = 0; k < (instances ? instances : 1); k++) {
            if (i == file->n_tests)
                break;
            struct test *test = &file->tests[i++];
            test->function = function;
            test->has_params = instances > 0;
            test->param = k;
            test->bind = bind;
            make_test(rng, file, test, slow);
        }
        function++;
    }
}

/* The plan: the functions, some of them wrong, or nothing. */
static void make_plan(struct rng *rng, struct model_file *file)
{
    char last[128] = "";
    file->planned = calloc(2 * file->n_tests + 2, sizeof *file->planned);
    file->plan = calloc(2 * file->n_tests + 2, sizeof *file->plan);
    if (rng_percent(rng, 10))
        return;
    for (size_t i = 0; i < file->n_tests; i++) {
        char id[128];
        suite_id(file, i, 0, id, sizeof id);
        id[strcspn(id, "[")] = '\0';
        if (!strcmp(id, last) || rng_percent(rng, 5))
            continue;
        memcpy(last, id, sizeof last);
        memcpy(file->planned[file->n_planned++], id, sizeof id);
        if (rng_percent(rng, 5))
            snprintf(file->planned[file->n_planned++], 128, "%s::absent%zu",
                     file->path, i);
    }
    for (size_t i = 0; i < file->n_planned; i++)
        file->plan[i] = file->planned[i];
}

static void make_file(struct rng *rng, struct suite *suite, size_t index)
{
    struct model_file *file = &suite->files[index];
    snprintf(file->path, sizeof file->path, "d%zu/test_%zu.py", index / 4,
             index);
    file->opening = random_opening(rng);
    if (rng_percent(rng, 10))
        file->vary = rng_percent(rng, 50) ? VARY_IDS : VARY_ORDER;
    file->open_s = (double)rng_below(rng, 300) / 1000;
    file->deselected = rng_percent(rng, 10) ? rng_below(rng, 5) : 0;
    file->real = true;
    make_tests(rng, file, rng_percent(rng, 30));
    make_plan(rng, file);
    if (rng_percent(rng, 10)) {
        file->held = true;
        file->real = rng_percent(rng, 70);
    } else if (rng_percent(rng, 5)) {
        file->hidden = true;
    } else if (rng_percent(rng, 3)) {
        file->verify = true;
        file->missing = rng_percent(rng, 20) && file->opening == OPEN_OK;
    }
}

/* Numbers of their own, so that a seed's suite stays what it was. */
static void make_flaky(struct suite *suite, uint64_t seed)
{
    struct rng rng = {seed ^ UINT64_C(0x9e3779b9)};
    if (!rng_percent(&rng, 40))
        return;
    suite->retries = 1 + rng_below(&rng, 3);
    for (size_t i = 0; i < suite->n_files; i++) {
        struct model_file *file = &suite->files[i];
        for (size_t k = 0; file->vary != VARY_IDS && k < file->n_tests; k++)
            if (rng_percent(&rng, 8))
                file->tests[k].flaky = 1 + rng_below(&rng, 5);
    }
}

/* Of several files; numbers of their own, too. */
static void make_groups(struct suite *suite, uint64_t seed)
{
    struct rng rng = {seed ^ UINT64_C(0x51ab3e77)};
    suite->keep_files = rng_percent(&rng, 5);
    suite->given_order = rng_percent(&rng, 10);
    if (suite->one_worker || !rng_percent(&rng, 25))
        return;
    uint32_t count = 1 + rng_below(&rng, 4), share = 1 + rng_below(&rng, 100);
    for (size_t i = 0; i < suite->n_files; i++) {
        struct model_file *file = &suite->files[i];
        for (size_t k = 0; rng_percent(&rng, 60) && k < file->n_tests; k++)
            if (rng_percent(&rng, share))
                file->tests[k].group = 1 + rng_below(&rng, count);
    }
}

/* Plans that are an earlier run's lists, some of them stale. */
static void make_learned(struct suite *suite, uint64_t seed)
{
    struct rng rng = {seed ^ UINT64_C(0x1ea24ed1)};
    if (!suite->known || !rng_percent(&rng, 60))
        return;
    for (size_t i = 0; i < suite->n_files; i++) {
        struct model_file *file = &suite->files[i];
        uint32_t stale = rng_percent(&rng, 20) ? rng_below(&rng, 100) : 0;
        if (!file->n_tests || rng_percent(&rng, 20))
            continue;
        file->learned = true;
        file->n_planned = 0;
        for (size_t k = 0; k < file->n_tests; k++) {
            if (!rng_percent(&rng, stale)) {
                file->plan[file->n_planned] = file->planned[file->n_planned];
                suite_id(file, k, 0, file->planned[file->n_planned++],
                         sizeof *file->planned);
            }
            if (!rng_percent(&rng, stale / 2))
                continue;
            file->plan[file->n_planned] = file->planned[file->n_planned];
            snprintf(file->planned[file->n_planned++], sizeof *file->planned,
                     "%s::stale[%zu]", file->path, k);
        }
    }
}

void suite_make(struct suite *suite, uint64_t seed)
{
    struct rng rng = {seed};
    memset(suite, 0, sizeof *suite);
    suite->n_files =
        rng_percent(&rng, 5) ? rng_below(&rng, 2) : 1 + rng_below(&rng, 14);
    suite->files = calloc(suite->n_files + 1, sizeof *suite->files);
    for (size_t i = 0; i < suite->n_files; i++)
        make_file(&rng, suite, i);
    suite->faults = rng_percent(&rng, 50);
    suite->stops = rng_percent(&rng, 10);
    suite->plugin = rng_percent(&rng, 10);
    suite->maxfail = rng_percent(&rng, 15) ? 1 + rng_below(&rng, 4) : 0;
    suite->one_worker = rng_percent(&rng, 8);
    suite->collect_only = rng_percent(&rng, 6);
    suite->confirm = true;
    suite->max_worker_restart =
        rng_percent(&rng, 5) ? (int)rng_below(&rng, 3) : 1000000;
    make_flaky(suite, seed);
    make_groups(suite, seed);
    suite->known = rng_percent(&rng, 50) ? rng_below(&rng, 101) : 0;
    make_learned(suite, seed);
}

void suite_make_even(struct suite *suite, size_t n_files, size_t n_tests,
                     double seconds)
{
    memset(suite, 0, sizeof *suite);
    suite->n_files = n_files;
    suite->files = calloc(n_files, sizeof *suite->files);
    suite->confirm = true;
    suite->max_worker_restart = -1;
    for (size_t i = 0; i < n_files; i++) {
        struct model_file *file = &suite->files[i];
        snprintf(file->path, sizeof file->path, "test_%zu.py", i);
        file->real = true;
        file->n_tests = n_tests;
        file->tests = calloc(n_tests, sizeof *file->tests);
        file->planned = calloc(n_tests, sizeof *file->planned);
        file->plan = calloc(n_tests, sizeof *file->plan);
        file->open_s = 0.05;
        for (size_t k = 0; k < n_tests; k++) {
            file->tests[k] = (struct test){
                .function = (uint32_t)k, .needs = -1, .seconds = seconds};
            suite_id(file, k, 0, file->planned[k], sizeof file->planned[k]);
            file->plan[k] = file->planned[k];
        }
        file->n_planned = n_tests;
    }
}

void suite_make_uneven(struct suite *suite, size_t n_files, size_t n_tests,
                       double seconds, double longest)
{
    suite_make_even(suite, n_files, n_tests, seconds);
    suite->known = 100;
    for (size_t i = 4; i < n_files; i += 5)
        suite->files[i].tests[n_tests - 1].seconds = longest;
}

void suite_release(struct suite *suite)
{
    for (size_t i = 0; i < suite->n_files; i++) {
        free(suite->files[i].tests);
        free(suite->files[i].planned);
        free(suite->files[i].plan);
    }
    free(suite->files);
}

struct fst_run_spec suite_spec(const struct suite *suite)
{
    static const char *const root = ".";
    struct fst_file_plan *plans = calloc(suite->n_files + 1, sizeof *plans);
    bool held = false;
    size_t count = 0;
    for (size_t i = 0; i < suite->n_files; i++) {
        const struct model_file *file = &suite->files[i];
        held = held || file->held || file->hidden;
        if (file->hidden)
            continue;
        plans[count++] = (struct fst_file_plan){
            .path = file->path,
            .functions = file->plan,
            .n_functions = file->n_planned,
            .learned = file->learned && file->n_planned,
            .verify = file->verify,
            .held = file->held,
        };
    }
    return (struct fst_run_spec){
        .files = plans,
        .n_files = count,
        .list_dirs = &root,
        .n_list_dirs = held,
        .roots = &root,
        .n_roots = suite->plugin,
        .maxfail = suite->maxfail,
        .confirm = suite->confirm,
        .retries = suite->retries,
        .fail_flaky = true,
        .collect_only = suite->collect_only,
        .one_worker = suite->one_worker,
        .keep_files = suite->keep_files,
        .given_order = suite->given_order,
        .max_worker_restart = suite->max_worker_restart,
    };
}
