/* Pipes that close or fill up, and what many or large tests cost. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "coordinator/report/book.h"
#include "coordinator/report/term.h"
#include "coordinator/report/width.h"
#include "shared/base/mem.h"

static void a_closed_pipe_does_not_end_the_run(void **state)
{
    (void)state;
    int ends[2];
    struct fst_term term;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    fst_term_init(&term, ends[1], false, 80);
    for (int i = 0; i < 3; i++) {
        fst_term_line(&term, "nobody reads this", FST_PLAIN);
        fst_term_flush(&term);
    }
    assert_true(term.failed);
    assert_int_equal(term.out.len, 0);
    fst_term_release(&term);
    signal(SIGPIPE, SIG_DFL);
    close(ends[1]);
}

enum { PIPED = 3 * 1000 * 1000 };

struct reader {
    int fd;
    size_t count;
    bool in_order;
};

static void *read_all(void *user)
{
    struct reader *reader = user;
    char bytes[1000];
    ssize_t n;
    while ((n = read(reader->fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            reader->in_order &= bytes[i] == (char)('a' + reader->count++ % 26);
    return NULL;
}

static void a_full_pipe_that_does_not_block_loses_nothing(void **state)
{
    (void)state;
    int ends[2];
    struct fst_term term;
    pthread_t thread;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    struct reader reader = {.fd = ends[0], .in_order = true};
    assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
    fst_term_init(&term, ends[1], false, 80);
    char *bytes = fst_alloc(PIPED);
    for (size_t i = 0; i < PIPED; i++)
        bytes[i] = (char)('a' + i % 26);
    fst_term_raw(&term, bytes, PIPED - 1000);
    fst_term_raw(&term, bytes + PIPED - 1000, 1000);
    fst_term_release(&term);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    free(bytes);
    assert_int_equal(reader.count, PIPED);
    assert_true(reader.in_order);
}

static void the_terminal_is_written_at_the_end_of_a_turn(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){.verbosity = -1});
    session(&fix, 3);
    test_passes(&fix, "a.py::b");
    test_passes(&fix, "a.py::c");
    fst_report_flush(fix.report);
    char *shown = read_fd(fix.fd);
    assert_string_equal(shown, "..");
    free(shown);
    free(finish(&fix));
}

static void note(struct fst_book *book, const char *id,
                 const struct fst_result *result)
{
    fst_book_effect(book, &(struct fst_effect){.type = FST_EF_ATTEMPT,
                                               .id = id,
                                               .attempt = 1,
                                               .result = result});
    fst_book_effect(book, &(struct fst_effect){.type = FST_EF_OUTCOME,
                                               .id = id,
                                               .attempt = 1,
                                               .outcome = result->outcome});
}

static void a_passing_test_costs_little_memory(void **state)
{
    (void)state;
    enum { TESTS = 20000, MOST = 200 };
    struct fst_book book;
    char(*ids)[32] = fst_calloc(TESTS, sizeof *ids);
    fst_book_init(&book, 0, false);
    for (int i = 0; i < TESTS; i++) {
        snprintf(ids[i], sizeof ids[i], "t.py::t[%d]", i);
        note(&book, ids[i], &(struct fst_result){.outcome = FST_PASSED});
    }
    size_t bytes = book.arena.total +
                   book.by_id.cap * sizeof *book.by_id.slots +
                   book.entries.cap * sizeof *book.entries.items +
                   book.shown[FST_STAT_PASSED].cap * sizeof(struct fst_shown);
    assert_int_equal(book.counts[FST_STAT_PASSED], TESTS);
    assert_true(bytes / TESTS < MOST);
    for (int i = 0; i < TESTS; i++)
        assert_string_equal(fst_book_find(&book, ids[i])->id, ids[i]);
    fst_book_release(&book);
    free(ids);
}

static void
output_of_a_passing_test_is_kept_only_where_it_is_shown(void **state)
{
    (void)state;
    enum { LOUD = 8 * 1000 * 1000 };
    char *text = fst_alloc(LOUD + 1);
    memset(text, 'x', LOUD);
    struct fst_section section = {"Captured stdout call", text};
    struct fst_phase phases[] = {
        {.when = "call", .sections = &section, .n_sections = 1},
        {.when = "teardown", .sections = &section, .n_sections = 1}};
    struct fst_result result = {.phases = phases, .n_phases = 2};
    for (int keep = 0; keep < 2; keep++) {
        struct fst_book book;
        fst_book_init(&book, 0, keep);
        note(&book, "t.py::loud", &result);
        assert_true(keep ? book.arena.total > LOUD
                         : book.arena.total < 100 * 1000);
        assert_true(book.arena.total < LOUD + LOUD / 2);
        fst_book_release(&book);
    }
    free(text);
}

static void a_test_that_claims_to_have_been_rerun_for_ever_ends(void **state)
{
    (void)state;
    struct fixture fix;
    begin(&fix, (struct fst_report_spec){0});
    session(&fix, 1);
    attempt(&fix, FST_ATTEMPT_FIRST, 1,
            (struct fst_result){.id = "a.py::t", .reruns = UINT32_MAX});
    verdict(&fix, "a.py::t", FST_PASSED, 1);
    run_ends(&fix, 0, NULL);
    char *said = finish(&fix);
    assert_non_null(strstr(said, "1 passed, 1000 rerun"));
    free(said);
}

static void widths_are_in_columns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"\xc3\xa9", 1},         /* é */
        {"e\xcc\x81", 1},        /* e and a combining accent */
        {"\xe6\xbc\xa2", 2},     /* 漢 */
        {"\xf0\x9f\x98\x80", 2}, /* 😀 */
        {"\xef\xbd\x81", 2},     /* fullwidth a */
        {"\xff\xfe", 2},         /* not UTF-8 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(fst_width(cases[i].text, strlen(cases[i].text)),
                         cases[i].width);
    assert_int_equal(fst_width_fit("\xe6\xbc\xa2\xe6\xbc\xa2", 6, 3), 3);
    assert_int_equal(fst_width_fit("abc", 3, 10), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_pipe_does_not_end_the_run),
        cmocka_unit_test(a_full_pipe_that_does_not_block_loses_nothing),
        cmocka_unit_test(the_terminal_is_written_at_the_end_of_a_turn),
        cmocka_unit_test(a_passing_test_costs_little_memory),
        cmocka_unit_test(
            output_of_a_passing_test_is_kept_only_where_it_is_shown),
        cmocka_unit_test(a_test_that_claims_to_have_been_rerun_for_ever_ends),
        cmocka_unit_test(widths_are_in_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
