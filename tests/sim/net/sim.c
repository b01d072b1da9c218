/* usage: sim_net [--seed N | --seeds A..B] [--trace]
 *
 * Drives both cores, and the coordinator's farm and the agent's program around
 * them, over a simulated network in virtual time; every seed is a run of its
 * own and prints itself where something is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/net/world.h"

#define END_OF_TIME (INT64_C(5000) * SECOND)
enum { MOST_STEPS = 2000000 };

/* What earlier runs took: of some tests, more or less what they will take. */
static struct fst_times *make_times(const struct suite *suite, uint64_t seed)
{
    struct fst_times *times = fst_times_new();
    struct rng rng = {seed + 1};
    for (size_t i = 0; i < suite->n_files; i++) {
        const struct model_file *file = &suite->files[i];
        if (rng_percent(&rng, suite->known))
            fst_times_add_open(times, file->path, file->open_s);
        for (size_t k = 0; k < file->n_tests; k++) {
            char id[256];
            suite_id(file, k, 0, id, sizeof id);
            if (rng_percent(&rng, suite->known))
                fst_times_add(times, id, file->tests[k].seconds);
        }
    }
    return times;
}

static void run_to_end(struct world *world)
{
    size_t steps = 0;
    while (!world->judge.ended && !world->judge.failed) {
        if (++steps > MOST_STEPS || world->now > END_OF_TIME ||
            !clock_step(world)) {
            judge_fail(&world->judge, "the run doesn't end");
            return;
        }
    }
}

static void judge_all(struct world *world)
{
    struct fst_counts counts;
    const struct coord *coord = &world->coord;
    if (world->judge.failed)
        return;
    fst_core_counts(coord->core, coord->run, &counts);
    judge_end(&world->judge, &counts);
}

static bool run_seed(uint64_t seed, bool trace)
{
    static const int64_t latencies[] = {MS, 20 * MS, 200 * MS};
    struct suite suite;
    struct world *world = fst_alloc(sizeof *world);
    the_world = world;
    suite_make(&suite, seed);
    *world = (struct world){.seed = seed, .trace = trace, .suite = &suite};
    world->rng.state = seed ^ UINT64_C(0x2545f491);
    world->outside = (struct process){.world = world, .name = "outside"};
    world->outside_loop.uv.data = &world->outside;
    world->latency = latencies[rng_below(&world->rng, 3)];
    world->keep = rng_percent(&world->rng, 20) ? 100 * MS : 3 * MS;
    world->grace = rng_percent(&world->rng, 15) ? 0 : 3 * SECOND;
    world->hasty = rng_percent(&world->rng, 40);
    world->scarce = rng_percent(&world->rng, 15);
    world->lacking = rng_percent(&world->rng, 10);
    world->exits = rng_percent(&world->rng, 3);
    if (rng_percent(&world->rng, 10))
        world->lifetime = 1 + rng_below(&world->rng, 20);
    world->live = rng_percent(&world->rng, 20);
    world_trace(world, "%s%s%s%s workers live for %u tests, %g s of grace",
                world->scarce ? "little memory," : "",
                world->lacking ? "few processes," : "",
                world->exits ? "pytest.exit()," : "",
                world->hasty ? "haste," : "", world->lifetime,
                (double)world->grace / SECOND);
    faults_plan(world);
    judge_init(&world->judge, &suite, seed);
    world->times = make_times(&suite, seed);
    coord_init(&world->coord, world);
    world->n_agents = 1 + rng_below(&world->rng, MOST_AGENTS);
    for (uint32_t i = 0; i < world->n_agents; i++)
        agent_init(&world->agents[i], world, i);
    run_to_end(world);
    judge_all(world);
    bool good = !world->judge.failed;
    world->judge.ended = true;
    coord_release(&world->coord);
    for (uint32_t i = 0; i < world->n_agents; i++)
        agent_release(&world->agents[i]);
    faults_release(world);
    watch_release(world);
    fst_times_free(world->times);
    judge_release(&world->judge);
    journal_release(&world->journal);
    suite_release(&suite);
    free(world);
    return good;
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

int main(int argc, char **argv)
{
    uint64_t from = 1, to = 2000;
    bool trace = false;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--trace")) {
            trace = true;
        } else if (!strcmp(argv[i], "--seed") && *value) {
            from = to = strtoull(value, &end, 10);
            i++;
        } else if (!strcmp(argv[i], "--seeds") && strstr(value, "..")) {
            from = strtoull(value, &end, 10);
            to = strtoull(strstr(value, "..") + 2, &end, 10);
            i++;
        } else {
            fprintf(stderr,
                    "usage: sim_net [--seed N | --seeds A..B] [--trace]\n");
            return 2;
        }
    }
    return run_seeds(from, to, trace);
}
