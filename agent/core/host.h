/* The host: one process beside the workers in which xdist's controller hooks
 * run (docs/worker.md), a pytest session without tests. Inside agent/core; see
 * agent.h. Pure.
 *
 * Most agents have none. The first worker that finds such hooks says so once
 * its conftest files are loaded, and waits; whatever other workers there are
 * end, then the host is started. Where it finds them only in pytest_configure
 * it ends as well and comes again. From then on each new worker waits for its
 * NODE: what the host's pytest_configure_node made. The host hears of each
 * worker's end, finishes when no worker will come any more, and ends with a
 * SUMMARY. Where it dies the run goes on without it, and says so.
 *
 * To events and effects it is a worker with the index behind the slots'. */
#ifndef FST_AGENT_CORE_HOST_H
#define FST_AGENT_CORE_HOST_H

#include "agent/core/agent.h"
#include "agent/core/slot.h"

struct fst_step;

enum fst_host_stage {
    FST_HOST_NONE,
    FST_HOST_WANTED,    /* workers from before have to end first */
    FST_HOST_STARTING,  /* the process runs */
    FST_HOST_UP,        /* it said STATE up */
    FST_HOST_FINISHING, /* it was told DRAIN */
    FST_HOST_ENDED,
};

struct fst_host_node {        /* one slot's worker, as the host sees it */
    bool before;              /* it is older than the wish for a host */
    bool waits;               /* for its NODE */
    bool configured;          /* it has got it */
    int64_t wanted_ns;        /* since when it can do nothing else; 0: it can */
    uint32_t asked, answered; /* of the slot's workers */
    char *output;             /* its workeroutput, or NULL */
};

struct fst_host {
    enum fst_host_stage stage;
    struct fst_host_node *nodes; /* one a slot */
    bool ended_well;             /* it said BYE */
    bool quiet; /* why it ends is known: it said so, or was killed */
};

/* Where one is wanted and no worker is there yet. */
void fst_host_start(struct fst_step *step);
/* slot's worker waits for its NODE; has found the hooks too late for that. */
void fst_host_on_wanted(struct fst_step *step, struct fst_slot *slot);
void fst_host_want(struct fst_step *step, struct fst_slot *slot);
/* A worker is started for slot; true: it is to wait for NODE. */
bool fst_host_on_spawn(struct fst_step *step, size_t slot);
/* The slot's worker is configured; has told its output; has ended. */
void fst_host_on_up(struct fst_step *step, const struct fst_slot *slot);
void fst_host_on_output(struct fst_step *step, const struct fst_slot *slot,
                        const struct fst_node *output);
void fst_host_on_end(struct fst_step *step, const struct fst_slot *slot,
                     const struct fst_worker_end *end);
/* What happens to the host itself. Other events mean nothing. */
void fst_host_step(struct fst_step *step, const struct fst_agent_event *event);
/* No worker will come any more. True: nor will anything of the host. */
bool fst_host_finish(struct fst_step *step);
void fst_host_kill(struct fst_step *step);

#endif
