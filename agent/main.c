/* fastest-agent: dials the coordinator, proves itself, and carries out what
 * the pure agent (agent/core) says with real workers (agent/pool).
 *
 * A session is one connection's: it begins with HELLO and ends with BYE, a
 * refusal, or the connection. What belongs to it is freed on a timer, never
 * from within a callback of what is to be freed. With --once the program ends
 * with it, else it dials anew. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/core/agent.h"
#include "agent/core/settings.h"
#include "agent/pool/environment.h"
#include "agent/pool/leftovers.h"
#include "agent/pool/log.h"
#include "agent/pool/memory.h"
#include "agent/pool/proc.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/config/cpus.h"
#include "shared/config/python.h"
#include "shared/net/conn.h"

extern char **environ;

enum { EXIT_NO_USE = 3, EXIT_REFUSED = 4, RANDOM_HEX = 33 };
#define SECOND_NS INT64_C(1000000000)

/* Zygotes in one session: one that died is replaced so often. */
enum { ZYGOTES_MOST = 4 };

struct place { /* a slot's worker */
    struct program *program;
    size_t index;
    uint32_t slot; /* farm-wide number */
    struct fst_proc *proc;
    struct fst_strings env;
    bool lacking;  /* why_not may pass */
    char *why_not; /* it could not be started, which the agent isn't told yet */
    bool look;     /* the agent wants to know what it is at */
};

struct session {
    struct fst_conn *conn;
    bool proven; /* PROOF was sent */
    struct fst_agent *agent;
    struct fst_msg *welcome; /* what each worker is told first */
    char *cwd;               /* of the workers */
    struct place *places;    /* of the slots, and behind them the host's */
    size_t n_places;
    bool sweep;      /* the agent wants what is left running to be ended */
    uint32_t *slots; /* farm-wide numbers; the welcome's */
    bool over;
    int status;
};

struct program {
    struct fst_agent_settings settings;
    struct fst_loop loop;
    struct fst_net *net;
    struct fst_signal *signals[2], *child_end;
    struct fst_timer *tick, *end, *measure;
    struct fst_agent_effects effects;
    struct session session;
    const char *system_root; /* "", or what stands for "/" in tests */
    struct fst_oom oom;
    char *root, *python, *script;
    int64_t memory_bound; /* of all workers, bytes */
    /* The last one is asked; those before it have ended or served another
     * environment, and go with the session. */
    struct fst_zygote *zygotes[ZYGOTES_MOST];
    size_t n_zygotes;
    size_t n_started; /* workers */
    bool told_to_leave;
    int status;
};

/* The session is of no use any more. */
static void end_session(struct program *program, int status)
{
    if (program->session.over)
        return;
    program->session.over = true;
    program->session.status = status;
    fst_timer_set(program->end, 0);
}

static void send_up(struct program *program, const struct fst_msg *msg)
{
    struct fst_err err;
    if (!program->session.conn ||
        !fst_conn_send(program->session.conn, msg, &err))
        return;
    fst_error("to the coordinator: %s", err.msg);
    end_session(program, EXIT_NO_USE);
}

/* ---- workers */

static void step(struct program *program, const struct fst_agent_event *event);

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

static void on_worker_message(void *user, struct fst_proc *proc,
                              struct fst_msg *msg)
{
    struct place *place = user;
    bool up = msg->type == FST_MSG_STATE && msg->state.state == FST_SLOT_UP;
    add_words(proc, msg);
    step(place->program, &(struct fst_agent_event){.type = FST_AGENT_EV_SAID,
                                                   .slot = place->index,
                                                   .msg = msg});
    if (up)
        fst_proc_let_go(proc);
}

static void on_worker_lines(void *user, struct fst_proc *proc, const char *text)
{
    struct place *place = user;
    (void)proc;
    step(place->program, &(struct fst_agent_event){.type = FST_AGENT_EV_LINES,
                                                   .slot = place->index,
                                                   .text = text});
}

