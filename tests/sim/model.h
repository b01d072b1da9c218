/* What a model worker finds in files and makes of its leases: lists, results,
 * what it gives back. When it does so, and how it ends, is said elsewhere
 * (worker.c; net/proc.c): no time and no chance here. */
#ifndef FST_SIM_MODEL_H
#define FST_SIM_MODEL_H

#include "shared/base/vec.h"
#include "tests/sim/suite.h"

struct lease {
    struct fst_msg *msg; /* LEASE or LIST */
    struct model_file *file;
    bool opened, restarted;
    size_t *tests; /* to be run, in order */
    size_t n_tests, next;
    struct fst_strs revoked; /* before it was opened; in msg's arena */
    struct lease *prev, *next_lease;
};

struct said_result {
    uint64_t lease;
    char id[128];
    enum fst_outcome outcome;
    bool amend, crashed;
    double seconds;
};

struct model { /* a slot's worker, one after the other */
    const struct suite *suite;
    uint32_t slot;   /* its gwN */
    uint32_t worker; /* which one it is, of all that there were */
    struct lease *leases;
    bool used;                           /* has run a test */
    bool *opened;                        /* by file */
    bool **ran;                          /* by file and test */
    FST_VEC(struct said_result) results; /* not yet sent */
    FST_VEC(struct said_result) amends;
    struct said_result last; /* that was sent */
};

void model_init(struct model *model, const struct suite *suite, uint32_t slot);
void model_release(struct model *model);
/* Another process begins; leases stay. */
void model_forget(struct model *model);
bool model_has_opened_any(const struct model *model);

/* Takes a LEASE or LIST. */
struct lease *model_take(struct model *model, struct fst_msg *msg);
void model_drop(struct model *model, struct lease *lease);
struct lease *model_find(const struct model *model, uint64_t id);
uint64_t model_id(const struct lease *lease);

/* The lease's file is open (a LEASE only): COLLECTED. What it can't run is
 * among the results, as absent. */
struct fst_msg *model_collect(struct model *model, struct lease *lease);
/* The answer to a LIST. */
struct fst_msg *model_list(const struct model *model,
                           const struct lease *lease);
/* The id of the test that is next. */
void model_next_id(const struct model *model, const struct lease *lease,
                   char *id, size_t size);
/* It has run: adds its result, if it is to be told, and what its tear-down says
 * later. */
void model_run(struct model *model, struct lease *lease);
void model_add(struct model *model, const struct lease *lease, const char *id,
               enum fst_outcome outcome);
/* The later ones are to be sent, too. */
void model_amend(struct model *model);
/* RESULTS with all that wasn't sent; NULL: nothing. */
struct fst_msg *model_results(struct model *model);

/* Answers to REVOKE. Opened: what has not begun; running: its next test is
 * under way. Not opened: by name; where none is named, `rest` or nothing. */
struct fst_msg *model_revoke_opened(struct model *model, struct lease *lease,
                                    const struct fst_revoke *what,
                                    bool running);
struct fst_msg *model_revoke_named(struct model *model, struct lease *lease,
                                   const struct fst_revoke *what);
struct fst_msg *model_revoked(const struct model *model, uint64_t lease,
                              bool rest);

#endif
