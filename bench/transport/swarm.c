/* Many simulated agents in one process, against a real coordinator or
 * transport_sink: joins them all, has them run what they are given, and prints
 * what it saw as one JSON object. Used by run.py. */
#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/transport/agent.h"
#include "bench/transport/certs.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/trust/token.h"

struct swarm {
    struct fst_loop loop;
    struct fst_net *net;
    struct bench_spec spec;
    struct bench_tally tally;
    struct bench_agent **agents;
    size_t n_agents, gone, total;
    long coordinator; /* its process */
    int64_t begun_ns, joined_ns;
    double join_cpu_s, run_cpu_s; /* of the coordinator, until then */
    size_t measured_waits;        /* those before the work runs out */
    long first_kb, joined_kb;     /* its memory */
};

static const char usage[] =
    "usage: transport_swarm --connect URL --agents N --total RESULTS\n"
    "         [--slots N] [--tests N] [--test-ms MS] [--token-file FILE]\n"
    "         [--certs FOLDER] [--coordinator PID]\n"
    "--tests: of each file; --test-ms: mean of one (0: none takes any time);\n"
    "--certs: for tls+tcp, with ca.pem, bench.pem and bench-key.pem;\n"
    "--coordinator: the process whose CPU time and memory are measured\n";

/* All threads together, in seconds. */
static double cpu_s(long pid)
{
    char path[320];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%ld/task", pid);
    DIR *folder = opendir(path);
    for (struct dirent *at = folder ? readdir(folder) : NULL; at;
         at = readdir(folder)) {
        unsigned long long ns = 0;
        snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat", pid,
                 at->d_name);
        FILE *file = *at->d_name == '.' ? NULL : fopen(path, "r");
        if (!file)
            continue;
        if (fscanf(file, "%llu", &ns) == 1)
            sum += (double)ns / 1e9;
        fclose(file);
    }
    if (folder)
        closedir(folder);
    return sum;
}

static long resident_kb(long pid)
{
    char path[64], line[128];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmRSS:", 6))
            kb = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return kb;
}

static void on_welcome(void *user)
{
    struct swarm *swarm = user;
    if (swarm->tally.welcomed < swarm->n_agents)
        return;
    swarm->joined_ns = fst_loop_now_ns(&swarm->loop);
    swarm->join_cpu_s = cpu_s(swarm->coordinator);
    swarm->joined_kb = resident_kb(swarm->coordinator);
}

static void on_ack(void *user)
{
    struct swarm *swarm = user;
    if (swarm->tally.acked * 5 <= swarm->total * 4)
        swarm->measured_waits = swarm->tally.waits_ns.count;
}

static void on_drain(void *user)
{
    struct swarm *swarm = user;
    if (!(swarm->run_cpu_s > 0))
        swarm->run_cpu_s = cpu_s(swarm->coordinator);
}

static void on_gone(void *user)
{
    struct swarm *swarm = user;
    if (++swarm->gone == swarm->n_agents)
        fst_loop_stop(&swarm->loop);
}

static int by_size(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return one < other ? -1 : one > other;
}

/* Of the waits from CREDIT to LEASE, in ms. */
static double percentile(const struct swarm *swarm, double part)
{
    size_t count = swarm->measured_waits;
    if (!count)
        return 0;
    size_t at = (size_t)(part * (double)count);
    return (double)swarm->tally.waits_ns.items[at < count ? at : count - 1] /
           1e6;
}

static void print(const struct swarm *swarm)
{
    const struct bench_tally *tally = &swarm->tally;
    double wall_s = (double)(tally->last_ack_ns - tally->first_lease_ns) / 1e9;
    double cpu = swarm->run_cpu_s - swarm->join_cpu_s;
    if (swarm->measured_waits)
        qsort(tally->waits_ns.items, swarm->measured_waits,
              sizeof *tally->waits_ns.items, by_size);
    printf("{\"welcomed\": %zu, \"lost\": %zu, \"join_s\": %.3f, "
           "\"join_cpu_s\": %.3f, \"results\": %zu, \"acked\": %zu, "
           "\"batches\": %zu, \"wall_s\": %.3f, \"cpu_s\": %.3f, ",
           tally->welcomed, tally->lost,
           (double)(swarm->joined_ns - swarm->begun_ns) / 1e9,
           swarm->join_cpu_s, tally->results, tally->acked, tally->batches,
           wall_s, cpu);
    printf("\"first_kb\": %ld, \"joined_kb\": %ld, \"waits\": %zu, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"most_ms\": %.3f}\n",
           swarm->first_kb, swarm->joined_kb, swarm->measured_waits,
           percentile(swarm, 0.5), percentile(swarm, 0.99),
           percentile(swarm, 1));
}

