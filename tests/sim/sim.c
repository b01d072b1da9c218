/* usage: sim_core [--seed N | --seeds A..B | --quality] [--trace]
 *
 * Drives the coordinator's core with random suites and farms; every seed is a
 * run of its own and prints itself where something is wrong. --quality prints
 * makespan over ideal in simple cases, and what the core costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/farm.h"

static bool run_seed(uint64_t seed, bool trace)
{
    struct suite suite;
    struct rng rng = {seed * 31 + 7};
    suite_make(&suite, seed);
    struct farm_result result = farm_run(&(struct farm_spec){
        .suite = &suite,
        .seed = seed,
        .agents = 1 + rng_below(&rng, 3),
        .slots = 1 + rng_below(&rng, 4),
        .check = true,
        .trace = trace,
    });
    suite_release(&suite);
    return !result.failed;
}

static int run_seeds(uint64_t from, uint64_t to, bool trace)
{
    size_t bad = 0;
    for (uint64_t seed = from; seed <= to && bad < 20; seed++)
        bad += !run_seed(seed, trace);
    printf("seeds %llu..%llu: %zu failed\n", (unsigned long long)from,
           (unsigned long long)to, bad);
    return bad != 0;
}

struct quality_case {
    const char *name;
    size_t files, tests;
    double seconds;
    uint32_t agents, slots;
    double most;    /* makespan over ideal */
    double start_s; /* of a worker */
    size_t workers; /* that are started; 0: all slots' */
    double longest; /* of the last test of each fifth file; 0: even */
};

/* Ideal: the tests' time over the workers, one opening of a file, and where
 * workers take time to start, once that. */
static bool measure(const struct quality_case *c)
{
    struct suite suite;
    if (c->longest > 0)
        suite_make_uneven(&suite, c->files, c->tests, c->seconds, c->longest);
    else
        suite_make_even(&suite, c->files, c->tests, c->seconds);
    struct farm_result result = farm_run(&(struct farm_spec){
        .suite = &suite,
        .seed = 1,
        .agents = c->agents,
        .slots = c->slots,
        .quiet = true,
        .start_s = c->start_s,
    });
    double slots = c->agents * c->slots, files = (double)c->files;
    double opening = 0.05 * (files > slots ? files / slots : 1);
    double total = files * (double)c->tests * c->seconds;
    if (c->longest > 0)
        total += (double)(c->files / 5) * (c->longest - c->seconds);
    size_t workers = c->workers ? c->workers : (size_t)slots;
    double ideal = total / (double)workers;
    ideal = (ideal > c->longest ? ideal : c->longest) + opening + c->start_s;
    double ratio = result.makespan_s / ideal;
    printf("%-40s %6.2f s  ratio %.3f  workers %zu  leases %zu  revokes %zu  "
           "core %.2f us a step\n",
           c->name, result.makespan_s, ratio, result.workers, result.leases,
           result.revokes, result.cpu_s / (double)result.steps * 1e6);
    suite_release(&suite);
    return !result.failed && ratio <= c->most && result.workers == workers;
}

static int measure_all(void)
{
    static const struct quality_case cases[] = {
        {"1 file x 10,000 of 1 ms, 2 slots", 1, 10000, 0.001, 1, 2, 1.05, 0, 0,
         0},
        {"1 file x 10,000 of 1 ms, 8 slots", 1, 10000, 0.001, 1, 8, 1.08, 0, 0,
         0},
        {"200 files x 50 of 1 ms, 2 slots", 200, 50, 0.001, 1, 2, 1.06, 0, 0,
         0},
        {"200 files x 50 of 20 ms, 16 slots", 200, 50, 0.02, 2, 8, 1.06, 0, 0,
         0},
        {"3 files x 100 of 50 ms, 2 slots", 3, 100, 0.05, 1, 2, 1.06, 0, 0, 0},
        {"2,000 files x 1 of 1 ms, 4 slots", 2000, 1, 0.001, 1, 4, 1.06, 0, 0,
         0},
        {"100 files x 5,000 of 1 ms, 32 slots", 100, 5000, 0.001, 4, 8, 1.06, 0,
         0, 0},
        {"10 files x 2 of 1 ms, 2 slots, start", 10, 2, 0.001, 1, 2, 1, 0.3, 1,
         0},
        {"1 file x 20 of 1 ms, 8 slots, start", 1, 20, 0.001, 1, 8, 1, 0.3, 1,
         0},
        {"5 files x 1 of 5 s, 2 slots, start", 5, 1, 5, 1, 2, 1.25, 0.3, 2, 0},
        {"200 files x 50 of 1 ms, 4 slots, start", 200, 50, 0.001, 1, 4, 1.06,
         0.3, 4, 0},
        {"100 files x 1 of 100 ms, 4 slots, start", 100, 1, 0.1, 1, 4, 1.06,
         0.3, 4, 0},
        {"10 files x 100 of 10 ms, 2 of 4 s, 2 slots", 10, 100, 0.01, 1, 2,
         1.06, 0, 0, 4},
        {"50 files x 20 of 10 ms, 10 of 1 s, 8 slots", 50, 20, 0.01, 1, 8, 1.08,
         0, 0, 1},
        {"5 files x 200 of 10 ms, 1 of 4 s, 4 slots", 5, 200, 0.01, 1, 4, 1.1,
         0, 0, 4},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        good = measure(&cases[i]) && good;
    return !good;
}

int main(int argc, char **argv)
{
    uint64_t from = 1, to = 2000;
    bool trace = false, quality = false;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--trace")) {
            trace = true;
        } else if (!strcmp(argv[i], "--quality")) {
            quality = true;
        } else if (!strcmp(argv[i], "--seed") && *value) {
            from = to = strtoull(value, &end, 10);
            i++;
        } else if (!strcmp(argv[i], "--seeds") && strstr(value, "..")) {
            from = strtoull(value, &end, 10);
            to = strtoull(strstr(value, "..") + 2, &end, 10);
            i++;
        } else {
            fprintf(stderr, "usage: sim_core [--seed N | --seeds A..B | "
                            "--quality] [--trace]\n");
            return 2;
        }
    }
    return quality ? measure_all() : run_seeds(from, to, trace);
}
