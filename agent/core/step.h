/* A step of an agent, seen from its workers: what they say, how they end, and
 * what the coordinator hears of it. Inside agent/core; see agent.h. Pure. */
#ifndef FST_AGENT_CORE_STEP_H
#define FST_AGENT_CORE_STEP_H

#include "agent/core/agent.h"
#include "agent/core/batch.h"
#include "agent/core/host.h"
#include "agent/core/memory.h"
#include "agent/core/slot.h"
#include "shared/proto/codec.h"
#include "shared/proto/link.h"

struct fst_agent {
    struct fst_slot *slots;
    size_t n_slots;
    struct fst_batch batch;
    struct fst_link link; /* with the coordinator */
    struct fst_memory memory;
    int64_t test_limit_ns;  /* or 0 */
    int64_t drain_limit_ns; /* from told_leave on; or 0 */
    int64_t drain_ns;       /* when what runs is interrupted; or INT64_MAX */
    struct fst_host host;
    uint32_t failures; /* of the run, as the coordinator's DRAIN says */
    bool ever_up; /* a worker was: the interpreter and the options are good */
    bool leaving; /* no worker is started any more, no lease taken */
    bool told_leave;
    bool told_lacking; /* that a worker can't be started for now */
    bool told_sweep, swept;
    bool paused, said_bye, over;
    int exit_code;
    const char *why;
};

/* What a step works on. */
struct fst_step {
    struct fst_agent *agent;
    int64_t now_ns;
    struct fst_agent_effects *out;
    struct fst_err *err;
};

/* To the coordinator; msg is taken. */
void fst_step_send(struct fst_step *step, struct fst_msg *msg);
/* An effect that names no slot. */
void fst_step_effect(struct fst_step *step, enum fst_agent_effect_type type);
/* Sends the results that wait. */
void fst_step_flush(struct fst_step *step);
/* No worker will come any more; whatever the slot holds goes back. */
void fst_step_close(struct fst_step *step, struct fst_slot *slot);
/* Takes msg. */
void fst_step_said(struct fst_step *step, struct fst_slot *slot,
                   struct fst_msg *msg);
/* Lines that slot's worker has written. */
void fst_step_lines(struct fst_step *step, const struct fst_slot *slot,
                    const char *text);
void fst_step_not_started(struct fst_step *step, struct fst_slot *slot,
                          const struct fst_agent_event *event);
void fst_step_ended(struct fst_step *step, struct fst_slot *slot,
                    const struct fst_worker_end *end);

#endif
