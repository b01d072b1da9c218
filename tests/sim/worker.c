/* A model worker: opens files, runs tests, dies. */
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void busy(struct farm *farm, struct slot *slot, enum worker_state state,
                 double seconds)
{
    slot->state = state;
    sim_add_event(
        farm, farm->now + sim_ns(seconds),
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

void sim_worker_start(struct farm *farm, struct slot *slot)
{
    forget_worker(farm, slot);
    slot->started = farm->now;
    farm->result.workers++;
    busy(farm, slot, STARTING,
         farm->spec->quiet ? farm->spec->start_s
                           : rng_below(&farm->rng, 300) / 1000.0);
}

static void send_amends(struct farm *farm, struct slot *slot)
{
    for (size_t i = 0; i < slot->amends.count; i++)
        fst_vec_add(&slot->results, slot->amends.items[i]);
    slot->amends.count = 0;
    sim_flush(farm, slot);
}

void sim_worker_end(struct farm *farm, struct slot *slot)
{
    send_amends(farm, slot);
    slot->state = GONE;
    slot->epoch++;
    sim_agent_check_done(farm, slot->agent);
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

bool sim_in_strings(const struct fst_strs *list, const char *id)
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
    *to =
        (struct said_result){.lease = sim_lease_id(lease), .outcome = outcome};
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
        bool left_out = from->whole && file->tests[test].group;
        if (!left_out && in_units(from, id, hit) &&
            !sim_in_strings(&lease->revoked, id))
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
        if (file->tests[test].group)
            to->items[i].group = fst_arena_printf(&msg->arena, "group%u",
                                                  file->tests[test].group);
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
    sim_say_of_slot(farm, slot, msg);
    slot->opened[number] = slot->opened[number] || !broken;
    if (from->kind == FST_LEASE_COLLECT)
        return;
    if (!broken) {
        choose_tests(slot, lease);
    } else {
        for (size_t i = 0; i < from->n_units; i++)
            add_result(slot, lease, from->units[i].id, FST_ABSENT);
        sim_flush(farm, slot);
    }
}

static void say_listed(struct farm *farm, struct slot *slot,
                       const struct lease *lease)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LISTED);
    const struct suite *suite = farm->suite;
    struct fst_strs *files = &msg->listed.files;
    msg->listed.lease = sim_lease_id(lease);
    msg->listed.slot = slot->number;
    files->items =
        fst_arena_array(&msg->arena, suite->n_files + 1, sizeof(char *));
    for (size_t i = 0; i < suite->n_files; i++) {
        if (suite->files[i].real)
            files->items[files->count++] =
                fst_arena_str(&msg->arena, suite->files[i].path);
    }
    sim_say_of_slot(farm, slot, msg);
}

static enum fst_outcome run_test(const struct model_file *file, size_t index,
                                 const bool *ran, uint32_t attempt)
{
    const struct test *test = &file->tests[index];
    bool fails = test->needs >= 0 && !ran[test->needs];
    fails = fails || attempt <= test->flaky;
    for (size_t i = index + 1; i < file->n_tests && test->hates_later; i++)
        fails = fails || ran[i];
    return fails ? FST_FAILED : test->outcome;
}

/* docs/worker.md: results, the crashed test or STATE with the lease, then the
 * leases. What was sent may come twice. */
void sim_worker_die(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->leases;
    struct fst_state down = {.state = FST_SLOT_DOWN,
                             .text = "killed by SIGKILL"};
    char id[128];
    bool again = slot->last.lease && rng_percent(&farm->rng, 30);
    sim_flush(farm, slot);
    if (again)
        fst_vec_add(&slot->results, slot->last);
    if (slot->state == RUNNING && lease) {
        suite_id(lease->file, lease->tests[lease->next], slot->worker, id,
                 sizeof id);
        add_result(slot, lease, id, FST_FAILED);
        slot->results.items[slot->results.count - 1].crashed = true;
    } else if (slot->state == OPENING && lease) {
        down.lease = sim_lease_id(lease);
    }
    sim_excuse_slot(farm, slot);
    sim_say_state(farm, slot, &down);
    sim_give_back(farm, slot);
    if (slot->agent->draining) {
        slot->amends.count = 0;
        sim_worker_end(farm, slot);
    } else {
        sim_worker_start(farm, slot);
    }
}

static void finish_opening(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->leases;
    struct model_file *file = lease->file;
    if (!file) {
        say_listed(farm, slot, lease);
        sim_drop_lease(slot, lease);
        return;
    }
    if (file->opening == OPEN_KILLS ||
        (file->opening == OPEN_KILLS_ONCE && !file->kills)) {
        file->kills++;
        sim_worker_die(farm, slot);
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
    uint32_t attempt = lease->msg->lease.attempt;
    if (test->crashes && (!test->flaky || attempt <= test->flaky)) {
        sim_worker_die(farm, slot);
        return;
    }
    bool *ran = slot->ran[file - farm->suite->files];
    suite_id(file, index, slot->worker, id, sizeof id);
    enum fst_outcome outcome = run_test(file, index, ran, attempt);
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
        sim_flush(farm, slot);
    if (rng_percent(&farm->rng, 10))
        send_amends(farm, slot);
}

static void restart_fresh(struct farm *farm, struct slot *slot)
{
    send_amends(farm, slot);
    sim_say_state(farm, slot, &(struct fst_state){.state = FST_SLOT_DOWN});
    sim_worker_start(farm, slot);
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
void sim_worker_go(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->leases;
    slot->state = IDLE;
    if (!lease) {
        sim_flush(farm, slot);
        if (slot->agent->draining)
            sim_worker_end(farm, slot);
        else
            sim_say_credit(farm, slot);
    } else if (!lease->opened) {
        start_lease(farm, slot, lease);
    } else if (lease->next < lease->n_tests) {
        if (lease->next + 1 == lease->n_tests && !lease->next_lease)
            sim_say_credit(farm, slot);
        busy(farm, slot, RUNNING,
             lease->file->tests[lease->tests[lease->next]].seconds);
    } else {
        sim_drop_lease(slot, lease);
        sim_worker_go(farm, slot);
    }
}

void sim_worker_next(struct farm *farm, struct slot *slot)
{
    if (slot->state == STARTING) {
        slot->worker = ++farm->last_worker;
        slot->state = IDLE;
        sim_say_state(farm, slot,
                      &(struct fst_state){
                          .state = FST_SLOT_UP,
                          .list = farm->suite->plugin,
                          .start_s = (double)(farm->now - slot->started) / 1e9,
                      });
    } else if (slot->state == OPENING) {
        finish_opening(farm, slot);
    } else if (slot->state == RUNNING) {
        finish_test(farm, slot);
    }
    if (slot->state != STARTING && slot->state != GONE)
        sim_worker_go(farm, slot);
}