static void on_worker_output(void *user, struct fst_proc *proc,
                             const char *bytes, size_t len)
{
    struct place *place = user;
    (void)bytes;
    (void)len;
    if (place->proc == proc) /* else it is ending */
        step(place->program,
             &(struct fst_agent_event){.type = FST_AGENT_EV_WROTE,
                                       .slot = place->index});
}

static void on_worker_end(void *user, struct fst_proc *proc,
                          const struct fst_proc_end *end)
{
    struct place *place = user;
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
    step(place->program, &(struct fst_agent_event){.type = FST_AGENT_EV_ENDED,
                                                   .slot = place->index,
                                                   .end = &told});
    fst_proc_free(proc);
}

/* Workers do without it where it can't be started: they say why. */
static void start_zygote(struct program *program, const char *const *env,
                         const char *cwd)
{
    const struct fst_zygote_spec spec = {
        .python = program->python,
        .program = program->script,
        .root = program->root,
        .env = env,
        .cwd = cwd,
    };
    struct fst_err err;
    struct fst_zygote *zygote = NULL;
    if (program->n_zygotes < ZYGOTES_MOST)
        zygote = fst_zygote_start(&program->loop, &spec, &err);
    if (zygote)
        program->zygotes[program->n_zygotes++] = zygote;
}

/* For all workers of so many slots. */
static void start_shared_zygote(struct program *program, const char *seed,
                                size_t slots, const char *cwd)
{
    struct fst_strings shared = {0};
    fst_shared_environment((const char *const *)environ, seed, slots,
                           (size_t)fst_cpus_available(), &shared);
    start_zygote(program, (const char *const *)shared.items, cwd);
    fst_strings_clear(&shared);
}

/* At the start of the program, when nothing is known of a run: it imports while
 * the coordinator looks for tests. */
static void start_first_zygote(struct program *program)
{
    const char *seed = getenv("PYTHONHASHSEED");
    char *cwd = getcwd(NULL, 0);
    if (cwd)
        start_shared_zygote(program, seed ? seed : "random",
                            (size_t)program->settings.workers, cwd);
    free(cwd);
}

static void start_sessions_zygote(struct program *program)
{
    const struct session *session = &program->session;
    start_shared_zygote(program, session->welcome->welcome.config.hash_seed,
                        session->n_places - 1, session->cwd);
}

/* Whether a zygote pays: its own start costs what a worker's does, so that two
 * workers have to come of it. */
static bool is_fork_wanted(const struct program *program)
{
    size_t slots = program->session.n_places - 1;
    switch (program->settings.worker_start) {
    case FST_START_FORK:
        return true;
    case FST_START_COLD:
        return false;
    default:
        return program->n_started >= (slots > 2 ? 1 : 2);
    }
}

/* The zygote to fork a worker for the place from, or NULL. */
static struct fst_zygote *find_zygote(struct place *place)
{
    struct program *program = place->program;
    if (!is_fork_wanted(program))
        return NULL;
    if (!program->n_zygotes)
        start_sessions_zygote(program);
    const char *const *env = (const char *const *)place->env.items;
    const char *cwd = program->session.cwd;
    for (int tries = 0; tries < 2 && program->n_zygotes; tries++) {
        struct fst_zygote *zygote = program->zygotes[program->n_zygotes - 1];
        if (fst_zygote_is_refusing(zygote))
            return NULL;
        if (fst_zygote_is_alive(zygote) && fst_zygote_serves(zygote, env, cwd))
            return zygote;
        start_sessions_zygote(program);
    }
    return NULL;
}

static void free_zygotes(struct program *program, size_t kept)
{
    for (size_t i = 0; i + kept < program->n_zygotes; i++)
        fst_zygote_free(program->zygotes[i]);
    if (program->n_zygotes > kept) {
        if (kept)
            program->zygotes[0] = program->zygotes[program->n_zygotes - 1];
        program->n_zygotes = kept;
    }
}

