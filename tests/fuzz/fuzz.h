/* What the fuzz targets share: a target is one function over bytes, and its
 * bytes say what happens. Built with clang's libFuzzer where the preset `fuzz`
 * is, else with replay.c, which runs the corpus. */
#ifndef FST_FUZZ_FUZZ_H
#define FST_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/proto/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Bytes that decide; when they are used up, all is 0. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

uint8_t fuzz_byte(struct fuzz_input *input);
/* 0 … count - 1. */
uint32_t fuzz_below(struct fuzz_input *input, uint32_t count);

struct fuzz_words { /* what a message's strings are picked from, mostly */
    const char *const *items;
    uint32_t count;
};

/* A message such as the decoder would let through: whatever its table allows,
 * with lease numbers up to `leases` + 1 and slot numbers below `slots` + 1. The
 * caller's. */
struct fst_msg *fuzz_message(struct fuzz_input *input, enum fst_msg_type type,
                             const struct fuzz_words *words, uint64_t leases,
                             uint32_t slots);
/* Asserts that the message can be sent: its JSON is read, and what was read is
 * the same when written and read again. */
void fuzz_check_sendable(const struct fst_msg *msg);

#endif
