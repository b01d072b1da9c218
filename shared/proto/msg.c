#include "shared/proto/msg.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"

const char *const fst_outcome_names[FST_OUTCOMES + 1] = {
    "passed", "skipped", "xfailed", "xpassed", "failed", "error", "absent"};

struct fst_msg *fst_msg_new(enum fst_msg_type type)
{
    struct fst_msg *msg = fst_alloc(sizeof *msg);
    msg->type = type;
    return msg;
}

void fst_msg_free(struct fst_msg *msg)
{
    if (!msg)
        return;
    fst_arena_release(&msg->arena);
    free(msg);
}
