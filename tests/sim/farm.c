#include "tests/sim/farm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define SECOND INT64_C(1000000000)
#define END_OF_TIME (INT64_C(100000) * SECOND)
enum { MOST_EVENTS = 3000000 };

enum event_type {
    TO_CORE, /* msg arrives from an agent */
    TO_AGENT,
    WORKER, /* what the slot's worker does has ended */
    AGENT_COMES,
    AGENT_GONE, /* the core is told */
    KILL_AGENT,
    KILL_WORKER,
    RETIRE,
    STOP,
};

struct event {
    int64_t at;
    uint64_t order;
    enum event_type type;
    struct agent *agent;
    struct slot *slot;
    uint32_t epoch;
    struct fst_msg *msg;
};

struct lease {
    struct fst_msg *msg; /* LEASE or LIST */
    struct model_file *file;
    bool opened, restarted;
    size_t *tests; /* to be run, in order */
    size_t n_tests, next;
    struct fst_strs revoked; /* before it was opened; in msg's arena */
    struct lease *prev, *next_lease;
};

struct said_result {
    uint64_t lease;
    char id[128];
    enum fst_outcome outcome;
    bool amend, crashed;
    double seconds;
};

enum worker_state { NONE, STARTING, IDLE, OPENING, RUNNING, GONE };

struct slot {
    struct agent *agent;
    uint32_t number, worker;
    enum worker_state state;
    uint32_t epoch; /* events of an earlier one are void */
    struct lease *leases;
    bool used, credit;
    bool *opened;                        /* by file */
    bool **ran;                          /* by file and test */
    FST_VEC(struct said_result) results; /* not yet sent */
    FST_VEC(struct said_result) amends;
    struct said_result last;
};

struct agent {
    struct agent *next;
    uint32_t id, n_slots;
    struct slot *slots;
    bool alive, draining, cancelled, retiring;
    int64_t out_at, in_at; /* last message each way: order is kept */
    int64_t cut;           /* what it sent later was lost with it */
};

struct farm {
    const struct farm_spec *spec;
    struct suite *suite;
    struct rng rng;
    struct judge judge;
    struct fst_core *core;
    struct fst_effects effects;
    struct fst_run_id run;
    int64_t now;
    uint64_t order;
    FST_VEC(struct event) heap;
    struct agent *agents;
    uint32_t last_agent, last_worker, agent_kills;
    int64_t first_lease, last_outcome;
    int only; /* one_worker: slot of the first lease; -1 */
    struct farm_result result;
};

/* ---- events ---- */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void add_event(struct farm *farm, int64_t at, struct event event)
{
    event.at = at;
    event.order = ++farm->order;
    fst_vec_add(&farm->heap, event);
    struct event *heap = farm->heap.items;
    for (size_t i = farm->heap.count - 1; i;) {
        size_t up = (i - 1) / 2;
        if (!is_before(&heap[i], &heap[up]))
            break;
        struct event swap = heap[i];
        heap[i] = heap[up];
        heap[up] = swap;
        i = up;
    }
}

static struct event next_event(struct farm *farm)
{
    struct event *heap = farm->heap.items, first = heap[0];
    size_t count = --farm->heap.count, i = 0;
    heap[0] = heap[count];
    for (;;) {
        size_t best = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < count; k++) {
            if (is_before(&heap[k], &heap[best]))
                best = k;
        }
        if (best == i)
            return first;
        struct event swap = heap[i];
        heap[i] = heap[best];
        heap[best] = swap;
        i = best;
    }
}

static int64_t ns(double seconds)
{
    return (int64_t)(seconds * 1e9);
}

static int64_t latency(struct farm *farm)
{
    return farm->spec->quiet ? 100000 : rng_below(&farm->rng, 20000000);
}

/* ---- what agents say ---- */

static void say(struct farm *farm, struct agent *agent, struct fst_msg *msg)
{
    int64_t at = farm->now + latency(farm);
    agent->out_at = at > agent->out_at ? at : agent->out_at + 1;
    add_event(farm, agent->out_at,
              (struct event){.type = TO_CORE, .agent = agent, .msg = msg});
}

static void flush_results(struct farm *farm, struct slot *slot)
{
    size_t count = slot->results.count;
    if (!count)
        return;
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    struct fst_result *to =
        fst_arena_array(&msg->arena, count, sizeof(struct fst_result));
    for (size_t i = 0; i < count; i++) {
        const struct said_result *from = &slot->results.items[i];
        to[i] = (struct fst_result){
            .lease = from->lease,
            .slot = slot->number,
            .id = fst_arena_str(&msg->arena, from->id),
            .outcome = from->outcome,
            .amend = from->amend,
            .crashed = from->crashed,
            .call_s = from->seconds,
        };
    }
    msg->results.results = to;
    msg->results.n_results = count;
    slot->last = slot->results.items[count - 1];
    slot->results.count = 0;
    say(farm, slot->agent, msg);
}

static void say_of_slot(struct farm *farm, struct slot *slot,
                        struct fst_msg *msg)
{
    flush_results(farm, slot);
    say(farm, slot->agent, msg);
}

