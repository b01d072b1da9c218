#include "shared/proto/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64 }; /* of a record */

/* Unix times too; sums of them stay finite. */
static const double longest_s = 1e10;

static const void *at(const void *from, size_t offset)
{
    return (const char *)from + offset;
}

static void encode_strings(const struct fst_strs *strings,
                           struct fst_json_writer *writer)
{
    fst_jw_array(writer);
    for (size_t i = 0; i < strings->count; i++)
        fst_jw_string(writer, strings->items[i]);
    fst_jw_array_end(writer);
}

static void encode_list(const struct fst_field *field, const void *from,
                        struct fst_json_writer *writer)
{
    size_t count = *(const size_t *)at(from, field->count_offset);
    const char *items = *(const char *const *)at(from, field->offset);
    fst_jw_array(writer);
    for (size_t i = 0; i < count; i++) {
        if (field->kind == FST_FIELD_NUMBERS)
            fst_jw_int(writer, ((const uint32_t *)(const void *)items)[i]);
        else
            fst_record_encode(field->record, items + i * field->record->size,
                              writer);
    }
    fst_jw_array_end(writer);
}

/* NULL, false, 0 and empty lists are left out, unless required. */
static bool is_empty(const struct fst_field *field, const void *from)
{
    const void *value = at(from, field->offset);
    switch (field->kind) {
    case FST_FIELD_STRING:
        return !*(const char *const *)value;
    case FST_FIELD_BOOL:
        return !*(const bool *)value;
    case FST_FIELD_U32:
        return !*(const uint32_t *)value;
    case FST_FIELD_I64:
        return !*(const int64_t *)value;
    case FST_FIELD_U64:
        return !*(const uint64_t *)value;
    case FST_FIELD_SECONDS: {
        double seconds = *(const double *)value;
        return !(seconds < 0 || seconds > 0);
    }
    case FST_FIELD_STRINGS:
        return !((const struct fst_strs *)value)->count;
    case FST_FIELD_NUMBERS:
    case FST_FIELD_RECORDS:
        return !*(const size_t *)at(from, field->count_offset);
    case FST_FIELD_I32:
    case FST_FIELD_WORD:
    case FST_FIELD_RECORD:
        return false;
    }
    return false;
}

static void encode_field(const struct fst_field *field, const void *from,
                         struct fst_json_writer *writer)
{
    const void *value = at(from, field->offset);
    fst_jw_key(writer, field->name);
    switch (field->kind) {
    case FST_FIELD_STRING: {
        const char *text = *(const char *const *)value;
        fst_jw_string(writer, text ? text : "");
        break;
    }
    case FST_FIELD_BOOL:
        fst_jw_bool(writer, *(const bool *)value);
        break;
    case FST_FIELD_U32:
        fst_jw_int(writer, *(const uint32_t *)value);
        break;
    case FST_FIELD_I32:
        fst_jw_int(writer, *(const int32_t *)value);
        break;
    case FST_FIELD_I64:
        fst_jw_int(writer, *(const int64_t *)value);
        break;
    case FST_FIELD_U64:
        fst_jw_u64(writer, *(const uint64_t *)value);
        break;
    case FST_FIELD_SECONDS:
        fst_jw_double(writer, *(const double *)value);
        break;
    case FST_FIELD_WORD:
        FST_ASSERT(*(const unsigned *)value < field->n_words);
        fst_jw_string(writer, field->words[*(const unsigned *)value]);
        break;
    case FST_FIELD_STRINGS:
        encode_strings(value, writer);
        break;
    case FST_FIELD_RECORD:
        fst_record_encode(field->record, value, writer);
        break;
    case FST_FIELD_NUMBERS:
    case FST_FIELD_RECORDS:
        encode_list(field, from, writer);
        break;
    }
}

void fst_record_encode(const struct fst_record *record, const void *from,
                       struct fst_json_writer *writer)
{
    fst_jw_object(writer);
    for (size_t i = 0; i < record->n_fields; i++) {
        const struct fst_field *field = &record->fields[i];
        if (field->required || !is_empty(field, from))
            encode_field(field, from, writer);
    }
    fst_jw_object_end(writer);
}

