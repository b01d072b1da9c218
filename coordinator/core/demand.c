#include "coordinator/core/demand.h"

#include "coordinator/core/agents.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/files.h"

/* The work left for each worker has to be so many times the cost of one more:
 * a worker that just pays for itself only takes processors from others. */
static const double worth = 1.5;
/* So many results speak for themselves. */
enum { ENOUGH_ENDED = 10 };
/* What results outweigh, and a start whose length nobody has told. */
static const double prior_unit_s = 0.02, prior_weight = 5, prior_start_s = 0.3;
#define LEAST_LOOK_NS INT64_C(20000000)

struct force { /* a run's slots */
    size_t unstarted, asked, up, idle, busy;
    size_t helpers;      /* that may share what is being opened */
    double worked_s;     /* of workers behind their first file */
    double first_open_s; /* the longest first opening that lasts */
    double quiet_s;      /* the longest time without a sign of progress */
};

static double since_s(const struct run *run, int64_t from_ns)
{
    return (double)(run->core->now_ns - from_ns) / 1e9;
}

/* Besides those that open it already. */
static size_t helpers_wanted(const struct file *file)
{
    size_t helpers = fst_files_helpers(file);
    size_t opening = file->n_leases ? file->n_leases - 1 : 0;
    return helpers > opening ? helpers - opening : 0;
}

static struct force count_slots(const struct run *run)
{
    struct force force = {.worked_s = run->worked_s};
    const struct slot *slot, *tmp;
    const struct file *file;
    if (run->first_up_ns == INT64_MAX) {
        DL_FOREACH(run->files, file)
        {
            force.helpers += helpers_wanted(file);
        }
    }
    HASH_ITER (hh, run->core->slots, slot, tmp) {
        if (slot->agent->run != run || slot->retired || slot->paused)
            continue;
        force.asked += slot->asked;
        force.unstarted += !slot->asked;
        force.up += slot->up;
        force.idle += slot->up && slot->hungry && !slot->leases;
        force.busy += slot->leases != NULL;
        if (slot->leases && slot->leases->whole)
            force.helpers += helpers_wanted(slot->leases->file);
        double quiet = slot->leases ? since_s(run, slot->since_ns) : 0;
        if (slot->counting) {
            force.worked_s += since_s(run, slot->counted_ns);
            if (quiet > force.quiet_s)
                force.quiet_s = quiet;
        } else if (quiet > force.first_open_s) {
            force.first_open_s = quiet;
        }
    }
    return force;
}

/* Items that are left, or files where nothing is run. */
static double units_left(const struct run *run)
{
    return run->collect_only ? (double)run->n_open : fst_files_run_left(run);
}

static size_t units_ended(const struct run *run)
{
    return run->collect_only ? run->counts.files_listed : run->counts.ended;
}

/* Is there something that a further worker could begin with? What runs can't be
 * shared, nor what is being opened, unless its list is known. */
static bool has_pieces(const struct run *run, const struct force *force)
{
    size_t starting = force->asked - force->up + force->idle;
    size_t files = run->n_open - run->n_opening;
    size_t items =
        run->n_pending > force->busy ? run->n_pending - force->busy : 0;
    return files + items + force->helpers > starting;
}

static double left_s(const struct run *run, const struct force *force)
{
    double ended = (double)units_ended(run), worked = force->worked_s;
    double past = 0;
    if (fst_files_run_known(run) && !run->collect_only) {
        past = fst_files_run_left_s(run) + run->unopened_open_s;
        /* A test that overruns its past: it may take as long again. */
        if (past < force->quiet_s)
            past = force->quiet_s;
        if (ended < ENOUGH_ENDED)
            return past;
    } else if (ended < ENOUGH_ENDED) {
        worked += prior_weight * prior_unit_s;
        ended += prior_weight;
    }
    /* The past lacks what a test costs beside its own time. */
    double seen = worked / ended * units_left(run);
    return seen > past ? seen : past;
}

static double cost_s(const struct run *run, const struct force *force)
{
    double open = run->first_open_s > force->first_open_s ? run->first_open_s
                                                          : force->first_open_s;
    if (open < run->longest_open_s && run->first_up_ns == INT64_MAX)
        open = run->longest_open_s;
    return (run->start_s > 0 ? run->start_s : prior_start_s) + open;
}

