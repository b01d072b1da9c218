#include "agent/core/step.h"

#include <string.h>

void fst_step_send(struct fst_step *step, struct fst_msg *msg)
{
    fst_vec_add(&step->out->list, ((struct fst_agent_effect){
                                      .type = FST_AGENT_SEND, .msg = msg}));
}

void fst_step_effect(struct fst_step *step, enum fst_agent_effect_type type)
{
    fst_vec_add(&step->out->list, ((struct fst_agent_effect){.type = type}));
}

/* ---- results */

void fst_step_flush(struct fst_step *step)
{
    struct fst_msg *msg = fst_batch_take(&step->agent->batch);
    if (msg)
        fst_step_send(step, msg);
}

void fst_step_lines(struct fst_step *step, const struct fst_slot *slot,
                    const char *text)
{
    fst_step_flush(step);
    struct fst_msg *msg = fst_msg_new(FST_MSG_OUTPUT);
    msg->output.slot = slot->number;
    msg->output.text = fst_arena_str(&msg->arena, text);
    fst_step_send(step, msg);
}

static void add_result(struct fst_step *step, const struct fst_result *result)
{
    fst_batch_add(&step->agent->batch, result, step->now_ns);
    if (fst_batch_due(&step->agent->batch, step->now_ns))
        fst_step_flush(step);
}

/* Of a test that has been found to run too long: that stands. */
static bool is_too_late(const struct fst_slot *slot,
                        const struct fst_result *result)
{
    return fst_hang_is_condemned(&slot->hang) &&
           slot->hang.doing == FST_DOING_TESTING && !result->amend &&
           result->lease == slot->hang.lease &&
           !strcmp(result->id, slot->hang.name);
}

static void take_results(struct fst_step *step, struct fst_slot *slot,
                         const struct fst_results *results)
{
    for (size_t i = 0; i < results->n_warnings; i++)
        fst_batch_warn(&step->agent->batch, &results->warnings[i],
                       step->now_ns);
    for (size_t i = 0; i < results->n_results; i++) {
        const struct fst_result *result = &results->results[i];
        if (is_too_late(slot, result))
            continue;
        add_result(step, result);
        if (result->amend || result->outcome == FST_ABSENT)
            continue;
        slot->failures = 0;
        slot->memory.ended++;
        fst_slot_reached(slot, result->lease);
        fst_slot_ended(slot, result->lease, result->id);
        free(slot->last_id);
        slot->last_id = fst_strdup(result->id);
        slot->last_lease = result->lease;
    }
    if (fst_batch_due(&step->agent->batch, step->now_ns))
        fst_step_flush(step);
}

/* ---- states */

static struct fst_msg *new_state(const struct fst_slot *slot,
                                 enum fst_slot_state state, const char *text)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){
        .slot = slot->number,
        .state = state,
        .text = fst_arena_str(&msg->arena, text),
    };
    return msg;
}

/* text: how it died, or NULL; lease: for which it was collecting, or 0. */
static void send_down(struct fst_step *step, const struct fst_slot *slot,
                      const char *text, int64_t pid, uint64_t lease)
{
    struct fst_msg *msg = new_state(slot, FST_SLOT_DOWN, text);
    msg->state.pid = pid;
    msg->state.lease = lease;
    fst_step_send(step, msg);
}

/* No worker will come any more; whatever the slot holds goes back. */
void fst_step_close(struct fst_step *step, struct fst_slot *slot)
{
    slot->stage = FST_STAGE_CLOSED;
    slot->start_ns = slot->kill_ns = INT64_MAX;
    fst_slot_give_back(slot, true, step->out);
}

/* The next worker, at once; none where the agent leaves. */
static void replace_worker(struct fst_step *step, struct fst_slot *slot)
{
    slot->failures = 0;
    if (step->agent->leaving) {
        fst_step_close(step, slot);
        return;
    }
    fst_slot_spawn(slot, step->now_ns, step->out);
    fst_slot_feed(slot, step->now_ns, step->out);
}