static void say_state(struct farm *farm, struct slot *slot,
                      const struct fst_state *state)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = *state;
    msg->state.slot = slot->number;
    say_of_slot(farm, slot, msg);
}

static void say_credit(struct farm *farm, struct slot *slot)
{
    if (slot->credit)
        return;
    slot->credit = true;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CREDIT);
    msg->credit.slot = slot->number;
    say_of_slot(farm, slot, msg);
}

static struct fst_msg *revoked(const struct slot *slot, uint64_t lease,
                               bool rest)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    msg->revoked.lease = lease;
    msg->revoked.slot = slot->number;
    msg->revoked.rest = rest;
    return msg;
}

static uint64_t lease_id(const struct lease *lease)
{
    return lease->msg->type == FST_MSG_LIST ? lease->msg->list.lease
                                            : lease->msg->lease.lease;
}

static void drop_lease(struct slot *slot, struct lease *lease)
{
    DL_DELETE2(slot->leases, lease, prev, next_lease);
    free(lease->tests);
    fst_msg_free(lease->msg);
    free(lease);
}

static void give_back_leases(struct farm *farm, struct slot *slot)
{
    while (slot->leases) {
        say_of_slot(farm, slot, revoked(slot, lease_id(slot->leases), true));
        drop_lease(slot, slot->leases);
    }
}

/* ---- workers ---- */

static void go(struct farm *farm, struct slot *slot);

static void busy(struct farm *farm, struct slot *slot, enum worker_state state,
                 double seconds)
{
    slot->state = state;
    add_event(
        farm, farm->now + ns(seconds),
        (struct event){.type = WORKER, .slot = slot, .epoch = ++slot->epoch});
}

static void forget_worker(struct farm *farm, struct slot *slot)
{
    slot->used = false;
    slot->credit = false;
    slot->results.count = slot->amends.count = 0;
    for (size_t i = 0; i < farm->suite->n_files; i++) {
        slot->opened[i] = false;
        memset(slot->ran[i], 0, farm->suite->files[i].n_tests);
    }
}

static void start_worker(struct farm *farm, struct slot *slot)
{
    forget_worker(farm, slot);
    busy(farm, slot, STARTING,
         farm->spec->quiet ? 0.0 : rng_below(&farm->rng, 300) / 1000.0);
}

static void send_amends(struct farm *farm, struct slot *slot)
{
    for (size_t i = 0; i < slot->amends.count; i++)
        fst_vec_add(&slot->results, slot->amends.items[i]);
    slot->amends.count = 0;
    flush_results(farm, slot);
}

static void check_agent_done(struct farm *farm, struct agent *agent)
{
    if (!agent->draining || !agent->alive)
        return;
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        if (agent->slots[i].state != GONE)
            return;
    }
    agent->alive = false;
    say(farm, agent, fst_msg_new(FST_MSG_BYE));
}

static void end_worker(struct farm *farm, struct slot *slot)
{
    send_amends(farm, slot);
    slot->state = GONE;
    slot->epoch++;
    check_agent_done(farm, slot->agent);
}

static bool in_units(const struct fst_lease *lease, const char *id, bool *hit)
{
    bool found = lease->whole;
    for (size_t i = 0; i < lease->n_units; i++) {
        const struct fst_unit *unit = &lease->units[i];
        size_t len = strlen(unit->id);
        bool same =
            unit->kind == FST_UNIT_ITEM
                ? !strcmp(unit->id, id)
                : !strncmp(unit->id, id, len) && (!id[len] || id[len] == '[');
        hit[i] = hit[i] || same;
        found = found || same;
    }
    return found;
}

static bool in_strings(const struct fst_strs *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!strcmp(list->items[i], id))
            return true;
    }
    return false;
}

static void add_result(struct slot *slot, const struct lease *lease,
                       const char *id, enum fst_outcome outcome)
{
    struct said_result *to = fst_vec_push(&slot->results);
    *to = (struct said_result){.lease = lease_id(lease), .outcome = outcome};
    snprintf(to->id, sizeof to->id, "%s", id);
}

/* Which of the file's tests the lease covers; the rest of its units are
 * absent. */
static void choose_tests(struct slot *slot, struct lease *lease)
{
    const struct fst_lease *from = &lease->msg->lease;
    const struct model_file *file = lease->file;
    bool *hit = calloc(from->n_units + 1, sizeof *hit);
    lease->tests = calloc(file->n_tests + 1, sizeof *lease->tests);
    for (size_t i = 0; i < file->n_tests; i++) {
        size_t test = suite_at(file, i, slot->worker);
        char id[128];
        suite_id(file, test, slot->worker, id, sizeof id);
        if (in_units(from, id, hit) && !in_strings(&lease->revoked, id))
            lease->tests[lease->n_tests++] = test;
    }
    for (size_t i = 0; i < from->n_units; i++) {
        if (!hit[i])
            add_result(slot, lease, from->units[i].id, FST_ABSENT);
    }
    free(hit);
}

static void add_report(struct fst_msg *msg, const struct model_file *file,
                       enum fst_outcome outcome)
{
    msg->collected.reports =
        fst_arena_array(&msg->arena, 1, sizeof(struct fst_result));
    msg->collected.n_reports = 1;
    msg->collected.reports[0] = (struct fst_result){
        .id = fst_arena_str(&msg->arena, file->path), .outcome = outcome};
}

