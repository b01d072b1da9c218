/* Lists are counted in rounds, one from each mark to the next. Messages wait in
 * the order in which they were sent. */
#include "coordinator/cli/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "shared/base/mem.h"
#include "shared/base/vec.h"

struct listed {
    UT_hash_handle hh;
    uint64_t round;
    char file[];
};

struct waiting {
    struct fst_agent_id agent;
    struct fst_msg *msg;
    uint64_t round; /* goes out when that one is kept */
};

struct fst_outbox {
    void (*send)(void *user, struct fst_agent_id agent, struct fst_msg *msg);
    void *user;
    uint64_t round; /* of lists that come now */
    struct listed *lists;
    FST_VEC(struct waiting) waiting;
};

struct fst_outbox *fst_outbox_new(void (*send)(void *user,
                                               struct fst_agent_id agent,
                                               struct fst_msg *msg),
                                  void *user)
{
    struct fst_outbox *outbox = fst_alloc(sizeof *outbox);
    outbox->send = send;
    outbox->user = user;
    outbox->round = 1;
    return outbox;
}

/* Those of rounds before this one. */
static void forget_lists(struct fst_outbox *outbox, uint64_t round)
{
    struct listed *listed, *next;
    HASH_ITER (hh, outbox->lists, listed, next) {
        if (listed->round >= round)
            continue;
        HASH_DEL(outbox->lists, listed);
        free(listed);
    }
}

void fst_outbox_free(struct fst_outbox *outbox)
{
    if (!outbox)
        return;
    forget_lists(outbox, UINT64_MAX);
    for (size_t i = 0; i < outbox->waiting.count; i++)
        fst_msg_free(outbox->waiting.items[i].msg);
    fst_vec_free(&outbox->waiting);
    free(outbox);
}

static struct listed *find_list(const struct fst_outbox *outbox,
                                const char *file)
{
    struct listed *listed;
    HASH_FIND_STR(outbox->lists, file, listed);
    return listed;
}

void fst_outbox_listed(struct fst_outbox *outbox, const char *file)
{
    struct listed *listed = find_list(outbox, file);
    if (!listed) {
        size_t len = strlen(file);
        listed = fst_alloc(sizeof *listed + len + 1);
        memcpy(listed->file, file, len + 1);
        HASH_ADD_KEYPTR(hh, outbox->lists, listed->file, len, listed);
    }
    listed->round = outbox->round;
}

/* Its round; 0: all are kept. */
static uint64_t newest_list(const struct fst_outbox *outbox)
{
    uint64_t round = 0;
    struct listed *listed, *next;
    HASH_ITER (hh, outbox->lists, listed, next) {
        if (listed->round > round)
            round = listed->round;
    }
    return round;
}

/* The round after which it may go; 0: now. */
static uint64_t round_of(const struct fst_outbox *outbox,
                         struct fst_agent_id agent, const struct fst_msg *msg)
{
    const struct listed *listed =
        msg->type == FST_MSG_LEASE ? find_list(outbox, msg->lease.file) : NULL;
    uint64_t round = listed ? listed->round : 0;
    if (msg->type == FST_MSG_REVOKE)
        round = newest_list(outbox);
    for (size_t i = 0; i < outbox->waiting.count; i++) {
        const struct waiting *waiting = &outbox->waiting.items[i];
        if (waiting->agent.v == agent.v && waiting->round > round)
            round = waiting->round;
    }
    return round;
}

void fst_outbox_send(struct fst_outbox *outbox, struct fst_agent_id agent,
                     struct fst_msg *msg)
{
    uint64_t round = round_of(outbox, agent, msg);
    if (round) {
        fst_vec_add(&outbox->waiting, ((struct waiting){agent, msg, round}));
        return;
    }
    outbox->send(outbox->user, agent, msg);
    fst_msg_free(msg);
}

bool fst_outbox_waits(const struct fst_outbox *outbox)
{
    return outbox->waiting.count > 0;
}

void fst_outbox_mark(struct fst_outbox *outbox)
{
    outbox->round++;
}

/* The first that waits for a round before this one; false: none does. */
static bool take_due(struct fst_outbox *outbox, uint64_t round,
                     struct waiting *due)
{
    struct waiting *all = outbox->waiting.items;
    size_t i = 0, count = outbox->waiting.count;
    while (i < count && all[i].round >= round)
        i++;
    if (i == count)
        return false;
    *due = all[i];
    memmove(all + i, all + i + 1, (count - i - 1) * sizeof *all);
    outbox->waiting.count--;
    return true;
}

/* One by one: who hears of a message may act, and what it sends then is behind
 * those that still wait. */
void fst_outbox_kept(struct fst_outbox *outbox)
{
    uint64_t round = outbox->round;
    struct waiting due;
    forget_lists(outbox, round);
    while (take_due(outbox, round, &due)) {
        outbox->send(outbox->user, due.agent, due.msg);
        fst_msg_free(due.msg);
    }
}