struct decoder {
    const struct fst_record *record;
    const struct fst_field *field;
    struct fst_arena *arena;
    struct fst_err *err;
};

static int wrong(const struct decoder *decoder, const char *what)
{
    return fst_fail(decoder->err, FST_E_PROTO, "%s.%s %s",
                    decoder->record->name, decoder->field->name, what);
}

static int expect(const struct decoder *decoder, const struct fst_json *value,
                  enum fst_json_type type)
{
    if (fst_json_type(value) == type)
        return 0;
    return fst_fail(decoder->err, FST_E_PROTO, "%s.%s is a %s instead of a %s",
                    decoder->record->name, decoder->field->name,
                    fst_json_type_name(fst_json_type(value)),
                    fst_json_type_name(type));
}

/* A whole number between least and most. */
static int decode_integer(const struct decoder *decoder,
                          const struct fst_json *value, double least,
                          double most, int64_t *to)
{
    if (expect(decoder, value, FST_JSON_NUMBER))
        return -1;
    double number = fst_json_number(value);
    if (!(number >= least && number <= most) ||
        (double)(int64_t)number < number || (double)(int64_t)number > number)
        return wrong(decoder, "is no whole number in its range");
    *to = (int64_t)number;
    return 0;
}

static int decode_u64(const struct decoder *decoder,
                      const struct fst_json *value, uint64_t *to)
{
    if (expect(decoder, value, FST_JSON_STRING))
        return -1;
    const char *text = fst_json_string(value);
    uint64_t number = 0;
    if (!*text)
        return wrong(decoder, "is no decimal number");
    for (; *text; text++) {
        if (*text < '0' || *text > '9' ||
            number > (UINT64_MAX - (uint64_t)(*text - '0')) / 10)
            return wrong(decoder, "is no decimal number");
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *to = number;
    return 0;
}

static int decode_word(const struct decoder *decoder,
                       const struct fst_json *value, int *to)
{
    if (expect(decoder, value, FST_JSON_STRING))
        return -1;
    for (size_t i = 0; i < decoder->field->n_words; i++) {
        if (!strcmp(fst_json_string(value), decoder->field->words[i])) {
            *to = (int)i;
            return 0;
        }
    }
    return wrong(decoder, "is an unknown word");
}

static int decode_strings(const struct decoder *decoder,
                          const struct fst_json *value, struct fst_strs *to)
{
    if (expect(decoder, value, FST_JSON_ARRAY))
        return -1;
    to->items = fst_arena_array(decoder->arena, fst_json_count(value),
                                sizeof *to->items);
    for (const struct fst_json *item = fst_json_first(value); item;
         item = fst_json_next(item)) {
        if (expect(decoder, item, FST_JSON_STRING))
            return -1;
        to->items[to->count++] =
            fst_arena_str(decoder->arena, fst_json_string(item));
    }
    return 0;
}

static int decode_list(const struct decoder *decoder,
                       const struct fst_json *value, void *to)
{
    const struct fst_field *field = decoder->field;
    if (expect(decoder, value, FST_JSON_ARRAY))
        return -1;
    size_t size = field->kind == FST_FIELD_NUMBERS ? sizeof(uint32_t)
                                                   : field->record->size;
    char *items = fst_arena_array(decoder->arena, fst_json_count(value), size);
    size_t count = 0;
    for (const struct fst_json *item = fst_json_first(value); item;
         item = fst_json_next(item)) {
        char *slot = items + size * count++;
        int64_t number;
        if (field->kind == FST_FIELD_NUMBERS) {
            if (decode_integer(decoder, item, 0, UINT32_MAX, &number))
                return -1;
            *(uint32_t *)(void *)slot = (uint32_t)number;
        } else if (fst_record_decode(field->record, item, decoder->arena, slot,
                                     decoder->err)) {
            return -1;
        }
    }
    *(void **)(void *)((char *)to + field->offset) = items;
    *(size_t *)(void *)((char *)to + field->count_offset) = count;
    return 0;
}

static int decode_number(const struct decoder *decoder,
                         const struct fst_json *value, void *to)
{
    int64_t number = 0;
    switch (decoder->field->kind) {
    case FST_FIELD_U32:
        if (decode_integer(decoder, value, 0, UINT32_MAX, &number))
            return -1;
        *(uint32_t *)to = (uint32_t)number;
        return 0;
    case FST_FIELD_I32:
        if (decode_integer(decoder, value, INT32_MIN, INT32_MAX, &number))
            return -1;
        *(int32_t *)to = (int32_t)number;
        return 0;
    case FST_FIELD_I64:
        return decode_integer(decoder, value, -0x1p53, 0x1p53, to);
    default:
        if (expect(decoder, value, FST_JSON_NUMBER))
            return -1;
        *(double *)to = fst_json_number(value);
        if (fabs(*(double *)to) > longest_s)
            return wrong(decoder, "is longer than anything lasts");
        return 0;
    }
}

static int decode_field(const struct decoder *decoder,
                        const struct fst_json *value, void *record)
{
    const struct fst_field *field = decoder->field;
    void *to = (char *)record + field->offset;
    switch (field->kind) {
    case FST_FIELD_STRING:
        if (expect(decoder, value, FST_JSON_STRING))
            return -1;
        *(const char **)to =
            fst_arena_str(decoder->arena, fst_json_string(value));
        return 0;
    case FST_FIELD_BOOL:
        if (expect(decoder, value, FST_JSON_BOOL))
            return -1;
        *(bool *)to = fst_json_bool(value);
        return 0;
    case FST_FIELD_U64:
        return decode_u64(decoder, value, to);
    case FST_FIELD_WORD:
        return decode_word(decoder, value, to);
    case FST_FIELD_STRINGS:
        return decode_strings(decoder, value, to);
    case FST_FIELD_RECORD:
        return fst_record_decode(field->record, value, decoder->arena, to,
                                 decoder->err);
    case FST_FIELD_NUMBERS:
    case FST_FIELD_RECORDS:
        return decode_list(decoder, value, record);
    default:
        return decode_number(decoder, value, to);
    }
}

/* Index of the field of that name, looked for from `from` on: members mostly
 * come in the order of the table. n_fields: there is none. */
static size_t find_field(const struct fst_record *record, const char *name,
                         size_t from)
{
    for (size_t n = 0; n < record->n_fields; n++) {
        size_t i = from + n < record->n_fields ? from + n
                                               : from + n - record->n_fields;
        if (!strcmp(record->fields[i].name, name))
            return i;
    }
    return record->n_fields;
}

int fst_record_decode(const struct fst_record *record,
                      const struct fst_json *value, struct fst_arena *arena,
                      void *to, struct fst_err *err)
{
    bool seen[FIELDS_MAX] = {false};
    size_t next = 0;
    FST_ASSERT(record->n_fields <= FIELDS_MAX);
    if (fst_json_type(value) != FST_JSON_OBJECT)
        return fst_fail(err, FST_E_PROTO, "%s is no object", record->name);
    for (const struct fst_json *member = fst_json_first(value); member;
         member = fst_json_next(member)) {
        size_t i = find_field(record, fst_json_key(member), next);
        if (i == record->n_fields || fst_json_type(member) == FST_JSON_NULL)
            continue;
        struct decoder decoder = {record, &record->fields[i], arena, err};
        if (decode_field(&decoder, member, to))
            return -1;
        seen[i] = true;
        next = i + 1;
    }
    for (size_t i = 0; i < record->n_fields; i++) {
        struct decoder decoder = {record, &record->fields[i], arena, err};
        if (record->fields[i].required && !seen[i])
            return wrong(&decoder, "is missing");
    }
    return 0;
}
