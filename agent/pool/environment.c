#include "agent/pool/environment.h"

#include <stdlib.h>
#include <string.h>

static bool starts_with(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

static bool is_dropped(const char *entry)
{
    static const char *const dropped[] = {
        "FASTEST_", "PYTEST_ADDOPTS=", "PYTEST_XDIST_", "PYTHONHASHSEED="};
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (starts_with(entry, dropped[i]))
            return true;
    return false;
}

static bool has(const char *const *ours, const char *name)
{
    size_t len = strlen(name);
    for (; *ours; ours++)
        if (!strncmp(*ours, name, len) && (*ours)[len] == '=')
            return true;
    return false;
}

static void add(struct fst_strings *env, char *entry)
{
    fst_vec_add(env, entry);
}

/* Numeric libraries start a thread a core each, in every worker. */
static void bound_threads(const char *const *ours, size_t n_slots, size_t cpus,
                          struct fst_strings *env)
{
    static const char *const names[] = {
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS"};
    size_t threads = cpus / n_slots ? cpus / n_slots : 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!has(ours, names[i]))
            add(env, fst_printf("%s=%zu", names[i], threads));
}

static void add_shared(const char *const *ours, const char *hash_seed,
                       size_t n_slots, size_t cpus, struct fst_strings *env)
{
    for (const char *const *entry = ours; *entry; entry++)
        if (!is_dropped(*entry))
            fst_strings_add(env, *entry);
    add(env, fst_printf("PYTHONHASHSEED=%s", hash_seed));
    bound_threads(ours, n_slots, cpus, env);
}

void fst_shared_environment(const char *const *ours, const char *hash_seed,
                            size_t n_slots, size_t cpus,
                            struct fst_strings *env)
{
    add_shared(ours, hash_seed, n_slots, cpus, env);
    fst_vec_add(env, NULL);
}

static void add_worker(const struct fst_welcome *welcome, uint32_t slot,
                       struct fst_strings *env)
{
    add(env, fst_printf("PYTEST_XDIST_WORKER=gw%u", slot));
    add(env,
        fst_printf("PYTEST_XDIST_WORKER_COUNT=%u", welcome->config.slot_count));
    add(env, fst_printf("PYTEST_XDIST_TESTRUNUID=%s", welcome->run));
    add(env, fst_printf("FASTEST_SLOT=%u", slot));
}

void fst_worker_environment(const char *const *ours,
                            const struct fst_welcome *welcome, uint32_t slot,
                            size_t n_slots, size_t cpus,
                            struct fst_strings *env)
{
    add_shared(ours, welcome->config.hash_seed, n_slots, cpus, env);
    add(env, fst_printf("FASTEST_RUN_ID=%s", welcome->run));
    add(env, fst_printf("FASTEST_AGENT=%s", welcome->agent));
    if (slot != FST_SLOT_OF_HOST)
        add_worker(welcome, slot, env);
    fst_vec_add(env, NULL);
}