/* waits: for its NODE. */
static void start_worker(struct place *place, bool waits)
{
    static const struct fst_proc_events events = {
        on_worker_message, on_worker_output, on_worker_lines, on_worker_end};
    struct program *program = place->program;
    struct fst_msg *welcome = program->session.welcome;
    struct fst_err err;
    struct fst_proc_spec spec = {
        .python = program->python,
        .program = program->script,
        .env = (const char *const *)place->env.items,
        .cwd = program->session.cwd,
        .oom = &program->oom,
        .zygote = find_zygote(place),
        .live = welcome->welcome.config.live && place->slot != FST_SLOT_OF_HOST,
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
    welcome->welcome.slots = host ? program->session.slots : &place->slot;
    welcome->welcome.n_slots = host ? program->session.n_places - 1 : 1;
    welcome->welcome.host = host;
    welcome->welcome.node = waits;
    fst_proc_tell(place->proc, welcome);
}

/* ---- effects */

static void read_workers(struct session *session, bool on)
{
    for (size_t i = 0; i < session->n_places; i++)
        if (session->places[i].proc)
            fst_proc_read(session->places[i].proc, on);
}

static void carry_out_one(struct program *program,
                          const struct fst_agent_effect *effect)
{
    struct session *session = &program->session;
    struct place *place = &session->places[effect->slot];
    switch (effect->type) {
    case FST_AGENT_SEND:
        send_up(program, effect->msg);
        break;
    case FST_AGENT_SPAWN:
        start_worker(place, effect->waits);
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
            fst_proc_is_stuck(place->proc, FST_AGENT_FINISH_NS / SECOND_NS))
            fst_proc_kill(place->proc, "its session did not come to an end");
        break;
    case FST_AGENT_PAUSE:
    case FST_AGENT_RESUME:
        read_workers(session, effect->type == FST_AGENT_RESUME);
        break;
    case FST_AGENT_OVER:
        if (effect->why)
            fst_error("%s", effect->why);
        end_session(program, effect->exit_code);
        break;
    }
}

/* Ends every child of ours but the zygotes. */
static void end_leftovers(const struct program *program,
                          struct fst_arena *arena, struct fst_leftovers *found)
{
    int64_t known[ZYGOTES_MOST];
    for (size_t i = 0; i < program->n_zygotes; i++)
        known[i] = fst_zygote_pid(program->zygotes[i]);
    fst_leftovers_end(known, program->n_zygotes, arena, found);
}

/* Answers FST_AGENT_SWEEP. */
static void sweep(struct program *program)
{
    struct fst_leftovers found = {0};
    struct fst_arena arena = {0};
    end_leftovers(program, &arena, &found);
    size_t n = found.list.count;
    struct fst_warning *warnings = fst_calloc(n + 1, sizeof *warnings);
    for (size_t i = 0; i < n; i++)
        warnings[i] = (struct fst_warning){
            .message = fst_leftover_line(&found.list.items[i], &arena),
            .category = "FastestWarning",
            .nodeid = found.list.items[i].test,
        };
    step(program, &(struct fst_agent_event){.type = FST_AGENT_EV_SWEPT,
                                            .warnings = warnings,
                                            .n_warnings = n});
    free(warnings);
    fst_vec_free(&found.list);
    fst_arena_release(&arena);
}

/* Answers FST_AGENT_LOOK. */
static void look_at(struct place *place)
{
    struct fst_page_status status;
    struct fst_arena arena = {0};
    struct timespec now;
    if (!place->proc)
        return;
    fst_proc_look(place->proc, &arena, &status);
    clock_gettime(CLOCK_REALTIME, &now);
    const struct fst_worker_end seen = {
        .doing = status.doing,
        .phase = status.phase,
        .name = status.name,
        .lease = status.lease,
        .start_s = status.start_s,
    };
    step(place->program,
         &(struct fst_agent_event){.type = FST_AGENT_EV_SEEN,
                                   .slot = place->index,
                                   .end = &seen,
                                   .unix_s = (double)now.tv_sec +
                                             (double)now.tv_nsec / 1e9});
    fst_arena_release(&arena);
}

static void set_tick(struct program *program)
{
    int64_t deadline = fst_agent_deadline(program->session.agent);
    if (deadline == INT64_MAX)
        fst_timer_clear(program->tick);
    else
        fst_timer_set(program->tick,
                      deadline - fst_loop_now_ns(&program->loop));
}