/* Nothing runs yet, but earlier runs know what a worker costs and what it would
 * have to do (that of collecting everything they don't), or the run waits for
 * agents, which were not asked to come for nothing. */
static bool may_start_early(const struct run *run)
{
    return !run->full && !run->collect_only &&
           (run->gathered || (run->start_s > 0 && fst_files_run_known(run)));
}

static void start_worker(struct slot *slot)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_START);
    msg->start.slot = slot->number;
    fst_agents_asked(slot);
    fst_effects_send(slot->agent->run, slot->agent, msg);
}

static void start_workers(struct run *run, size_t count)
{
    struct slot *slot, *tmp;
    HASH_ITER (hh, run->core->slots, slot, tmp) {
        if (count && slot->agent->run == run && !slot->asked &&
            !slot->retired && !slot->paused && !slot->agent->gone) {
            start_worker(slot);
            count--;
        }
    }
}

/* So many more. While agents gather, those that are there get ready for their
 * share. */
static size_t wanted(const struct run *run, struct force *force)
{
    size_t more = 0;
    double cost = cost_s(run, force), left = left_s(run, force);
    bool too_early = !run->gathered && !fst_files_run_known(run) &&
                     units_ended(run) < ENOUGH_ENDED &&
                     since_s(run, run->first_up_ns) < run->start_s;
    bool early = run->held || run->first_up_ns == INT64_MAX;
    if (run->one_worker || (force->idle && !run->held) || too_early ||
        (early ? !may_start_early(run) : !force->up))
        return 0;
    while (more < force->unstarted && has_pieces(run, force) &&
           left > worth * cost * (double)force->asked) {
        force->asked++;
        more++;
    }
    return more;
}

double fst_demand_left_s(const struct run *run, size_t *workers)
{
    struct force force = count_slots(run);
    double left = left_s(run, &force), cost = cost_s(run, &force);
    *workers = force.asked ? force.asked : 1;
    while (!run->one_worker && *workers < force.asked + force.unstarted &&
           left > worth * cost * (double)*workers)
        ++*workers;
    return left;
}

void fst_demand_serve(struct run *run)
{
    run->demand_ns = INT64_MAX;
    if (run->phase != RUN_ACTIVE || !run->n_agents || run->all_asked)
        return;
    struct force force = count_slots(run);
    run->all_asked = !force.unstarted && !run->n_paused;
    if (!force.unstarted)
        return;
    /* Without any the run would wait for ever. */
    size_t more = force.asked ? wanted(run, &force) : 1;
    start_workers(run, more);
    if (force.unstarted > more && force.busy && has_pieces(run, &force)) {
        int64_t pause = (int64_t)(run->start_s / 4 * 1e9);
        run->demand_ns =
            run->core->now_ns + (pause > LEAST_LOOK_NS ? pause : LEAST_LOOK_NS);
    }
}

void fst_demand_busy(struct slot *slot)
{
    slot->counting = slot->opened;
    slot->counted_ns = slot->agent->run->core->now_ns;
}

void fst_demand_idle(struct slot *slot)
{
    struct run *run = slot->agent->run;
    if (slot->counting)
        run->worked_s += since_s(run, slot->counted_ns);
    slot->counting = false;
}

void fst_demand_opened(struct slot *slot)
{
    struct run *run = slot->agent->run;
    if (slot->opened)
        return;
    double took = since_s(run, slot->since_ns);
    if (took > run->first_open_s)
        run->first_open_s = took;
    slot->opened = true;
    if (slot->leases)
        fst_demand_busy(slot);
}

void fst_demand_worker(struct slot *slot)
{
    if (slot->agent->run)
        fst_demand_idle(slot);
    slot->counting = slot->opened = false;
}

void fst_demand_up(struct run *run, double start_s)
{
    bool first = run->first_up_ns == INT64_MAX;
    if (!(start_s > 0 && start_s < 1e6)) /* also no NaN */
        start_s = prior_start_s;
    run->start_s = first ? start_s : (run->start_s + start_s) / 2;
    if (first)
        run->first_up_ns = run->core->now_ns;
}
