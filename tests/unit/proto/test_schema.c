/* schema/protocol.schema.json, docs/protocol.md and the codec's tables say the
 * same, and what the codec writes satisfies the schema. */
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

struct papers {
    struct fst_json *schema;
    const struct fst_json *defs;
    struct fst_buf doc;
    const struct fst_record *seen[64];
    size_t n_seen;
};

static void read_file(const char *path, struct fst_buf *to)
{
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    size_t len;
    assert_non_null(file);
    while ((len = fread(chunk, 1, sizeof chunk, file)))
        fst_buf_add(to, chunk, len);
    fclose(file);
}

static int set_up(void **state)
{
    struct papers *papers = fst_alloc(sizeof *papers);
    struct fst_buf text = FST_BUF_INIT;
    struct fst_err err;
    read_file("../../../schema/protocol.schema.json", &text);
    read_file("../../../docs/protocol.md", &papers->doc);
    papers->schema = fst_json_parse(text.data, text.len, &err);
    fst_buf_release(&text);
    assert_non_null(papers->schema);
    papers->defs = fst_json_get(papers->schema, "$defs");
    assert_non_null(papers->defs);
    *state = papers;
    return 0;
}

static int tear_down(void **state)
{
    struct papers *papers = *state;
    fst_json_free(papers->schema);
    fst_buf_release(&papers->doc);
    free(papers);
    return 0;
}

/* The name behind "#/$defs/", or NULL. */
static const char *ref_of(const struct fst_json *schema)
{
    const struct fst_json *ref = fst_json_get(schema, "$ref");
    if (!ref)
        return NULL;
    assert_memory_equal(fst_json_string(ref), "#/$defs/", 8);
    return fst_json_string(ref) + 8;
}

static const char *plain_type(enum fst_field_kind kind)
{
    switch (kind) {
    case FST_FIELD_STRING:
    case FST_FIELD_STRINGS:
        return "string";
    case FST_FIELD_BOOL:
        return "bool";
    case FST_FIELD_U32:
    case FST_FIELD_NUMBERS:
        return "u32";
    case FST_FIELD_I32:
        return "i32";
    case FST_FIELD_I64:
        return "i64";
    case FST_FIELD_U64:
        return "u64";
    case FST_FIELD_SECONDS:
        return "seconds";
    case FST_FIELD_WORD:
    case FST_FIELD_RECORD:
    case FST_FIELD_RECORDS:
        return NULL;
    }
    return NULL;
}

static bool is_list(const struct fst_field *field)
{
    return field->kind == FST_FIELD_STRINGS ||
           field->kind == FST_FIELD_NUMBERS || field->kind == FST_FIELD_RECORDS;
}

static bool is_required(const struct fst_json *schema, const char *name)
{
    const struct fst_json *list = fst_json_get(schema, "required");
    for (const struct fst_json *item = list ? fst_json_first(list) : NULL; item;
         item = fst_json_next(item))
        if (!strcmp(fst_json_string(item), name))
            return true;
    return false;
}

/* The row of a field in the section of its record. */
static void check_row(const struct papers *papers,
                      const struct fst_record *record,
                      const struct fst_field *field, const char *type)
{
    char heading[64], row[128];
    snprintf(heading, sizeof heading, "# %s\n", record->name);
    snprintf(row, sizeof row, "\n| `%s` | %s%s%s | %s | ", field->name,
             is_list(field) ? "[" : "", type, is_list(field) ? "]" : "",
             field->required ? "yes" : "");
    const char *section = strstr(papers->doc.data, heading);
    if (!section)
        fail_msg("no section \"%s\"", record->name);
    const char *end = strstr(section, "\n#"), *at = strstr(section, row);
    if (!at || (end && at > end))
        fail_msg("not under \"%s\": %s", record->name, row + 1);
}