static void add_list(struct fst_msg *msg, const struct model_file *file,
                     uint32_t worker)
{
    struct fst_collected *to = &msg->collected;
    to->items = fst_arena_array(&msg->arena, file->n_tests + 1,
                                sizeof(struct fst_item));
    to->n_items = file->n_tests;
    for (size_t i = 0; i < file->n_tests; i++) {
        size_t test = suite_at(file, i, worker);
        char id[128];
        suite_id(file, test, worker, id, sizeof id);
        to->items[i].id = fst_arena_str(&msg->arena, id);
        if (file->tests[test].bind)
            to->items[i].bind = fst_arena_printf(
                &msg->arena, "%s::C%u", file->path, file->tests[test].bind);
    }
}

static uint32_t list_number(const struct model_file *file, uint32_t worker)
{
    bool order = file->vary == VARY_ORDER && file->n_tests;
    return file->vary == VARY_IDS ? worker
           : order                ? worker % (uint32_t)file->n_tests
                                  : 0;
}

/* The worker has opened the lease's file. */
static void say_collected(struct farm *farm, struct slot *slot,
                          struct lease *lease)
{
    const struct model_file *file = lease->file;
    const struct fst_lease *from = &lease->msg->lease;
    size_t number = (size_t)(file - farm->suite->files);
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    struct fst_collected *to = &msg->collected;
    bool broken = file->opening == OPEN_ERROR || file->opening == OPEN_SKIP ||
                  (file->opening == OPEN_NEEDS_FRESH && slot->used &&
                   !slot->opened[number]);
    to->lease = from->lease;
    to->slot = slot->number;
    to->file = fst_arena_str(&msg->arena, file->path);
    to->digest = fst_arena_printf(&msg->arena, "%s %u %d", file->path,
                                  list_number(file, slot->worker), broken);
    if (broken || file->opening == OPEN_PART)
        add_report(msg, file,
                   file->opening == OPEN_SKIP ? FST_SKIPPED : FST_ERROR);
    if (file->missing) {
        static const char *one[] = {"nothing"};
        to->missing = (struct fst_strs){one, 1};
        to->missing_text = "ERROR: not found";
    }
    to->deselected.items =
        fst_arena_array(&msg->arena, file->deselected, sizeof(char *));
    to->deselected.count = file->deselected;
    if (from->digest && !strcmp(from->digest, to->digest))
        to->same = true;
    else if (!broken)
        add_list(msg, file, slot->worker);
    say_of_slot(farm, slot, msg);
    slot->opened[number] = slot->opened[number] || !broken;
    if (from->kind == FST_LEASE_COLLECT)
        return;
    if (!broken) {
        choose_tests(slot, lease);
    } else {
        for (size_t i = 0; i < from->n_units; i++)
            add_result(slot, lease, from->units[i].id, FST_ABSENT);
        flush_results(farm, slot);
    }
}

static void say_listed(struct farm *farm, struct slot *slot,
                       const struct lease *lease)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LISTED);
    const struct suite *suite = farm->suite;
    struct fst_strs *files = &msg->listed.files;
    msg->listed.lease = lease_id(lease);
    msg->listed.slot = slot->number;
    files->items =
        fst_arena_array(&msg->arena, suite->n_files + 1, sizeof(char *));
    for (size_t i = 0; i < suite->n_files; i++) {
        if (suite->files[i].real)
            files->items[files->count++] =
                fst_arena_str(&msg->arena, suite->files[i].path);
    }
    say_of_slot(farm, slot, msg);
}

static enum fst_outcome run_test(const struct slot *slot,
                                 const struct model_file *file, size_t index,
                                 const bool *ran)
{
    const struct test *test = &file->tests[index];
    bool fails = test->needs >= 0 && !ran[test->needs];
    (void)slot;
    for (size_t i = index + 1; i < file->n_tests && test->hates_later; i++)
        fails = fails || ran[i];
    return fails ? FST_FAILED : test->outcome;
}

/* ---- deaths ---- */

static void excuse_file(struct farm *farm, const struct model_file *file)
{
    judge_excuse(&farm->judge, file->path, FST_ERROR);
    for (size_t i = 0; i < file->n_tests; i++) {
        char id[128];
        suite_id(file, i, 0, id, sizeof id);
        judge_excuse(&farm->judge, id, FST_ERROR);
    }
}

/* What is lost with a worker or agent that the simulation ends. */
static void excuse_slot(struct farm *farm, const struct slot *slot)
{
    for (size_t i = 0; i < slot->amends.count; i++) {
        for (int k = 0; k < FST_OUTCOMES; k++)
            judge_excuse(&farm->judge, slot->amends.items[i].id,
                         (enum fst_outcome)k);
    }
    const struct lease *lease;
    DL_FOREACH2(slot->leases, lease, next_lease)
    {
        const struct fst_lease *from = &lease->msg->lease;
        if (lease->msg->type != FST_MSG_LEASE ||
            from->kind != FST_LEASE_CONFIRM)
            continue;
        judge_excuse(&farm->judge, from->target, FST_FAILED);
        judge_excuse(&farm->judge, from->target, FST_ERROR);
    }
}