/* One more failed start or crash in a row. */
static void count_failure(struct fst_step *step, struct fst_slot *slot,
                          const char *text)
{
    struct fst_agent *agent = step->agent;
    slot->failures++;
    if (agent->leaving) {
        fst_step_close(step, slot);
    } else if (slot->failures < FST_AGENT_FAILURES) {
        int64_t delay = FST_AGENT_BACKOFF_NS << (slot->failures - 1);
        slot->stage = FST_STAGE_NONE;
        slot->start_ns = step->now_ns + (delay < FST_AGENT_BACKOFF_MAX_NS
                                             ? delay
                                             : FST_AGENT_BACKOFF_MAX_NS);
    } else {
        const char *why = fst_arena_printf(
            &step->out->arena,
            "%d failed starts or crashes in a row, the last: %s",
            FST_AGENT_FAILURES, text);
        fst_step_send(step, new_state(slot, FST_SLOT_RETIRED, why));
        fst_step_close(step, slot);
        agent->exit_code = 3;
        agent->why = "every slot was given up";
    }
}

/* Not now: the others go on, and it is tried again and again; without others
 * as often as a crash. Its leases go to them. */
static void wait_for_means(struct fst_step *step, struct fst_slot *slot,
                           const char *why)
{
    struct fst_agent *agent = step->agent;
    bool others = false;
    for (size_t i = 0; i < agent->n_slots; i++)
        others |= agent->slots[i].stage == FST_STAGE_UP;
    fst_slot_give_back(slot, true, step->out);
    if (others && !agent->told_lacking) {
        agent->told_lacking = true;
        slot->paused = true;
        fst_step_send(step,
                      new_state(slot, FST_SLOT_PAUSED,
                                fst_arena_printf(
                                    &step->out->arena,
                                    "gw%u can't be started now (%s); the run "
                                    "goes on with fewer workers",
                                    slot->number, why)));
    }
    if (others && slot->failures == FST_AGENT_FAILURES - 1)
        slot->failures--;
    count_failure(step, slot, why);
}

void fst_step_not_started(struct fst_step *step, struct fst_slot *slot,
                          const struct fst_agent_event *event)
{
    const char *why = event->why;
    if (event->lacking) {
        wait_for_means(step, slot, why);
        return;
    }
    if (step->agent->ever_up) {
        send_down(step, slot, why, 0, 0);
        fst_slot_give_back(slot, true, step->out);
        count_failure(step, slot, why);
        return;
    }
    struct fst_msg *msg = new_state(slot, FST_SLOT_FATAL, why);
    msg->state.exit_code = 4;
    fst_step_send(step, msg);
    fst_step_close(step, slot);
}

/* The test that was running fails; one that has its result is worse for what
 * came after it. */
static void blame(struct fst_step *step, const struct fst_slot *slot,
                  const char *head, const struct fst_worker_end *end,
                  bool is_over)
{
    struct fst_arena *arena = &step->out->arena;
    struct fst_result result;
    if (is_over)
        fst_crash_amend(arena, slot->number, head, end, slot->last_id,
                        slot->last_lease, &result);
    else
        fst_crash_result(arena, slot->number, head, end, &result);
    add_result(step, &result);
}

/* Whether that test has its result. */
static bool has_result(const struct fst_slot *slot, const char *name,
                       uint64_t lease)
{
    return slot->last_id && slot->last_lease == lease &&
           !strcmp(slot->last_id, name);
}

/* The worker died: tells how, blames the test that was running, or that whose
 * fixtures or session were coming to their end. A crash that has a test to
 * blame is a result: how many there may be is the coordinator's to bound. */