static void check_words(const struct papers *papers,
                        const struct fst_field *field, const char *type)
{
    const struct fst_json *words =
        fst_json_get(fst_json_get(papers->defs, type), "enum");
    assert_non_null(words);
    assert_int_equal(fst_json_count(words), field->n_words);
    const struct fst_json *word = fst_json_first(words);
    char row[32];
    snprintf(row, sizeof row, "\n| %s | ", type);
    const char *line = strstr(papers->doc.data, row);
    assert_non_null(line);
    const char *end = strchr(line + 1, '\n');
    for (size_t i = 0; i < field->n_words; i++, word = fst_json_next(word)) {
        char quoted[32];
        assert_string_equal(fst_json_string(word), field->words[i]);
        snprintf(quoted, sizeof quoted, "`%s`", field->words[i]);
        const char *at = strstr(line, quoted);
        assert_true(at && at < end);
    }
}

static void check_record(struct papers *papers, const struct fst_record *record)
{
    for (size_t i = 0; i < papers->n_seen; i++)
        if (papers->seen[i] == record)
            return;
    papers->seen[papers->n_seen++] = record;
    const struct fst_json *schema = fst_json_get(papers->defs, record->name);
    if (!schema)
        fail_msg("%s is not in the schema", record->name);
    const struct fst_json *properties = fst_json_get(schema, "properties");
    assert_int_equal(fst_json_count(properties), record->n_fields);
    for (size_t i = 0; i < record->n_fields; i++) {
        const struct fst_field *field = &record->fields[i];
        const struct fst_json *property = fst_json_get(properties, field->name);
        if (!property)
            fail_msg("%s.%s is not in the schema", record->name, field->name);
        assert_int_equal(is_required(schema, field->name), field->required);
        if (is_list(field)) {
            assert_string_equal(fst_json_string(fst_json_get(property, "type")),
                                "array");
            property = fst_json_get(property, "items");
        }
        const char *type = ref_of(property), *plain = plain_type(field->kind);
        assert_non_null(type);
        if (field->kind == FST_FIELD_WORD)
            check_words(papers, field, type);
        else
            assert_string_equal(type, plain ? plain : field->record->name);
        check_row(papers, record, field, type);
        if (field->record)
            check_record(papers, field->record);
    }
}

static void schema_page_and_tables_name_the_same_fields(void **state)
{
    struct papers *papers = *state;
    for (int type = FST_MSG_HELLO; type <= FST_MSG_LAST; type++) {
        if (type == FST_MSG_PART)
            continue;
        const struct fst_record *record =
            fst_record_of((enum fst_msg_type)type);
        assert_non_null(record);
        check_record(papers, record);
        char row[64], comment[24];
        snprintf(row, sizeof row, "\n| %d | `%s` | ", type, record->name);
        snprintf(comment, sizeof comment, "type %d", type);
        assert_non_null(strstr(papers->doc.data, row));
        assert_string_equal(
            fst_json_string(fst_json_get(
                fst_json_get(papers->defs, record->name), "$comment")),
            comment);
    }
    /* Nor have the papers more than the tables. */
    size_t objects = 0, rows = 0, fields = 0;
    for (const struct fst_json *def = fst_json_first(papers->defs); def;
         def = fst_json_next(def))
        objects += fst_json_get(def, "properties") != NULL;
    for (const char *at = papers->doc.data; (at = strstr(at, "\n| `")); at++)
        rows++;
    for (size_t i = 0; i < papers->n_seen; i++)
        fields += papers->seen[i]->n_fields;
    assert_int_equal(objects, papers->n_seen);
    assert_int_equal(rows, fields + 1); /* "`[x]`", under Types */
}

static bool is_of_type(const struct fst_json *value, const char *type)
{
    enum fst_json_type is = fst_json_type(value);
    if (!strcmp(type, "integer"))
        return is == FST_JSON_NUMBER;
    return !strcmp(type, fst_json_type_name(is));
}

/* The part of JSON Schema that ours uses; unknown members are refused, so that
 * nothing is written which the schema doesn't know. */
