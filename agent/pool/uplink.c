#include "agent/pool/uplink.h"

#include <stdlib.h>

#include "shared/base/vec.h"

enum {
    RESULTS_MAX = 64,
    UNACKED_MAX = 256, /* messages */
};
#define GATHER_NS INT64_C(20000000)

struct fst_uplink {
    void (*send)(void *user, const struct fst_msg *msg);
    void *user;
    struct fst_timer *timer;
    bool timing;
    FST_VEC(struct fst_result) results; /* strings live in `kept` */
    FST_VEC(struct fst_warning) warnings;
    FST_VEC(struct fst_msg *) kept;
    uint64_t seq, acked;
};

static void on_time(void *user)
{
    fst_uplink_flush(user);
}

struct fst_uplink *
fst_uplink_new(struct fst_loop *loop,
               void (*send)(void *user, const struct fst_msg *msg), void *user)
{
    struct fst_uplink *uplink = fst_alloc(sizeof *uplink);
    uplink->send = send;
    uplink->user = user;
    uplink->timer = fst_timer_new(loop, on_time, uplink);
    return uplink;
}

static void forget(struct fst_uplink *uplink)
{
    for (size_t i = 0; i < uplink->kept.count; i++)
        fst_msg_free(uplink->kept.items[i]);
    uplink->kept.count = 0;
    uplink->results.count = 0;
    uplink->warnings.count = 0;
}

void fst_uplink_free(struct fst_uplink *uplink)
{
    if (!uplink)
        return;
    forget(uplink);
    fst_vec_free(&uplink->kept);
    fst_vec_free(&uplink->results);
    fst_vec_free(&uplink->warnings);
    fst_timer_free(uplink->timer);
    free(uplink);
}

void fst_uplink_flush(struct fst_uplink *uplink)
{
    fst_timer_clear(uplink->timer);
    uplink->timing = false;
    if (!uplink->kept.count)
        return;
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    msg->results = (struct fst_results){
        .seq = ++uplink->seq,
        .results = uplink->results.items,
        .n_results = uplink->results.count,
        .warnings = uplink->warnings.items,
        .n_warnings = uplink->warnings.count,
    };
    uplink->send(uplink->user, msg);
    fst_msg_free(msg);
    forget(uplink);
}

/* Takes the message's results; true where one of them can't wait. */
static bool gather(struct fst_uplink *uplink, struct fst_msg *msg)
{
    const struct fst_results *more = &msg->results;
    bool urgent = false;
    for (size_t i = 0; i < more->n_results; i++) {
        fst_vec_add(&uplink->results, more->results[i]);
        urgent |= more->results[i].outcome >= FST_FAILED;
    }
    for (size_t i = 0; i < more->n_warnings; i++)
        fst_vec_add(&uplink->warnings, more->warnings[i]);
    fst_vec_add(&uplink->kept, msg);
    return urgent;
}

void fst_uplink_put(struct fst_uplink *uplink, struct fst_msg *msg)
{
    if (msg->type != FST_MSG_RESULTS) {
        fst_uplink_flush(uplink);
        uplink->send(uplink->user, msg);
        fst_msg_free(msg);
        return;
    }
    if (gather(uplink, msg) || uplink->results.count >= RESULTS_MAX) {
        fst_uplink_flush(uplink);
    } else if (!uplink->timing) {
        uplink->timing = true;
        fst_timer_set(uplink->timer, GATHER_NS);
    }
}

void fst_uplink_acked(struct fst_uplink *uplink, uint64_t seq)
{
    if (seq > uplink->acked && seq <= uplink->seq)
        uplink->acked = seq;
}

bool fst_uplink_full(const struct fst_uplink *uplink)
{
    return uplink->seq - uplink->acked >= UNACKED_MAX;
}

bool fst_uplink_empty(const struct fst_uplink *uplink)
{
    return !uplink->kept.count && uplink->seq == uplink->acked;
}