static void report_crash(struct fst_step *step, struct fst_slot *slot,
                         const struct fst_worker_end *end)
{
    struct fst_arena *arena = &step->out->arena;
    bool up = slot->stage == FST_STAGE_UP;
    bool testing = up && end->doing == FST_DOING_TESTING;
    bool collecting = up && end->doing == FST_DOING_COLLECTING;
    bool between = testing && has_result(slot, end->name, end->lease);
    bool late = between || (up && end->doing == FST_DOING_FINISHING &&
                            slot->last_id && !slot->ended_well);
    const char *head = fst_crash_head(arena, slot->number, end, up, between);
    const char *text = fst_crash_text(arena, head, end);
    if (testing && !between && end->oom &&
        fst_memory_ran_out(step, slot, end->name)) {
        head = fst_arena_printf(
            arena, "%s; the test runs again, with fewer beside it", head);
        send_down(step, slot, head, end->pid, 0);
        fst_slot_give_back(slot, true, step->out);
        replace_worker(step, slot);
        return;
    }
    if (testing || late)
        blame(step, slot, head, end, late);
    send_down(step, slot, collecting ? text : head, end->pid,
              collecting ? end->lease : 0);
    fst_slot_give_back(slot, true, step->out);
    if (testing && !between)
        replace_worker(step, slot);
    else
        count_failure(step, slot, text);
}

/* The worker was ended for being at one thing too long: no crash. */
static void report_hang(struct fst_step *step, struct fst_slot *slot,
                        const struct fst_worker_end *end)
{
    struct fst_hang *hang = &slot->hang;
    struct fst_worker_end then = *end;
    bool collecting = hang->doing == FST_DOING_COLLECTING;
    bool over = has_result(slot, hang->name, hang->lease);
    const char *head = fst_hang_head(hang, &step->out->arena, over);
    then.doing = hang->doing;
    then.phase = hang->phase;
    then.name = hang->name;
    then.lease = hang->lease;
    then.start_s = hang->start_s;
    if (!strstr(then.tail, "most recent call first"))
        then.tail = fst_arena_printf(&step->out->arena,
                                     "(it did not say where it was)%s%s",
                                     *then.tail ? "\n" : "", then.tail);
    const char *text = fst_crash_text(&step->out->arena, head, &then);
    if (!collecting)
        blame(step, slot, head, &then, over);
    send_down(step, slot, collecting ? text : NULL, end->pid,
              collecting ? hang->lease : 0);
    fst_slot_give_back(slot, true, step->out);
    if (collecting)
        count_failure(step, slot, text);
    else
        replace_worker(step, slot);
}

/* It had said its last word when it died: no test's fault any more. */
static void warn_of_late_crash(struct fst_step *step,
                               const struct fst_slot *slot,
                               const struct fst_worker_end *end)
{
    struct fst_arena *arena = &step->out->arena;
    const char *head = fst_arena_printf(
        arena, "worker 'gw%u' ended badly after its session: %s", slot->number,
        fst_crash_how(arena, end));
    const struct fst_warning warning = {
        .message = fst_crash_text(arena, head, end),
        .category = "FastestWarning",
    };
    fst_batch_warn(&step->agent->batch, &warning, step->now_ns);
}

void fst_step_ended(struct fst_step *step, struct fst_slot *slot,
                    const struct fst_worker_end *end)
{
    fst_step_flush(step);
    fst_host_on_end(step, slot, end);
    slot->kill_ns = INT64_MAX;
    bool condemned = fst_hang_is_condemned(&slot->hang);
    bool cut_off = end->doing == FST_DOING_CUT_OFF;
    bool asked = slot->draining || slot->stopped || slot->recycled || cut_off;
    if (condemned && !slot->interrupted && !slot->fatal) {
        report_hang(step, slot, end);
    } else if (!(slot->ended_well && asked) && !slot->fatal &&
               !slot->interrupted) {
        report_crash(step, slot, end);
    } else if (slot->fatal) {
        fst_step_close(step, slot);
    } else {
        if (slot->ended_well && !slot->interrupted && end->status)
            warn_of_late_crash(step, slot, end);
        /* What it had been told it has answered, or never will. */
        send_down(step, slot, NULL, end->pid, 0);
        if (cut_off)
            fst_slot_give_back(slot, true, step->out);
        while (slot->held.count && slot->held.items[0].told) {
            uint64_t lease = slot->held.items[0].lease;
            fst_slot_send_over(slot, lease, step->out);
            fst_slot_forget(slot, lease);
        }
        replace_worker(step, slot);
    }
    fst_hang_stop(&slot->hang); /* the next worker's begins when it is up */
}

