/* What a run has written is read back, gone on with, or kept in part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "coordinator/store/history.h"
#include "coordinator/store/oldrun.h"

struct place {
    char folder[32], path[64];
    struct fst_store *store;
};

static int make_place(void **state)
{
    static struct place place;
    struct fst_err err;
    strcpy(place.folder, "/tmp/fst_past_XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.path, sizeof place.path, "%s/history.db", place.folder);
    place.store = fst_store_open(place.path, FST_STORE_CREATE, &err);
    assert_non_null(place.store);
    *state = &place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    fst_store_close(place->store);
    unlink(place->path);
    rmdir(place->folder);
    return 0;
}

/* Everything that is read, one line each. */
struct log {
    char text[2048];
};

static void note(struct log *log, const char *kind, const char *text)
{
    size_t len = strlen(log->text);
    snprintf(log->text + len, sizeof log->text - len, "%s %s\n", kind, text);
}

static int on_list(void *user, const char *message)
{
    note(user, "list", message);
    return 0;
}

static int on_row(void *user, const struct fst_journal_row *row)
{
    char line[256];
    snprintf(line, sizeof line, "%s %u %d%s %s gw%u %s", row->id, row->attempt,
             (int)row->outcome, row->verdict ? "!" : "", row->agent, row->slot,
             row->message ? row->message : "-");
    note(user, "row", line);
    return 0;
}

static int on_amend(void *user, const char *message)
{
    note(user, "amend", message);
    return 0;
}

static int on_warnings(void *user, const char *message)
{
    note(user, "warn", message);
    return 0;
}

static void read_log(const struct place *place, int64_t run, struct log *log)
{
    struct fst_err err;
    const struct fst_oldrun_reader reader = {on_list, on_row, on_amend,
                                             on_warnings, log};
    log->text[0] = 0;
    if (fst_oldrun_read(place->store, run, &reader, &err))
        fail_msg("%s", err.msg);
}

static struct fst_journal *start(const struct place *place, const char *name,
                                 int64_t keep)
{
    struct fst_err err;
    const struct fst_journal_run run = {.suite = "project",
                                        .name = name,
                                        .started_s = 1,
                                        .arguments = "{}",
                                        .checkout = "00 a.py\n"};
    struct fst_journal *journal =
        fst_journal_start(place->store, &run, keep, &err);
    if (!journal)
        fail_msg("%s", err.msg);
    return journal;
}

static void add(struct fst_journal *journal, const char *id, uint32_t attempt,
                enum fst_outcome outcome, const char *message, bool judge)
{
    struct fst_err err;
    static double start_s = 10;
    const struct fst_journal_row row = {.id = id,
                                        .attempt = attempt,
                                        .outcome = outcome,
                                        .call_s = 0.5,
                                        .shared_s = 0.125,
                                        .start_s = start_s++,
                                        .agent = "here",
                                        .slot = 3,
                                        .message = message};
    assert_int_equal(fst_journal_add(journal, &row, &err), 0);
    if (judge)
        assert_int_equal(fst_journal_judge(journal, id, attempt, outcome, &err),
                         0);
}

/* Two files; of a.py one test has passed, one failed, one awaits its verdict,
 * one passed but for its tear-down. */
static int64_t write_run(const struct place *place, const char *name)
{
    struct fst_err err;
    struct fst_journal *journal = start(place, name, 0);
    int64_t id = fst_journal_run_id(journal);
    assert_int_equal(fst_journal_list(journal, "a.py", "{a}", 0, &err), 0);
    assert_int_equal(fst_journal_list(journal, "b.py", "{b}", 0, &err), 0);
    add(journal, "a.py::1", 1, FST_PASSED, NULL, true);
    add(journal, "a.py::2", 1, FST_FAILED, "{why}", true);
    add(journal, "a.py::3", 1, FST_FAILED, "{why3}", false);
    add(journal, "a.py::4", 1, FST_PASSED, "{out}", true);
    assert_int_equal(fst_journal_amend(journal, "a.py::4", 1, "{down}", &err),
                     0);
    assert_int_equal(fst_journal_judge(journal, "a.py::4", 1, FST_ERROR, &err),
                     0);
    add(journal, "b.py::1", 1, FST_SKIPPED, "{skip}", true);
    assert_int_equal(fst_journal_warn(journal, "{warning}", &err), 0);
    assert_int_equal(fst_journal_commit(journal, &err), 0);
    fst_journal_free(journal);
    return id;
}