/* docs/worker.md: results, the crashed test or STATE with the lease, then the
 * leases. What was sent may come twice. */
static void die(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->leases;
    struct fst_state down = {.state = FST_SLOT_DOWN,
                             .text = "killed by SIGKILL"};
    char id[128];
    bool again = slot->last.lease && rng_percent(&farm->rng, 30);
    flush_results(farm, slot);
    if (again)
        fst_vec_add(&slot->results, slot->last);
    if (slot->state == RUNNING && lease) {
        suite_id(lease->file, lease->tests[lease->next], slot->worker, id,
                 sizeof id);
        add_result(slot, lease, id, FST_FAILED);
        slot->results.items[slot->results.count - 1].crashed = true;
    } else if (slot->state == OPENING && lease) {
        down.lease = lease_id(lease);
    }
    excuse_slot(farm, slot);
    say_state(farm, slot, &down);
    give_back_leases(farm, slot);
    if (slot->agent->draining) {
        slot->amends.count = 0;
        end_worker(farm, slot);
    } else {
        start_worker(farm, slot);
    }
}

static void finish_opening(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->leases;
    struct model_file *file = lease->file;
    if (!file) {
        say_listed(farm, slot, lease);
        drop_lease(slot, lease);
        return;
    }
    if (file->opening == OPEN_KILLS ||
        (file->opening == OPEN_KILLS_ONCE && !file->kills)) {
        file->kills++;
        die(farm, slot);
        return;
    }
    lease->opened = true;
    say_collected(farm, slot, lease);
}

static void finish_test(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->leases;
    struct model_file *file = lease->file;
    size_t index = lease->tests[lease->next];
    const struct test *test = &file->tests[index];
    const char *target = lease->msg->lease.target;
    char id[128];
    if (test->crashes) {
        die(farm, slot);
        return;
    }
    bool *ran = slot->ran[file - farm->suite->files];
    suite_id(file, index, slot->worker, id, sizeof id);
    enum fst_outcome outcome = run_test(slot, file, index, ran);
    ran[index] = slot->used = true;
    lease->next++;
    if (target && strcmp(target, id) != 0)
        return;
    add_result(slot, lease, id, outcome);
    slot->results.items[slot->results.count - 1].seconds = test->seconds;
    if (test->amends) {
        struct said_result *amend = fst_vec_push(&slot->amends);
        *amend = slot->results.items[slot->results.count - 1];
        amend->outcome = FST_ERROR;
        amend->amend = true;
    }
    if (outcome >= FST_FAILED || rng_percent(&farm->rng, 30))
        flush_results(farm, slot);
    if (rng_percent(&farm->rng, 10))
        send_amends(farm, slot);
}

static void restart_fresh(struct farm *farm, struct slot *slot)
{
    send_amends(farm, slot);
    say_state(farm, slot, &(struct fst_state){.state = FST_SLOT_DOWN});
    start_worker(farm, slot);
}

static bool has_opened_any(const struct farm *farm, const struct slot *slot)
{
    bool any = slot->used;
    for (size_t i = 0; i < farm->suite->n_files; i++)
        any = any || slot->opened[i];
    return any;
}

static void start_lease(struct farm *farm, struct slot *slot,
                        struct lease *lease)
{
    if (lease->file && lease->msg->lease.fresh && !lease->restarted &&
        has_opened_any(farm, slot)) {
        lease->restarted = true;
        restart_fresh(farm, slot);
        return;
    }
    bool known = lease->file && slot->opened[lease->file - farm->suite->files];
    double open_s = lease->file ? lease->file->open_s : 0.1;
    busy(farm, slot, OPENING, known ? 0.0001 : open_s);
}

/* The worker has nothing at hand: what next? */
static void go(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->leases;
    slot->state = IDLE;
    if (!lease) {
        flush_results(farm, slot);
        if (slot->agent->draining)
            end_worker(farm, slot);
        else
            say_credit(farm, slot);
    } else if (!lease->opened) {
        start_lease(farm, slot, lease);
    } else if (lease->next < lease->n_tests) {
        if (lease->next + 1 == lease->n_tests && !lease->next_lease)
            say_credit(farm, slot);
        busy(farm, slot, RUNNING,
             lease->file->tests[lease->tests[lease->next]].seconds);
    } else {
        drop_lease(slot, lease);
        go(farm, slot);
    }
}

static void on_worker(struct farm *farm, struct slot *slot)
{
    if (slot->state == STARTING) {
        slot->worker = ++farm->last_worker;
        slot->state = IDLE;
        say_state(farm, slot,
                  &(struct fst_state){.state = FST_SLOT_UP,
                                      .list = farm->suite->plugin});
    } else if (slot->state == OPENING) {
        finish_opening(farm, slot);
    } else if (slot->state == RUNNING) {
        finish_test(farm, slot);
    }
    if (slot->state != STARTING && slot->state != GONE)
        go(farm, slot);
}

/* ---- what agents hear ---- */

static struct slot *find_slot(struct agent *agent, uint32_t number)
{
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        if (agent->slots[i].number == number)
            return &agent->slots[i];
    }
    return NULL;
}

