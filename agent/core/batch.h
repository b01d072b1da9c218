/* The results of all of an agent's workers on their way to the coordinator:
 * gathered into batches.
 *
 * Pure: the time comes in. Results keep the order in which they were added.
 */
#ifndef FST_AGENT_CORE_BATCH_H
#define FST_AGENT_CORE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/base/vec.h"
#include "shared/proto/msg.h"

enum {
    FST_BATCH_RESULTS = 64,    /* at most so many results a message */
    FST_BATCH_BYTES = 1 << 20, /* and, once over this, no further one */
};
#define FST_BATCH_NS INT64_C(20000000) /* none waits longer */

struct fst_batch {           /* zeroed is empty */
    struct fst_msg *pending; /* RESULTS, or NULL */
    size_t cap_warnings;
    int64_t since_ns; /* of the first one pending */
    bool urgent;      /* a failure is among them */
};

void fst_batch_release(struct fst_batch *batch);

/* Copies one result. Only while the batch isn't due. */
void fst_batch_add(struct fst_batch *batch, const struct fst_result *result,
                   int64_t now_ns);
/* Copies one warning; warnings alone wait like results. */
void fst_batch_warn(struct fst_batch *batch, const struct fst_warning *warning,
                    int64_t now_ns);
/* True where what is pending has to go now: full, old, or a failure. */
bool fst_batch_due(const struct fst_batch *batch, int64_t now_ns);
/* When it will be due by age; INT64_MAX: nothing pending. */
int64_t fst_batch_deadline(const struct fst_batch *batch);
/* What is pending; the caller's. NULL where nothing is. */
struct fst_msg *fst_batch_take(struct fst_batch *batch);

#endif