static void all_of_a_run_is_read_back(void **state)
{
    struct place *place = *state;
    struct log log;
    read_log(place, write_run(place, "one"), &log);
    assert_string_equal(log.text, "list {a}\n"
                                  "list {b}\n"
                                  "row a.py::1 1 0! here gw3 -\n"
                                  "row a.py::2 1 4! here gw3 {why}\n"
                                  "row a.py::3 1 4 here gw3 {why3}\n"
                                  "row a.py::4 1 5! here gw3 {out}\n"
                                  "amend {down}\n"
                                  "row b.py::1 1 1! here gw3 {skip}\n"
                                  "warn {warning}\n");
}

static void tries_without_a_verdict_are_forgotten(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct log log;
    int64_t id = write_run(place, "one");
    struct fst_journal *journal =
        fst_journal_resume(place->store, "project", id, &err);
    assert_non_null(journal);
    read_log(place, id, &log);
    assert_null(strstr(log.text, "a.py::3"));
    assert_non_null(strstr(log.text, "a.py::2"));
    add(journal, "a.py::3", 1, FST_PASSED, NULL, true);
    assert_int_equal(fst_journal_end(journal, 9, 1, &err), 0);
    fst_journal_free(journal);
    read_log(place, id, &log);
    assert_non_null(strstr(log.text, "row a.py::3 1 0! here gw3 -\n"));
}

/* A failure of a run that was stopped is confirmed by the one that goes on. */
static void a_test_has_one_verdict(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct log log;
    int64_t id = write_run(place, "one");
    struct fst_journal *journal =
        fst_journal_resume(place->store, "project", id, &err);
    assert_non_null(journal);
    add(journal, "a.py::2", 2, FST_PASSED, NULL, true);
    assert_int_equal(fst_journal_commit(journal, &err), 0);
    fst_journal_free(journal);
    read_log(place, id, &log);
    assert_non_null(strstr(log.text, "row a.py::2 1 4 here gw3 {why}\n"));
    assert_non_null(strstr(log.text, "row a.py::2 2 0! here gw3 -\n"));
}

static void good_results_become_part_of_another_run(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct log log;
    int64_t id = write_run(place, "one");
    struct fst_journal *journal = start(place, "two", id);
    read_log(place, fst_journal_run_id(journal), &log);
    assert_string_equal(log.text, "list {a}\n"
                                  "list {b}\n"
                                  "row a.py::1 1 0! here gw3 -\n"
                                  "row b.py::1 1 1! here gw3 {skip}\n");
    assert_int_equal(fst_journal_forget(journal, "b.py", &err), 0);
    read_log(place, fst_journal_run_id(journal), &log);
    assert_string_equal(log.text, "list {a}\n"
                                  "row a.py::1 1 0! here gw3 -\n");
    fst_journal_free(journal);
}

static void files_that_could_not_be_collected_are_opened_again(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    struct log log;
    struct fst_journal *first = start(place, "one", 0);
    fst_journal_list(first, "a.py", "{a}", 0, &err);
    fst_journal_list(first, "sub/b.py", "{b}", 0, &err);
    fst_journal_list(first, "subway/c.py", "{c}", 0, &err);
    add(first, "a.py", 1, FST_ERROR, NULL, true);
    add(first, "sub", 1, FST_ERROR, NULL, true);
    int64_t id = fst_journal_run_id(first);
    fst_journal_commit(first, &err);
    fst_journal_free(first);
    struct fst_journal *journal = start(place, "two", id);
    read_log(place, fst_journal_run_id(journal), &log);
    assert_string_equal(log.text, "list {c}\n");
    fst_journal_free(journal);
}

static void find(const struct place *place, const char *name,
                 struct fst_oldrun *run)
{
    struct fst_err err;
    if (fst_oldrun_find(place->store, "project", name, run, &err))
        fail_msg("%s", err.msg);
}

