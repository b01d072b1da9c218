/* What a coordinator and workers say to an agent, and what becomes of its
 * workers: into a real agent/core. Whatever that was, what the agent says can
 * be sent and is numbered without gaps, and when it is told to leave,
 * its workers end and all is acknowledged, it is over.
 *
 * Workers are there when the agent has started them and until they end. */
#include <string.h>

#include "agent/core/agent.h"
#include "shared/base/mem.h"
#include "shared/proto/link.h"
#include "tests/fuzz/fuzz.h"

enum { SLOTS = 2, PLACES = SLOTS + 1, FIRST = 4, MOST_STEPS = 1000 };

static const char *const words[] = {
    "a.py",    "b.py",  "a.py::t0", "a.py::t1",     "b.py::t0", "",         "x",
    "../a.py", "/a.py", "d1",       "line\nline\n", "\x1b[2J",  "\xc3\xa9",
};

struct world {
    struct fuzz_input input;
    struct fst_agent *agent;
    struct fst_agent_effects effects;
    int64_t now;
    bool alive[PLACES], starting[PLACES], look[PLACES];
    bool sweep, over, broken;
    uint64_t heard, told; /* messages of the agent's, and to it */
};

static const struct fuzz_words known = {words, sizeof words / sizeof *words};

/* ---- what the agent says */

static void hear(struct world *world, const struct fst_agent_effect *effect)
{
    const struct fst_msg *msg = effect->msg;
    if (effect->frames)
        world->heard++;
    if (!msg) /* said before */
        return;
    fuzz_check_sendable(msg);
    FST_ASSERT(fst_link_counts(msg->type) == (effect->frames != NULL));
    FST_ASSERT(!effect->frames || msg->seq == world->heard);
}

static void carry_out(struct world *world)
{
    for (size_t i = 0; i < world->effects.list.count; i++) {
        const struct fst_agent_effect *effect = &world->effects.list.items[i];
        FST_ASSERT(effect->slot < PLACES);
        switch (effect->type) {
        case FST_AGENT_SEND:
            hear(world, effect);
            break;
        case FST_AGENT_TELL:
            fuzz_check_sendable(effect->msg);
            break;
        case FST_AGENT_SPAWN:
            FST_ASSERT(!world->alive[effect->slot]);
            world->alive[effect->slot] = world->starting[effect->slot] = true;
            break;
        case FST_AGENT_LOOK:
            world->look[effect->slot] = true;
            break;
        case FST_AGENT_SWEEP:
            world->sweep = true;
            break;
        case FST_AGENT_OVER:
            world->over = true;
            break;
        default:
            break;
        }
    }
    fst_agent_effects_clear(&world->effects);
}

static void step(struct world *world, const struct fst_agent_event *event)
{
    struct fst_err err;
    if (world->over || world->broken) {
        fst_msg_free(event->msg);
        return;
    }
    if (fst_agent_step(world->agent, event, world->now, &world->effects, &err))
        world->broken = true; /* the program leaves this coordinator */
    carry_out(world);
}

/* ---- what happens */

/* Takes msg, which has the next number. */
static void give(struct world *world, struct fst_msg *msg)
{
    msg->seq = fst_link_counts(msg->type) ? ++world->told : 0;
    step(world,
         &(struct fst_agent_event){.type = FST_AGENT_EV_ORDER, .msg = msg});
}

static void order(struct world *world)
{
    static const enum fst_msg_type types[] = {
        FST_MSG_LEASE, FST_MSG_LEASE,   FST_MSG_LIST,  FST_MSG_REVOKE,
        FST_MSG_ACK,   FST_MSG_CANCEL,  FST_MSG_DRAIN, FST_MSG_START,
        FST_MSG_BYE,   FST_MSG_WELCOME,
    };
    uint8_t choice = fuzz_byte(&world->input);
    struct fst_msg *msg = fuzz_message(&world->input, types[choice % 10],
                                       &known, 8, FIRST + SLOTS);
    if (choice < 240) {
        give(world, msg);
        return;
    }
    /* Again, too early, without or the right one. */
    uint64_t seq = fuzz_below(&world->input, 16);
    bool next = fst_link_counts(msg->type) && seq == world->told + 1;
    msg->seq = seq;
    world->told += next;
    step(world,
         &(struct fst_agent_event){.type = FST_AGENT_EV_ORDER, .msg = msg});
    FST_ASSERT(world->broken || world->over || seq <= world->told);
}

