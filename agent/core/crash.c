#include "agent/core/crash.h"

#include <string.h>

static const char *const phase_names[] = {"setup", "call", "teardown"};
enum { PHASES = 3 };

const char *fst_crash_how(struct fst_arena *arena, int status)
{
    if (status >= 0)
        return fst_arena_printf(arena, "exited with status %d", status);
    const char *name = sigabbrev_np(-status);
    if (name)
        return fst_arena_printf(arena, "killed by SIG%s", name);
    return fst_arena_printf(arena, "killed by signal %d", -status);
}

const char *fst_crash_head(struct fst_arena *arena, uint32_t slot,
                           const struct fst_worker_end *end, bool ready,
                           bool between)
{
    const char *how = fst_crash_how(arena, end->status);
    if (end->why)
        return fst_arena_printf(arena, "worker 'gw%u' was killed: %s", slot,
                                end->why);
    if (!ready)
        return fst_arena_printf(
            arena, "worker 'gw%u' ended before it was ready: %s", slot, how);
    switch (end->doing) {
    case FST_DOING_COLLECTING:
        return fst_arena_printf(
            arena, "worker 'gw%u' crashed while collecting '%s': %s", slot,
            end->name, how);
    case FST_DOING_TESTING:
        if (between)
            return fst_arena_printf(arena,
                                    "worker 'gw%u' crashed after '%s': %s",
                                    slot, end->name, how);
        return fst_arena_printf(
            arena, "worker 'gw%u' crashed while running '%s': %s during %s",
            slot, end->name, how,
            phase_names[end->phase < PHASES ? end->phase : 1]);
    case FST_DOING_FINISHING:
        return fst_arena_printf(
            arena, "worker 'gw%u' crashed while its session ended: %s", slot,
            how);
    default:
        return fst_arena_printf(
            arena, "worker 'gw%u' crashed while it was idle: %s", slot, how);
    }
}

const char *fst_crash_text(struct fst_arena *arena, const char *head,
                           const struct fst_worker_end *end)
{
    if (!*end->tail)
        return head;
    return fst_arena_printf(arena, "%s\n%s", head, end->tail);
}

/* As pytest's headline names a test: "TestA.test_b[x::y]" for
 * "a.py::TestA::test_b[x::y]". */
static const char *make_title(struct fst_arena *arena, const char *id)
{
    const char *at = strstr(id, "::");
    if (!at)
        return id;
    char *title = fst_arena_str(arena, at + 2), *to = title;
    for (const char *from = title; *from; from++) {
        if (*from == '[') {
            memmove(to, from, strlen(from) + 1);
            return title;
        }
        bool joint = from[0] == ':' && from[1] == ':';
        *to++ = joint ? '.' : *from;
        from += joint;
    }
    *to = '\0';
    return title;
}

void fst_crash_result(struct fst_arena *arena, uint32_t slot,
                      const struct fst_worker_end *end,
                      struct fst_result *result)
{
    const char *head = fst_crash_head(arena, slot, end, true, false);
    struct fst_phase *phase = fst_arena_alloc(arena, sizeof *phase);
    phase->when = phase_names[end->phase < PHASES ? end->phase : 1];
    phase->outcome = FST_FAILED;
    phase->title = make_title(arena, end->name);
    phase->longrepr = fst_crash_text(arena, head, end);
    phase->message = head;
    *result = (struct fst_result){
        .lease = end->lease,
        .slot = slot,
        .id = end->name,
        .outcome = FST_FAILED,
        .crashed = true,
        .start_s = end->start_s,
        .pid = end->pid,
        .phases = phase,
        .n_phases = 1,
    };
}
