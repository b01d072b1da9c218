/* agent/pool's processes: model workers. They open files, run tests, say what
 * comes of it over a pipe, and die. */
#include "agent/pool/proc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/proto/frame.h"
#include "tests/sim/net/world.h"

enum state { STARTING, IDLE, OPENING, RUNNING, FINISHING, GONE };

struct letter { /* on the pipe, either way */
    struct letter *prev, *next;
    int64_t at;
    struct fst_msg *msg; /* without it and lines: the process has ended */
    char *lines;
};

struct fst_proc {
    struct process *process;
    const struct fst_proc_events *events;
    void *user;
    struct model model;
    bool has_model; /* it knows its slot */
    enum state state;
    bool credit, draining, interrupted, deaf_to_interrupts, mute, recycling;
    bool still;     /* it does nothing any more, and doesn't end */
    uint32_t n_run; /* tests */
    struct letter *told, *said;
    char last[128]; /* id of the last test that it told of */
    struct fst_timer *busy, *speak;
    int64_t last_said, since;
    struct fst_proc_end end;
    struct fst_arena arena; /* of the end */
};

static struct world *world_of_proc(const struct fst_proc *proc)
{
    return proc->process->world;
}

static void drop_letter(struct letter **list, struct letter *letter)
{
    DL_DELETE(*list, letter);
    fst_msg_free(letter->msg);
    free(letter->lines);
    free(letter);
}

static struct fst_msg *copy_msg(const struct fst_msg *msg)
{
    struct fst_buf bytes = FST_BUF_INIT;
    struct fst_frames frames;
    struct fst_msg *copy = NULL;
    struct fst_err err;
    fst_frames_init(&frames, FST_MESSAGE_MAX, FST_MESSAGE_MAX);
    FST_ASSERT(!fst_frame_write(msg, false, &bytes, &err));
    fst_frames_feed(&frames, bytes.data, bytes.len);
    FST_ASSERT(fst_frames_next(&frames, &copy, &err) == 1);
    fst_frames_release(&frames);
    fst_buf_release(&bytes);
    return copy;
}

/* ---- saying */

static void on_speak(void *user)
{
    struct fst_proc *proc = user;
    struct letter *letter = proc->said;
    struct fst_msg *msg = letter->msg;
    char *lines = letter->lines;
    if (proc->mute)
        return;
    letter->msg = NULL;
    letter->lines = NULL;
    drop_letter(&proc->said, letter);
    if (proc->said)
        fst_timer_set(proc->speak, proc->said->at - world_of_proc(proc)->now);
    if (msg)
        proc->events->on_message(proc->user, proc, copy_msg(msg));
    else if (lines)
        proc->events->on_lines(proc->user, proc, lines);
    else
        proc->events->on_end(proc->user, proc, &proc->end); /* frees it */
    fst_msg_free(msg);
    free(lines);
}

/* Takes both. */
static void write_pipe(struct fst_proc *proc, struct fst_msg *msg, char *lines)
{
    struct world *world = world_of_proc(proc);
    int64_t at = world->now + clock_random(world, 2 * MS);
    struct letter *letter = fst_alloc(sizeof *letter);
    proc->last_said = at > proc->last_said ? at : proc->last_said + 1;
    letter->at = proc->last_said;
    letter->msg = msg;
    letter->lines = lines;
    DL_APPEND(proc->said, letter);
    fst_timer_set(proc->speak, proc->said->at - world->now);
}

/* Takes msg. */
static void say(struct fst_proc *proc, struct fst_msg *msg)
{
    write_pipe(proc, msg, NULL);
}

/* A line; now and then a long one, which travels in parts. */
static void print(struct fst_proc *proc)
{
    bool much = rng_percent(&world_of_proc(proc)->rng, 2);
    size_t len = much ? 3 * FST_FRAME_MAX / 2 : 20;
    char *text = fst_alloc(len + 1);
    memset(text, 'x', len - 1);
    text[len - 1] = '\n';
    write_pipe(proc, NULL, text);
}

static void flush(struct fst_proc *proc)
{
    struct fst_msg *msg = model_results(&proc->model);
    if (msg)
        say(proc, msg);
}

static void say_state(struct fst_proc *proc, enum fst_slot_state state)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){
        .slot = proc->model.slot, .state = state, .pid = fst_proc_pid(proc)};
    if (state == FST_SLOT_UP)
        msg->state.list = world_of_proc(proc)->suite->plugin;
    say(proc, msg);
}

static void say_credit(struct fst_proc *proc)
{
    if (proc->credit)
        return;
    proc->credit = true;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = proc->model.slot;
    flush(proc);
    say(proc, msg);
}

/* ---- its end */

