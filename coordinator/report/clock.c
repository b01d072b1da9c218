#include "coordinator/report/clock.h"

void fst_clock_add(struct fst_buf *out, double seconds)
{
    long whole = (long)(seconds + 0.5);
    if (whole < 60)
        fst_buf_addf(out, "%lds", whole);
    else if (whole < 3600)
        fst_buf_addf(out, "%ld:%02ld", whole / 60, whole % 60);
    else
        fst_buf_addf(out, "%ld:%02ld:%02ld", whole / 3600, whole % 3600 / 60,
                     whole % 60);
}
