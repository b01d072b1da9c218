#include "agent/core/memory.h"

#include <string.h>

#include "agent/core/step.h"
#include "shared/base/size.h"

enum {
    NEAR_PERCENT = 90,    /* of the bound: pause */
    ROOM_PERCENT = 80,    /* below it: resume */
    KEPT_PART = 8,        /* of the bound: a worker that kept it is replaced */
    LARGE_PART = 4,       /* of the bound: growth that is told of */
    HALF_LIFE_TESTS = 64, /* growth loses that part with each test that ends */
    MOST_LINES = 10,      /* for the user */
    RENEW_POWER = 3,      /* replaced again only after 8, 64 … tests */
    MOST_RENEWED = 5,
};

/* One reading at work. */
struct look {
    struct fst_step *step;
    struct fst_agent *agent;
    struct fst_memory *memory;
    int64_t bound, total;
};

void fst_memory_forget(struct fst_slot *slot)
{
    uint32_t renewed = slot->memory.renewed;
    free(slot->memory.test);
    slot->memory = (struct fst_slot_memory){.renewed = renewed};
}

/* ---- what is read */

static bool is_running(const struct fst_slot *slot)
{
    return fst_slot_has_worker(slot) && !slot->memory.idle;
}

static bool may_run(const struct fst_slot *slot)
{
    return slot->stage != FST_STAGE_CLOSED && !slot->paused;
}

/* The growth of the test that runs; what was read before it began is its
 * beginning. */
static void see_test(struct fst_memory *memory, struct fst_slot_memory *seen,
                     int64_t size, const char *test)
{
    if (!test || !seen->test || strcmp(test, seen->test)) {
        free(seen->test);
        seen->test = test ? fst_strdup(test) : NULL;
        seen->before = seen->size ? seen->size : size;
    }
    if (test && size - seen->before > memory->growth)
        memory->growth = size - seen->before;
}

static void see_slot(struct fst_memory *memory, struct fst_slot *slot,
                     const struct fst_memory_reading *reading)
{
    struct fst_slot_memory *seen = &slot->memory;
    size_t i = slot->index;
    bool testing = reading->doing[i] == FST_DOING_TESTING;
    int64_t size = reading->sizes[i];
    for (; seen->counted < seen->ended; seen->counted++)
        memory->growth -= memory->growth / HALF_LIFE_TESTS;
    see_test(memory, seen, size, testing ? reading->names[i] : NULL);
    seen->size = size;
    if (!seen->base)
        seen->base = size;
    seen->idle =
        reading->doing[i] == FST_DOING_IDLE && slot->stage == FST_STAGE_UP;
}

/* What the slot's worker may yet grow by. */
static int64_t potential(const struct look *look, const struct fst_slot *slot)
{
    const struct fst_slot_memory *seen = &slot->memory;
    int64_t more = seen->base + look->memory->growth - seen->size;
    return more > 0 ? more : 0;
}

/* The slot that goes on where others are paused: one that runs before one that
 * is idle, then the one that has most; or NULL. open: slots with a worker that
 * aren't paused; may_grow: what these may yet grow by. */
static struct fst_slot *find_largest(const struct look *look, size_t *open,
                                     int64_t *may_grow)
{
    struct fst_slot *largest = NULL;
    *open = 0;
    *may_grow = 0;
    for (size_t i = 0; i < look->agent->n_slots; i++) {
        struct fst_slot *slot = &look->agent->slots[i];
        if (!may_run(slot) || !fst_slot_has_worker(slot))
            continue;
        ++*open;
        *may_grow += potential(look, slot);
        bool runs = is_running(slot), other = largest && is_running(largest);
        if (!largest || (runs && !other) ||
            (runs == other && slot->memory.size > largest->memory.size))
            largest = slot;
    }
    return largest;
}

static bool is_beyond(const struct look *look, int percent)
{
    return look->total > look->bound / 100 * percent;
}

/* ---- what is done */

static void send_state(const struct look *look, struct fst_slot *slot,
                       bool paused, const char *text)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){
        .slot = slot->number,
        .state = paused ? FST_SLOT_PAUSED : FST_SLOT_RESUMED,
        .text = fst_arena_str(&msg->arena, text),
    };
    slot->paused = paused;
    fst_step_send(look->step, msg);
}

/* In the step's arena; NULL where the user has heard enough. */
static const char *describe(const struct look *look,
                            const struct fst_slot *slot,
                            const struct fst_slot *largest)
{
    struct fst_arena *arena = &look->step->out->arena;
    char total[FST_SIZE_TEXT], bound[FST_SIZE_TEXT], grew[FST_SIZE_TEXT];
    if (look->memory->told >= MOST_LINES)
        return NULL;
    look->memory->told++;
    const char *line = fst_arena_printf(
        arena, "memory is short: gw%u waits (the workers have %s of %s)",
        slot->number, fst_size_text(look->total, total),
        fst_size_text(look->bound, bound));
    int64_t growth =
        largest ? largest->memory.size - largest->memory.before : 0;
    if (!largest || !largest->memory.test || growth < look->bound / LARGE_PART)
        return line;
    return fst_arena_printf(
        arena, "%s; worker 'gw%u' grew by %s while running '%s'", line,
        largest->number, fst_size_text(growth, grew), largest->memory.test);
}

/* All but the largest, idle ones too, since they would be given work next. */
static void pause_others(const struct look *look,
                         const struct fst_slot *largest)
{
    bool told = false;
    for (size_t i = 0; i < look->agent->n_slots; i++) {
        struct fst_slot *slot = &look->agent->slots[i];
        if (slot == largest || !may_run(slot))
            continue;
        send_state(look, slot, true,
                   told ? NULL : describe(look, slot, largest));
        told = true;
    }
}

