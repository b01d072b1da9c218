#include "agent/core/batch.h"

#include <string.h>

#include "shared/proto/codec.h"

void fst_batch_release(struct fst_batch *batch)
{
    fst_msg_free(batch->pending);
    batch->pending = NULL;
}

static struct fst_results *open_batch(struct fst_batch *batch, int64_t now_ns)
{
    if (!batch->pending) {
        batch->pending = fst_msg_new(FST_MSG_RESULTS);
        batch->pending->results.results =
            fst_arena_array(&batch->pending->arena, FST_BATCH_RESULTS,
                            sizeof(struct fst_result));
        batch->cap_warnings = 0;
        batch->since_ns = now_ns;
        batch->urgent = false;
    }
    return &batch->pending->results;
}

void fst_batch_add(struct fst_batch *batch, const struct fst_result *result,
                   int64_t now_ns)
{
    struct fst_results *results = open_batch(batch, now_ns);
    FST_ASSERT(results->n_results < FST_BATCH_RESULTS);
    fst_result_copy(&batch->pending->arena,
                    &results->results[results->n_results++], result);
    if (result->outcome == FST_FAILED || result->outcome == FST_ERROR)
        batch->urgent = true;
}

void fst_batch_warn(struct fst_batch *batch, const struct fst_warning *warning,
                    int64_t now_ns)
{
    struct fst_results *results = open_batch(batch, now_ns);
    struct fst_arena *arena = &batch->pending->arena;
    if (results->n_warnings == batch->cap_warnings) {
        batch->cap_warnings = batch->cap_warnings ? batch->cap_warnings * 2 : 8;
        struct fst_warning *grown =
            fst_arena_array(arena, batch->cap_warnings, sizeof *grown);
        if (results->n_warnings)
            memcpy(grown, results->warnings,
                   results->n_warnings * sizeof *grown);
        results->warnings = grown;
    }
    results->warnings[results->n_warnings++] = (struct fst_warning){
        .message = fst_arena_str(arena, warning->message),
        .category = fst_arena_str(arena, warning->category),
        .nodeid = fst_arena_str(arena, warning->nodeid),
        .file = fst_arena_str(arena, warning->file),
        .line = warning->line,
    };
}

bool fst_batch_due(const struct fst_batch *batch, int64_t now_ns)
{
    return batch->pending &&
           (batch->urgent || now_ns - batch->since_ns >= FST_BATCH_NS ||
            batch->pending->results.n_results >= FST_BATCH_RESULTS ||
            batch->pending->arena.total >= FST_BATCH_BYTES);
}

int64_t fst_batch_deadline(const struct fst_batch *batch)
{
    return batch->pending ? batch->since_ns + FST_BATCH_NS : INT64_MAX;
}

struct fst_msg *fst_batch_take(struct fst_batch *batch)
{
    struct fst_msg *msg = batch->pending;
    batch->pending = NULL;
    return msg;
}
