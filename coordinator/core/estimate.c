/* Estimates: what earlier runs took; where a test has no past, what this run
 * has seen so far of its file and as a whole, blended with a prior that a few
 * results outweigh. */
#include "coordinator/core/files.h"

static const double prior_item_s = 0.02, prior_open_s = 0.1, prior_weight = 5;
/* A round trip, at least, where a file opens in no time. */
static const double least_open_s = 0.01;

static double run_item_s(const struct run *run)
{
    double past = fst_times_mean(run->times);
    double prior = past < 0 ? prior_item_s : past;
    return (prior_weight * prior + run->sum_s) /
           (prior_weight + (double)run->n_timed);
}

/* Items that a planned function has turned out to make. */
static double items_a_function(const struct run *run)
{
    return ((double)run->items_listed + prior_weight) /
           ((double)run->planned_listed + prior_weight);
}

double fst_files_mean_s(const struct file *file)
{
    return (prior_weight * run_item_s(file->run) + file->sum_s) /
           (prior_weight + (double)file->n_timed);
}

double fst_files_item_s(const struct file *file, size_t item)
{
    double past = (double)file->items[item].past_s;
    return past < 0 ? fst_files_mean_s(file) : past;
}

double fst_files_weight_s(const struct file *file, struct weight weight)
{
    return weight.known_s + (double)weight.unknown * fst_files_mean_s(file);
}

static double planned_s(const struct run *run, struct weight weight)
{
    return weight.known_s +
           (double)weight.unknown * items_a_function(run) * run_item_s(run);
}

static double items_s(const struct run *run, struct weight weight)
{
    return weight.known_s + (double)weight.unknown * run_item_s(run);
}

static double work_s(const struct file *file)
{
    return file->learned ? items_s(file->run, file->planned_weight)
                         : planned_s(file->run, file->planned_weight);
}

double fst_files_whole_s(const struct file *file)
{
    return work_s(file) + fst_files_open_s(file);
}

size_t fst_files_helpers(const struct file *file)
{
    double shares = work_s(file) / fst_files_open_s(file);
    bool unread = file->state == FILE_NEW || file->state == FILE_OPENING;
    if (!file->learned || !unread || file->fresh || file->run->full ||
        file->run->collect_only || !fst_files_splittable(file) || shares < 2)
        return 0;
    size_t most = file->planned.count;
    return (shares < (double)most ? (size_t)shares : most) - 1;
}

double fst_files_open_s(const struct file *file)
{
    double open =
        file->open_s < 0 ? file->open_s : file->open_s + file->shared_s;
    /* The fixtures may be still to come. */
    if (open < file->past_open_s)
        open = file->past_open_s;
    if (open < 0)
        return prior_open_s;
    return open < least_open_s ? least_open_s : open;
}

double fst_files_run_left(const struct run *run)
{
    double planned = (double)run->planned.count * items_a_function(run);
    return planned + (double)run->learned.count + (double)run->n_pending;
}

double fst_files_run_left_s(const struct run *run)
{
    return planned_s(run, run->planned.weight) +
           items_s(run, run->learned.weight) +
           items_s(run, run->pending_weight);
}

bool fst_files_run_known(const struct run *run)
{
    size_t unknown = run->planned.weight.unknown + run->learned.weight.unknown +
                     run->pending_weight.unknown;
    return 2 * unknown <=
           run->planned.count + run->learned.count + run->n_pending;
}
