#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "agent/core/step.h"
#include "shared/base/log.h"
#include "tests/sim/net/world.h"

/* ---- the log: between honest peers nothing goes wrong but time */

void fst_log(enum fst_log_level level, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    world_trace(the_world, "log: %s", text);
    bool timeout = strstr(text, "silent for") || strstr(text, " within ");
    bool still = the_world->still && strstr(text, "has done nothing for");
    bool breach = strstr(text, "dropped") || strstr(text, "refused");
    bool given_up = strstr(text, "every slot was given up") != NULL;
    if ((level == FST_LOG_ERROR && !given_up) ||
        (level == FST_LOG_WARN && breach && !timeout && !still))
        judge_fail(&the_world->judge, "said: %s", text);
}

/* ---- messages */

static void render_results(char *text, size_t size,
                           const struct fst_result *results, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count && len + 160 < size; i++)
        len += (size_t)snprintf(text + len, size - len, "[%llu %s %s]",
                                (unsigned long long)results[i].lease,
                                results[i].id,
                                fst_outcome_names[results[i].outcome]);
}

static void render_held(char *text, size_t size, const struct fst_held *held)
{
    size_t len = 0;
    for (size_t i = 0; i < held->n_leases && len + 160 < size; i++) {
        const struct fst_lease *lease = &held->leases[i].lease;
        len += (size_t)snprintf(text + len, size - len,
                                "[lease %llu %s whole %d gone %zu]",
                                (unsigned long long)lease->lease, lease->file,
                                lease->whole, held->leases[i].gone.count);
    }
    for (size_t i = 0; i < held->n_lists && len + 160 < size; i++)
        len += (size_t)snprintf(text + len, size - len, "[list of %llu %s %zu]",
                                (unsigned long long)held->lists[i].lease,
                                held->lists[i].file, held->lists[i].n_items);
    render_results(text + len, size - len, held->results, held->n_results);
}

static void trace(const struct process *process, const char *verb,
                  const struct fst_msg *msg)
{
    char text[800] = "";
    if (!process->world->trace)
        return;
    if (msg->type == FST_MSG_LEASE)
        snprintf(text, sizeof text, "lease %llu gw%u %s kind %d units %zu %s%s",
                 (unsigned long long)msg->lease.lease, msg->lease.slot,
                 msg->lease.file, msg->lease.kind, msg->lease.n_units,
                 msg->lease.n_units ? msg->lease.units[0].id : "",
                 msg->lease.fresh ? " fresh" : "");
    else if (msg->type == FST_MSG_COLLECTED)
        snprintf(text, sizeof text, "lease %llu gw%u %s items %zu",
                 (unsigned long long)msg->collected.lease, msg->collected.slot,
                 msg->collected.file, msg->collected.n_items);
    else if (msg->type == FST_MSG_STATE)
        snprintf(text, sizeof text, "gw%u state %d", msg->state.slot,
                 msg->state.state);
    else if (msg->type == FST_MSG_ACK)
        snprintf(text, sizeof text, "%llu", (unsigned long long)msg->ack.seq);
    else if (msg->type == FST_MSG_REVOKED)
        snprintf(text, sizeof text, "lease %llu items %zu rest %d",
                 (unsigned long long)msg->revoked.lease,
                 msg->revoked.items.count, msg->revoked.rest);
    else if (msg->type == FST_MSG_RESULTS)
        render_results(text, sizeof text, msg->results.results,
                       msg->results.n_results);
    else if (msg->type == FST_MSG_HELD)
        render_held(text, sizeof text, &msg->held);
    world_trace(process->world, "%s %s %llu %d: %s", process->name, verb,
                (unsigned long long)msg->seq, msg->type, text);
}

static bool is_agent(const struct process *process)
{
    return process != &process->world->coord.process;
}

/* What is kept to be sent again: little as long as nothing goes wrong, but for
 * one REVOKED a lease of a slot that ends; and never without bound. */
static void check_kept(const struct agent *agent)
{
    struct world *world = agent->process.world;
    const struct fst_agent *core = agent->program.session.agent;
    if (!core)
        return;
    if (core->link.bytes > FST_AGENT_UNACKED_MAX + 4 * FST_FRAME_MAX)
        judge_fail(&world->judge, "%s keeps %zu bytes", agent->name,
                   core->link.bytes);
    size_t count = 0;
    const struct fst_link_sent *sent;
    fst_vec_each (sent, &core->link.kept) {
        count += sent->type != FST_MSG_REVOKED;
    }
    if (!world->n_faults && count > FST_LINK_TELL)
        judge_fail(&world->judge, "%s keeps %zu messages", agent->name, count);
}

