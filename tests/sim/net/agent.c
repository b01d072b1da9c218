/* An agent's process from its start to its end, again and again: what main.c
 * of the agent does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pool/environment.h"
#include "agent/program/compare.h"
#include "agent/program/dialog.h"
#include "agent/program/measure.h"
#include "agent/program/steps.h"
#include "agent/program/workers.h"
#include "tests/sim/net/world.h"

static void on_tick(void *user)
{
    fst_program_step(user,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_TICK});
}

/* ---- measure.c: its workers have about what they may have, or far less. What
 * was paused, for want of a process too, is resumed by a reading. */

void fst_measure_start(struct fst_program *program)
{
    const struct world *world = world_of(&program->loop);
    if (world->scarce || world->lacking)
        fst_timer_set(program->measure, SECOND / 4);
}

void fst_measure_on_timer(void *user)
{
    struct fst_program *program = user;
    struct fst_session *session = &program->session;
    struct fst_arena arena = {0};
    size_t n = session->n_places;
    int64_t *sizes = fst_arena_array(&arena, n, sizeof *sizes);
    uint32_t *doing = fst_arena_array(&arena, n, sizeof *doing);
    const char **names = fst_arena_array(&arena, n, sizeof *names);
    struct fst_memory_reading reading = {
        .bound = world_of(&program->loop)->scarce ? 2500 : 1000000,
        .sizes = sizes,
        .doing = doing,
        .names = names};
    for (size_t i = 0; i < n; i++) {
        struct fst_page_status status = {.name = ""};
        if (session->places[i].proc) {
            fst_proc_look(session->places[i].proc, &arena, &status);
            sizes[i] = proc_size(session->places[i].proc);
        }
        doing[i] = status.doing;
        names[i] = status.name;
        reading.total += sizes[i];
    }
    fst_program_step(program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_MEMORY,
                                               .reading = &reading});
    fst_arena_release(&arena);
    if (!session->over)
        fst_timer_set(program->measure, SECOND / 4);
}

/* ---- life */

static void free_session(struct fst_program *program)
{
    struct fst_session *session = &program->session;
    struct agent *agent = (struct agent *)process_of(&program->loop);
    if (session->agent && !fst_agent_is_done(session->agent))
        watch_session_lost(agent->process.world);
    if (session->agent && !agent->process.dead)
        watch_parted(agent);
    watch_forget(agent);
    for (size_t i = 0; i < session->n_places; i++) {
        fst_proc_free(session->places[i].proc);
        fst_strings_clear(&session->places[i].env);
    }
    free(session->places);
    fst_agent_free(session->agent);
    fst_compare_free(session->compare);
    if (session->conn)
        fst_conn_close(session->conn);
    fst_msg_free(session->welcome);
    free(session->cwd);
    free(session->id);
    *session = (struct fst_session){0};
}

static void on_end(void *user)
{
    struct fst_program *program = user;
    struct agent *agent = (struct agent *)process_of(&program->loop);
    struct fst_err err;
    world_trace(agent->process.world, "%s: its session has ended: %d",
                agent->name, program->session.status);
    fst_timer_clear(program->tick);
    fst_timer_clear(program->silence);
    fst_timer_clear(program->measure);
    fst_timer_clear(program->parting);
    free_session(program);
    if (program->told_to_leave) {
        agent->process.dead = true;
        fst_timer_set(agent->again, 0);
        return;
    }
    FST_ASSERT(!fst_program_dial(program, &err));
}

static void free_program(struct agent *agent)
{
    struct fst_program *program = &agent->program;
    free_session(program);
    net_die(&agent->process);
    net_free(agent->process.net);
    fst_timer_free(program->tick);
    fst_timer_free(program->end);
    fst_timer_free(program->silence);
    fst_timer_free(program->parting);
    fst_timer_free(program->measure);
    fst_agent_effects_release(&program->effects);
    agent->process.net = program->net = NULL;
    program->tick = program->end = program->silence = NULL;
    program->parting = program->measure = NULL;
}

/* It has died, and is started anew. */
static void on_again(void *user)
{
    struct agent *agent = user;
    struct world *world = agent->process.world;
    if (agent->process.net) {
        free_program(agent);
        fst_timer_set(agent->again, clock_random(world, 2 * SECOND));
        return;
    }
    agent_start(agent);
}

void agent_init(struct agent *agent, struct world *world, uint32_t index)
{
    agent->index = index;
    snprintf(agent->name, sizeof agent->name, "agent %u", index);
    agent->process = (struct process){.world = world, .name = agent->name};
    agent->n_slots = 1 + rng_below(&world->rng, 3);
    agent->again = fst_timer_new(&world->outside_loop, on_again, agent);
    fst_timer_set(agent->again, clock_random(world, SECOND / 2));
}

void agent_start(struct agent *agent)
{
    static char root[] = "/", token[] = "the token of this farm",
                url[] = "tcp://127.0.0.1:7000";
    struct fst_program *program = &agent->program;
    struct fst_err err;
    world_trace(agent->process.world, "%s starts", agent->name);
    agent->process.dead = false;
    agent->process.net = fst_alloc(sizeof *agent->process.net);
    agent->process.net->process = &agent->process;
    *program = (struct fst_program){
        .settings = {.connect = url,
                     .workers = (int)agent->n_slots,
                     .name = agent->name,
                     .retry_s = -1,
                     .dead_after_s = 15},
        .net = agent->process.net,
        .root = root,
        .token = token,
        .remote = true,
    };
    program->loop.uv.data = &agent->process;
    program->tick = fst_timer_new(&program->loop, on_tick, program);
    program->end = fst_timer_new(&program->loop, on_end, program);
    program->measure =
        fst_timer_new(&program->loop, fst_measure_on_timer, program);
    program->silence =
        fst_timer_new(&program->loop, fst_program_on_silence, program);
    program->parting =
        fst_timer_new(&program->loop, fst_program_on_parting, program);
    FST_ASSERT(!fst_program_dial(program, &err));
}

void agent_crash(struct agent *agent)
{
    if (!agent->process.net || agent->process.dead)
        return;
    world_trace(agent->process.world, "%s dies", agent->name);
    agent->process.dead = true;
    fst_timer_set(agent->again, 0);
}

void agent_leave(struct agent *agent)
{
    struct fst_program *program = &agent->program;
    if (!agent->process.net || agent->process.dead || program->told_to_leave)
        return;
    world_trace(agent->process.world, "%s is to leave", agent->name);
    program->told_to_leave = true;
    if (!program->session.agent)
        fst_program_end_session(program, 0);
    else
        fst_program_step(program,
                         &(struct fst_agent_event){.type = FST_AGENT_EV_LEAVE});
}

void agent_release(struct agent *agent)
{
    if (agent->process.net)
        free_program(agent);
    fst_timer_free(agent->again);
    fst_vec_free(&agent->batches);
}
