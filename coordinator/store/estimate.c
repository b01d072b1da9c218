#include "coordinator/store/estimate.h"

#include <stdbool.h>
#include <string.h>

void fst_samples_add(struct fst_samples *samples, double seconds)
{
    if (samples->count == FST_SAMPLES)
        memmove(samples->s, samples->s + 1,
                --samples->count * sizeof *samples->s);
    samples->s[samples->count++] = (float)seconds;
}

static double median(const struct fst_samples *samples)
{
    float sorted[FST_SAMPLES];
    for (size_t i = 0; i < samples->count; i++) {
        size_t at = i;
        for (; at && sorted[at - 1] > samples->s[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = samples->s[i];
    }
    size_t half = samples->count / 2;
    return samples->count % 2
               ? (double)sorted[half]
               : ((double)sorted[half - 1] + (double)sorted[half]) / 2;
}

double fst_samples_estimate(const struct fst_samples *samples)
{
    if (samples->count < 3)
        return samples->count ? (double)samples->s[samples->count - 1] : 0;
    double middle = median(samples);
    double last = (double)samples->s[samples->count - 1];
    double before = (double)samples->s[samples->count - 2];
    bool up = last > 1.5 * middle && before > 1.5 * middle;
    bool down = last < middle / 1.5 && before < middle / 1.5;
    return up || down ? (last + before) / 2 : middle;
}