/* ---- what a worker says */

/* Its own slot's number in everything it says; a test can write there too. */
static bool speaks_for(const struct fst_slot *slot, const struct fst_msg *msg)
{
    switch (msg->type) {
    case FST_MSG_CREDIT:
        return msg->credit.slot == slot->number;
    case FST_MSG_COLLECTED:
        return msg->collected.slot == slot->number;
    case FST_MSG_LISTED:
        return msg->listed.slot == slot->number;
    case FST_MSG_REVOKED:
        return msg->revoked.slot == slot->number;
    case FST_MSG_NODE:
        return msg->node.slot == slot->number &&
               (msg->node.event == FST_NODE_DOWN ||
                msg->node.event == FST_NODE_WANTED);
    case FST_MSG_STATE:
        return msg->state.slot == slot->number &&
               msg->state.state != FST_SLOT_DOWN &&
               msg->state.state != FST_SLOT_RETIRED;
    case FST_MSG_RESULTS:
        for (size_t i = 0; i < msg->results.n_results; i++)
            if (msg->results.results[i].slot != slot->number)
                return false;
        return true;
    default:
        return msg->type == FST_MSG_BYE;
    }
}

static void take_state(struct fst_step *step, struct fst_slot *slot,
                       struct fst_msg *msg)
{
    if (msg->state.state == FST_SLOT_UP && msg->state.host) {
        fst_host_want(step, slot);
        fst_msg_free(msg);
        return;
    }
    if (msg->state.state == FST_SLOT_UP) {
        slot->stage = FST_STAGE_UP;
        msg->state.start_s = (double)(step->now_ns - slot->spawn_ns) / 1e9;
        step->agent->ever_up = true;
        fst_hang_start(&slot->hang, step->agent->test_limit_ns, step->now_ns);
        fst_msg_free(slot->up);
        slot->up = slot->keeps ? fst_msg_copy(msg) : NULL;
        fst_host_on_up(step, slot);
    } else if (slot->interrupted) {
        /* That is how it tells of our own signal. */
        fst_msg_free(msg);
        return;
    } else if (msg->state.state == FST_SLOT_FATAL) {
        slot->fatal = true;
    } else {
        slot->stopped = true;
    }
    fst_step_send(step, msg);
}

static void kill_speaker(struct fst_step *step, struct fst_slot *slot)
{
    struct fst_agent_effect effect = {
        .type = FST_AGENT_KILL,
        .slot = slot->index,
        .why = "it sent a message that is not its own",
    };
    fst_vec_add(&step->out->list, effect);
}

void fst_step_said(struct fst_step *step, struct fst_slot *slot,
                   struct fst_msg *msg)
{
    if (!speaks_for(slot, msg)) {
        kill_speaker(step, slot);
        fst_msg_free(msg);
        return;
    }
    if (msg->type == FST_MSG_RESULTS) {
        take_results(step, slot, &msg->results);
        fst_msg_free(msg);
        return;
    }
    fst_step_flush(step);
    switch (msg->type) {
    case FST_MSG_STATE:
        take_state(step, slot, msg);
        return;
    case FST_MSG_NODE:
        if (msg->node.event == FST_NODE_WANTED)
            fst_host_on_wanted(step, slot);
        else
            fst_host_on_output(step, slot, &msg->node);
        fst_msg_free(msg);
        return;
    case FST_MSG_BYE:
        slot->ended_well = true;
        slot->recycled = msg->bye.recycle;
        fst_msg_free(msg);
        return;
    case FST_MSG_CREDIT:
        if (slot->draining || slot->interrupted) {
            fst_msg_free(msg);
            return;
        }
        break;
    case FST_MSG_COLLECTED:
        fst_slot_opened(slot, &msg->collected);
        break;
    case FST_MSG_LISTED:
        fst_slot_forget(slot, msg->listed.lease);
        break;
    case FST_MSG_REVOKED:
        fst_slot_revoked(slot, &msg->revoked);
        break;
    default:
        break;
    }
    fst_step_send(step, msg);
}
