#include "shared/proto/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/proto/sample.h"

static struct fst_msg *decode(enum fst_msg_type type, const char *text,
                              struct fst_err *err)
{
    return fst_msg_decode(type, text, strlen(text), err);
}

static void refused(enum fst_msg_type type, const char *text, const char *words)
{
    struct fst_err err = {0};
    assert_null(decode(type, text, &err));
    assert_int_equal(err.code, FST_E_PROTO);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" instead of \"%s\"", err.msg, words);
}

static void every_message_comes_back_as_it_went(void **state)
{
    (void)state;
    for (int type = FST_MSG_HELLO; type <= FST_MSG_LAST; type++) {
        if (type == FST_MSG_PART)
            continue;
        struct fst_buf once = FST_BUF_INIT, twice = FST_BUF_INIT;
        struct fst_err err;
        struct fst_msg *msg = sample_message((enum fst_msg_type)type);
        assert_int_equal(fst_msg_encode(msg, &once, &err), 0);
        fst_msg_free(msg);
        msg = decode((enum fst_msg_type)type, once.data, &err);
        if (!msg)
            fail_msg("%s", err.msg);
        assert_int_equal(msg->type, type);
        assert_int_equal(fst_msg_encode(msg, &twice, &err), 0);
        assert_string_equal(once.data, twice.data);
        fst_msg_free(msg);
        fst_buf_release(&once);
        fst_buf_release(&twice);
    }
}

static void what_is_left_out_reads_as_zero(void **state)
{
    (void)state;
    for (int type = FST_MSG_HELLO; type <= FST_MSG_LAST; type++) {
        if (type == FST_MSG_PART)
            continue;
        struct fst_buf once = FST_BUF_INIT, twice = FST_BUF_INIT;
        struct fst_err err;
        struct fst_msg *msg = fst_msg_new((enum fst_msg_type)type);
        assert_int_equal(fst_msg_encode(msg, &once, &err), 0);
        fst_msg_free(msg);
        msg = decode((enum fst_msg_type)type, once.data, &err);
        if (!msg)
            fail_msg("%s", err.msg);
        assert_int_equal(fst_msg_encode(msg, &twice, &err), 0);
        assert_string_equal(once.data, twice.data);
        fst_msg_free(msg);
        fst_buf_release(&once);
        fst_buf_release(&twice);
    }
}

static void every_required_field_is_missed_by_name(void **state)
{
    (void)state;
    size_t missed = 0;
    for (int type = FST_MSG_HELLO; type <= FST_MSG_LAST; type++) {
        if (type == FST_MSG_PART)
            continue;
        const struct fst_record *record =
            fst_record_of((enum fst_msg_type)type);
        struct fst_buf text = FST_BUF_INIT;
        struct fst_err err;
        struct fst_msg *msg = sample_message((enum fst_msg_type)type);
        assert_int_equal(fst_msg_encode(msg, &text, &err), 0);
        for (size_t i = 0; i < record->n_fields; i++) {
            char key[64], words[64];
            if (!record->fields[i].required)
                continue;
            snprintf(key, sizeof key, "\"%s\":", record->fields[i].name);
            snprintf(words, sizeof words, "%s.%s is missing", record->name,
                     record->fields[i].name);
            char *at = strstr(text.data, key);
            assert_non_null(at);
            at[1] ^= 0x20; /* another, unknown name */
            refused((enum fst_msg_type)type, text.data, words);
            at[1] ^= 0x20;
            missed++;
        }
        fst_msg_free(msg);
        fst_buf_release(&text);
    }
    assert_true(missed > 30);
}

static void a_workers_json_is_read_as_it_writes_it(void **state)
{
    (void)state;
    struct fst_err err;
    struct fst_msg *msg = decode(
        FST_MSG_RESULTS,
        "{\"future\": {\"x\": [1]}, \"results\": [\n"
        "{\"lease\": \"18446744073709551615\", \"slot\": 1, \"id\": "
        "\"t.py::a\","
        " \"outcome\": \"failed\", \"setup_s\": 0, \"call_s\": 1, \"start_s\":"
        " 1.7e9, \"pid\": 4194304, \"crashed\": false, \"phases\": [{\"when\":"
        " \"call\", \"outcome\": \"failed\", \"longrepr\": null}]}]}",
        &err);
    if (!msg)
        fail_msg("%s", err.msg);
    const struct fst_result *result = msg->results.results;
    assert_int_equal(msg->results.n_results, 1);
    assert_int_equal(msg->results.n_warnings, 0);
    assert_true(result->lease == UINT64_MAX);
    assert_int_equal(result->outcome, FST_FAILED);
    assert_true(result->call_s > 0.9 && result->call_s < 1.1);
    assert_true(result->start_s > 1.6e9);
    assert_int_equal(result->pid, 4194304);
    assert_false(result->amend || result->crashed);
    assert_int_equal(result->n_phases, 1);
    assert_string_equal(result->phases->when, "call");
    assert_null(result->phases->longrepr);
    assert_null(result->phases->title);
    fst_msg_free(msg);
}