void watch_said(struct process *from, const struct fst_msg *msg)
{
    struct agent *agent = (struct agent *)from;
    trace(from, "says", msg);
    if (is_agent(from))
        check_kept(agent);
    if (is_agent(from) && msg->type == FST_MSG_BYE)
        faults_part(agent);
    bool results = msg->type == FST_MSG_RESULTS ||
                   (msg->type == FST_MSG_HELD && msg->held.n_results);
    if (!is_agent(from) || !results)
        return;
    size_t n = agent->batches.count;
    if (!n || agent->batches.items[n - 1].seq < msg->seq)
        fst_vec_add(&agent->batches, ((struct batch){msg->seq, false}));
}

void watch_heard(struct process *to, const struct fst_msg *msg)
{
    struct agent *agent = (struct agent *)to;
    bool ack = msg->type == FST_MSG_ACK;
    uint64_t seq = ack ? msg->ack.seq : msg->welcome.heard;
    trace(to, "hears", msg);
    if (!is_agent(to) || (!ack && msg->type != FST_MSG_WELCOME))
        return;
    for (size_t i = 0; i < agent->batches.count; i++) {
        const struct batch *batch = &agent->batches.items[i];
        if (batch->seq <= seq && !batch->committed)
            judge_fail(&to->world->judge,
                       "%s: %s of %llu, but results %llu are in no journal",
                       agent->name, ack ? "ACK" : "WELCOME",
                       (unsigned long long)seq, (unsigned long long)batch->seq);
    }
    if (!ack && msg->welcome.adopted)
        watch_forget(agent); /* what it says is numbered anew */
}

static const struct model_file *find_file(const struct world *world,
                                          const char *id)
{
    for (size_t i = 0; i < world->suite->n_files; i++) {
        const char *path = world->suite->files[i].path;
        size_t len = strlen(path);
        if (!strncmp(path, id, len) && (!id[len] || id[len] == ':'))
            return &world->suite->files[i];
    }
    return NULL;
}

static bool is_in_journal(const struct world *world, const char *id)
{
    for (size_t i = world->journal.tries.count; i-- > 0;) {
        if (!strcmp(world->journal.tries.items[i]->result.id, id))
            return true;
    }
    return false;
}

void watch_committed(const struct taken *taken)
{
    struct agent *agent = taken->agent;
    const struct world *world = agent->process.world;
    bool all = true;
    for (size_t i = 0; i < taken->n_results; i++) {
        const struct fst_result *result = &taken->results[i];
        const struct model_file *file = find_file(world, result->id);
        /* A confirmation tells only of its target, but for a crash; what makes
         * an attempt worse goes with it where that had no verdict. */
        all = all && (result->outcome == FST_ABSENT || result->crashed ||
                      result->amend || (file && file->vary != VARY_NOT) ||
                      is_in_journal(world, result->id));
    }
    for (size_t i = 0;
         i < agent->batches.count && agent->session == taken->session; i++) {
        if (agent->batches.items[i].seq == taken->seq)
            agent->batches.items[i].committed = all;
    }
}

void watch_forget(struct agent *agent)
{
    agent->session++;
    agent->batches.count = 0;
}

/* ---- what is run */

struct run_count {
    char id[128];
    uint32_t count;
    UT_hash_handle hh;
};

void watch_test_starts(struct world *world, const struct model *model,
                       const struct lease *lease)
{
    struct run_count *run;
    char id[128];
    if (lease->msg->lease.kind != FST_LEASE_PLAIN ||
        lease->file->vary != VARY_NOT)
        return;
    model_next_id(model, lease, id, sizeof id);
    HASH_FIND_STR(world->runs, id, run);
    if (!run) {
        run = fst_alloc(sizeof *run);
        memcpy(run->id, id, sizeof id);
        HASH_ADD_STR(world->runs, id, run);
    }
    if (++run->count > 1 && !world->lost_sessions && world->coord.life < 2)
        judge_fail(&world->judge, "%s runs again, and nothing was lost", id);
}

/* A tear-down error that was to come later may not come. */
static void excuse_amends(struct world *world)
{
    for (size_t i = 0; i < world->suite->n_files; i++) {
        const struct model_file *file = &world->suite->files[i];
        for (size_t k = 0; k < file->n_tests; k++) {
            char id[128];
            suite_id(file, k, 0, id, sizeof id);
            if (!file->tests[k].amends)
                continue;
            judge_excuse(&world->judge, id, file->tests[k].outcome);
            judge_excuse(&world->judge, id, FST_FAILED);
        }
    }
}

