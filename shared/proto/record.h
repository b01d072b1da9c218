/* Records: tables that say how a struct looks in JSON, so that encoding,
 * decoding and the schema's test come from one place. */
#ifndef FST_PROTO_RECORD_H
#define FST_PROTO_RECORD_H

#include "shared/json/json.h"
#include "shared/proto/msg.h"

enum fst_field_kind {
    FST_FIELD_STRING,  /* const char * */
    FST_FIELD_BOOL,    /* bool */
    FST_FIELD_U32,     /* uint32_t; a number */
    FST_FIELD_I32,     /* int32_t; a number */
    FST_FIELD_I64,     /* int64_t; a number below 2^53 */
    FST_FIELD_U64,     /* uint64_t; a decimal string */
    FST_FIELD_SECONDS, /* double; a number */
    FST_FIELD_WORD,    /* an enum; one of `words` */
    FST_FIELD_STRINGS, /* struct fst_strs */
    FST_FIELD_NUMBERS, /* uint32_t * and size_t at count_offset */
    FST_FIELD_RECORD,  /* an embedded struct, by `record` */
    FST_FIELD_RECORDS, /* struct * and size_t at count_offset, by `record` */
};

struct fst_record;

struct fst_field {
    const char *name;
    enum fst_field_kind kind;
    size_t offset, count_offset;
    bool required; /* must be there; all else may be left out */
    const struct fst_record *record;
    const char *const *words;
    size_t n_words;
};

struct fst_record {
    const char *name;
    size_t size;
    const struct fst_field *fields;
    size_t n_fields;
};

/* Of a message's payload; NULL: no such type. Its name is the wire's: "HELLO".
 */
const struct fst_record *fst_record_of(enum fst_msg_type type);

/* What is empty is left out; where it is required, NULL is written as "". An
 * enum outside of its words aborts. */
void fst_record_encode(const struct fst_record *record, const void *from,
                       struct fst_json_writer *writer);
/* to: zeroed. Strings and arrays are copied into arena. FST_E_PROTO names the
 * field. */
int fst_record_decode(const struct fst_record *record,
                      const struct fst_json *value, struct fst_arena *arena,
                      void *to, struct fst_err *err);

#endif
