#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "shared/base/mem.h"
#include "shared/proto/codec.h"
#include "shared/proto/record.h"

uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (!input->left)
        return 0;
    input->left--;
    return *input->at++;
}

uint32_t fuzz_below(struct fuzz_input *input, uint32_t count)
{
    return fuzz_byte(input) % count;
}

struct filler {
    struct fuzz_input *input;
    struct fst_arena *arena;
    const struct fuzz_words *words;
    uint64_t leases;
    uint32_t slots;
};

enum { OWN_WORD = 0xe0 }; /* bytes from here on: a string that no one knows */

static const char *make_string(struct filler *filler)
{
    uint8_t choice = fuzz_byte(filler->input);
    if (choice < OWN_WORD)
        return filler->words->items[choice % filler->words->count];
    size_t len = choice - OWN_WORD;
    char *text = fst_arena_alloc(filler->arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        char c = (char)(fuzz_byte(filler->input) & 0x7f);
        text[i] = c ? c : '?';
    }
    return text;
}

static uint64_t make_number(struct filler *filler, const char *name)
{
    static const uint64_t odd[] = {0, 1, 2, UINT32_MAX, UINT64_MAX};
    if (!strcmp(name, "slot"))
        return fuzz_below(filler->input, filler->slots + 1);
    if (!strcmp(name, "lease"))
        return fuzz_byte(filler->input) % (filler->leases + 2);
    uint8_t choice = fuzz_byte(filler->input);
    return choice < 0xf0 ? choice % 8 : odd[choice % 5];
}

static double make_seconds(struct filler *filler)
{
    static const double odd[] = {-1, 0, 1e-9, 0.5, 3, 1e9, 1e308, -1e308};
    return odd[fuzz_below(filler->input, 8)];
}

static void fill_record(struct filler *filler, const struct fst_record *record,
                        void *to);

static void fill_list(struct filler *filler, const struct fst_field *field,
                      void *record)
{
    uint8_t choice = fuzz_byte(filler->input);
    size_t count = choice < 0xf0 ? choice % 4 : choice - 0xf0;
    size_t size = field->kind == FST_FIELD_NUMBERS ? sizeof(uint32_t)
                                                   : field->record->size;
    char *items = fst_arena_array(filler->arena, count + 1, size);
    for (size_t i = 0; i < count; i++) {
        char *item = items + i * size;
        if (field->kind == FST_FIELD_NUMBERS)
            *(uint32_t *)(void *)item = (uint32_t)make_number(filler, "slot");
        else
            fill_record(filler, field->record, item);
    }
    *(void **)(void *)((char *)record + field->offset) = items;
    *(size_t *)(void *)((char *)record + field->count_offset) = count;
}

static void fill_strings(struct filler *filler, struct fst_strs *to)
{
    uint8_t choice = fuzz_byte(filler->input);
    to->count = choice < 0xf0 ? choice % 4 : choice - 0xf0;
    to->items =
        fst_arena_array(filler->arena, to->count + 1, sizeof *to->items);
    for (size_t i = 0; i < to->count; i++)
        to->items[i] = make_string(filler);
}

static void fill_field(struct filler *filler, const struct fst_field *field,
                       void *record)
{
    void *to = (char *)record + field->offset;
    switch (field->kind) {
    case FST_FIELD_STRING:
        *(const char **)to = make_string(filler);
        break;
    case FST_FIELD_BOOL:
        *(bool *)to = fuzz_byte(filler->input) & 1;
        break;
    case FST_FIELD_U32:
        *(uint32_t *)to = (uint32_t)make_number(filler, field->name);
        break;
    case FST_FIELD_I32:
        *(int32_t *)to = (int32_t)make_number(filler, field->name);
        break;
    case FST_FIELD_I64:
        *(int64_t *)to = (int64_t)(make_number(filler, field->name) >> 12);
        break;
    case FST_FIELD_U64:
        *(uint64_t *)to = make_number(filler, field->name);
        break;
    case FST_FIELD_SECONDS:
        *(double *)to = make_seconds(filler);
        break;
    case FST_FIELD_WORD:
        *(unsigned *)to = fuzz_below(filler->input, (uint32_t)field->n_words);
        break;
    case FST_FIELD_STRINGS:
        fill_strings(filler, to);
        break;
    case FST_FIELD_RECORD:
        fill_record(filler, field->record, to);
        break;
    case FST_FIELD_NUMBERS:
    case FST_FIELD_RECORDS:
        fill_list(filler, field, record);
        break;
    }
}

/* What is optional is there every other time. */
static void fill_record(struct filler *filler, const struct fst_record *record,
                        void *to)
{
    for (size_t i = 0; i < record->n_fields; i++) {
        const struct fst_field *field = &record->fields[i];
        if (field->required || fuzz_byte(filler->input) & 1)
            fill_field(filler, field, to);
    }
}

struct fst_msg *fuzz_message(struct fuzz_input *input, enum fst_msg_type type,
                             const struct fuzz_words *words, uint64_t leases,
                             uint32_t slots)
{
    struct fst_msg *msg = fst_msg_new(type);
    struct filler filler = {input, &msg->arena, words, leases, slots};
    fill_record(&filler, fst_record_of(type), &msg->hello);
    return msg;
}

/* A message once written and read; its JSON goes to out. */
static struct fst_msg *pass(const struct fst_msg *msg, struct fst_buf *out)
{
    struct fst_err err;
    FST_ASSERT(!fst_msg_encode(msg, out, &err));
    struct fst_msg *read = fst_msg_decode(msg->type, out->data, out->len, &err);
    FST_ASSERT(read);
    return read;
}

void fuzz_check_sendable(const struct fst_msg *msg)
{
    struct fst_buf first = FST_BUF_INIT, second = FST_BUF_INIT,
                   third = FST_BUF_INIT;
    struct fst_msg *read = pass(msg, &first); /* seconds are rounded here */
    struct fst_msg *again = pass(read, &second);
    fst_msg_free(pass(again, &third));
    FST_ASSERT(second.len == third.len &&
               !memcmp(second.data, third.data, second.len));
    fst_msg_free(read);
    fst_msg_free(again);
    fst_buf_release(&first);
    fst_buf_release(&second);
    fst_buf_release(&third);
}
