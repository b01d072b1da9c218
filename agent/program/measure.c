#include "agent/program/measure.h"

#include "agent/pool/memory.h"
#include "agent/program/steps.h"

/* Takes a hundredth of our time at most. */
enum { MEASURE_SHARE = 100 };
#define MEASURE_NS INT64_C(250000000)
#define MEASURE_SOON_NS INT64_C(100000000) /* with half of the bound in use */

/* One reading, told to the agent. True: half of the bound is in use. */
static bool measure(struct fst_program *program)
{
    struct fst_session *session = &program->session;
    size_t n = session->n_places;
    struct fst_arena arena = {0};
    int64_t *pids = fst_arena_array(&arena, n, sizeof *pids);
    int64_t *sizes = fst_arena_array(&arena, n, sizeof *sizes);
    uint32_t *doing = fst_arena_array(&arena, n, sizeof *doing);
    const char **names = fst_arena_array(&arena, n, sizeof *names);
    struct fst_memory_reading reading = {
        .bound = program->memory_bound,
        .sizes = sizes,
        .doing = doing,
        .names = names,
    };
    for (size_t i = 0; i < n; i++) {
        struct fst_page_status status = {.name = ""};
        const struct fst_proc *proc = session->places[i].proc;
        pids[i] = proc ? fst_proc_pid(proc) : 0;
        if (proc)
            fst_proc_look(proc, &arena, &status);
        doing[i] = status.doing;
        names[i] = status.name;
    }
    fst_memory_measure(pids, n, reading.bound / 2, sizes, &reading.total);
    /* Others use memory too. */
    int64_t left = fst_memory_left(program->system_root);
    if (left < INT64_MAX - reading.total &&
        reading.total + left < reading.bound)
        reading.bound = reading.total + left;
    fst_program_step(program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_MEMORY,
                                               .reading = &reading});
    bool soon = reading.total > reading.bound / 2;
    fst_arena_release(&arena);
    return soon;
}

void fst_measure_on_timer(void *user)
{
    struct fst_program *program = user;
    if (program->session.over)
        return;
    int64_t start = fst_loop_now_ns(&program->loop);
    int64_t delay = measure(program) ? MEASURE_SOON_NS : MEASURE_NS;
    int64_t took = fst_loop_now_ns(&program->loop) - start;
    if (delay < took * MEASURE_SHARE)
        delay = took * MEASURE_SHARE;
    if (!program->session.over)
        fst_timer_set(program->measure, delay);
}

void fst_measure_start(struct fst_program *program)
{
    fst_timer_set(program->measure, MEASURE_NS);
}
