/* The tables. One line a field; docs/protocol.md and
 * schema/protocol.schema.json name the same ones (tests/unit/proto). */
#include "shared/proto/record.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* Optional and without more to say; and with. */
#define O(type, field, fieldkind)                                              \
    {                                                                          \
        .name = #field, .kind = FST_FIELD_##fieldkind,                         \
        .offset = offsetof(struct type, field)                                 \
    }
#define F(type, field, fieldkind, ...)                                         \
    {                                                                          \
        .name = #field, .kind = FST_FIELD_##fieldkind,                         \
        .offset = offsetof(struct type, field), __VA_ARGS__                    \
    }
#define MUST .required = true
#define WORDS(list) .words = (list), .n_words = COUNT(list)
#define COUNTED(type, count) .count_offset = offsetof(struct type, count)
#define RECORD(variable, wire, type)                                           \
    static const struct fst_record variable = {wire, sizeof(struct type),      \
                                               variable##_fields,              \
                                               COUNT(variable##_fields)}

static const char *const unit_words[] = {"function", "item"};
static const char *const lease_words[] = {"plain", "confirm", "retry",
                                          "collect"};
static const char *const state_words[] = {"up",   "down",   "retired", "fatal",
                                          "stop", "paused", "resumed"};
static const char *const difference_words[] = {"differs", "missing", "extra",
                                               "unreadable"};
static const char *const node_words[] = {"wanted", "configure", "ready",
                                         "down"};

static const struct fst_field hello_fields[] = {
    F(fst_hello, protocol, U32, MUST),
    F(fst_hello, nonce, STRING, MUST),
};
RECORD(hello, "HELLO", fst_hello);

static const struct fst_field challenge_fields[] = {
    F(fst_challenge, nonce, STRING, MUST),
    F(fst_challenge, proof, STRING, MUST),
    O(fst_challenge, versions, BOOL),
};
RECORD(challenge, "CHALLENGE", fst_challenge);

static const struct fst_field proof_fields[] = {
    F(fst_proof, proof, STRING, MUST),
    F(fst_proof, name, STRING, MUST),
    F(fst_proof, boot_id, STRING, MUST),
    F(fst_proof, slots, U32, MUST),
    F(fst_proof, numbers, NUMBERS, COUNTED(fst_proof, n_numbers)),
    O(fst_proof, heard, U64),
    O(fst_proof, session, STRING),
    O(fst_proof, run, STRING),
    O(fst_proof, python, STRING),
    O(fst_proof, pytest, STRING),
    O(fst_proof, labels, STRINGS),
    O(fst_proof, allow_mismatch, BOOL),
};
RECORD(proof, "PROOF", fst_proof);

static const struct fst_field config_fields[] = {
    F(fst_config, args, STRINGS, MUST),
    F(fst_config, root, STRING, MUST),
    O(fst_config, home, STRING),
    F(fst_config, cwd, STRING, MUST),
    F(fst_config, hash_seed, STRING, MUST),
    F(fst_config, slot_count, U32, MUST),
    O(fst_config, color, BOOL),
    O(fst_config, collect_only, BOOL),
    O(fst_config, pytest_protocol, BOOL),
    O(fst_config, live, BOOL),
    O(fst_config, host, BOOL),
    O(fst_config, send_coverage, BOOL),
    O(fst_config, maxfail, U32),
    O(fst_config, test_timeout_s, SECONDS),
    O(fst_config, drain_timeout_s, SECONDS),
    O(fst_config, isolate, STRING),
    O(fst_config, worker_lifetime, U32),
    O(fst_config, groups, BOOL),
    O(fst_config, scopes, BOOL),
    O(fst_config, order_seed, STRING),
    O(fst_config, failed, STRINGS),
    O(fst_config, known, STRINGS),
};
RECORD(config, "config", fst_config);

static const struct fst_field welcome_fields[] = {
    F(fst_welcome, run, STRING, MUST),
    F(fst_welcome, slots, NUMBERS, MUST, COUNTED(fst_welcome, n_slots)),
    F(fst_welcome, agent, STRING, MUST),
    F(fst_welcome, config, RECORD, MUST, .record = &config),
    O(fst_welcome, mismatch, STRING),
    O(fst_welcome, host, BOOL),
    O(fst_welcome, node, BOOL),
    O(fst_welcome, session, STRING),
    O(fst_welcome, grace_s, SECONDS),
    O(fst_welcome, resumed, BOOL),
    O(fst_welcome, heard, U64),
    O(fst_welcome, adopted, BOOL),
};
RECORD(welcome, "WELCOME", fst_welcome);

static const struct fst_field reject_fields[] = {
    F(fst_reject, code, STRING, MUST),
    F(fst_reject, text, STRING, MUST),
};
RECORD(reject, "REJECT", fst_reject);

static const struct fst_field credit_fields[] = {
    F(fst_credit, slot, U32, MUST),
    O(fst_credit, left_ms, U32),
};
RECORD(credit, "CREDIT", fst_credit);

static const struct fst_field unit_fields[] = {
    F(fst_unit, kind, WORD, MUST, WORDS(unit_words)),
    F(fst_unit, id, STRING, MUST),
    F(fst_unit, index, I32, MUST),
};
RECORD(unit, "unit", fst_unit);

static const struct fst_field lease_fields[] = {
    F(fst_lease, lease, U64, MUST),
    F(fst_lease, slot, U32, MUST),
    F(fst_lease, file, STRING, MUST),
    F(fst_lease, kind, WORD, MUST, WORDS(lease_words)),
    O(fst_lease, fresh, BOOL),
    F(fst_lease, attempt, U32, MUST),
    O(fst_lease, whole, BOOL),
    F(fst_lease, units, RECORDS, COUNTED(fst_lease, n_units), .record = &unit),
    O(fst_lease, selectors, STRINGS),
    O(fst_lease, earlier, STRINGS),
    O(fst_lease, target, STRING),
    O(fst_lease, digest, STRING),
    O(fst_lease, expect_ms, U32),
    O(fst_lease, full, BOOL),
    O(fst_lease, more, BOOL),
};
RECORD(lease, "LEASE", fst_lease);

static const struct fst_field section_fields[] = {
    F(fst_section, name, STRING, MUST),
    F(fst_section, text, STRING, MUST),
};
RECORD(section, "section", fst_section);

static const struct fst_field phase_fields[] = {
    F(fst_phase, when, STRING, MUST),
    F(fst_phase, outcome, WORD, MUST, WORDS(fst_outcome_names)),
    O(fst_phase, title, STRING),
    O(fst_phase, longrepr, STRING),
    O(fst_phase, message, STRING),
    O(fst_phase, location, STRING),
    F(fst_phase, sections, RECORDS, COUNTED(fst_phase, n_sections),
      .record = &section),
};
RECORD(phase, "phase", fst_phase);

static const struct fst_field result_fields[] = {
    F(fst_result, lease, U64, MUST),
    F(fst_result, slot, U32, MUST),
    F(fst_result, id, STRING, MUST),
    F(fst_result, outcome, WORD, MUST, WORDS(fst_outcome_names)),
    O(fst_result, amend, BOOL),
    O(fst_result, crashed, BOOL),
    O(fst_result, reruns, U32),
    O(fst_result, setup_s, SECONDS),
    O(fst_result, call_s, SECONDS),
    O(fst_result, teardown_s, SECONDS),
    O(fst_result, shared_s, SECONDS),
    O(fst_result, start_s, SECONDS),
    O(fst_result, pid, I64),
    F(fst_result, phases, RECORDS, COUNTED(fst_result, n_phases),
      .record = &phase),
    O(fst_result, junit, STRING),
    O(fst_result, junit_tests, U32),
    O(fst_result, junit_properties, STRING),
};
RECORD(result, "result", fst_result);

static const struct fst_field item_fields[] = {
    F(fst_item, id, STRING, MUST),
    O(fst_item, bind, STRING),
    O(fst_item, group, STRING),
};
RECORD(item, "item", fst_item);

static const struct fst_field collected_fields[] = {
    F(fst_collected, lease, U64, MUST),
    F(fst_collected, slot, U32, MUST),
    F(fst_collected, file, STRING, MUST),
    F(fst_collected, digest, STRING, MUST),
    O(fst_collected, same, BOOL),
    F(fst_collected, items, RECORDS, COUNTED(fst_collected, n_items),
      .record = &item),
    O(fst_collected, deselected, STRINGS),
    F(fst_collected, reports, RECORDS, COUNTED(fst_collected, n_reports),
      .record = &result),
    O(fst_collected, missing, STRINGS),
    O(fst_collected, missing_text, STRING),
};
RECORD(collected, "COLLECTED", fst_collected);

static const struct fst_field list_fields[] = {
    F(fst_list, lease, U64, MUST),
    F(fst_list, slot, U32, MUST),
    F(fst_list, dirs, STRINGS, MUST),
    O(fst_list, full, BOOL),
};
RECORD(list, "LIST", fst_list);

static const struct fst_field listed_fields[] = {
    F(fst_listed, lease, U64, MUST),
    F(fst_listed, slot, U32, MUST),
    O(fst_listed, files, STRINGS),
    F(fst_listed, reports, RECORDS, COUNTED(fst_listed, n_reports),
      .record = &result),
    O(fst_listed, said, STRINGS),
};
RECORD(listed, "LISTED", fst_listed);

static const struct fst_field warning_fields[] = {
    F(fst_warning, message, STRING, MUST),
    F(fst_warning, category, STRING, MUST),
    O(fst_warning, nodeid, STRING),
    O(fst_warning, file, STRING),
    O(fst_warning, line, U32),
};
RECORD(warning, "warning", fst_warning);

static const struct fst_field results_fields[] = {
    F(fst_results, results, RECORDS, COUNTED(fst_results, n_results),
      .record = &result),
    F(fst_results, warnings, RECORDS, COUNTED(fst_results, n_warnings),
      .record = &warning),
};
RECORD(results, "RESULTS", fst_results);

static const struct fst_field ack_fields[] = {
    F(fst_ack, seq, U64, MUST),
};
RECORD(ack, "ACK", fst_ack);

static const struct fst_field revoke_fields[] = {
    F(fst_revoke, lease, U64, MUST),
    F(fst_revoke, slot, U32, MUST),
    F(fst_revoke, items, STRINGS, MUST),
};
RECORD(revoke, "REVOKE", fst_revoke);

static const struct fst_field revoked_fields[] = {
    F(fst_revoked, lease, U64, MUST),
    F(fst_revoked, slot, U32, MUST),
    O(fst_revoked, items, STRINGS),
    O(fst_revoked, rest, BOOL),
};
RECORD(revoked, "REVOKED", fst_revoked);

static const struct fst_field cancel_fields[] = {
    F(fst_cancel, why, STRING, MUST),
    O(fst_cancel, now, BOOL),
};
RECORD(cancel, "CANCEL", fst_cancel);

static const struct fst_field state_fields[] = {
    F(fst_state, slot, U32, MUST),
    F(fst_state, state, WORD, MUST, WORDS(state_words)),
    O(fst_state, pid, I64),
    O(fst_state, text, STRING),
    O(fst_state, exit_code, U32),
    O(fst_state, lease, U64),
    O(fst_state, python, STRING),
    O(fst_state, pytest, STRING),
    O(fst_state, rootdir, STRING),
    O(fst_state, inifile, STRING),
    O(fst_state, plugins, STRINGS),
    O(fst_state, list, BOOL),
    O(fst_state, full, STRING),
    O(fst_state, by_hooks, STRING),
    O(fst_state, start_s, SECONDS),
    O(fst_state, host, BOOL),
    O(fst_state, junit, STRING),
    O(fst_state, junit_family, STRING),
};
RECORD(state, "STATE", fst_state);

static const struct fst_field start_fields[] = {
    F(fst_start, slot, U32, MUST),
};
RECORD(start, "START", fst_start);

static const struct fst_field output_fields[] = {
    F(fst_output, slot, U32, MUST),
    F(fst_output, text, STRING, MUST),
};
RECORD(output, "OUTPUT", fst_output);

static const struct fst_field bye_fields[] = {
    O(fst_bye, recycle, BOOL),
};
RECORD(bye, "BYE", fst_bye);
static const struct fst_field drain_fields[] = {
    O(fst_drain, failures, U32),
};
RECORD(drain, "DRAIN", fst_drain);

static const struct fst_field node_fields[] = {
    F(fst_node, slot, U32, MUST),
    F(fst_node, event, WORD, MUST, WORDS(node_words)),
    O(fst_node, data, STRING),
    O(fst_node, error, STRING),
    O(fst_node, unused, BOOL),
};
RECORD(node, "NODE", fst_node);

static const struct fst_field summary_fields[] = {
    O(fst_summary, begun, BOOL),     O(fst_summary, hooks, BOOL),
    O(fst_summary, text, STRING),    O(fst_summary, exit_code, U32),
    O(fst_summary, problem, STRING), O(fst_summary, coverage, STRING),
    O(fst_summary, root, STRING),
};
RECORD(summary, "SUMMARY", fst_summary);

static const struct fst_field ping_fields[] = {
    O(fst_ping, answer, BOOL),
    O(fst_ping, clock_s, SECONDS),
    F(fst_ping, busy, NUMBERS, COUNTED(fst_ping, n_busy)),
};
RECORD(ping, "PING", fst_ping);

static const struct fst_field checkout_dir_fields[] = {
    F(fst_checkout_entry, path, STRING, MUST),
    F(fst_checkout_entry, digest, STRING, MUST),
    O(fst_checkout_entry, walked, BOOL),
    O(fst_checkout_entry, more, STRINGS),
    O(fst_checkout_entry, without, STRINGS),
};
RECORD(checkout_dir, "directory", fst_checkout_entry);

static const struct fst_field difference_fields[] = {
    F(fst_difference, path, STRING, MUST),
    F(fst_difference, what, WORD, MUST, WORDS(difference_words)),
};
RECORD(difference, "difference", fst_difference);

static const struct fst_field checkout_fields[] = {
    O(fst_checkout, digest, STRING),
    O(fst_checkout, patterns, STRINGS),
    F(fst_checkout, dirs, RECORDS, COUNTED(fst_checkout, n_dirs),
      .record = &checkout_dir),
    O(fst_checkout, ask, STRINGS),
    O(fst_checkout, files, STRINGS),
    F(fst_checkout, differ, RECORDS, COUNTED(fst_checkout, n_named),
      .record = &difference),
    O(fst_checkout, n_differ, U32),
};
RECORD(checkout, "CHECKOUT", fst_checkout);

static const struct fst_field holding_fields[] = {
    F(fst_holding, lease, RECORD, MUST, .record = &lease),
    O(fst_holding, gone, STRINGS),
};
RECORD(holding, "holding", fst_holding);

static const struct fst_field past_lease_fields[] = {
    F(fst_past_lease, lease, U64, MUST),
    F(fst_past_lease, slot, U32, MUST),
    F(fst_past_lease, file, STRING, MUST),
    O(fst_past_lease, again, BOOL),
};
RECORD(past_lease, "past_lease", fst_past_lease);

static const struct fst_field held_fields[] = {
    F(fst_held, workers, RECORDS, COUNTED(fst_held, n_workers),
      .record = &state),
    F(fst_held, leases, RECORDS, COUNTED(fst_held, n_leases),
      .record = &holding),
    F(fst_held, past, RECORDS, COUNTED(fst_held, n_past),
      .record = &past_lease),
    F(fst_held, lists, RECORDS, COUNTED(fst_held, n_lists),
      .record = &collected),
    F(fst_held, results, RECORDS, COUNTED(fst_held, n_results),
      .record = &result),
};
RECORD(held, "HELD", fst_held);

const struct fst_record *fst_record_of(enum fst_msg_type type)
{
    static const struct fst_record *const records[] = {
        [FST_MSG_HELLO] = &hello,     [FST_MSG_CHALLENGE] = &challenge,
        [FST_MSG_PROOF] = &proof,     [FST_MSG_WELCOME] = &welcome,
        [FST_MSG_REJECT] = &reject,   [FST_MSG_CREDIT] = &credit,
        [FST_MSG_LEASE] = &lease,     [FST_MSG_COLLECTED] = &collected,
        [FST_MSG_LIST] = &list,       [FST_MSG_LISTED] = &listed,
        [FST_MSG_RESULTS] = &results, [FST_MSG_ACK] = &ack,
        [FST_MSG_REVOKE] = &revoke,   [FST_MSG_REVOKED] = &revoked,
        [FST_MSG_CANCEL] = &cancel,   [FST_MSG_STATE] = &state,
        [FST_MSG_DRAIN] = &drain,     [FST_MSG_BYE] = &bye,
        [FST_MSG_START] = &start,     [FST_MSG_OUTPUT] = &output,
        [FST_MSG_NODE] = &node,       [FST_MSG_SUMMARY] = &summary,
        [FST_MSG_PING] = &ping,       [FST_MSG_CHECKOUT] = &checkout,
        [FST_MSG_HELD] = &held,
    };
    return (size_t)type < COUNT(records) ? records[type] : NULL;
}
