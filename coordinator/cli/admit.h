/* Who may join: whoever has the coordinator's files (shared/checkout), a Python
 * of the same minor and a pytest of the same major version. Only says what is
 * another; what follows from it is the farm's. Loop thread only. */
#ifndef FST_CLI_ADMIT_H
#define FST_CLI_ADMIT_H

#include "coordinator/discover/discover.h"
#include "shared/base/buf.h"
#include "shared/config/settings.h"
#include "shared/proto/msg.h"

struct fst_admit;

/* Once the tree is read, suite with its sources: reads the files and asks the
 * coordinator's interpreter. Where it has none (-n 0, and none was named) the
 * first agent's versions are what the others' are held against. */
struct fst_admit *fst_admit_new(const struct fst_settings *settings,
                                const struct fst_suite *suite);
void fst_admit_free(struct fst_admit *admit);

/* NULL: they fit. Else REJECT's code; one line for people is added to why. */
const char *fst_admit_versions(struct fst_admit *admit,
                               const struct fst_proof *proof,
                               struct fst_buf *why);
/* The first CHECKOUT; the caller's. */
struct fst_msg *fst_admit_offer(const struct fst_admit *admit);

enum fst_admit_says {
    FST_ADMIT_SAME,
    FST_ADMIT_ASKS,   /* send *reply, which is the caller's, once an agent */
    FST_ADMIT_OTHER,  /* one line for people is added to why */
    FST_ADMIT_BREACH, /* of the protocol */
};
enum fst_admit_says fst_admit_answer(const struct fst_admit *admit,
                                     const struct fst_checkout *answer,
                                     struct fst_msg **reply,
                                     struct fst_buf *why);

#endif