static void on_lease(struct farm *farm, struct slot *slot, struct fst_msg *msg)
{
    struct lease *lease = calloc(1, sizeof *lease);
    lease->msg = msg;
    for (size_t i = 0; msg->type == FST_MSG_LEASE && i < farm->suite->n_files;
         i++) {
        if (!strcmp(farm->suite->files[i].path, msg->lease.file))
            lease->file = &farm->suite->files[i];
    }
    DL_APPEND2(slot->leases, lease, prev, next_lease);
    slot->credit = false;
    if (slot->state == GONE || slot->agent->draining)
        give_back_leases(farm, slot);
    else if (slot->state == IDLE)
        go(farm, slot);
}

/* A lease that hasn't been opened: by name, or all of it. */
static struct fst_msg *revoke_unopened(struct farm *farm, struct slot *slot,
                                       struct lease *lease,
                                       const struct fst_revoke *what)
{
    bool opening = lease == slot->leases && slot->state == OPENING;
    if (!what->items.count) {
        bool rest = !opening && rng_percent(&farm->rng, 80);
        if (rest)
            drop_lease(slot, lease);
        return revoked(slot, what->lease, rest);
    }
    struct fst_msg *msg = revoked(slot, what->lease, false);
    struct fst_arena *arena = &lease->msg->arena;
    lease->revoked.items =
        fst_arena_array(arena, what->items.count, sizeof(char *));
    lease->revoked.count = what->items.count;
    msg->revoked.items.items =
        fst_arena_array(&msg->arena, what->items.count, sizeof(char *));
    msg->revoked.items.count = what->items.count;
    for (size_t i = 0; i < what->items.count; i++) {
        lease->revoked.items[i] = fst_arena_str(arena, what->items.items[i]);
        msg->revoked.items.items[i] =
            fst_arena_str(&msg->arena, what->items.items[i]);
    }
    return msg;
}

static struct fst_msg *revoke_opened(struct slot *slot, struct lease *lease,
                                     const struct fst_revoke *what)
{
    struct fst_msg *msg = revoked(slot, what->lease, false);
    struct fst_strs *to = &msg->revoked.items;
    bool running = lease == slot->leases && slot->state == RUNNING;
    size_t kept = lease->next + running;
    to->items =
        fst_arena_array(&msg->arena, what->items.count + 1, sizeof(char *));
    for (size_t i = kept; i < lease->n_tests; i++) {
        char id[128];
        suite_id(lease->file, lease->tests[i], slot->worker, id, sizeof id);
        if (in_strings(&what->items, id))
            to->items[to->count++] = fst_arena_str(&msg->arena, id);
        else
            lease->tests[kept++] = lease->tests[i];
    }
    lease->n_tests = kept;
    return msg;
}

static void on_revoke(struct farm *farm, struct slot *slot,
                      const struct fst_revoke *what)
{
    struct lease *lease;
    struct fst_msg *answer;
    DL_FOREACH2(slot->leases, lease, next_lease)
    {
        if (lease_id(lease) == what->lease)
            break;
    }
    if (!lease)
        answer = revoked(slot, what->lease, false);
    else if (lease->opened)
        answer = revoke_opened(slot, lease, what);
    else
        answer = revoke_unopened(farm, slot, lease, what);
    say_of_slot(farm, slot, answer);
}

static void on_cancel(struct farm *farm, struct agent *agent)
{
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        if (slot->state == GONE)
            continue;
        give_back_leases(farm, slot);
        end_worker(farm, slot);
    }
}

static void on_drain(struct farm *farm, struct agent *agent)
{
    agent->draining = true;
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        if (slot->state == IDLE || slot->state == STARTING)
            end_worker(farm, slot);
    }
    check_agent_done(farm, agent);
}

static void on_agent_message(struct farm *farm, struct agent *agent,
                             struct fst_msg *msg)
{
    if (!agent->alive) {
        fst_msg_free(msg);
        return;
    }
    switch (msg->type) {
    case FST_MSG_LEASE:
        on_lease(farm, find_slot(agent, msg->lease.slot), msg);
        return;
    case FST_MSG_LIST:
        on_lease(farm, find_slot(agent, msg->list.slot), msg);
        return;
    case FST_MSG_REVOKE:
        on_revoke(farm, find_slot(agent, msg->revoke.slot), &msg->revoke);
        break;
    case FST_MSG_CANCEL:
        on_cancel(farm, agent);
        break;
    case FST_MSG_DRAIN:
        on_drain(farm, agent);
        break;
    default:
        judge_fail(&farm->judge, "an agent got message %d", msg->type);
    }
    fst_msg_free(msg);
}

/* ---- the core ---- */

static void watch_sent(struct farm *farm, const struct fst_msg *msg)
{
    struct suite *suite = farm->suite;
    struct judge *judge = &farm->judge;
    if (msg->type == FST_MSG_CANCEL) {
        judge->cancelled = judge->stopped = true;
        bool missing = false;
        for (size_t i = 0; i < suite->n_files; i++)
            missing = missing || suite->files[i].missing;
        if (!missing && !suite->maxfail && !suite->stops &&
            suite->max_worker_restart > 1000)
            judge_fail(judge, "stopped for \"%s\"", msg->cancel.why);
    }
    if (msg->type != FST_MSG_LEASE)
        return;
    farm->result.leases++;
    if (!farm->first_lease)
        farm->first_lease = farm->now;
    if (judge->cancelled)
        judge_fail(judge, "a lease after the cancel");
    if (farm->only < 0)
        farm->only = (int)msg->lease.slot;
    if (suite->one_worker && !suite->faults &&
        farm->only != (int)msg->lease.slot)
        judge_fail(judge, "one_worker, but two slots have leases");
}

