/* --cov of a farm: each agent's host says what pytest-cov has measured there;
 * an interpreter makes one report of it here (fastest_worker/combine.py). */
#include <string.h>

#include "coordinator/cli/runstate.h"
#include "shared/base/buf.h"
#include "shared/base/mem.h"
#include "shared/config/python.h"
#include "shared/loop/ask.h"
#include "shared/proto/codec.h"

void fst_coverage_take(struct run *run, const struct fst_msg *summary)
{
    if (run->config.send_coverage && summary->summary.coverage)
        fst_vec_add(&run->covered, fst_msg_copy(summary));
}

static int add_line(struct fst_buf *out, const struct fst_msg *msg,
                    struct fst_err *err)
{
    return fst_msg_encode(msg, out, err) || fst_buf_addc(out, '\n') ? -1 : 0;
}

static int write_job(const struct run *run, struct fst_buf *out,
                     struct fst_err *err)
{
    struct fst_counts counts;
    struct fst_msg welcome = {
        .type = FST_MSG_WELCOME,
        .welcome = {.run = run->run_id, .agent = "", .config = run->config}};
    welcome.welcome.config.send_coverage = false; /* this one is the last */
    fst_core_counts(run->core, run->id, &counts);
    struct fst_msg drain = {
        .type = FST_MSG_DRAIN,
        .drain = {.failures = (uint32_t)(counts.outcomes[FST_FAILED] +
                                         counts.outcomes[FST_ERROR])}};
    int result = add_line(out, &welcome, err);
    for (size_t i = 0; !result && i < run->covered.count; i++)
        result = add_line(out, run->covered.items[i], err);
    return result ? result : add_line(out, &drain, err);
}

/* The SUMMARY that the interpreter has made, or NULL. */
static struct fst_msg *ask(const struct run *run, struct fst_err *err)
{
    struct fst_buf job = FST_BUF_INIT, answer = FST_BUF_INIT;
    struct fst_msg *summary = NULL;
    char *python = fst_python_find(run->settings->python);
    char *script = fst_python_worker();
    const char *argv[] = {python, script, "combine", NULL};
    if (!write_job(run, &job, err)) {
        fst_ask(argv, &job, 0, &answer);
        /* What is printed while modules are imported stands before it. */
        const char *all = fst_buf_str(&answer);
        const char *at = memchr(all, '\0', answer.len);
        if (at)
            summary = fst_msg_decode(FST_MSG_SUMMARY, at + 1,
                                     answer.len - (size_t)(at + 1 - all), err);
        else
            fst_fail(err, FST_E_IO, "%s said nothing", python);
    }
    free(script);
    free(python);
    fst_buf_release(&answer);
    fst_buf_release(&job);
    return summary;
}

void fst_coverage_report(struct run *run)
{
    struct fst_err err;
    if (!run->covered.count)
        return;
    struct fst_msg *summary = ask(run, &err);
    if (!summary) {
        summary = fst_msg_new(FST_MSG_SUMMARY);
        summary->summary.problem = fst_arena_str(&summary->arena, err.msg);
    }
    if (summary->summary.problem)
        summary->summary.problem =
            fst_arena_printf(&summary->arena, "no coverage report: %s",
                             summary->summary.problem);
    if (run->n_lost) {
        char *text =
            fst_printf("--cov: what %zu lost agent%s measured is not in the "
                       "report",
                       run->n_lost, run->n_lost == 1 ? "" : "s");
        fst_report_warn(run->report, text);
        free(text);
    }
    fst_turn_summary(run, &summary->summary);
    fst_msg_free(summary);
}

void fst_coverage_release(struct run *run)
{
    for (size_t i = 0; i < run->covered.count; i++)
        fst_msg_free(run->covered.items[i]);
    fst_vec_free(&run->covered);
}
