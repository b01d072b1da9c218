#include "agent/core/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

static void add(struct fst_batch *batch, enum fst_outcome outcome, int64_t now)
{
    struct fst_result result = {.lease = 1, .id = "a.py::t"};
    result.outcome = outcome;
    fst_batch_add(batch, &result, now);
}

static void passes_wait_twenty_milliseconds(void **state)
{
    (void)state;
    struct fst_batch batch = {0};
    assert_int_equal(fst_batch_deadline(&batch), INT64_MAX);
    add(&batch, FST_PASSED, 5 * MS);
    add(&batch, FST_SKIPPED, 15 * MS);
    assert_int_equal(fst_batch_deadline(&batch), 25 * MS);
    assert_false(fst_batch_due(&batch, 25 * MS - 1));
    assert_true(fst_batch_due(&batch, 25 * MS));
    fst_batch_release(&batch);
}

static void bad_news_does_not_wait(void **state)
{
    (void)state;
    static const enum fst_outcome outcomes[] = {FST_FAILED, FST_ERROR};
    for (size_t i = 0; i < 2; i++) {
        struct fst_batch batch = {0};
        add(&batch, FST_XPASSED, 0);
        assert_false(fst_batch_due(&batch, 0));
        add(&batch, outcomes[i], 0);
        assert_true(fst_batch_due(&batch, 0));
        fst_msg_free(fst_batch_take(&batch));
        add(&batch, FST_PASSED, 0);
        assert_false(fst_batch_due(&batch, 0));
        fst_batch_release(&batch);
    }
}

static void sixty_four_results_do_not_wait(void **state)
{
    (void)state;
    struct fst_batch batch = {0};
    for (int i = 0; i < FST_BATCH_RESULTS; i++) {
        assert_false(fst_batch_due(&batch, 0));
        add(&batch, FST_PASSED, 0);
    }
    assert_true(fst_batch_due(&batch, 0));
    struct fst_msg *msg = fst_batch_take(&batch);
    assert_int_equal(msg->results.n_results, 64);
    fst_msg_free(msg);
    fst_batch_release(&batch);
}

static void much_captured_text_does_not_wait(void **state)
{
    (void)state;
    struct fst_batch batch = {0};
    char *text = fst_alloc(FST_BATCH_BYTES + 1);
    for (size_t i = 0; i < FST_BATCH_BYTES; i++)
        text[i] = 'x';
    struct fst_warning warning = {.message = text, .category = "W"};
    fst_batch_warn(&batch, &warning, 0);
    assert_true(fst_batch_due(&batch, 0));
    free(text);
    fst_batch_release(&batch);
}

static void a_batch_is_a_copy_with_all_that_was_added_in_order(void **state)
{
    (void)state;
    struct fst_batch batch = {0};
    char id[32], message[32];
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "a.py::t%d", i);
        snprintf(message, sizeof message, "warning %d", i);
        struct fst_result result = {.id = id, .outcome = FST_PASSED};
        struct fst_warning warning = {
            .message = message, .category = "W", .line = (uint32_t)i};
        fst_batch_add(&batch, &result, 0);
        fst_batch_warn(&batch, &warning, 0);
    }
    struct fst_msg *msg = fst_batch_take(&batch);
    assert_int_equal(msg->type, FST_MSG_RESULTS);
    assert_int_equal(msg->results.n_results, 20);
    assert_int_equal(msg->results.n_warnings, 20);
    assert_string_equal(msg->results.results[0].id, "a.py::t0");
    assert_string_equal(msg->results.results[19].id, "a.py::t19");
    assert_string_equal(msg->results.warnings[0].message, "warning 0");
    assert_string_equal(msg->results.warnings[19].message, "warning 19");
    assert_int_equal(msg->results.warnings[19].line, 19);
    assert_null(msg->results.warnings[19].nodeid);
    fst_msg_free(msg);
    assert_null(fst_batch_take(&batch));
    fst_batch_release(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_wait_twenty_milliseconds),
        cmocka_unit_test(bad_news_does_not_wait),
        cmocka_unit_test(sixty_four_results_do_not_wait),
        cmocka_unit_test(much_captured_text_does_not_wait),
        cmocka_unit_test(a_batch_is_a_copy_with_all_that_was_added_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
