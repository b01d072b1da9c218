/* Messages with something in every field, made from the tables. */
#ifndef FST_TESTS_PROTO_SAMPLE_H
#define FST_TESTS_PROTO_SAMPLE_H

#include "shared/base/mem.h"
#include "shared/proto/record.h"

/* Fills a zeroed struct; every value differs from its neighbours', and none is
 * what leaving it out would mean. */
static inline void sample_record(const struct fst_record *record, void *to,
                                 struct fst_arena *arena, uint32_t *number)
{
    for (size_t i = 0; i < record->n_fields; i++) {
        const struct fst_field *field = &record->fields[i];
        void *at = (char *)to + field->offset;
        void *count = (char *)to + field->count_offset;
        uint32_t n = ++*number;
        switch (field->kind) {
        case FST_FIELD_STRING:
            *(const char **)at =
                fst_arena_printf(arena, "%s \xc3\xa9\n\"%u", field->name, n);
            break;
        case FST_FIELD_BOOL:
            *(bool *)at = true;
            break;
        case FST_FIELD_U32:
            *(uint32_t *)at = UINT32_MAX - n;
            break;
        case FST_FIELD_I32:
            *(int32_t *)at = INT32_MIN + (int32_t)n;
            break;
        case FST_FIELD_I64:
            *(int64_t *)at = (INT64_C(1) << 53) - n;
            break;
        case FST_FIELD_U64:
            *(uint64_t *)at = UINT64_MAX - n;
            break;
        case FST_FIELD_SECONDS:
            *(double *)at = n + 0.125;
            break;
        case FST_FIELD_WORD:
            *(unsigned *)at = (unsigned)(field->n_words - 1);
            break;
        case FST_FIELD_STRINGS: {
            struct fst_strs *strings = at;
            strings->items = fst_arena_array(arena, 2, sizeof(char *));
            strings->items[0] = fst_arena_printf(arena, "first %u", n);
            strings->items[1] = "";
            strings->count = 2;
            break;
        }
        case FST_FIELD_NUMBERS: {
            uint32_t *numbers = fst_arena_array(arena, 2, sizeof *numbers);
            numbers[1] = n;
            *(uint32_t **)at = numbers;
            *(size_t *)count = 2;
            break;
        }
        case FST_FIELD_RECORD:
            sample_record(field->record, at, arena, number);
            break;
        case FST_FIELD_RECORDS: {
            char *items = fst_arena_array(arena, 2, field->record->size);
            sample_record(field->record, items, arena, number);
            sample_record(field->record, items + field->record->size, arena,
                          number);
            *(void **)at = items;
            *(size_t *)count = 2;
            break;
        }
        }
    }
}

static inline struct fst_msg *sample_message(enum fst_msg_type type)
{
    struct fst_msg *msg = fst_msg_new(type);
    uint32_t number = 0;
    sample_record(fst_record_of(type), &msg->hello, &msg->arena, &number);
    return msg;
}

#endif
