#include "agent/program/workers.h"

#include "agent/pool/environment.h"
#include "agent/pool/log.h"
#include "agent/program/steps.h"
#include "agent/program/zygotes.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"

/* What pytest says before its session it writes to standard error, not to us.
 */
static void add_words(struct fst_proc *proc, struct fst_msg *msg)
{
    struct fst_state *state = &msg->state;
    if (msg->type != FST_MSG_STATE || state->state != FST_SLOT_FATAL ||
        (state->text && *state->text))
        return;
    state->text = fst_proc_tail(proc, &msg->arena, 0, FST_WORKER_LOG_KEPT);
    if (!*state->text)
        state->text = fst_arena_printf(
            &msg->arena, "pytest ended with status %u at its start",
            state->exit_code);
}

/* The local agent's coordinator says it. */
static void tell_fatal(const struct fst_program *program,
                       const struct fst_msg *msg)
{
    if (msg->type == FST_MSG_STATE && msg->state.state == FST_SLOT_FATAL &&
        program->session.welcome->welcome.grace_s > 0)
        fst_warn("no worker can start here: %s", msg->state.text);
}

static void on_worker_message(void *user, struct fst_proc *proc,
                              struct fst_msg *msg)
{
    struct fst_place *place = user;
    bool up = msg->type == FST_MSG_STATE && msg->state.state == FST_SLOT_UP;
    add_words(proc, msg);
    tell_fatal(place->program, msg);
    fst_program_step(place->program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_SAID,
                                               .slot = place->index,
                                               .msg = msg});
    if (up)
        fst_proc_let_go(proc);
}

static void on_worker_lines(void *user, struct fst_proc *proc, const char *text)
{
    struct fst_place *place = user;
    (void)proc;
    fst_program_step(place->program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_LINES,
                                               .slot = place->index,
                                               .text = text});
}

static void on_worker_output(void *user, struct fst_proc *proc,
                             const char *bytes, size_t len)
{
    struct fst_place *place = user;
    (void)bytes;
    (void)len;
    if (place->proc == proc) /* else it is ending */
        fst_program_step(place->program,
                         &(struct fst_agent_event){.type = FST_AGENT_EV_WROTE,
                                                   .slot = place->index});
}

static void on_worker_end(void *user, struct fst_proc *proc,
                          const struct fst_proc_end *end)
{
    struct fst_place *place = user;
    const struct fst_worker_end told = {
        .pid = end->pid,
        .status = end->status,
        .why = end->why,
        .doing = end->page.doing,
        .phase = end->page.phase,
        .name = end->page.name,
        .lease = end->page.lease,
        .start_s = end->page.start_s,
        .tail = end->tail,
        .out = end->out,
        .err = end->err,
        .oom = end->oom,
    };
    place->proc = NULL;
    fst_program_step(place->program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_ENDED,
                                               .slot = place->index,
                                               .end = &told});
    fst_proc_free(proc);
}

void fst_workers_start(struct fst_place *place, bool waits)
{
    static const struct fst_proc_events events = {
        on_worker_message, on_worker_output, on_worker_lines, on_worker_end};
    struct fst_program *program = place->program;
    /* The session keeps its own: a PROOF says its slots again. */
    struct fst_msg welcome = *program->session.welcome;
    struct fst_err err;
    struct fst_proc_spec spec = {
        .python = program->python,
        .program = program->script,
        .env = (const char *const *)place->env.items,
        .cwd = program->session.cwd,
        .oom = &program->oom,
        .zygote = fst_zygotes_find(place),
        .live = welcome.welcome.config.live && place->slot != FST_SLOT_OF_HOST,
        .events = &events,
        .user = place,
    };
    program->n_started++;
    place->proc = fst_proc_start(&program->loop, &spec, &err);
    if (!place->proc) {
        place->why_not = fst_strdup(err.msg);
        place->lacking = err.code == FST_E_LACKING;
        return;
    }
    bool host = place->slot == FST_SLOT_OF_HOST;
    if (!host) {
        welcome.welcome.slots = &place->slot;
        welcome.welcome.n_slots = 1;
    }
    welcome.welcome.host = host;
    welcome.welcome.node = waits;
    fst_proc_tell(place->proc, &welcome);
}

static bool is_busy(const struct fst_place *place)
{
    struct fst_page_status status;
    struct fst_arena arena = {0};
    fst_proc_look(place->proc, &arena, &status);
    fst_arena_release(&arena);
    return status.doing == FST_DOING_COLLECTING ||
           status.doing == FST_DOING_TESTING ||
           status.doing == FST_DOING_FINISHING;
}

void fst_workers_tell_busy(const struct fst_session *session,
                           struct fst_arena *arena, struct fst_ping *ping)
{
    if (!session->agent)
        return;
    ping->busy = fst_arena_alloc(arena, session->n_places * sizeof *ping->busy);
    for (size_t i = 0; i + 1 < session->n_places; i++) {
        const struct fst_place *place = &session->places[i];
        if (session->unread || (place->proc && is_busy(place)))
            ping->busy[ping->n_busy++] = place->slot;
    }
}

void fst_workers_end_leftovers(const struct fst_program *program,
                               struct fst_arena *arena,
                               struct fst_leftovers *found)
{
    int64_t known[FST_ZYGOTES_MOST];
    for (size_t i = 0; i < program->n_zygotes; i++)
        known[i] = fst_zygote_pid(program->zygotes[i]);
    fst_leftovers_end(known, program->n_zygotes, arena, found);
}