static void enter(struct fst_proc *proc, enum state state, double seconds)
{
    proc->state = state;
    proc->since = world_of_proc(proc)->now;
    fst_timer_set(proc->busy, (int64_t)(seconds * 1e9));
}

static void look(const struct fst_proc *proc, struct fst_arena *arena,
                 struct fst_page_status *status)
{
    const struct lease *lease = proc->model.leases;
    char id[128];
    *status = (struct fst_page_status){.name = ""};
    if (proc->state == RUNNING && lease) {
        model_next_id(&proc->model, lease, id, sizeof id);
        status->doing = FST_DOING_TESTING;
        status->phase = 1;
        status->name = fst_arena_str(arena, id);
        status->lease = model_id(lease);
    } else if (proc->state == OPENING && lease) {
        status->doing = FST_DOING_COLLECTING;
        status->name = lease->file ? lease->file->path : "";
        status->lease = model_id(lease);
    } else if (proc->state == FINISHING) {
        status->doing = FST_DOING_FINISHING;
    }
}

static void end(struct fst_proc *proc, int status)
{
    look(proc, &proc->arena, &proc->end.page);
    proc->end.status = status;
    proc->end.pid = fst_proc_pid(proc);
    proc->end.tail = proc->end.out = proc->end.err = "";
    proc->state = GONE;
    fst_timer_clear(proc->busy);
    say(proc, NULL);
}

/* What it had not sent yet is taken from the page; some comes twice. */
static void die(struct fst_proc *proc)
{
    struct world *world = world_of_proc(proc);
    struct model *model = &proc->model;
    if (proc->state == GONE)
        return;
    if (proc->state == FINISHING) /* whose tear-down it may have been */
        judge_excuse(&world->judge, proc->last, FST_ERROR);
    bool again =
        proc->has_model && model->last.lease && rng_percent(&world->rng, 30);
    if (proc->has_model) {
        watch_excuse(world, model);
        flush(proc);
    }
    if (again) {
        fst_vec_add(&model->results, model->last);
        flush(proc);
    }
    end(proc, -SIGKILL);
}

static void give_back(struct fst_proc *proc)
{
    struct model *model = &proc->model;
    while (model->leases) {
        say(proc, model_revoked(model, model_id(model->leases), true));
        model_drop(model, model->leases);
    }
}

static void finish(struct fst_proc *proc)
{
    model_amend(&proc->model);
    flush(proc);
    enter(proc, FINISHING,
          (double)rng_below(&world_of_proc(proc)->rng, 50) / 1000);
}

/* The test that runs has no result. */
static void stop_short(struct fst_proc *proc)
{
    if (proc->has_model)
        watch_excuse(world_of_proc(proc), &proc->model);
    flush(proc);
    say_state(proc, FST_SLOT_STOP);
    give_back(proc);
    finish(proc);
}

/* ---- what it is told, between tests */

static void take_revoke(struct fst_proc *proc, const struct fst_revoke *what)
{
    struct world *world = world_of_proc(proc);
    struct model *model = &proc->model;
    struct lease *lease = model_find(model, what->lease);
    struct fst_msg *answer;
    flush(proc);
    if (!lease) {
        answer = model_revoked(model, what->lease, false);
    } else if (lease->opened) {
        answer = model_revoke_opened(model, lease, what, false);
    } else if (what->items.count) {
        answer = model_revoke_named(model, lease, what);
    } else {
        bool rest = rng_percent(&world->rng, 80);
        if (rest)
            model_drop(model, lease);
        answer = model_revoked(model, what->lease, rest);
    }
    say(proc, answer);
}

static void take_letters(struct fst_proc *proc)
{
    while (proc->told) {
        struct fst_msg *msg = proc->told->msg;
        bool work = msg->type == FST_MSG_LEASE || msg->type == FST_MSG_LIST;
        if (work) {
            proc->told->msg = NULL;
            model_take(&proc->model, msg);
            proc->credit = false;
        } else if (msg->type == FST_MSG_REVOKE) {
            take_revoke(proc, &msg->revoke);
        } else if (msg->type == FST_MSG_DRAIN) {
            proc->draining = true;
        }
        drop_letter(&proc->told, proc->told);
    }
}

/* ---- what it does */

static void start_lease(struct fst_proc *proc, struct lease *lease)
{
    const struct suite *suite = world_of_proc(proc)->suite;
    bool known = lease->file && proc->model.opened[lease->file - suite->files];
    double open_s = lease->file ? lease->file->open_s : 0.1;
    if (lease->file && lease->msg->lease.fresh &&
        model_has_opened_any(&proc->model))
        judge_fail(&world_of_proc(proc)->judge,
                   "a fresh lease on a used worker");
    enter(proc, OPENING, known ? 0.0001 : open_s);
}