static void read_options(struct swarm *swarm, int argc, char **argv,
                         const char **token_file, const char **certs)
{
    static const struct option options[] = {
        {"connect", required_argument, NULL, 'c'},
        {"agents", required_argument, NULL, 'a'},
        {"slots", required_argument, NULL, 's'},
        {"tests", required_argument, NULL, 't'},
        {"total", required_argument, NULL, 'n'},
        {"test-ms", required_argument, NULL, 'm'},
        {"token-file", required_argument, NULL, 'f'},
        {"certs", required_argument, NULL, 'd'},
        {"coordinator", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    int option;
    swarm->spec.slots = 1;
    swarm->spec.tests = 100;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            swarm->spec.url = optarg;
            break;
        case 'a':
            swarm->n_agents = (size_t)atol(optarg);
            break;
        case 's':
            swarm->spec.slots = (uint32_t)atol(optarg);
            break;
        case 't':
            swarm->spec.tests = (uint32_t)atol(optarg);
            break;
        case 'n':
            swarm->total = (size_t)atol(optarg);
            break;
        case 'm':
            swarm->spec.test_s = atof(optarg) / 1000;
            break;
        case 'f':
            *token_file = optarg;
            break;
        case 'd':
            *certs = optarg;
            break;
        case 'p':
            swarm->coordinator = atol(optarg);
            break;
        default:
            fputs(usage, stderr);
            exit(4);
        }
    }
    if (!swarm->spec.url || !swarm->n_agents || !swarm->total) {
        fputs(usage, stderr);
        exit(4);
    }
}

static void must(int result, const struct fst_err *err)
{
    if (!result)
        return;
    fprintf(stderr, "transport_swarm: %s\n", err->msg);
    exit(1);
}

/* A connection each, in this process too. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    static const struct bench_events events = {on_welcome, on_ack, on_drain,
                                               on_gone};
    struct swarm swarm = {0};
    struct fst_err err = {0};
    const char *token_file = NULL;
    const char *certs = NULL;
    char *token = NULL;
    read_options(&swarm, argc, argv, &token_file, &certs);
    raise_file_limit();
    if (token_file)
        must(fst_token_read(token_file, NULL, &token, &err), &err);
    swarm.spec.token = token;
    struct fst_identity *identity =
        certs ? bench_identity(certs, FST_TOKEN_AGENT, "bench") : NULL;
    struct fst_tls_end *tls =
        identity ? fst_tls_end_new(identity, FST_TOKEN_AGENT, FST_TLS_NAME)
                 : NULL;
    swarm.spec.tls = tls;
    must(fst_loop_init(&swarm.loop, &err), &err);
    swarm.net = fst_net_new(&swarm.loop);
    swarm.agents = fst_calloc(swarm.n_agents, sizeof(struct bench_agent *));
    swarm.begun_ns = fst_loop_now_ns(&swarm.loop);
    swarm.first_kb = resident_kb(swarm.coordinator);
    for (size_t i = 0; i < swarm.n_agents; i++) {
        swarm.agents[i] =
            bench_agent_new(&swarm.loop, swarm.net, &swarm.spec,
                            (uint32_t)i + 1, &swarm.tally, &events, &swarm);
    }
    fst_loop_run(&swarm.loop);
    print(&swarm);
    for (size_t i = 0; i < swarm.n_agents; i++)
        bench_agent_free(swarm.agents[i]);
    fst_net_free(swarm.net);
    fst_loop_fini(&swarm.loop);
    fst_vec_free(&swarm.tally.waits_ns);
    fst_tls_end_free(tls);
    fst_identity_free(identity);
    free(swarm.agents);
    free(token);
    return swarm.tally.lost ? 1 : 0;
}
