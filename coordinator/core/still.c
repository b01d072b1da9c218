#include "coordinator/core/still.h"

#define STILL_NS INT64_C(60000000000)
/* What was given may wait for a fresh worker: so many times what a start takes,
 * but an agent can say that it takes anything. */
static const double starts = 10, starts_most_s = 600;

static int64_t patience_ns(const struct run *run)
{
    double start_s = starts * run->start_s;
    return STILL_NS +
           (int64_t)((start_s < starts_most_s ? start_s : starts_most_s) * 1e9);
}

int fst_still_on_ping(struct agent *agent, const struct fst_ping *ping,
                      struct fst_err *err)
{
    const struct run *run = agent->run;
    size_t at = 0;
    if (!ping->answer || !run || run->phase != RUN_ACTIVE)
        return 0;
    int64_t now = run->core->now_ns;
    for (size_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = agent->slots[i];
        bool busy = at < ping->n_busy && ping->busy[at] == slot->number;
        at += busy;
        if (busy || !slot->leases)
            slot->still_ns = INT64_MAX;
        else if (slot->still_ns == INT64_MAX || slot->since_ns > slot->still_ns)
            slot->still_ns = now;
        else if (now - slot->still_ns >= patience_ns(run))
            return fst_fail(err, FST_E_CLOSED,
                            "gw%u has done nothing for %.0f s with what it was "
                            "given",
                            slot->number, (double)(now - slot->still_ns) / 1e9);
    }
    return 0;
}
