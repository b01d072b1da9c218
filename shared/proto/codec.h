/* Messages to JSON and back, checked against their schema on the way in.
 *
 * schema/protocol.schema.json says the same; a test holds both together. Wire
 * names are the structs' field names; enums travel as lower-case words; 64-bit
 * numbers as decimal strings, since JSON readers make doubles of numbers.
 * Fields that are NULL, false, 0 or empty may be left out; a required string
 * that is NULL travels as "".
 */
#ifndef FST_PROTO_CODEC_H
#define FST_PROTO_CODEC_H

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/proto/msg.h"

/* Appends the payload (JSON, UTF-8) to out; -1 past out's limit
 * (FST_E_LIMIT). */
int fst_msg_encode(const struct fst_msg *msg, struct fst_buf *out,
                   struct fst_err *err);

/* A new message, or NULL: FST_E_PROTO with what is wrong (unknown type, not
 * JSON, a missing or wrong field, invalid UTF-8, a NUL). Unknown fields are
 * ignored, so that a newer peer can say more. */
struct fst_msg *fst_msg_decode(enum fst_msg_type type, const char *payload,
                               size_t len, struct fst_err *err);

/* A deep copy, without the number (link.h). */
struct fst_msg *fst_msg_copy(const struct fst_msg *msg);

/* A deep copy of one result into another message's arena. */
void fst_result_copy(struct fst_arena *arena, struct fst_result *to,
                     const struct fst_result *from);

#endif