/* From now on the verdict may depend on who ran what. */
static void loosen(struct world *world)
{
    struct suite *suite = world->suite;
    for (size_t i = 0; i < suite->n_files && !suite->faults; i++) {
        const struct model_file *file = &suite->files[i];
        for (size_t k = 0; k < file->n_tests; k++) {
            const struct test *test = &file->tests[k];
            char id[128];
            suite_id(file, k, 0, id, sizeof id);
            if (!test->flaky)
                continue;
            judge_excuse(&world->judge, id, FST_FAILED);
            judge_excuse(&world->judge, id, test->outcome);
            if (test->amends)
                judge_excuse(&world->judge, id, FST_ERROR);
        }
    }
    suite->faults = true;
}

static void drop_kept(struct world *world)
{
    while (world->kept.count)
        free(world->kept.items[--world->kept.count]);
}

void watch_restart(struct world *world)
{
    drop_kept(world);
    world->downs = 0;
    if (world->coord.life > 1) {
        excuse_amends(world);
        loosen(world);
    }
    for (size_t i = 0; i < world->journal.with_verdict.count; i++) {
        const struct fst_try *try = &world->journal.with_verdict.items[i];
        if (try->verdict)
            fst_vec_add(&world->kept, fst_strdup(try->result->id));
    }
}

void watch_lease(struct world *world, const struct fst_lease *lease)
{
    for (size_t i = 0; i < lease->n_units; i++) {
        const struct fst_unit *unit = &lease->units[i];
        for (size_t k = 0;
             k < world->kept.count && lease->kind == FST_LEASE_PLAIN; k++) {
            if (unit->kind == FST_UNIT_ITEM &&
                !strcmp(unit->id, world->kept.items[k]))
                judge_fail(&world->judge, "%s had its verdict and runs again",
                           unit->id);
        }
    }
}

void watch_release(struct world *world)
{
    struct run_count *run, *next;
    HASH_ITER (hh, world->runs, run, next) {
        HASH_DELETE(hh, world->runs, run);
        free(run);
    }
    drop_kept(world);
    fst_vec_free(&world->kept);
}

/* ---- what may differ from plain pytest */

static void excuse_file(struct world *world, const struct model_file *file)
{
    judge_excuse(&world->judge, file->path, FST_ERROR);
    for (size_t i = 0; i < file->n_tests; i++) {
        char id[128];
        suite_id(file, i, 0, id, sizeof id);
        judge_excuse(&world->judge, id, FST_ERROR);
    }
}

void watch_excuse(struct world *world, const struct model *model)
{
    const struct lease *lease;
    for (size_t i = 0; i < model->amends.count; i++) {
        for (int k = 0; k < FST_OUTCOMES; k++)
            judge_excuse(&world->judge, model->amends.items[i].id,
                         (enum fst_outcome)k);
    }
    DL_FOREACH2(model->leases, lease, next_lease)
    {
        const struct fst_lease *from = &lease->msg->lease;
        if (lease->msg->type != FST_MSG_LEASE ||
            from->kind != FST_LEASE_CONFIRM)
            continue;
        judge_excuse(&world->judge, from->target, FST_FAILED);
        judge_excuse(&world->judge, from->target, FST_ERROR);
    }
}

void watch_session_lost(struct world *world)
{
    world->lost_sessions = true;
    excuse_amends(world);
    loosen(world);
}

/* Of what is said before BYE nothing is lost as long as both sides live, but
 * without grace, or where one of them was stopped for too long. */
void watch_parted(const struct agent *agent)
{
    struct world *world = agent->process.world;
    const struct fst_agent *core = agent->program.session.agent;
    const struct coord *coord = &world->coord;
    bool stopped = coord->process.frozen || agent->process.frozen;
    if (coord->spec.grace_ns > 0 && fst_agent_is_done(core) &&
        fst_agent_owes(core) && !stopped && coord_awaits(coord, agent))
        judge_fail(&world->judge, "%s is gone with %zu messages", agent->name,
                   core->link.kept.count);
}

/* What it ran has to run again, three times at most. */
void watch_down(struct agent *agent)
{
    struct world *world = agent->process.world;
    world->lost_sessions = true;
    world->downs++;
    excuse_amends(world);
    loosen(world);
    proc_excuse_all(agent);
    for (size_t i = 0; i < world->suite->n_files && world->downs >= 3; i++)
        excuse_file(world, &world->suite->files[i]);
}

/* The test that ran failed by that, and those that need it can't be confirmed;
 * a file that kills two workers is given up. */
void watch_killed(struct world *world, const struct model *model,
                  const struct lease *lease)
{
    struct model_file *file = lease->file;
    loosen(world);
    if (file && !lease->opened && ++file->kills >= 2)
        excuse_file(world, file);
    for (size_t i = 0; lease->opened && i < file->n_tests; i++) {
        size_t killed = lease->tests[lease->next];
        char id[128];
        suite_id(file, i, model->worker, id, sizeof id);
        if (i == killed || file->tests[i].needs == (int)killed)
            judge_excuse(&world->judge, id, FST_FAILED);
    }
}
