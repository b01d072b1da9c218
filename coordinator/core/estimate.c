/* Estimates without history: what this run has seen so far, blended with a
 * prior that a few results outweigh. */
#include "coordinator/core/files.h"

static const double prior_item_s = 0.02, prior_open_s = 0.1, prior_weight = 5;
/* A round trip, at least, where a file opens in no time. */
static const double least_open_s = 0.01;

static double run_item_s(const struct run *run)
{
    return (prior_weight * prior_item_s + run->sum_s) /
           (prior_weight + (double)run->n_timed);
}

/* Items that a planned function has turned out to make. */
static double items_a_function(const struct run *run)
{
    return ((double)run->items_listed + prior_weight) /
           ((double)run->planned_listed + prior_weight);
}

double fst_files_item_s(const struct file *file)
{
    return (prior_weight * run_item_s(file->run) + file->sum_s) /
           (prior_weight + (double)file->n_timed);
}

double fst_files_whole_s(const struct file *file)
{
    size_t planned = file->planned.count ? file->planned.count : 1;
    return (double)planned * items_a_function(file->run) *
               run_item_s(file->run) +
           fst_files_open_s(file);
}

double fst_files_open_s(const struct file *file)
{
    if (file->open_s < 0)
        return prior_open_s;
    return file->open_s < least_open_s ? least_open_s : file->open_s;
}

double fst_files_run_left(const struct run *run)
{
    double unopened = (double)run->planned_unopened * items_a_function(run);
    return unopened + (double)run->n_pending;
}

double fst_files_run_left_s(const struct run *run)
{
    return fst_files_run_left(run) * run_item_s(run);
}
