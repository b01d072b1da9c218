/* What a world has not: zygotes, processes left behind, files and versions that
 * differ. */
#include "agent/program/zygotes.h"
#include "shared/config/cpus.h"
#include "shared/loop/ask.h"
#include "shared/loop/leftovers.h"
#include "tests/sim/net/world.h"

/* ---- of an agent */

struct fst_zygote *fst_zygotes_find(struct fst_place *place)
{
    (void)place;
    return NULL;
}

int64_t fst_zygote_pid(const struct fst_zygote *zygote)
{
    (void)zygote;
    return 0;
}

void fst_leftovers_end(const int64_t *known, size_t n_known,
                       struct fst_arena *arena, struct fst_leftovers *found)
{
    (void)known;
    (void)n_known;
    (void)arena;
    (void)found;
}

const char *fst_leftover_line(const struct fst_leftover *leftover,
                              struct fst_arena *arena)
{
    (void)leftover;
    (void)arena;
    return "";
}

int fst_cpus_available(void)
{
    return 1;
}

void fst_ask_versions(const char *python, struct fst_versions *versions)
{
    (void)python;
    *versions = (struct fst_versions){.python = "3.11.2", .pytest = "7.2.1"};
}

/* ---- of a coordinator: who may join; everyone */

const char *fst_admit_versions(struct fst_admit *admit,
                               const struct fst_proof *proof,
                               struct fst_buf *why)
{
    (void)admit;
    (void)proof;
    (void)why;
    return NULL;
}

struct fst_msg *fst_admit_offer(const struct fst_admit *admit)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CHECKOUT);
    (void)admit;
    msg->checkout.digest = "all the same";
    return msg;
}

enum fst_admit_says fst_admit_answer(const struct fst_admit *admit,
                                     const struct fst_checkout *answer,
                                     struct fst_msg **reply,
                                     struct fst_buf *why)
{
    (void)admit;
    (void)answer;
    (void)reply;
    (void)why;
    return FST_ADMIT_SAME;
}
