#include "coordinator/core/end.h"

#include "coordinator/core/collect.h"
#include "coordinator/core/confirm.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/verdict.h"

/* An agent that was told to finish is waited for so long. */
#define DRAIN_NS INT64_C(90000000000)

static void send_all(struct run *run, enum fst_msg_type type,
                     const struct stop *stop)
{
    struct agent *agent, *tmp;
    HASH_ITER (hh, run->core->agents, agent, tmp) {
        if (agent->run != run || agent->gone)
            continue;
        struct fst_msg *msg = fst_msg_new(type);
        if (type == FST_MSG_CANCEL) {
            msg->cancel.why = fst_arena_str(&msg->arena, stop->why);
            msg->cancel.now = stop->now;
        } else {
            msg->drain.failures = run->failures;
        }
        fst_effects_send(run, agent, msg);
    }
}

static void start_draining(struct run *run, enum run_phase phase)
{
    run->phase = phase;
    run->tick_ns = run->core->now_ns + DRAIN_NS;
    send_all(run, FST_MSG_DRAIN, NULL);
}

void fst_end_stop(struct run *run, const struct stop *stop)
{
    if (run->phase == RUN_ENDED)
        return;
    bool first = run->phase != RUN_STOPPING;
    bool draining = run->phase == RUN_DRAINING;
    if (first || stop->now)
        send_all(run, FST_MSG_CANCEL, stop);
    if (!first)
        return;
    run->exit_code = stop->exit_code;
    run->text = fst_arena_str(&run->arena, stop->text);
    if (draining)
        run->phase = RUN_STOPPING;
    else
        start_draining(run, RUN_STOPPING);
    fst_confirm_give_up(run);
}

void fst_end_on_summary(struct run *run, const struct fst_summary *summary)
{
    if (run->phase == RUN_DRAINING || run->phase == RUN_STOPPING)
        run->tick_ns =
            summary->begun ? INT64_MAX : run->core->now_ns + DRAIN_NS;
}

static bool all_done(const struct run *run)
{
    return !run->n_open && !run->n_pending && !run->n_leases &&
           !fst_collect_is_listing(run);
}

static int exit_code(const struct run *run)
{
    if (run->failures || (run->flaky && run->fail_flaky))
        return 1;
    return run->n_items ? 0 : 5;
}

static void add_not_run(struct run *run, const char *id)
{
    fst_effects_add(run, FST_EF_NOT_RUN)->id = id;
}

static void list_not_run(struct run *run, const struct file *file)
{
    bool open = file->state == FILE_HELD || file->state == FILE_NEW ||
                file->state == FILE_OPENING;
    for (size_t i = 0; open && i < file->planned.count; i++)
        add_not_run(run, file->planned.items[i]);
    if (open && !file->planned.count && !fst_verdict_reported(run, file->path))
        add_not_run(run, file->path);
    for (size_t i = 0; i < file->n_items; i++) {
        const struct item *item = &file->items[i];
        if (item->state == ITEM_QUEUED || item->state == ITEM_LEASED ||
            item->state == ITEM_LEFT)
            add_not_run(run, item->id);
    }
}

void fst_end_finish(struct run *run)
{
    struct file *file;
    if (run->phase == RUN_ACTIVE || run->phase == RUN_DRAINING)
        run->exit_code = exit_code(run);
    run->phase = RUN_ENDED;
    run->tick_ns = INT64_MAX;
    fst_confirm_give_up(run);
    DL_FOREACH(run->files, file)
    {
        list_not_run(run, file);
    }
    struct fst_effect *effect = fst_effects_add(run, FST_EF_ENDED);
    effect->exit_code = run->exit_code;
    effect->text = fst_arena_str(&run->core->out->arena, run->text);
}

void fst_end_check(struct run *run)
{
    /* All selectors have been looked up: plain pytest would not have run. */
    if (run->missing && !run->n_verify)
        fst_end_stop(run, &(struct stop){.exit_code = 4,
                                         .text = run->missing,
                                         .why = "a selector matches nothing"});
    if (run->phase == RUN_ACTIVE && all_done(run)) {
        start_draining(run, RUN_DRAINING);
    } else if ((run->phase == RUN_DRAINING || run->phase == RUN_STOPPING) &&
               run->tick_ns <= run->core->now_ns) {
        fst_effects_note(run, "an agent didn't say that it has finished");
        fst_end_finish(run);
        return;
    }
    if ((run->phase == RUN_DRAINING || run->phase == RUN_STOPPING) &&
        !run->n_agents)
        fst_end_finish(run);
}
