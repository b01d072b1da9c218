/* The payload of one message. First byte: its type. */
#include "shared/proto/codec.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fst_err err;
    if (!len)
        return 0;
    struct fst_msg *msg = fst_msg_decode(
        (enum fst_msg_type)bytes[0], (const char *)bytes + 1, len - 1, &err);
    FST_ASSERT(msg || err.code == FST_E_PROTO);
    if (msg)
        fuzz_check_sendable(msg);
    fst_msg_free(msg);
    return 0;
}