/* Has its worker kept so much that a fresh one pays, and run enough for it? */
static bool is_worth_renewing(const struct look *look,
                              const struct fst_slot *slot)
{
    const struct fst_slot_memory *seen = &slot->memory;
    return slot->stage == FST_STAGE_UP && !slot->draining &&
           seen->renewed < MOST_RENEWED &&
           seen->ended >= 1U << (RENEW_POWER * seen->renewed) &&
           seen->size - seen->base > look->bound / KEPT_PART;
}

/* The largest idle worker ends, and a fresh one takes its place. One at a
 * time. */
static bool renew_idle(const struct look *look)
{
    struct fst_slot *largest = NULL;
    for (size_t i = 0; i < look->agent->n_slots; i++) {
        struct fst_slot *slot = &look->agent->slots[i];
        if (slot->draining)
            return true;
        if (slot->memory.idle && is_worth_renewing(look, slot) &&
            (!largest || slot->memory.size > largest->memory.size))
            largest = slot;
    }
    if (!largest)
        return false;
    largest->memory.renewed++;
    fst_slot_drain(largest, look->step->now_ns, look->step->out);
    return true;
}

static void resume_one(const struct look *look)
{
    struct fst_agent *agent = look->agent;
    for (size_t i = 0; i < agent->n_slots; i++) {
        size_t at = (look->memory->next + i) % agent->n_slots;
        struct fst_slot *slot = &agent->slots[at];
        if (!slot->paused || slot->stage == FST_STAGE_CLOSED)
            continue;
        look->memory->next = at + 1;
        slot->memory.alone = 0;
        send_state(look, slot, false, NULL);
        return;
    }
}

/* One test needs more than there may be. */
static void warn_once(const struct look *look, const struct fst_slot *slot)
{
    struct fst_arena *arena = &look->step->out->arena;
    char total[FST_SIZE_TEXT], bound[FST_SIZE_TEXT];
    if (look->total <= look->bound || look->memory->told_over ||
        !slot->memory.test)
        return;
    look->memory->told_over = true;
    struct fst_warning warning = {
        .category = "FastestWarning",
        .nodeid = slot->memory.test,
        .message = fst_arena_printf(
            arena,
            "the workers have %s, more than their bound of %s, while this test "
            "runs on worker 'gw%u' alone; it goes on",
            fst_size_text(look->total, total),
            fst_size_text(look->bound, bound), slot->number),
    };
    fst_batch_warn(&look->agent->batch, &warning, look->step->now_ns);
}

/* Near the bound with one that runs: it goes on, but between two tests a
 * worker that has kept too much is given the time to be replaced. */
static void see_alone(const struct look *look, struct fst_slot *slot)
{
    struct fst_slot_memory *seen = &slot->memory;
    warn_once(look, slot);
    if (!seen->alone)
        seen->alone = seen->ended + 1;
    else if (seen->ended >= seen->alone && is_worth_renewing(look, slot))
        send_state(look, slot, true, NULL);
}

static bool is_any_paused(const struct fst_agent *agent)
{
    for (size_t i = 0; i < agent->n_slots; i++) {
        if (agent->slots[i].paused && agent->slots[i].stage != FST_STAGE_CLOSED)
            return true;
    }
    return false;
}

static bool is_anyone_running(const struct fst_agent *agent)
{
    for (size_t i = 0; i < agent->n_slots; i++) {
        if (is_running(&agent->slots[i]))
            return true;
    }
    return false;
}

static bool is_other_running(const struct fst_agent *agent,
                             const struct fst_slot *slot)
{
    for (size_t i = 0; i < agent->n_slots; i++) {
        if (&agent->slots[i] != slot && is_running(&agent->slots[i]))
            return true;
    }
    return false;
}

bool fst_memory_ran_out(struct fst_step *step, const struct fst_slot *slot,
                        const char *test)
{
    struct fst_memory *memory = &step->agent->memory;
    memory->growth = memory->bound;
    for (size_t i = 0; i < memory->spared.count; i++) {
        if (!strcmp(memory->spared.items[i], test))
            return false;
    }
    if (!is_other_running(step->agent, slot))
        return false;
    fst_strings_add(&memory->spared, test);
    return true;
}

void fst_memory_release(struct fst_memory *memory)
{
    fst_strings_clear(&memory->spared);
}

void fst_memory_take(struct fst_step *step,
                     const struct fst_memory_reading *reading)
{
    struct fst_agent *agent = step->agent;
    struct look look = {step, agent, &agent->memory, reading->bound,
                        reading->total};
    size_t open;
    int64_t may_grow;
    agent->memory.bound = reading->bound;
    for (size_t i = 0; i < agent->n_slots; i++)
        see_slot(&agent->memory, &agent->slots[i], reading);
    if (agent->leaving)
        return;
    struct fst_slot *largest = find_largest(&look, &open, &may_grow);
    int64_t others = largest ? may_grow - potential(&look, largest) : 0;
    bool near =
        is_beyond(&look, NEAR_PERCENT) || look.total + others > look.bound;
    bool paused = is_any_paused(agent);
    bool renewing = (near || paused) && renew_idle(&look);
    if (near && open > 1) {
        pause_others(&look, largest);
    } else if (near && open == 1) {
        see_alone(&look, largest);
    } else if (paused && !near && !is_beyond(&look, ROOM_PERCENT) &&
               look.total + may_grow + agent->memory.growth <= look.bound) {
        resume_one(&look);
    }
    /* Nothing runs: whatever there is to do waits for a slot that is paused. */
    if (paused && !renewing && !is_anyone_running(agent))
        resume_one(&look);
}
