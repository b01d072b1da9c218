/* The run's id, what workers are told, and the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "coordinator/cli/plan.h"
#include "coordinator/cli/runstate.h"
#include "shared/base/mem.h"
#include "shared/config/paths.h"

/* 128 random bits in hex; a run that is resumed keeps its own. */
void fst_prepare_id(struct run *run)
{
    unsigned char bytes[16];
    if (run->again->wanted && !run->again->failed) {
        snprintf(run->run_id, sizeof run->run_id, "%s", run->again->run.name);
        return;
    }
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort();
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(run->run_id + 2 * i, 3, "%02x", bytes[i]);
}

/* Where the caller stands, seen from the root: workers start there. */
static char *relative_cwd(const struct fst_pytest_config *pytest)
{
    size_t len = strlen(pytest->root);
    if (!strcmp(pytest->cwd, pytest->root))
        return fst_strdup(".");
    if (!strncmp(pytest->cwd, pytest->root, len) && pytest->cwd[len] == '/')
        return fst_strdup(pytest->cwd + len + 1);
    return fst_strdup(pytest->cwd);
}

/* As pytest's --junitxml: variables and "~/". NULL stays NULL. */
static char *expand_path(const char *path)
{
    const char *home = getenv("HOME");
    char *expanded = path ? fst_path_expand(path) : NULL;
    if (!expanded || strncmp(expanded, "~/", 2) || !home)
        return expanded;
    char *result = fst_printf("%s%s", home, expanded + 1);
    free(expanded);
    return result;
}

/* NULL: not set, or empty. */
static const char *set_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

void fst_prepare_report(struct run *run)
{
    const struct fst_settings *settings = run->settings;
    char *junit = expand_path(settings->junitxml);
    run->report = fst_report_new(&(struct fst_report_spec){
        .fd = fst_screen_fd(settings),
        .color = run->config.color,
        .progress = fst_screen_progress(settings),
        .unicode = fst_screen_unicode(),
        .screen = fst_screen_size(fst_screen_fd(settings)),
        .verbosity = settings->verbosity,
        .chars = settings->report_chars,
        .tb = settings->tb,
        .show_capture = settings->show_capture,
        .no_warnings = settings->no_warnings,
        .no_header = settings->no_header,
        .no_summary = settings->no_summary,
        .collect_only = settings->collect_only,
        .durations = settings->durations,
        .durations_min = settings->durations_min_s,
        .json_path = settings->report_json,
        .junit_path = junit,
        .junit_prefix = settings->junit_prefix,
        .one_place =
            settings->paths.count <= 1 && settings->pytest.testpaths.count <= 1,
        .events_path = settings->events,
        .github = settings->github,
        .github_summary = set_variable("GITHUB_STEP_SUMMARY"),
        .github_workspace = set_variable("GITHUB_WORKSPACE"),
        .run = run->run_id,
        .start_s = run->start_s,
        .epoch_s = run->epoch_s,
        .workers = (int)run->local_spec.slots,
    });
    free(junit);
    for (size_t i = 0; i < settings->warnings.count; i++)
        fst_report_warn(run->report, settings->warnings.items[i]);
}

/* --cov, and not --no-cov: pytest-cov has a controller's part. What else has
 * one a worker finds, or the history knows. */
static bool asks_for_coverage(const struct fst_strings *args)
{
    bool asked = false;
    for (size_t i = 0; i < args->count; i++) {
        const char *arg = args->items[i];
        if (!strcmp(arg, "--no-cov"))
            return false;
        asked = asked || !strcmp(arg, "--cov") || !strncmp(arg, "--cov=", 6);
    }
    return asked;
}

void fst_prepare_config(struct run *run)
{
    const struct fst_settings *settings = run->settings;
    const char *seed = getenv("PYTHONHASHSEED");
    run->covers = asks_for_coverage(&settings->pytest_args);
    run->config = (struct fst_config){
        .args = {(const char **)settings->pytest_args.items,
                 settings->pytest_args.count},
        .root = settings->pytest.root,
        .cwd = relative_cwd(&settings->pytest),
        /* One for the run, so that workers agree on the order of sets. */
        .hash_seed =
            seed ? fst_strdup(seed)
                 : fst_printf("%lu", strtoul(run->run_id + 24, NULL, 16)),
        .slot_count = run->local_spec.slots,
        .color = fst_screen_color(settings),
        .collect_only = settings->collect_only,
        .host = run->covers,
        .send_coverage = run->covers && settings->listen.count,
        .live = settings->capture == FST_CAPTURE_NO ||
                settings->capture == FST_CAPTURE_TEE_SYS,
        /* A failure that is retried doesn't end the run: not worth waiting. */
        .maxfail = settings->retries ? 0 : settings->maxfail,
        .pytest_protocol = settings->pytest_protocol,
        .test_timeout_s = settings->test_timeout_s,
        .drain_timeout_s = settings->drain_timeout_s,
        .isolate = settings->isolate,
        .worker_lifetime = (uint32_t)settings->worker_lifetime,
        .groups = !fst_settings_one_worker(settings) &&
                  (settings->dist == FST_DIST_AUTO ||
                   settings->dist == FST_DIST_LOADGROUP),
        .scopes = settings->dist == FST_DIST_LOADSCOPE,
    };
    /* The local agent prepares for its workers before it is told. */
    setenv("PYTHONHASHSEED", run->config.hash_seed, 1);
    run->farm_spec = (struct fst_farm_spec){
        .run = run->run_id,
        .config = &run->config,
        .local_slots = run->local_spec.slots,
        .dead_after_ns = (int64_t)(settings->dead_after_s * 1e9),
        .grace_ns = (int64_t)(settings->grace_s * 1e9),
        .epoch_s = run->epoch_s,
    };
}

/* --order random: the same seed gives the same order; it is told. */
int fst_prepare_seed(struct run *run, struct fst_err *err)
{
    const char *seed;
    if (fst_plan_seed(run->settings, &seed, err))
        return -1;
    if (!seed)
        return 0;
    run->config.order_seed =
        *seed ? fst_strdup(seed) : fst_strndup(run->run_id, 8);
    char *line = fst_printf("order: random:%s", run->config.order_seed);
    fst_report_say(run->report, line);
    free(line);
    return 0;
}
