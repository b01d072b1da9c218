#include "agent/core/crash.h"

#include <string.h>

static const char *const phase_names[] = {"setup", "call", "teardown"};
enum { PHASES = 3 };

const char *fst_crash_how(struct fst_arena *arena,
                          const struct fst_worker_end *end)
{
    int status = end->status;
    if (status >= 0)
        return fst_arena_printf(arena, "exited with status %d", status);
    const char *name = sigabbrev_np(-status);
    if (end->oom)
        return fst_arena_printf(arena, "killed by SIGKILL: out of memory (%s)",
                                end->oom);
    if (name)
        return fst_arena_printf(arena, "killed by SIG%s", name);
    return fst_arena_printf(arena, "killed by signal %d", -status);
}

const char *fst_crash_head(struct fst_arena *arena, uint32_t slot,
                           const struct fst_worker_end *end, bool ready,
                           bool between)
{
    const char *how = fst_crash_how(arena, end);
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

/* As pytest names what it captured. */
static void add_sections(struct fst_arena *arena, struct fst_phase *phase,
                         const struct fst_worker_end *end)
{
    const char *texts[] = {end->out, end->err};
    static const char *const names[] = {"stdout", "stderr"};
    phase->sections = fst_arena_alloc(arena, 2 * sizeof *phase->sections);
    for (size_t i = 0; i < 2; i++)
        if (texts[i] && *texts[i])
            phase->sections[phase->n_sections++] = (struct fst_section){
                .name = fst_arena_printf(arena, "Captured %s %s", names[i],
                                         phase->when),
                .text = texts[i]};
}

static void make_result(struct fst_arena *arena, uint32_t slot,
                        const char *head, const struct fst_worker_end *end,
                        const struct fst_result *of, const char *when,
                        struct fst_result *result)
{
    struct fst_phase *phase = fst_arena_alloc(arena, sizeof *phase);
    *phase = (struct fst_phase){
        .when = when,
        .outcome = of->outcome,
        .title = make_title(arena, of->id),
        .longrepr = fst_crash_text(arena, head, end),
        .message = head,
    };
    add_sections(arena, phase, end);
    *result = *of;
    result->slot = slot;
    result->pid = end->pid;
    result->phases = phase;
    result->n_phases = 1;
}

void fst_crash_result(struct fst_arena *arena, uint32_t slot, const char *head,
                      const struct fst_worker_end *end,
                      struct fst_result *result)
{
    const struct fst_result of = {
        .lease = end->lease,
        .id = end->name,
        .outcome = FST_FAILED,
        .crashed = true,
        .start_s = end->start_s,
    };
    make_result(arena, slot, head, end, &of,
                phase_names[end->phase < PHASES ? end->phase : 1], result);
}

void fst_crash_amend(struct fst_arena *arena, uint32_t slot, const char *head,
                     const struct fst_worker_end *end, const char *id,
                     uint64_t lease, struct fst_result *result)
{
    const struct fst_result of = {
        .lease = lease, .id = id, .outcome = FST_ERROR, .amend = true};
    make_result(arena, slot, head, end, &of, phase_names[2], result);
}