/* A class that shares a fixture stays in one process, and so does what a
 * confirmation runs. */
static bool is_old(const struct fst_proc *proc)
{
    uint32_t lifetime = world_of_proc(proc)->lifetime;
    const struct lease *lease = proc->model.leases;
    if (!lifetime || proc->n_run < lifetime || !lease || !lease->file ||
        lease->msg->lease.kind == FST_LEASE_CONFIRM)
        return false;
    const struct test *tests = lease->file->tests;
    if (!lease->opened || lease->next >= lease->n_tests || !lease->next)
        return true;
    uint32_t bind = tests[lease->tests[lease->next]].bind;
    return !bind || bind != tests[lease->tests[lease->next - 1]].bind;
}

static void go(struct fst_proc *proc)
{
    struct model *model = &proc->model;
    if (proc->still) {
        proc->state = IDLE;
        return;
    }
    take_letters(proc);
    struct lease *lease = model->leases;
    if (proc->interrupted) {
        stop_short(proc);
    } else if (is_old(proc)) {
        proc->recycling = true;
        flush(proc);
        give_back(proc);
        finish(proc);
    } else if (!lease) {
        flush(proc);
        proc->state = IDLE;
        proc->since = world_of_proc(proc)->now;
        if (proc->draining)
            finish(proc);
        else
            say_credit(proc);
    } else if (!lease->opened) {
        start_lease(proc, lease);
    } else if (lease->next < lease->n_tests) {
        if (lease->next + 1 == lease->n_tests && !lease->next_lease)
            say_credit(proc);
        watch_test_starts(world_of_proc(proc), model, lease);
        enter(proc, RUNNING,
              lease->file->tests[lease->tests[lease->next]].seconds);
    } else {
        model_drop(model, lease);
        go(proc);
    }
}

static void open_lease(struct fst_proc *proc)
{
    struct model *model = &proc->model;
    struct lease *lease = model->leases;
    struct model_file *file = lease->file;
    if (file && (file->opening == OPEN_KILLS ||
                 (file->opening == OPEN_KILLS_ONCE && !file->kills))) {
        file->kills++;
        die(proc);
        return;
    }
    flush(proc);
    say(proc, file ? model_collect(model, lease) : model_list(model, lease));
    if (!file)
        model_drop(model, lease);
    else
        flush(proc);
    go(proc);
}

static void run_test(struct fst_proc *proc)
{
    struct world *world = world_of_proc(proc);
    struct model *model = &proc->model;
    struct lease *lease = model->leases;
    const struct test *test = &lease->file->tests[lease->tests[lease->next]];
    uint32_t attempt = lease->msg->lease.attempt;
    size_t before = model->results.count;
    if (test->crashes && (!test->flaky || attempt <= test->flaky)) {
        die(proc);
        return;
    }
    if (world->exits && rng_percent(&world->rng, 1)) {
        world->exited = true;
        stop_short(proc);
        return;
    }
    if (world->live && rng_percent(&world->rng, 10))
        print(proc);
    proc->n_run++;
    model_run(model, lease);
    bool told = model->results.count > before;
    if (told)
        memcpy(proc->last, model->results.items[before].id, sizeof proc->last);
    if (told && (model->results.items[before].outcome >= FST_FAILED ||
                 rng_percent(&world->rng, 30)))
        flush(proc);
    if (told && rng_percent(&world->rng, 10)) {
        model_amend(model);
        flush(proc);
    }
    go(proc);
}

static void say_bye(struct fst_proc *proc)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_BYE);
    msg->bye.recycle = proc->recycling;
    say(proc, msg);
}

static void on_busy(void *user)
{
    struct fst_proc *proc = user;
    switch (proc->state) {
    case STARTING:
        say_state(proc, FST_SLOT_UP);
        go(proc);
        break;
    case IDLE:
        go(proc);
        break;
    case OPENING:
        open_lease(proc);
        break;
    case RUNNING:
        run_test(proc);
        break;
    case FINISHING:
        say_bye(proc);
        end(proc, 0);
        break;
    case GONE:
        break;
    }
}

/* ---- as agent/program sees it */

struct fst_proc *fst_proc_start(struct fst_loop *loop,
                                const struct fst_proc_spec *spec,
                                struct fst_err *err)
{
    struct world *world = world_of(loop);
    if (world->lacking && rng_percent(&world->rng, 10)) {
        fst_fail(err, FST_E_LACKING, "no process to be had");
        return NULL;
    }
    struct fst_proc *proc = fst_alloc(sizeof *proc);
    proc->process = process_of(loop);
    proc->events = spec->events;
    proc->user = spec->user;
    proc->busy = fst_timer_new(loop, on_busy, proc);
    proc->speak = fst_timer_new(loop, on_speak, proc);
    proc->deaf_to_interrupts = rng_percent(&world->rng, 10);
    enter(proc, STARTING, rng_below(&world->rng, 300) / 1000.0);
    return proc;
}

