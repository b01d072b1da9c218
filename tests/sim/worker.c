/* A model worker: opens files, runs tests, dies. */
#include "tests/sim/world.h"

static void busy(struct farm *farm, struct slot *slot, enum worker_state state,
                 double seconds)
{
    slot->state = state;
    sim_add_event(
        farm, farm->now + sim_ns(seconds),
        (struct event){.type = WORKER, .slot = slot, .epoch = ++slot->epoch});
}

void sim_worker_start(struct farm *farm, struct slot *slot)
{
    model_forget(&slot->model);
    slot->credit = false;
    slot->started = farm->now;
    farm->result.workers++;
    busy(farm, slot, STARTING,
         farm->spec->quiet ? farm->spec->start_s
                           : rng_below(&farm->rng, 300) / 1000.0);
}

static void send_amends(struct farm *farm, struct slot *slot)
{
    model_amend(&slot->model);
    sim_flush(farm, slot);
}

void sim_worker_end(struct farm *farm, struct slot *slot)
{
    send_amends(farm, slot);
    slot->state = GONE;
    slot->epoch++;
    sim_agent_check_done(farm, slot->agent);
}

/* docs/worker.md: results, the crashed test or STATE with the lease, then the
 * leases. What was sent may come twice. */
void sim_worker_die(struct farm *farm, struct slot *slot)
{
    struct model *model = &slot->model;
    struct lease *lease = model->leases;
    struct fst_state down = {.state = FST_SLOT_DOWN,
                             .text = "killed by SIGKILL"};
    char id[128];
    bool again = model->last.lease && rng_percent(&farm->rng, 30);
    sim_flush(farm, slot);
    if (again)
        fst_vec_add(&model->results, model->last);
    if (slot->state == RUNNING && lease) {
        model_next_id(model, lease, id, sizeof id);
        model_add(model, lease, id, FST_FAILED);
        model->results.items[model->results.count - 1].crashed = true;
    } else if (slot->state == OPENING && lease) {
        down.lease = model_id(lease);
    }
    sim_excuse_slot(farm, slot);
    sim_say_state(farm, slot, &down);
    sim_give_back(farm, slot);
    if (slot->agent->draining) {
        model->amends.count = 0;
        sim_worker_end(farm, slot);
    } else {
        sim_worker_start(farm, slot);
    }
}

static void finish_opening(struct farm *farm, struct slot *slot)
{
    struct model *model = &slot->model;
    struct lease *lease = model->leases;
    struct model_file *file = lease->file;
    if (!file) {
        sim_say_of_slot(farm, slot, model_list(model, lease));
        model_drop(model, lease);
        return;
    }
    if (file->opening == OPEN_KILLS ||
        (file->opening == OPEN_KILLS_ONCE && !file->kills)) {
        file->kills++;
        sim_worker_die(farm, slot);
        return;
    }
    sim_flush(farm, slot);
    sim_say(farm, slot->agent, model_collect(model, lease));
    if (model->results.count && !model->opened[file - farm->suite->files])
        sim_flush(farm, slot);
}

static void finish_test(struct farm *farm, struct slot *slot)
{
    struct model *model = &slot->model;
    struct lease *lease = model->leases;
    const struct test *test = &lease->file->tests[lease->tests[lease->next]];
    uint32_t attempt = lease->msg->lease.attempt;
    size_t before = model->results.count;
    if (test->crashes && (!test->flaky || attempt <= test->flaky)) {
        sim_worker_die(farm, slot);
        return;
    }
    model_run(model, lease);
    if (model->results.count == before)
        return;
    if (model->results.items[before].outcome >= FST_FAILED ||
        rng_percent(&farm->rng, 30))
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

static void start_lease(struct farm *farm, struct slot *slot,
                        struct lease *lease)
{
    if (lease->file && lease->msg->lease.fresh && !lease->restarted &&
        model_has_opened_any(&slot->model)) {
        lease->restarted = true;
        restart_fresh(farm, slot);
        return;
    }
    bool known =
        lease->file && slot->model.opened[lease->file - farm->suite->files];
    double open_s = lease->file ? lease->file->open_s : 0.1;
    busy(farm, slot, OPENING, known ? 0.0001 : open_s);
}

/* The worker has nothing at hand: what next? */
void sim_worker_go(struct farm *farm, struct slot *slot)
{
    struct lease *lease = slot->model.leases;
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
        model_drop(&slot->model, lease);
        sim_worker_go(farm, slot);
    }
}

void sim_worker_next(struct farm *farm, struct slot *slot)
{
    if (slot->state == STARTING) {
        slot->model.worker = ++farm->last_worker;
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
