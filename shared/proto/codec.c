#include "shared/proto/codec.h"

#include <stdlib.h>

#include "shared/proto/record.h"

int fst_msg_encode(const struct fst_msg *msg, struct fst_buf *out,
                   struct fst_err *err)
{
    const struct fst_record *record = fst_record_of(msg->type);
    struct fst_json_writer writer;
    FST_ASSERT(record);
    fst_jw_init(&writer, out);
    /* The union's members share one address. */
    fst_record_encode(record, &msg->hello, &writer);
    return fst_jw_end(&writer, err);
}

struct fst_msg *fst_msg_decode(enum fst_msg_type type, const char *payload,
                               size_t len, struct fst_err *err)
{
    const struct fst_record *record = fst_record_of(type);
    if (!record) {
        fst_fail(err, FST_E_PROTO, "unknown message type %d", (int)type);
        return NULL;
    }
    struct fst_json *json = fst_json_parse(payload, len, err);
    if (!json) {
        if (err)
            err->code = FST_E_PROTO;
        fst_wrap(err, "%s", record->name);
        return NULL;
    }
    struct fst_msg *msg = fst_msg_new(type);
    if (fst_record_decode(record, json, &msg->arena, &msg->hello, err)) {
        fst_msg_free(msg);
        msg = NULL;
    }
    fst_json_free(json);
    return msg;
}

struct fst_msg *fst_msg_copy(const struct fst_msg *msg)
{
    struct fst_buf text = FST_BUF_INIT;
    FST_ASSERT(!fst_msg_encode(msg, &text, NULL));
    struct fst_msg *copy = fst_msg_decode(msg->type, text.data, text.len, NULL);
    FST_ASSERT(copy);
    fst_buf_release(&text);
    return copy;
}

static void copy_phase(struct fst_arena *arena, struct fst_phase *to,
                       const struct fst_phase *from)
{
    *to = (struct fst_phase){
        .when = fst_arena_str(arena, from->when),
        .outcome = from->outcome,
        .title = fst_arena_str(arena, from->title),
        .longrepr = fst_arena_str(arena, from->longrepr),
        .message = fst_arena_str(arena, from->message),
        .location = fst_arena_str(arena, from->location),
        .n_sections = from->n_sections,
    };
    to->sections =
        fst_arena_array(arena, from->n_sections, sizeof *to->sections);
    for (size_t i = 0; i < from->n_sections; i++) {
        to->sections[i].name = fst_arena_str(arena, from->sections[i].name);
        to->sections[i].text = fst_arena_str(arena, from->sections[i].text);
    }
}

void fst_result_copy(struct fst_arena *arena, struct fst_result *to,
                     const struct fst_result *from)
{
    *to = *from;
    to->id = fst_arena_str(arena, from->id);
    to->junit = fst_arena_str(arena, from->junit);
    to->junit_properties = fst_arena_str(arena, from->junit_properties);
    to->phases = fst_arena_array(arena, from->n_phases, sizeof *to->phases);
    for (size_t i = 0; i < from->n_phases; i++)
        copy_phase(arena, &to->phases[i], &from->phases[i]);
}
