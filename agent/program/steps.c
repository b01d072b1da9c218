#include "agent/program/steps.h"

#include <stdlib.h>

#include "agent/program/dialog.h"
#include "agent/program/workers.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"

static void read_workers(struct fst_session *session, bool on)
{
    session->unread = !on;
    for (size_t i = 0; i < session->n_places; i++)
        if (session->places[i].proc)
            fst_proc_read(session->places[i].proc, on);
}

static void carry_out_one(struct fst_program *program,
                          const struct fst_agent_effect *effect)
{
    struct fst_session *session = &program->session;
    struct fst_place *place = &session->places[effect->slot];
    switch (effect->type) {
    case FST_AGENT_SEND:
        fst_program_send_effect(program, effect);
        break;
    case FST_AGENT_SPAWN:
        fst_workers_start(place, effect->waits);
        break;
    case FST_AGENT_TELL:
        if (place->proc)
            fst_proc_tell(place->proc, effect->msg);
        break;
    case FST_AGENT_LOOK:
        place->look = true;
        break;
    case FST_AGENT_SWEEP:
        session->sweep = true;
        break;
    case FST_AGENT_ASK:
        if (place->proc)
            fst_proc_ask_stacks(place->proc);
        break;
    case FST_AGENT_TERMINATE:
        if (place->proc)
            fst_proc_terminate(place->proc);
        break;
    case FST_AGENT_INTERRUPT:
        if (place->proc)
            fst_proc_interrupt(place->proc);
        break;
    case FST_AGENT_KILL:
        if (place->proc)
            fst_proc_kill(place->proc, effect->why);
        break;
    case FST_AGENT_KILL_STUCK:
        if (place->proc &&
            fst_proc_is_stuck(place->proc, FST_AGENT_FINISH_NS / FST_SECOND_NS))
            fst_proc_kill(place->proc, "its session did not come to an end");
        break;
    case FST_AGENT_PAUSE:
    case FST_AGENT_RESUME:
        read_workers(session, effect->type == FST_AGENT_RESUME);
        break;
    case FST_AGENT_OVER:
        if (effect->why)
            fst_error("%s", effect->why);
        fst_program_end_session(program, effect->exit_code);
        break;
    }
}

/* Answers FST_AGENT_SWEEP. */
static void sweep(struct fst_program *program)
{
    struct fst_leftovers found = {0};
    struct fst_arena arena = {0};
    fst_workers_end_leftovers(program, &arena, &found);
    size_t n = found.list.count;
    struct fst_warning *warnings = fst_calloc(n + 1, sizeof *warnings);
    for (size_t i = 0; i < n; i++)
        warnings[i] = (struct fst_warning){
            .message = fst_leftover_line(&found.list.items[i], &arena),
            .category = "FastestWarning",
            .nodeid = found.list.items[i].test,
        };
    fst_program_step(program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_SWEPT,
                                               .warnings = warnings,
                                               .n_warnings = n});
    free(warnings);
    fst_vec_free(&found.list);
    fst_arena_release(&arena);
}

/* Answers FST_AGENT_LOOK. */
static void look_at(struct fst_place *place)
{
    struct fst_page_status status;
    struct fst_arena arena = {0};
    if (!place->proc)
        return;
    fst_proc_look(place->proc, &arena, &status);
    const struct fst_worker_end seen = {
        .doing = status.doing,
        .phase = status.phase,
        .name = status.name,
        .lease = status.lease,
        .start_s = status.start_s,
    };
    fst_program_step(place->program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_SEEN,
                                               .slot = place->index,
                                               .end = &seen});
    fst_arena_release(&arena);
}

static void set_tick(struct fst_program *program)
{
    int64_t deadline = fst_agent_deadline(program->session.agent);
    if (deadline == INT64_MAX)
        fst_timer_clear(program->tick);
    else
        fst_timer_set(program->tick,
                      deadline - fst_loop_now_ns(&program->loop));
}

void fst_program_step(struct fst_program *program,
                      const struct fst_agent_event *event)
{
    struct fst_session *session = &program->session;
    struct fst_err err;
    if (session->over) {
        fst_msg_free(event->msg);
        return;
    }
    int result =
        fst_agent_step(session->agent, event, fst_loop_now_ns(&program->loop),
                       &program->effects, &err);
    for (size_t i = 0; i < program->effects.list.count; i++)
        carry_out_one(program, &program->effects.list.items[i]);
    fst_agent_effects_clear(&program->effects);
    if (result) {
        fst_error("the coordinator broke the protocol: %s", err.msg);
        fst_program_end_session(program, FST_AGENT_EXIT_NO_USE);
    }
    for (size_t i = 0; i < session->n_places; i++) {
        char *why = session->places[i].why_not;
        session->places[i].why_not = NULL;
        if (why)
            fst_program_step(program,
                             &(struct fst_agent_event){
                                 .type = FST_AGENT_EV_NOT_STARTED,
                                 .slot = i,
                                 .why = why,
                                 .lacking = session->places[i].lacking});
        free(why);
        bool look = session->places[i].look;
        session->places[i].look = false;
        if (look)
            look_at(&session->places[i]);
    }
    bool wants_sweep = session->sweep;
    session->sweep = false;
    if (wants_sweep)
        sweep(program);
    if (!session->linked && !session->over && fst_agent_is_done(session->agent))
        fst_program_part(program);
    set_tick(program);
}
