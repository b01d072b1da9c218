/* Any bytes as JSON, as `history import` and the frames take them: what is read
 * is what RFC 8259 has, and is the same when written and read again. */
#include "shared/json/json.h"
#include "tests/fuzz/fuzz.h"

static void write_value(struct fst_json_writer *writer,
                        const struct fst_json *value)
{
    const struct fst_json *child;
    switch (fst_json_type(value)) {
    case FST_JSON_NULL:
        fst_jw_null(writer);
        break;
    case FST_JSON_BOOL:
        fst_jw_bool(writer, fst_json_bool(value));
        break;
    case FST_JSON_NUMBER:
        fst_jw_double(writer, fst_json_number(value));
        break;
    case FST_JSON_STRING:
        fst_jw_string(writer, fst_json_string(value));
        break;
    case FST_JSON_ARRAY:
        fst_jw_array(writer);
        for (child = fst_json_first(value); child; child = fst_json_next(child))
            write_value(writer, child);
        fst_jw_array_end(writer);
        break;
    case FST_JSON_OBJECT:
        fst_jw_array(writer); /* keys of ours only can be written as such */
        for (child = fst_json_first(value); child;
             child = fst_json_next(child)) {
            fst_jw_string(writer, fst_json_key(child));
            write_value(writer, child);
        }
        fst_jw_array_end(writer);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fst_buf out = FST_BUF_INIT;
    struct fst_err err = {0};
    struct fst_json_writer writer;
    struct fst_json *json = fst_json_parse((const char *)bytes, len, &err);
    FST_ASSERT(json || err.code == FST_E_SYNTAX);
    if (json) {
        fst_jw_init(&writer, &out);
        write_value(&writer, json);
        FST_ASSERT(!fst_jw_end(&writer, &err));
        fst_json_free(json);
        json = fst_json_parse(out.data, out.len, &err);
        FST_ASSERT(json);
    }
    fst_json_free(json);
    fst_buf_release(&out);
    return 0;
}