static void trace(const struct farm *farm, const char *who, uint32_t agent,
                  const struct fst_msg *msg)
{
    if (!farm->spec->trace)
        return;
    printf("%10.4f %s %u type %d", (double)farm->now / 1e9, who, agent,
           msg->type);
    if (msg->type == FST_MSG_LEASE)
        printf(" lease %llu gw%u %s kind %d whole %d units %zu %s%s",
               (unsigned long long)msg->lease.lease, msg->lease.slot,
               msg->lease.file, msg->lease.kind, msg->lease.whole,
               msg->lease.n_units,
               msg->lease.n_units ? msg->lease.units[0].id : "",
               msg->lease.fresh ? " fresh" : "");
    if (msg->type == FST_MSG_COLLECTED)
        printf(" lease %llu gw%u %s same %d items %zu",
               (unsigned long long)msg->collected.lease, msg->collected.slot,
               msg->collected.file, msg->collected.same,
               msg->collected.n_items);
    for (size_t i = 0;
         msg->type == FST_MSG_RESULTS && i < msg->results.n_results; i++)
        printf(" [%llu %s %s%s]",
               (unsigned long long)msg->results.results[i].lease,
               msg->results.results[i].id,
               fst_outcome_names[msg->results.results[i].outcome],
               msg->results.results[i].crashed ? " crashed" : "");
    if (msg->type == FST_MSG_STATE)
        printf(" gw%u state %d lease %llu", msg->state.slot, msg->state.state,
               (unsigned long long)msg->state.lease);
    if (msg->type == FST_MSG_REVOKE)
        printf(" lease %llu gw%u items %zu",
               (unsigned long long)msg->revoke.lease, msg->revoke.slot,
               msg->revoke.items.count);
    if (msg->type == FST_MSG_REVOKED)
        printf(" lease %llu gw%u items %zu rest %d",
               (unsigned long long)msg->revoked.lease, msg->revoked.slot,
               msg->revoked.items.count, msg->revoked.rest);
    if (msg->type == FST_MSG_CREDIT)
        printf(" gw%u", msg->credit.slot);
    putchar('\n');
}

static void carry_out(struct farm *farm)
{
    for (size_t i = 0; i < farm->effects.list.count; i++) {
        struct fst_effect *effect = &farm->effects.list.items[i];
        if (effect->type != FST_EF_SEND) {
            judge_effect(&farm->judge, effect);
            if (farm->spec->trace && effect->type == FST_EF_ENDED)
                printf("%10.4f ended: %d %s\n", (double)farm->now / 1e9,
                       effect->exit_code, effect->text ? effect->text : "");
            if (effect->type == FST_EF_OUTCOME)
                farm->last_outcome = farm->now;
            continue;
        }
        watch_sent(farm, effect->msg);
        farm->result.revokes += effect->msg->type == FST_MSG_REVOKE;
        trace(farm, "->", effect->agent.v, effect->msg);
        struct agent *agent = farm->agents;
        while (agent && agent->id != effect->agent.v)
            agent = agent->next;
        if (!agent) {
            judge_fail(&farm->judge, "a message to agent %u", effect->agent.v);
            continue;
        }
        int64_t at = farm->now + latency(farm);
        agent->in_at = at > agent->in_at ? at : agent->in_at + 1;
        add_event(farm, agent->in_at,
                  (struct event){
                      .type = TO_AGENT, .agent = agent, .msg = effect->msg});
        effect->msg = NULL; /* taken */
    }
    fst_effects_clear(&farm->effects);
    if (farm->spec->check)
        fst_core_check(farm->core);
}

static void step(struct farm *farm, const struct fst_event *event)
{
    struct fst_err err = {0};
    clock_t before = clock();
    int result =
        fst_core_step(farm->core, event, farm->now, &farm->effects, &err);
    farm->result.cpu_s += (double)(clock() - before) / CLOCKS_PER_SEC;
    farm->result.steps++;
    if (result)
        judge_fail(&farm->judge, "refused: %s", err.msg);
    carry_out(farm);
}

/* ---- agents ---- */

static void agent_comes(struct farm *farm, uint32_t first_slot)
{
    struct agent *agent = calloc(1, sizeof *agent);
    uint32_t numbers[16];
    agent->id = ++farm->last_agent;
    agent->n_slots = farm->spec->slots;
    agent->alive = true;
    agent->cut = INT64_MAX;
    agent->next = farm->agents;
    farm->agents = agent;
    agent->slots = calloc(agent->n_slots, sizeof *agent->slots);
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        struct slot *slot = &agent->slots[i];
        slot->agent = agent;
        numbers[i] = slot->number = first_slot + i;
        slot->opened = calloc(farm->suite->n_files + 1, sizeof(bool));
        slot->ran = calloc(farm->suite->n_files + 1, sizeof(bool *));
        for (size_t k = 0; k < farm->suite->n_files; k++)
            slot->ran[k] =
                calloc(farm->suite->files[k].n_tests + 1, sizeof(bool));
    }
    step(farm, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                   .agent = {agent->id},
                                   .slots = numbers,
                                   .n_slots = agent->n_slots});
    for (uint32_t i = 0; i < agent->n_slots; i++)
        start_worker(farm, &agent->slots[i]);
}

