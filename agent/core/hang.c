#include "agent/core/hang.h"

#include <stdlib.h>

#include "shared/base/mem.h"

#define SECOND 1e9

void fst_hang_release(struct fst_hang *hang)
{
    free(hang->name);
    hang->name = NULL;
}

void fst_hang_stop(struct fst_hang *hang)
{
    hang->stage = FST_HANG_OFF;
    hang->at_ns = INT64_MAX;
}

static void watch(struct fst_hang *hang, int64_t in_ns, int64_t now_ns)
{
    hang->stage = FST_HANG_WATCHING;
    if (in_ns > hang->limit_ns)
        in_ns = hang->limit_ns;
    if (in_ns < FST_HANG_AGAIN_NS)
        in_ns = FST_HANG_AGAIN_NS;
    hang->at_ns = now_ns + in_ns;
}

void fst_hang_start(struct fst_hang *hang, int64_t limit_ns, int64_t now_ns)
{
    fst_hang_stop(hang);
    hang->limit_ns = limit_ns;
    if (limit_ns)
        watch(hang, limit_ns, now_ns);
}

enum fst_hang_stage fst_hang_tick(struct fst_hang *hang, int64_t now_ns)
{
    switch (hang->stage) {
    case FST_HANG_ASKED:
        hang->stage = FST_HANG_TERMINATED;
        hang->at_ns = now_ns + FST_HANG_TERMINATE_NS;
        return hang->stage;
    case FST_HANG_TERMINATED:
        hang->stage = FST_HANG_KILLED;
        hang->at_ns = INT64_MAX;
        return hang->stage;
    default:
        hang->at_ns = INT64_MAX; /* until the look is answered */
        return FST_HANG_WATCHING;
    }
}

static int64_t limit_of(const struct fst_hang *hang, uint32_t doing)
{
    if (doing == FST_DOING_TESTING)
        return hang->limit_ns;
    if (doing == FST_DOING_COLLECTING)
        return hang->limit_ns * FST_HANG_COLLECTING;
    return INT64_MAX;
}

bool fst_hang_seen(struct fst_hang *hang, const struct fst_worker_end *seen,
                   int64_t now_ns)
{
    if (hang->stage != FST_HANG_WATCHING && hang->stage != FST_HANG_SUSPECTED)
        return false;
    int64_t limit_ns = limit_of(hang, seen->doing);
    double left = (double)limit_ns - ((double)now_ns - seen->start_s * SECOND);
    if (!(left <= 0)) { /* also of a page that makes no sense */
        int64_t most = hang->limit_ns;
        watch(hang, left < (double)most ? (int64_t)left : most, now_ns);
        return false;
    }
    bool again = hang->stage == FST_HANG_SUSPECTED &&
                 hang->start_s == seen->start_s && hang->doing == seen->doing;
    free(hang->name);
    hang->name = fst_strdup(seen->name);
    hang->doing = seen->doing;
    hang->phase = seen->phase;
    hang->start_s = seen->start_s;
    hang->lease = seen->lease;
    hang->stage = again ? FST_HANG_ASKED : FST_HANG_SUSPECTED;
    hang->answer_ns = now_ns + FST_HANG_ANSWER_NS;
    hang->at_ns = again ? hang->answer_ns : now_ns + FST_HANG_AGAIN_NS;
    return again;
}

void fst_hang_wrote(struct fst_hang *hang, int64_t now_ns)
{
    if (hang->stage != FST_HANG_ASKED)
        return;
    int64_t quiet_ns = now_ns + FST_HANG_QUIET_NS;
    hang->at_ns = quiet_ns < hang->answer_ns ? quiet_ns : hang->answer_ns;
}

bool fst_hang_is_condemned(const struct fst_hang *hang)
{
    return hang->stage >= FST_HANG_ASKED;
}

const char *fst_hang_head(const struct fst_hang *hang, struct fst_arena *arena,
                          bool between)
{
    static const char *const phases[] = {"setup", "call", "teardown"};
    double limit_s = (double)hang->limit_ns / SECOND;
    if (hang->doing == FST_DOING_COLLECTING)
        return fst_arena_printf(
            arena,
            "timeout: collecting '%s' took longer than %g s "
            "(%d times --test-timeout)",
            hang->name, limit_s * FST_HANG_COLLECTING, FST_HANG_COLLECTING);
    return fst_arena_printf(
        arena, "timeout: '%s' ran longer than %g s (--test-timeout) during %s",
        hang->name, limit_s,
        between ? phases[2] : phases[hang->phase < 3 ? hang->phase : 1]);
}
