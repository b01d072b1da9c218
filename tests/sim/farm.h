/* Model agents and workers around a real core, as discrete events in virtual
 * time: latencies both ways, deaths of workers and agents, results that come
 * twice, leases revoked while they begin. Speaks struct messages only. */
#ifndef FST_SIM_FARM_H
#define FST_SIM_FARM_H

#include "coordinator/core/core.h"
#include "tests/sim/judge.h"
#include "tests/sim/suite.h"

struct farm_spec {
    struct suite *suite;
    uint64_t seed;
    uint32_t agents, slots; /* slots of each agent */
    bool check;             /* fst_core_check() after every step */
    bool quiet;             /* for measuring: no latency to speak of */
    double start_s;         /* quiet: how long each worker starts */
    bool trace;             /* print every message */
};

struct farm_result {
    bool failed;
    double makespan_s; /* from the first lease to the last outcome */
    size_t steps, leases, revokes, workers;
    double cpu_s; /* spent in the core */
};

/* One run from beginning to end. */
struct farm_result farm_run(const struct farm_spec *spec);

#endif