static void free_agents(struct farm *farm)
{
    while (farm->agents) {
        struct agent *agent = farm->agents;
        farm->agents = agent->next;
        for (uint32_t i = 0; i < agent->n_slots; i++) {
            struct slot *slot = &agent->slots[i];
            while (slot->leases)
                drop_lease(slot, slot->leases);
            for (size_t k = 0; k < farm->suite->n_files; k++)
                free(slot->ran[k]);
            free(slot->ran);
            free(slot->opened);
            fst_vec_free(&slot->results);
            fst_vec_free(&slot->amends);
        }
        free(agent->slots);
        free(agent);
    }
}

static struct agent *random_agent(struct farm *farm)
{
    struct agent *agent = farm->agents, *found = NULL;
    uint32_t seen = 0;
    for (; agent; agent = agent->next) {
        if (agent->alive && !agent->draining && !rng_below(&farm->rng, ++seen))
            found = agent;
    }
    return found;
}

/* Results under way may be lost; whatever it ran has to run again, three
 * times at most. */
static void kill_agent(struct farm *farm)
{
    struct agent *agent = random_agent(farm);
    if (!agent)
        return;
    agent->alive = false;
    agent->cut = farm->now + rng_below(&farm->rng, 20000000);
    farm->agent_kills++;
    for (uint32_t i = 0; i < agent->n_slots; i++) {
        excuse_slot(farm, &agent->slots[i]);
        agent->slots[i].epoch++;
        agent->slots[i].state = GONE;
    }
    for (size_t i = 0; i < farm->suite->n_files; i++) {
        const struct model_file *file = &farm->suite->files[i];
        for (size_t k = 0; k < file->n_tests; k++) {
            char id[128];
            suite_id(file, k, 0, id, sizeof id);
            if (!file->tests[k].amends)
                continue;
            judge_excuse(&farm->judge, id, file->tests[k].outcome);
            judge_excuse(&farm->judge, id, FST_FAILED);
        }
        if (farm->agent_kills >= 3)
            excuse_file(farm, file);
    }
    add_event(farm, agent->cut + 1,
              (struct event){.type = AGENT_GONE, .agent = agent});
}

/* It failed by that, and those that need it can't be confirmed. */
static void excuse_killed(struct farm *farm, const struct model_file *file,
                          size_t killed)
{
    for (size_t i = 0; i < file->n_tests; i++) {
        char id[128];
        suite_id(file, i, 0, id, sizeof id);
        if (i == killed || file->tests[i].needs == (int)killed)
            judge_excuse(&farm->judge, id, FST_FAILED);
    }
}

static void kill_worker(struct farm *farm)
{
    struct agent *agent = random_agent(farm);
    if (!agent)
        return;
    struct slot *slot = &agent->slots[rng_below(&farm->rng, agent->n_slots)];
    struct lease *lease = slot->leases;
    if (slot->state == GONE || slot->state == STARTING)
        return;
    if (slot->state == RUNNING) {
        excuse_killed(farm, lease->file, lease->tests[lease->next]);
    } else if (slot->state == OPENING && lease->file) {
        if (++lease->file->kills >= 2)
            excuse_file(farm, lease->file);
    }
    slot->epoch++;
    die(farm, slot);
}

/* One slot of an agent that has another one is given up. */
static void retire_slot(struct farm *farm)
{
    struct agent *agent = random_agent(farm);
    if (!agent || agent->n_slots < 2 || agent->retiring)
        return;
    struct slot *slot = &agent->slots[rng_below(&farm->rng, agent->n_slots)];
    if (slot->state != STARTING)
        return;
    agent->retiring = true;
    slot->state = GONE;
    slot->epoch++;
    say_state(farm, slot,
              &(struct fst_state){.state = FST_SLOT_RETIRED,
                                  .text = "five crashes in a row"});
    give_back_leases(farm, slot);
}

static void agent_gone(struct farm *farm, struct agent *agent)
{
    step(farm, &(struct fst_event){.type = FST_EV_AGENT_DOWN,
                                   .agent = {agent->id},
                                   .why = "killed"});
    add_event(
        farm, farm->now + rng_below(&farm->rng, 1000) * SECOND / 1000,
        (struct event){.type = AGENT_COMES, .epoch = agent->slots[0].number});
}

static void on_core_message(struct farm *farm, const struct event *event)
{
    if (event->at <= event->agent->cut) {
        trace(farm, "<-", event->agent->id, event->msg);
        step(farm, &(struct fst_event){.type = FST_EV_MESSAGE,
                                       .agent = {event->agent->id},
                                       .msg = event->msg});
    }
    fst_msg_free(event->msg);
}