static void step(struct program *program, const struct fst_agent_event *event)
{
    struct session *session = &program->session;
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
        end_session(program, EXIT_NO_USE);
    }
    for (size_t i = 0; i < session->n_places; i++) {
        char *why = session->places[i].why_not;
        session->places[i].why_not = NULL;
        if (why)
            step(program, &(struct fst_agent_event){
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
    set_tick(program);
}

static void on_tick(void *user)
{
    step(user, &(struct fst_agent_event){.type = FST_AGENT_EV_TICK});
}

/* ---- memory */

/* Takes a hundredth of our time at most. */
enum { MEASURE_SHARE = 100 };
#define MEASURE_NS INT64_C(250000000)
#define MEASURE_SOON_NS INT64_C(100000000) /* with half of the bound in use */

/* One reading, told to the agent. True: half of the bound is in use. */
static bool measure_memory(struct program *program)
{
    struct session *session = &program->session;
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
    step(program, &(struct fst_agent_event){.type = FST_AGENT_EV_MEMORY,
                                            .reading = &reading});
    bool soon = reading.total > reading.bound / 2;
    fst_arena_release(&arena);
    return soon;
}

static void on_measure(void *user)
{
    struct program *program = user;
    if (program->session.over)
        return;
    int64_t start = fst_loop_now_ns(&program->loop);
    int64_t delay = measure_memory(program) ? MEASURE_SOON_NS : MEASURE_NS;
    int64_t took = fst_loop_now_ns(&program->loop) - start;
    if (delay < took * MEASURE_SHARE)
        delay = took * MEASURE_SHARE;
    if (!program->session.over)
        fst_timer_set(program->measure, delay);
}

/* ---- the coordinator */

static void make_random_hex(char text[RANDOM_HEX])
{
    unsigned char bytes[(RANDOM_HEX - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort();
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void say_hello(struct program *program)
{
    char nonce[RANDOM_HEX];
    make_random_hex(nonce);
    struct fst_msg *hello = fst_msg_new(FST_MSG_HELLO);
    hello->hello = (struct fst_hello){FST_PROTOCOL_VERSION, nonce};
    send_up(program, hello);
    fst_msg_free(hello);
}

/* Each session has its own boot_id, since its batches are counted from 1. */
static void say_proof(struct program *program)
{
    const struct fst_agent_settings *settings = &program->settings;
    char host[256] = "agent", boot_id[RANDOM_HEX];
    gethostname(host, sizeof host - 1);
    make_random_hex(boot_id);
    struct fst_msg *proof = fst_msg_new(FST_MSG_PROOF);
    proof->proof = (struct fst_proof){
        .proof = "",
        .name = settings->name ? settings->name : host,
        .boot_id = boot_id,
        .slots = (uint32_t)settings->workers,
    };
    program->session.proven = true;
    /* Over ipc the kernel vouches for the peer's user. */
    fst_conn_trust(program->session.conn);
    send_up(program, proof);
    fst_msg_free(proof);
}

static char *find_cwd(const char *root, const char *cwd)
{
    if (*cwd == '/')
        return fst_strdup(cwd);
    return strcmp(cwd, ".") ? fst_printf("%s/%s", root, cwd) : fst_strdup(root);
}

static void take_welcome(struct program *program, struct fst_msg *msg)
{
    struct session *session = &program->session;
    struct fst_welcome *welcome = &msg->welcome;
    const uint32_t *slots = session->slots = welcome->slots;
    size_t n = welcome->n_slots;
    welcome->config.root = program->root;
    session->cwd = find_cwd(program->root, welcome->config.cwd);
    session->welcome = msg;
    session->places = fst_calloc(n + 1, sizeof *session->places);
    session->n_places = n + 1;
    for (size_t i = 0; i <= n; i++) {
        struct place *place = &session->places[i];
        place->program = program;
        place->index = i;
        place->slot = i < n ? slots[i] : FST_SLOT_OF_HOST;
        fst_worker_environment((const char *const *)environ, welcome,
                               place->slot, n, (size_t)fst_cpus_available(),
                               &place->env);
    }
    session->agent = fst_agent_new(slots, n);
    if (welcome->config.host)
        fst_agent_want_host(session->agent);
    fst_timer_set(program->measure, MEASURE_NS);
    fst_agent_limit_tests(session->agent,
                          (int64_t)(welcome->config.test_timeout_s * 1e9));
    step(program, &(struct fst_agent_event){.type = FST_AGENT_EV_START});
}

static void on_message(void *user, struct fst_conn *conn, struct fst_msg *msg)
{
    struct program *program = user;
    struct session *session = &program->session;
    (void)conn;
    if (session->agent) {
        step(program,
             &(struct fst_agent_event){.type = FST_AGENT_EV_ORDER, .msg = msg});
        return;
    }
    if (session->proven && msg->type == FST_MSG_WELCOME &&
        msg->welcome.n_slots == (size_t)program->settings.workers) {
        take_welcome(program, msg);
        return;
    }
    if (!session->proven && msg->type == FST_MSG_CHALLENGE) {
        say_proof(program);
    } else if (msg->type == FST_MSG_REJECT) {
        fst_error("refused: %s", msg->reject.text);
        program->told_to_leave = true;
        end_session(program, EXIT_REFUSED);
    } else {
        fst_error("the coordinator broke the protocol in the handshake");
        end_session(program, EXIT_NO_USE);
    }
    fst_msg_free(msg);
}

static void on_closed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct program *program = user;
    struct session *session = &program->session;
    bool done = program->told_to_leave ||
                (session->agent && fst_agent_is_done(session->agent));
    (void)conn;
    session->conn = NULL;
    if (!done)
        fst_info("the coordinator is gone: %s", why->msg);
    end_session(program, done ? 0 : EXIT_NO_USE);
}

static void on_dialed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct program *program = user;
    program->session.conn = conn;
    if (conn) {
        say_hello(program);
        return;
    }
    fst_error("%s: %s", program->settings.connect, why->msg);
    program->told_to_leave = true;
    end_session(program, EXIT_NO_USE);
}

static int dial(struct program *program, struct fst_err *err)
{
    static const struct fst_conn_events events = {on_message, on_closed};
    int retry_s = program->settings.retry_s;
    struct fst_dial_spec spec = {
        .url = program->settings.connect,
        .retry_ns = retry_s < 0 ? -1 : retry_s * SECOND_NS,
        .events = &events,
        .on_dialed = on_dialed,
        .user = program,
    };
    return fst_dial(program->net, &spec, err);
}

/* ---- start and end */

static void free_session(struct program *program)
{
    struct session *session = &program->session;
    for (size_t i = 0; i < session->n_places; i++) {
        fst_proc_free(session->places[i].proc);
        fst_strings_clear(&session->places[i].env);
    }
    /* Where the session was cut off, nobody is left to be told. */
    struct fst_leftovers left = {0};
    struct fst_arena arena = {0};
    if (session->n_places)
        end_leftovers(program, &arena, &left);
    fst_vec_free(&left.list);
    fst_arena_release(&arena);
    free(session->places);
    fst_agent_free(session->agent);
    if (session->conn)
        fst_conn_close(session->conn);
    fst_msg_free(session->welcome);
    free(session->cwd);
    *session = (struct session){0};
}

static void on_end(void *user)
{
    struct program *program = user;
    struct fst_err err;
    program->status = program->session.status;
    fst_timer_clear(program->tick);
    fst_timer_clear(program->measure);
    free_session(program);
    free_zygotes(program, 1);
    if (program->settings.once || program->told_to_leave) {
        fst_loop_stop(&program->loop);
    } else if (dial(program, &err)) {
        fst_error("%s", err.msg);
        fst_loop_stop(&program->loop);
    }
}

/* Once: finish what runs, hand back the rest; twice: at once. */
static void on_terminate(void *user, int number)
{
    struct program *program = user;
    (void)number;
    bool again = program->told_to_leave;
    program->told_to_leave = true;
    if (again || !program->session.agent)
        end_session(program, 0);
    else
        step(program, &(struct fst_agent_event){.type = FST_AGENT_EV_LEAVE});
}

/* The folder of the Python side lies beside the programs. */
static char *find_script(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    FST_ASSERT(len > 0);
    path[len] = '\0';
    *strrchr(path, '/') = '\0';
    return fst_printf("%s/../lib/fastest/fastest_worker", path);
}

static void count_cpus(struct fst_agent_settings *settings)
{
    if (settings->workers < 0)
        settings->workers = fst_cpus_available();
}

/* What tests leave behind becomes our child, and must not stay as a zombie. */
static void on_child_end(void *user, int number)
{
    struct program *program = user;
    (void)number;
    for (size_t i = 0; i < program->n_zygotes; i++)
        if (fst_zygote_is_asked(program->zygotes[i]))
            return;
    fst_child_reap_others();
}

static int open_program(struct program *program, struct fst_err *err)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    sigset_t all, before;
    if (fst_loop_init(&program->loop, err))
        return -1;
    signal(SIGPIPE, SIG_IGN);
    fst_leftovers_adopt();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    program->net = fst_net_new(&program->loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    program->tick = fst_timer_new(&program->loop, on_tick, program);
    program->end = fst_timer_new(&program->loop, on_end, program);
    program->measure = fst_timer_new(&program->loop, on_measure, program);
    const char *root = program->settings.root;
    program->root = realpath(root ? root : ".", NULL);
    if (!program->root)
        return fst_fail_sys(err, "--root %s", root ? root : ".");
    program->python = fst_python_find(program->settings.python);
    program->script = find_script();
    count_cpus(&program->settings);
    const char *system_root = getenv("FASTEST_SYSTEM_ROOT");
    program->system_root = system_root ? system_root : "";
    fst_oom_open(&program->oom, program->system_root);
    program->memory_bound =
        fst_memory_bound(program->system_root, program->settings.max_memory);
    program->child_end =
        fst_signal_new(&program->loop, SIGCHLD, on_child_end, program, err);
    if (!program->child_end)
        return -1;
    if (program->settings.worker_start == FST_START_FORK)
        start_first_zygote(program);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        program->signals[i] = fst_signal_new(&program->loop, numbers[i],
                                             on_terminate, program, err);
        if (!program->signals[i])
            return -1;
    }
    return dial(program, err);
}

static void close_program(struct program *program)
{
    if (!program->net)
        return;
    free_session(program);
    free_zygotes(program, 0);
    fst_agent_effects_release(&program->effects);
    fst_timer_free(program->tick);
    fst_timer_free(program->end);
    fst_timer_free(program->measure);
    fst_signal_free(program->signals[0]);
    fst_signal_free(program->signals[1]);
    fst_signal_free(program->child_end);
    fst_net_free(program->net);
    fst_loop_fini(&program->loop);
    fst_oom_close(&program->oom);
    free(program->root);
    free(program->python);
    free(program->script);
}

int main(int argc, char **argv)
{
    struct program program = {0};
    struct fst_agent_settings *settings = &program.settings;
    struct fst_err err;
    if (fst_agent_settings_load(settings, argc - 1,
                                (const char *const *)argv + 1,
                                (const char *const *)environ, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        program.status = fst_code_exit(err.code);
    } else if (settings->help) {
        struct fst_buf help = FST_BUF_INIT;
        fst_agent_settings_help(&help);
        fputs(fst_buf_str(&help), stdout);
        fst_buf_release(&help);
    } else if (settings->version) {
        printf("fastest-agent %s\n", FST_VERSION);
    } else {
        fst_log_setup("fastest-agent", (enum fst_log_level)settings->log_level,
                      settings->log_json);
        if (open_program(&program, &err)) {
            fprintf(stderr, "ERROR: %s\n", err.msg);
            program.status = fst_code_exit(err.code);
        } else {
            fst_loop_run(&program.loop);
        }
        close_program(&program);
    }
    fst_agent_settings_release(settings);
    return program.status;
}