int64_t fst_proc_pid(const struct fst_proc *proc)
{
    return proc->model.worker;
}

int64_t proc_size(const struct fst_proc *proc)
{
    return 400 + 20 * (int64_t)proc->n_run;
}

void fst_proc_tell(struct fst_proc *proc, const struct fst_msg *msg)
{
    if (proc->state == GONE)
        return;
    if (msg->type == FST_MSG_WELCOME) {
        model_init(&proc->model, world_of_proc(proc)->suite,
                   msg->welcome.slots[0]);
        proc->model.worker = ++world_of_proc(proc)->last_worker;
        proc->has_model = true;
        return;
    }
    struct letter *letter = fst_alloc(sizeof *letter);
    letter->msg = copy_msg(msg);
    DL_APPEND(proc->told, letter);
    if (proc->state == IDLE)
        fst_timer_set(proc->busy, clock_random(world_of_proc(proc), MS));
}

void fst_proc_read(struct fst_proc *proc, bool on)
{
    proc->mute = !on;
    if (on && proc->said)
        fst_timer_set(proc->speak, proc->said->at - world_of_proc(proc)->now);
}

char *fst_proc_tail(struct fst_proc *proc, struct fst_arena *arena,
                    double since_s, size_t most)
{
    (void)proc;
    (void)since_s;
    (void)most;
    return fst_arena_str(arena, "");
}

void fst_proc_look(const struct fst_proc *proc, struct fst_arena *arena,
                   struct fst_page_status *status)
{
    look(proc, arena, status);
}

void fst_proc_ask_stacks(struct fst_proc *proc)
{
    (void)proc;
}

void fst_proc_terminate(struct fst_proc *proc)
{
    die(proc);
}

void fst_proc_let_go(struct fst_proc *proc)
{
    (void)proc;
}

void fst_proc_interrupt(struct fst_proc *proc)
{
    if (proc->state == GONE || proc->deaf_to_interrupts)
        return;
    proc->interrupted = true;
    if (proc->state == STARTING)
        end(proc, -SIGINT);
    else if (proc->state != FINISHING)
        stop_short(proc);
}

void fst_proc_kill(struct fst_proc *proc, const char *why)
{
    proc->end.why = why ? fst_arena_str(&proc->arena, why) : NULL;
    die(proc);
}

bool fst_proc_is_stuck(const struct fst_proc *proc, double seconds)
{
    bool idle = proc->state == IDLE || proc->state == FINISHING;
    return idle &&
           world_of_proc(proc)->now - proc->since >= (int64_t)(seconds * 1e9);
}

void fst_proc_free(struct fst_proc *proc)
{
    if (!proc)
        return;
    if (proc->has_model) {
        watch_excuse(world_of_proc(proc), &proc->model);
        model_release(&proc->model);
    }
    while (proc->told)
        drop_letter(&proc->told, proc->told);
    while (proc->said)
        drop_letter(&proc->said, proc->said);
    fst_timer_free(proc->busy);
    fst_timer_free(proc->speak);
    fst_arena_release(&proc->arena);
    free(proc);
}

void proc_excuse_all(struct agent *agent)
{
    const struct fst_session *session = &agent->program.session;
    for (size_t i = 0; i < session->n_places; i++) {
        const struct fst_proc *proc = session->places[i].proc;
        if (proc && proc->has_model)
            watch_excuse(agent->process.world, &proc->model);
    }
}

static struct fst_proc *any_worker(struct world *world, struct agent *agent)
{
    const struct fst_session *session = &agent->program.session;
    if (session->n_places < 2)
        return NULL;
    size_t at = rng_below(&world->rng, (uint32_t)session->n_places - 1);
    struct fst_proc *proc = session->places[at].proc;
    bool up = proc && proc->has_model && proc->state != STARTING &&
              proc->state != GONE;
    return up ? proc : NULL;
}

void proc_still_one(struct world *world, struct agent *agent)
{
    struct fst_proc *proc = any_worker(world, agent);
    if (!proc)
        return;
    world_trace(world, "gw%u does nothing any more", proc->model.slot);
    proc->still = world->still = true;
}

/* A worker that is at something, or one that isn't. */
void proc_kill_one(struct world *world, struct agent *agent)
{
    struct fst_proc *proc = any_worker(world, agent);
    if (!proc)
        return;
    world_trace(world, "gw%u is killed", proc->model.slot);
    if (proc->state == RUNNING || proc->state == OPENING)
        watch_killed(world, &proc->model, proc->model.leases);
    die(proc);
}