static void say(struct world *world, size_t place)
{
    static const enum fst_msg_type types[] = {
        FST_MSG_STATE,   FST_MSG_CREDIT,  FST_MSG_COLLECTED, FST_MSG_LISTED,
        FST_MSG_RESULTS, FST_MSG_REVOKED, FST_MSG_NODE,      FST_MSG_BYE,
        FST_MSG_SUMMARY, FST_MSG_LEASE,
    };
    uint8_t choice = fuzz_byte(&world->input);
    struct fst_msg *msg = fuzz_message(&world->input, types[choice % 10],
                                       &known, 8, FIRST + SLOTS);
    uint32_t own = FIRST + (uint32_t)place;
    if (choice & 0x80 && msg->type == FST_MSG_STATE)
        msg->state.slot = own;
    if (choice & 0x80 && msg->type == FST_MSG_COLLECTED)
        msg->collected.slot = own;
    for (size_t i = 0; choice & 0x80 && msg->type == FST_MSG_RESULTS &&
                       i < msg->results.n_results;
         i++)
        msg->results.results[i].slot = own;
    step(world, &(struct fst_agent_event){
                    .type = FST_AGENT_EV_SAID, .slot = place, .msg = msg});
}

static void see(struct world *world, size_t place,
                enum fst_agent_event_type type)
{
    struct fuzz_input *input = &world->input;
    const struct fst_worker_end end = {
        .pid = 1,
        .status = (int)fuzz_byte(input) - 128,
        .why = fuzz_byte(input) & 1 ? "because" : NULL,
        .doing = fuzz_byte(input) % 8,
        .phase = fuzz_byte(input) % 8,
        .name = words[fuzz_byte(input) % known.count],
        .lease = fuzz_byte(input) % 10,
        .start_s = fuzz_byte(input),
        .tail = words[fuzz_byte(input) % known.count],
        .out = "",
        .err = "",
        .oom = fuzz_byte(input) & 1 ? "memory" : NULL,
    };
    if (type == FST_AGENT_EV_ENDED)
        world->alive[place] = world->starting[place] = false;
    step(world,
         &(struct fst_agent_event){.type = type, .slot = place, .end = &end});
}

static void measure(struct world *world)
{
    int64_t sizes[SLOTS];
    uint32_t doing[SLOTS];
    const char *names[SLOTS];
    for (size_t i = 0; i < SLOTS; i++) {
        sizes[i] = fuzz_byte(&world->input) * (INT64_C(1) << 24);
        doing[i] = fuzz_byte(&world->input) % 8;
        names[i] = words[fuzz_byte(&world->input) % known.count];
    }
    const struct fst_memory_reading reading = {
        .bound = INT64_C(1) << 30,
        .total = fuzz_byte(&world->input) * (INT64_C(1) << 24),
        .sizes = sizes,
        .doing = doing,
        .names = names,
    };
    step(world, &(struct fst_agent_event){.type = FST_AGENT_EV_MEMORY,
                                          .reading = &reading});
}

static void tick(struct world *world)
{
    int64_t deadline = fst_agent_deadline(world->agent);
    if (deadline < INT64_MAX && deadline > world->now)
        world->now = deadline;
    step(world, &(struct fst_agent_event){.type = FST_AGENT_EV_TICK});
}

static void not_started(struct world *world, size_t place)
{
    world->alive[place] = world->starting[place] = false;
    step(world,
         &(struct fst_agent_event){.type = FST_AGENT_EV_NOT_STARTED,
                                   .slot = place,
                                   .why = "it can't",
                                   .lacking = fuzz_byte(&world->input) & 1});
}