static void wrong_fields_are_refused_by_name(void **state)
{
    (void)state;
    refused(FST_MSG_CREDIT, "{\"slot\":\"1\"}",
            "CREDIT.slot is a string instead of a number");
    refused(FST_MSG_CREDIT, "{\"slot\":-1}", "CREDIT.slot");
    refused(FST_MSG_CREDIT, "{\"slot\":4294967296}", "CREDIT.slot");
    refused(FST_MSG_CREDIT, "{\"slot\":1.5}", "CREDIT.slot");
    refused(FST_MSG_CREDIT, "{\"slot\":null}", "CREDIT.slot is missing");
    refused(FST_MSG_CREDIT, "[1]", "CREDIT is no object");
    refused(FST_MSG_ACK, "{\"seq\":1}", "ACK.seq");
    refused(FST_MSG_ACK, "{\"seq\":\"\"}", "ACK.seq");
    refused(FST_MSG_ACK, "{\"seq\":\"-1\"}", "ACK.seq");
    refused(FST_MSG_ACK, "{\"seq\":\" 1\"}", "ACK.seq");
    refused(FST_MSG_ACK, "{\"seq\":\"18446744073709551616\"}", "ACK.seq");
    refused(FST_MSG_CANCEL, "{\"why\":1}", "CANCEL.why");
    refused(FST_MSG_CANCEL, "{\"why\":\"\",\"now\":1}", "CANCEL.now");
    refused(FST_MSG_STATE, "{\"slot\":0,\"state\":\"UP\"}", "STATE.state");
    refused(FST_MSG_STATE, "{\"slot\":0,\"state\":0}", "STATE.state");
    refused(FST_MSG_STATE, "{\"slot\":0,\"state\":\"up\",\"pid\":1e300}",
            "STATE.pid");
    refused(FST_MSG_STATE, "{\"slot\":0,\"state\":\"up\",\"plugins\":[1]}",
            "STATE.plugins");
    refused(FST_MSG_LIST, "{\"lease\":\"1\",\"slot\":0,\"dirs\":{}}",
            "LIST.dirs");
    refused(FST_MSG_LEASE,
            "{\"lease\":\"1\",\"slot\":0,\"file\":\"f\",\"kind\":\"plain\","
            "\"attempt\":1,\"units\":[{\"kind\":\"item\",\"id\":\"x\","
            "\"index\":2147483648}]}",
            "unit.index");
    refused(FST_MSG_LEASE,
            "{\"lease\":\"1\",\"slot\":0,\"file\":\"f\",\"kind\":\"plain\","
            "\"attempt\":1,\"units\":[3]}",
            "unit is no object");
    refused(FST_MSG_RESULTS, "{\"seq\":\"1\",\"results\":\"x\"}",
            "RESULTS.results");
}

static void what_is_no_json_is_refused_as_a_breach(void **state)
{
    (void)state;
    refused(FST_MSG_BYE, "", "BYE: not JSON");
    refused(FST_MSG_BYE, "{} {}", "BYE: something behind");
    refused(FST_MSG_CANCEL, "{\"why\":\"a\",\"why\":\"b\"}", "twice");
    refused(FST_MSG_CANCEL, "{\"why\":\"\\u0000\"}", "NUL");
    refused(FST_MSG_CANCEL, "{\"why\":\"\xff\"}", "UTF-8");
}

static void unknown_types_are_refused(void **state)
{
    (void)state;
    refused((enum fst_msg_type)0, "{}", "unknown message type 0");
    refused(FST_MSG_PART, "{}", "unknown message type 19");
    refused((enum fst_msg_type)255, "{}", "unknown message type 255");
}

static void past_the_buffers_limit_encoding_fails(void **state)
{
    (void)state;
    struct fst_buf out;
    struct fst_err err;
    struct fst_msg *msg = sample_message(FST_MSG_RESULTS);
    fst_buf_init(&out, 100);
    assert_int_equal(fst_msg_encode(msg, &out, &err), -1);
    assert_int_equal(err.code, FST_E_LIMIT);
    fst_msg_free(msg);
    fst_buf_release(&out);
}

static void a_copied_result_outlives_its_message(void **state)
{
    (void)state;
    struct fst_buf before = FST_BUF_INIT, after = FST_BUF_INIT;
    struct fst_err err;
    struct fst_msg *from = sample_message(FST_MSG_RESULTS);
    struct fst_msg *to = fst_msg_new(FST_MSG_RESULTS);
    to->results.n_results = from->results.n_results;
    to->results.results = fst_arena_array(&to->arena, to->results.n_results,
                                          sizeof *to->results.results);
    for (size_t i = 0; i < to->results.n_results; i++)
        fst_result_copy(&to->arena, &to->results.results[i],
                        &from->results.results[i]);
    from->results.n_warnings = 0;
    assert_int_equal(fst_msg_encode(from, &before, &err), 0);
    fst_msg_free(from);
    assert_int_equal(fst_msg_encode(to, &after, &err), 0);
    fst_msg_free(to);
    assert_string_equal(before.data, after.data);
    fst_buf_release(&before);
    fst_buf_release(&after);
}

static void outcomes_have_pytests_names(void **state)
{
    (void)state;
    assert_string_equal(fst_outcome_names[FST_PASSED], "passed");
    assert_string_equal(fst_outcome_names[FST_XPASSED], "xpassed");
    assert_string_equal(fst_outcome_names[FST_ERROR], "error");
    assert_string_equal(fst_outcome_names[FST_ABSENT], "absent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_as_it_went),
        cmocka_unit_test(what_is_left_out_reads_as_zero),
        cmocka_unit_test(every_required_field_is_missed_by_name),
        cmocka_unit_test(a_workers_json_is_read_as_it_writes_it),
        cmocka_unit_test(wrong_fields_are_refused_by_name),
        cmocka_unit_test(what_is_no_json_is_refused_as_a_breach),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(past_the_buffers_limit_encoding_fails),
        cmocka_unit_test(a_copied_result_outlives_its_message),
        cmocka_unit_test(outcomes_have_pytests_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