static bool satisfies(const struct papers *papers,
                      const struct fst_json *schema,
                      const struct fst_json *value)
{
    const char *ref = ref_of(schema);
    if (ref)
        return satisfies(papers, fst_json_get(papers->defs, ref), value);
    const struct fst_json *words = fst_json_get(schema, "enum");
    for (const struct fst_json *word = words ? fst_json_first(words) : NULL;
         word; word = fst_json_next(word))
        if (!strcmp(fst_json_string(word), fst_json_string(value)))
            return true;
    if (words)
        return false;
    if (!is_of_type(value, fst_json_string(fst_json_get(schema, "type"))))
        return false;
    const struct fst_json *least = fst_json_get(schema, "minimum");
    const struct fst_json *most = fst_json_get(schema, "maximum");
    if (least && fst_json_number(value) < fst_json_number(least))
        return false;
    if (most && fst_json_number(value) > fst_json_number(most))
        return false;
    if (fst_json_get(schema, "pattern")) { /* a u64's */
        const char *digits = fst_json_string(value);
        return *digits && strlen(digits) <= 20 &&
               digits[strspn(digits, "0123456789")] == '\0';
    }
    const struct fst_json *items = fst_json_get(schema, "items");
    const struct fst_json *properties = fst_json_get(schema, "properties");
    const struct fst_json *required = fst_json_get(schema, "required");
    for (const struct fst_json *name = required ? fst_json_first(required)
                                                : NULL;
         name; name = fst_json_next(name))
        if (!fst_json_get(value, fst_json_string(name)))
            return false;
    for (const struct fst_json *member =
             items || properties ? fst_json_first(value) : NULL;
         member; member = fst_json_next(member)) {
        const struct fst_json *below =
            items ? items : fst_json_get(properties, fst_json_key(member));
        if (!below || !satisfies(papers, below, member))
            return false;
    }
    return true;
}

static bool encoding_satisfies(const struct papers *papers,
                               const struct fst_msg *msg)
{
    struct fst_buf text = FST_BUF_INIT;
    struct fst_err err;
    assert_int_equal(fst_msg_encode(msg, &text, &err), 0);
    struct fst_json *json = fst_json_parse(text.data, text.len, &err);
    assert_non_null(json);
    bool result = satisfies(
        papers, fst_json_get(papers->defs, fst_record_of(msg->type)->name),
        json);
    fst_json_free(json);
    fst_buf_release(&text);
    return result;
}

static void what_is_written_satisfies_the_schema(void **state)
{
    const struct papers *papers = *state;
    for (int type = FST_MSG_HELLO; type <= FST_MSG_LAST; type++) {
        if (type == FST_MSG_PART)
            continue;
        struct fst_msg *full = sample_message((enum fst_msg_type)type);
        struct fst_msg *empty = fst_msg_new((enum fst_msg_type)type);
        if (!encoding_satisfies(papers, full))
            fail_msg("a full %s", fst_record_of(full->type)->name);
        if (!encoding_satisfies(papers, empty))
            fail_msg("an empty %s", fst_record_of(full->type)->name);
        fst_msg_free(full);
        fst_msg_free(empty);
    }
}

static void what_the_codec_refuses_the_schema_refuses(void **state)
{
    const struct papers *papers = *state;
    static const struct {
        enum fst_msg_type type;
        const char *text;
    } wrong[] = {
        {FST_MSG_CREDIT, "{}"},
        {FST_MSG_CREDIT, "{\"slot\":\"1\"}"},
        {FST_MSG_CREDIT, "{\"slot\":-1}"},
        {FST_MSG_CREDIT, "{\"slot\":4294967296}"},
        {FST_MSG_ACK, "{\"seq\":1}"},
        {FST_MSG_ACK, "{\"seq\":\"x\"}"},
        {FST_MSG_STATE, "{\"slot\":0,\"state\":\"gone\"}"},
        {FST_MSG_LIST, "{\"lease\":\"1\",\"slot\":0,\"dirs\":[1]}"},
        {FST_MSG_RESULTS, "{\"seq\":\"1\",\"results\":[{\"lease\":\"1\"}]}"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fst_err err;
        const char *text = wrong[i].text;
        struct fst_json *json = fst_json_parse(text, strlen(text), &err);
        const struct fst_record *record = fst_record_of(wrong[i].type);
        assert_non_null(json);
        assert_null(fst_msg_decode(wrong[i].type, text, strlen(text), &err));
        assert_false(
            satisfies(papers, fst_json_get(papers->defs, record->name), json));
        fst_json_free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_page_and_tables_name_the_same_fields),
        cmocka_unit_test(what_is_written_satisfies_the_schema),
        cmocka_unit_test(what_the_codec_refuses_the_schema_refuses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