static void answer_questions(struct world *world)
{
    static const struct fst_warning left = {.message = "left", .category = "W"};
    for (size_t i = 0; i < PLACES; i++) {
        bool look = world->look[i];
        world->look[i] = false;
        if (look && world->alive[i])
            see(world, i, FST_AGENT_EV_SEEN);
    }
    if (world->sweep)
        step(world, &(struct fst_agent_event){.type = FST_AGENT_EV_SWEPT,
                                              .warnings = &left,
                                              .n_warnings = 1});
    world->sweep = false;
}

/* A new connection; the coordinator may say what it wants. */
static void resume(struct world *world)
{
    uint64_t heard = fuzz_byte(&world->input);
    if (heard & 1)
        heard = world->heard;
    else if (heard / 2 <= world->heard)
        heard = world->heard - heard / 2;
    else
        heard += world->heard;
    uint64_t said = world->heard;
    world->heard = heard;
    step(world, &(struct fst_agent_event){.type = FST_AGENT_EV_RESUMED,
                                          .heard = heard});
    FST_ASSERT(world->over || world->broken || world->heard >= said);
}

static void happen(struct world *world)
{
    uint8_t what = fuzz_byte(&world->input);
    size_t place = what / 16 % PLACES;
    bool alive = world->alive[place];
    world->now += fuzz_byte(&world->input) * INT64_C(1000000);
    switch (what % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        order(world);
        break;
    case 5:
        tick(world);
        break;
    case 6:
        if (world->starting[place])
            not_started(world, place);
        break;
    case 7:
        if (alive)
            see(world, place, FST_AGENT_EV_ENDED);
        break;
    case 8:
        measure(world);
        break;
    case 9:
        if (alive && place < SLOTS)
            step(world, &(struct fst_agent_event){.type = FST_AGENT_EV_LINES,
                                                  .slot = place,
                                                  .text = "a line\n"});
        break;
    case 10:
        if (alive)
            step(world, &(struct fst_agent_event){.type = FST_AGENT_EV_WROTE,
                                                  .slot = place});
        break;
    case 11:
        if (what == 0xfb)
            step(world, &(struct fst_agent_event){.type = FST_AGENT_EV_LEAVE});
        else
            resume(world);
        break;
    default:
        if (alive) {
            world->starting[place] = false;
            say(world, place);
        }
    }
    answer_questions(world);
}

/* ---- the end */

static void acknowledge(struct world *world)
{
    struct fst_msg *ack = fst_msg_new(FST_MSG_ACK);
    ack->ack.seq = world->heard;
    give(world, ack);
    FST_ASSERT(!world->broken);
}

/* A coordinator that does as it should, and workers that end. */
static void finish(struct world *world)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CANCEL);
    msg->cancel.why = "the end";
    msg->cancel.now = true;
    give(world, msg);
    for (int steps = 0; !world->over && !world->broken; steps++) {
        FST_ASSERT(steps < MOST_STEPS);
        for (size_t i = 0; i < PLACES; i++)
            if (world->alive[i])
                see(world, i, FST_AGENT_EV_ENDED);
        answer_questions(world);
        if (!world->over && !world->broken)
            acknowledge(world);
        tick(world);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint32_t slots[SLOTS] = {FIRST, FIRST + 1};
    struct world world = {.input = {bytes, len}, .now = 1};
    uint8_t how = fuzz_byte(&world.input);
    world.agent = fst_agent_new(slots, SLOTS);
    if (how & 1)
        fst_agent_want_host(world.agent);
    if (how & 2)
        fst_agent_limit_tests(world.agent, INT64_C(1000000000));
    step(&world, &(struct fst_agent_event){.type = FST_AGENT_EV_START});
    while (world.input.left)
        happen(&world);
    finish(&world);
    fst_agent_free(world.agent);
    fst_agent_effects_release(&world.effects);
    return 0;
}