static void handle(struct farm *farm, const struct event *event)
{
    switch (event->type) {
    case TO_CORE:
        on_core_message(farm, event);
        break;
    case TO_AGENT:
        on_agent_message(farm, event->agent, event->msg);
        break;
    case WORKER:
        if (event->slot->epoch == event->epoch && event->slot->agent->alive)
            on_worker(farm, event->slot);
        break;
    case AGENT_COMES:
        agent_comes(farm, event->epoch);
        break;
    case AGENT_GONE:
        agent_gone(farm, event->agent);
        break;
    case KILL_AGENT:
        kill_agent(farm);
        break;
    case KILL_WORKER:
        kill_worker(farm);
        break;
    case RETIRE:
        retire_slot(farm);
        break;
    case STOP:
        farm->judge.stopped = true;
        step(farm, &(struct fst_event){.type = FST_EV_STOP,
                                       .run = farm->run,
                                       .why = "interrupted",
                                       .exit_code = 2});
        break;
    }
}

/* ---- a run ---- */

static void add_run(struct farm *farm)
{
    const struct suite *suite = farm->suite;
    struct fst_file_plan *plans = calloc(suite->n_files + 1, sizeof *plans);
    static const char *const root = ".";
    bool held = false;
    size_t count = 0;
    for (size_t i = 0; i < suite->n_files; i++) {
        const struct model_file *file = &suite->files[i];
        held = held || file->held || file->hidden;
        if (file->hidden)
            continue;
        plans[count++] = (struct fst_file_plan){
            .path = file->path,
            .functions = file->plan,
            .n_functions = file->n_planned,
            .verify = file->verify,
            .held = file->held,
        };
    }
    farm->run =
        fst_core_add_run(farm->core,
                         &(struct fst_run_spec){
                             .files = plans,
                             .n_files = count,
                             .list_dirs = &root,
                             .n_list_dirs = held,
                             .roots = &root,
                             .n_roots = suite->plugin,
                             .maxfail = suite->maxfail,
                             .confirm = suite->confirm,
                             .collect_only = suite->collect_only,
                             .one_worker = suite->one_worker,
                             .max_worker_restart = suite->max_worker_restart,
                         },
                         farm->now, &farm->effects);
    free(plans);
    carry_out(farm);
}

static void plan_faults(struct farm *farm)
{
    struct rng *rng = &farm->rng;
    static const enum event_type faults[] = {KILL_AGENT, KILL_WORKER,
                                             KILL_WORKER, RETIRE};
    uint32_t count = farm->suite->faults ? rng_below(rng, 6) : 0;
    for (uint32_t i = 0; i < count; i++)
        add_event(farm, rng_below(rng, 4000) * SECOND / 1000,
                  (struct event){.type = faults[rng_below(rng, 4)]});
    if (farm->suite->stops)
        add_event(farm, rng_below(rng, 3000) * SECOND / 1000,
                  (struct event){.type = STOP});
}

static void run_events(struct farm *farm)
{
    size_t events = 0;
    while (!farm->judge.ended && !farm->judge.failed) {
        int64_t tick = fst_core_deadline(farm->core);
        bool has_event = farm->heap.count > 0;
        int64_t next = has_event ? farm->heap.items[0].at : INT64_MAX;
        if (next == INT64_MAX && tick == INT64_MAX) {
            judge_fail(&farm->judge, "deadlock: nothing will happen");
            return;
        }
        if (++events > MOST_EVENTS || farm->now > END_OF_TIME) {
            judge_fail(&farm->judge, "the run doesn't end");
            return;
        }
        if (tick <= next) {
            farm->now = tick > farm->now ? tick : farm->now;
            step(farm, &(struct fst_event){.type = FST_EV_TICK});
            continue;
        }
        struct event event = next_event(farm);
        farm->now = event.at > farm->now ? event.at : farm->now;
        handle(farm, &event);
    }
}

struct farm_result farm_run(const struct farm_spec *spec)
{
    struct farm farm = {.spec = spec,
                        .suite = spec->suite,
                        .rng = {spec->seed ^ UINT64_C(0x5bd1e995)},
                        .core = fst_core_new(),
                        .only = -1};
    struct fst_counts counts;
    bool early = rng_percent(&farm.rng, 30); /* agents before the run */
    judge_init(&farm.judge, spec->suite, spec->seed);
    if (!early)
        add_run(&farm);
    for (uint32_t i = 0; i < spec->agents && !farm.judge.ended; i++)
        agent_comes(&farm, i * spec->slots);
    if (early)
        add_run(&farm);
    plan_faults(&farm);
    run_events(&farm);
    fst_core_counts(farm.core, farm.run, &counts);
    if (!farm.judge.failed)
        judge_end(&farm.judge, &counts);
    farm.result.failed = farm.judge.failed;
    farm.result.makespan_s =
        (double)(farm.last_outcome - farm.first_lease) / 1e9;
    while (farm.heap.count)
        fst_msg_free(farm.heap.items[--farm.heap.count].msg);
    fst_vec_free(&farm.heap);
    free_agents(&farm);
    fst_core_free(farm.core);
    fst_effects_release(&farm.effects);
    judge_release(&farm.judge);
    return farm.result;
}
