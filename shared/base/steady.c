#include "shared/base/steady.h"

#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double fst_steady_s(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double fst_steady_epoch_s(void)
{
    return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}