static void a_run_is_found_by_its_name_or_as_the_last(void **state)
{
    struct place *place = *state;
    struct fst_oldrun run;
    struct fst_err err;
    write_run(place, "aa1");
    write_run(place, "aa2");
    find(place, NULL, &run);
    assert_string_equal(run.name, "aa2");
    assert_string_equal(run.checkout, "00 a.py\n");
    assert_false(run.ended);
    assert_int_equal(run.owner, 0); /* a process is not its own rival */
    fst_oldrun_release(&run);
    find(place, "aa1", &run);
    assert_string_equal(run.name, "aa1");
    fst_oldrun_release(&run);
    assert_int_equal(fst_oldrun_find(place->store, "project", "aa", &run, &err),
                     -1);
    assert_int_equal(err.code, FST_E_USAGE);
    fst_oldrun_release(&run);
    assert_int_equal(fst_oldrun_find(place->store, "project", "b", &run, &err),
                     -1);
    assert_int_equal(err.code, FST_E_NOTFOUND);
    assert_int_equal(fst_oldrun_find(place->store, "other", NULL, &run, &err),
                     -1);
    assert_int_equal(err.code, FST_E_NOTFOUND);
}

static void count_outcomes(void *user, const struct fst_history_test *test)
{
    *(size_t *)user += strlen(test->outcomes);
}

/* How many outcomes the history holds, over all tests. */
static size_t outcomes(const struct place *place)
{
    struct fst_err err;
    size_t count = 0;
    assert_int_equal(fst_history_fold(place->store, "project", &err), 0);
    assert_int_equal(fst_history_tests(place->store, "project", count_outcomes,
                                       &count, &err),
                     0);
    return count;
}

static void a_resumed_run_is_counted_once(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    int64_t id = write_run(place, "one");
    struct fst_journal *journal =
        fst_journal_resume(place->store, "project", id, &err);
    assert_int_equal(fst_journal_end(journal, 5, 2, &err), 0);
    fst_journal_free(journal);
    assert_int_equal(outcomes(place), 4);
    journal = fst_journal_resume(place->store, "project", id, &err);
    add(journal, "a.py::3", 1, FST_PASSED, NULL, true);
    assert_int_equal(fst_journal_end(journal, 9, 1, &err), 0);
    fst_journal_free(journal);
    assert_int_equal(outcomes(place), 5);
    /* What another run has taken over is no run of these tests. */
    journal = start(place, "two", id);
    add(journal, "a.py::2", 1, FST_PASSED, NULL, true);
    assert_int_equal(fst_journal_end(journal, 9, 0, &err), 0);
    fst_journal_free(journal);
    assert_int_equal(outcomes(place), 6);
}

/* ---- speeds: the same tests, on a machine that takes twice as long */

static void write_slow(const struct place *place, const char *name,
                       double each_s)
{
    struct fst_err err;
    struct fst_journal *journal = start(place, name, 0);
    for (int i = 0; i < 50; i++) {
        char id[32];
        snprintf(id, sizeof id, "a.py::%d", i);
        const struct fst_journal_row row = {.id = id,
                                            .attempt = 1,
                                            .call_s = each_s,
                                            .start_s = i,
                                            .agent = "local"};
        assert_int_equal(fst_journal_add(journal, &row, &err), 0);
        assert_int_equal(fst_journal_judge(journal, id, 1, FST_PASSED, &err),
                         0);
    }
    assert_int_equal(fst_journal_end(journal, 9, 0, &err), 0);
    assert_int_equal(fst_history_fold(place->store, "project", &err), 0);
    fst_journal_free(journal);
}

static void take_estimate(void *user, const struct fst_history_test *test)
{
    if (!strcmp(test->id, "a.py::7"))
        *(double *)user = test->estimate_s;
}

static void take_time(void *user, const struct fst_history_times *times)
{
    if (!strcmp(times->name, "a.py::7"))
        *(double *)user = times->s[FST_PART_CALL];
}

static void times_are_those_of_one_machine(void **state)
{
    struct place *place = *state;
    struct fst_err err;
    double estimate_s = 0, time_s = 0;
    write_slow(place, "one", 1);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "slow%d", i);
        write_slow(place, name, 2);
    }
    fst_history_tests(place->store, "project", take_estimate, &estimate_s,
                      &err);
    fst_history_times(place->store, "project", take_time, &time_s, &err);
    assert_true(estimate_s > 0.95 && estimate_s < 1.15);
    assert_true(time_s > 1.9 && time_s < 2.1);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        TEST(all_of_a_run_is_read_back),
        TEST(tries_without_a_verdict_are_forgotten),
        TEST(a_test_has_one_verdict),
        TEST(good_results_become_part_of_another_run),
        TEST(files_that_could_not_be_collected_are_opened_again),
        TEST(a_run_is_found_by_its_name_or_as_the_last),
        TEST(a_resumed_run_is_counted_once),
        TEST(times_are_those_of_one_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
