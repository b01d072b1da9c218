/* Measures the store alone, without a run around it: rows of the journal a
 * second, what taking a run into the history costs, how large the file gets,
 * and how long the next run takes to read it. Prints Markdown tables.
 *
 * usage: store_bench [FOLDER]  (whose disk is measured; default: /tmp) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/store/history.h"
#include "coordinator/store/journal.h"
#include "shared/base/mem.h"

enum { FILES = 200, TESTS = 10000, RUNS = 50 };

static const char suite[] = "bench";
static char path[4096];

struct span { /* seconds */
    double wall, cpu;
};

static double clock_s(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct span since(struct span start)
{
    return (struct span){
        clock_s(CLOCK_MONOTONIC) - start.wall,
        clock_s(CLOCK_PROCESS_CPUTIME_ID) - start.cpu,
    };
}

static void must(int result, const struct fst_err *err)
{
    if (!result)
        return;
    fprintf(stderr, "ERROR: %s\n", err->msg);
    exit(1);
}

static void remove_file(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char *name = fst_printf("%s%s", path, ends[i]);
        unlink(name);
        free(name);
    }
}

static struct fst_store *open_store(unsigned flags)
{
    struct fst_err err;
    struct fst_store *store =
        fst_store_open(path, FST_STORE_CREATE | flags, &err);
    must(store ? 0 : -1, &err);
    return store;
}

/* A try and its verdict, as a passing test has them. */
static void write_test(struct fst_journal *journal, int number)
{
    struct fst_err err;
    char id[64];
    snprintf(id, sizeof id, "tests/test_f%03d.py::test_case_%05d",
             number % FILES, number);
    const struct fst_journal_row row = {
        .id = id,
        .attempt = 1,
        .kind = FST_ATTEMPT_FIRST,
        .outcome = number % 100 ? FST_PASSED : FST_FAILED,
        .setup_s = 0.0001,
        .call_s = 0.001 + number * 1e-7,
        .teardown_s = 0.0001,
        .start_s = 1.7e9 + number,
        .agent = "local",
        .pid = 1000,
        .verdict = true,
    };
    must(fst_journal_add(journal, &row, &err), &err);
}

/* A run; returns what its tests' rows took. */
static struct span write_run(struct fst_store *store, int number, int tests,
                             int batch)
{
    struct fst_err err;
    char name[32];
    snprintf(name, sizeof name, "run-%d", number);
    const struct fst_journal_run run = {.suite = suite,
                                        .name = name,
                                        .started_s = 1.7e9,
                                        .arguments = "[]",
                                        .checkout = ""};
    struct fst_journal *journal = fst_journal_start(store, &run, 0, &err);
    must(journal ? 0 : -1, &err);
    struct span start = since((struct span){0});
    for (int test = 0; test < tests; test++) {
        write_test(journal, test);
        if (test % batch == batch - 1 || test == tests - 1)
            must(fst_journal_commit(journal, &err), &err);
    }
    struct span took = since(start);
    for (int file = 0; file < FILES; file++) {
        char id[32];
        snprintf(id, sizeof id, "tests/test_f%03d.py", file);
        must(fst_journal_cost(journal, id, 0.01, &err), &err);
    }
    must(fst_journal_end(journal, 1.7e9 + 1, 0, &err), &err);
    fst_journal_free(journal);
    return took;
}

/* Where each commit waits for the disk, fewer tests are enough. */
static void measure_journal(int batch, unsigned flags)
{
    int tests = flags ? TESTS / 20 : TESTS;
    remove_file();
    struct fst_store *store = open_store(flags);
    struct span first = write_run(store, 1, tests, batch);
    struct span second = write_run(store, 2, tests, batch);
    fst_store_close(store);
    printf("| %d | %s | %.0f | %.1f | %.0f | %.1f |\n", batch,
           flags ? "yes" : "no", tests / first.wall, first.cpu / tests * 1e6,
           tests / second.wall, second.cpu / tests * 1e6);
}

static void count_times(void *user, const struct fst_history_times *times)
{
    size_t *count = user;
    (void)times;
    ++*count;
}

static void measure_history(int runs, struct span folding)
{
    struct fst_err err;
    struct stat info;
    size_t count = 0;
    struct span start = since((struct span){0});
    struct fst_store *store = open_store(0);
    must(fst_history_fold(store, suite, &err), &err);
    must(fst_history_times(store, suite, count_times, &count, &err), &err);
    struct span took = since(start);
    fst_store_close(store);
    if (stat(path, &info) || count != TESTS - TESTS / 100 + FILES) {
        fprintf(stderr, "ERROR: %s: %zu estimates\n", path, count);
        exit(1);
    }
    printf("| %d | %.2f | %.0f | %.0f | %.0f | %.0f |\n", runs,
           (double)info.st_size / 1e6, folding.wall * 1e3, folding.cpu * 1e3,
           took.wall * 1e3, took.cpu * 1e3);
}

static struct span fold(struct fst_store *store)
{
    struct fst_err err;
    struct span start = since((struct span){0});
    must(fst_history_fold(store, suite, &err), &err);
    return since(start);
}

int main(int argc, char **argv)
{
    static const int batches[] = {1, 8, 64};
    snprintf(path, sizeof path, "%s/fastest-store-bench-%d.db",
             argc > 1 ? argv[1] : "/tmp", getpid());
    printf("%d tests in %d files, a row with its verdict each\n\n", TESTS,
           FILES);
    printf("| results a turn | durable | first run: results/s | CPU, µs each "
           "| second run: results/s | CPU, µs each |\n"
           "| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        measure_journal(batches[i], 0);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        measure_journal(batches[i], FST_STORE_DURABLE);
    printf("\n| runs | file, MB | taking the last run in, ms | CPU, ms "
           "| open and read the estimates, ms | CPU, ms |\n"
           "| --- | --- | --- | --- | --- | --- |\n");
    remove_file();
    struct span took = {0};
    for (int run = 1; run <= RUNS; run++) {
        struct fst_store *store = open_store(0);
        write_run(store, run, TESTS, 64);
        took = fold(store);
        fst_store_close(store);
        if (run == 1 || run == FST_HISTORY_OUTCOMES)
            measure_history(run, took);
    }
    measure_history(RUNS, took);
    remove_file();
    return 0;
}
