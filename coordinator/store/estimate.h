/* What a handful of samples says of the next one. Pure; private to
 * coordinator/store.
 *
 * The median of the last FST_SAMPLES (SCHEDULING: which estimator hardly
 * matters, having one does), overridden where the level has shifted: when the
 * last two lie together on one side, both more than half away from it. */
#ifndef FST_STORE_ESTIMATE_H
#define FST_STORE_ESTIMATE_H

#include <stddef.h>

enum { FST_SAMPLES = 5 };

struct fst_samples { /* oldest first; seconds */
    float s[FST_SAMPLES];
    size_t count;
};

/* The oldest makes room. */
void fst_samples_add(struct fst_samples *samples, double seconds);
/* 0 where there are none. */
double fst_samples_estimate(const struct fst_samples *samples);

#endif
