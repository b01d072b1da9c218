/* An agent with a host: when it is started, who waits for it, what it hears. */
#include "agent/core/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/buf.h"
#include "shared/base/mem.h"

enum { HOST = 2 }; /* behind two slots */

struct world {
    struct fst_agent *agent;
    struct fst_agent_effects effects;
    struct fst_buf said;
    struct fst_err err;
    uint64_t ordered;
};

static int setup(void **state)
{
    const uint32_t slots[] = {0, 1};
    struct world *world = fst_alloc(sizeof *world);
    *world = (struct world){.agent = fst_agent_new(slots, HOST)};
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fst_agent_free(world->agent);
    fst_agent_effects_release(&world->effects);
    fst_buf_release(&world->said);
    free(world);
    return 0;
}

static void render(struct fst_buf *out, const struct fst_agent_effect *effect)
{
    static const char *const nodes[] = {"wanted", "configure", "ready", "down"};
    const struct fst_msg *msg = effect->msg;
    const char *sep = out->len ? "; " : "";
    if (effect->type == FST_AGENT_SPAWN)
        fst_buf_addf(out, "%sspawn %zu%s", sep, effect->slot,
                     effect->waits ? " waits" : "");
    else if (effect->type == FST_AGENT_KILL)
        fst_buf_addf(out, "%skill %zu", sep, effect->slot);
    else if (effect->type == FST_AGENT_TELL && msg->type == FST_MSG_DRAIN)
        fst_buf_addf(out, "%sdrain %zu %u", sep, effect->slot,
                     msg->drain.failures);
    else if (effect->type == FST_AGENT_TELL && msg->type == FST_MSG_NODE)
        fst_buf_addf(out, "%stell %zu %s gw%u %s%s%s", sep, effect->slot,
                     nodes[msg->node.event], msg->node.slot,
                     msg->node.data ? msg->node.data : "-",
                     msg->node.error ? " " : "",
                     msg->node.error ? msg->node.error : "");
    else if (effect->type == FST_AGENT_SEND && msg->type == FST_MSG_SUMMARY)
        fst_buf_addf(out, "%ssummary %s", sep,
                     msg->summary.problem ? "problem" : msg->summary.text);
    else if (effect->type == FST_AGENT_SEND && msg->type == FST_MSG_STATE &&
             msg->state.state == FST_SLOT_UP)
        fst_buf_addf(out, "%sup gw%u", sep, msg->state.slot);
}

static const char *step(struct world *world, struct fst_agent_event event)
{
    fst_buf_clear(&world->said);
    if (event.type == FST_AGENT_EV_ORDER)
        event.msg->seq = ++world->ordered;
    assert_int_equal(
        fst_agent_step(world->agent, &event, 0, &world->effects, &world->err),
        0);
    for (size_t i = 0; i < world->effects.list.count; i++)
        render(&world->said, &world->effects.list.items[i]);
    fst_agent_effects_clear(&world->effects);
    return fst_buf_str(&world->said);
}

static const char *said(struct world *world, size_t slot, struct fst_msg *msg)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_SAID,
                                                .slot = slot,
                                                .msg = msg});
}

static const char *up(struct world *world, size_t slot, bool host)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = (struct fst_state){.slot = slot == HOST ? 0 : (uint32_t)slot,
                                    .host = host};
    return said(world, slot, msg);
}

static const char *node(struct world *world, size_t from, uint32_t slot,
                        enum fst_node_event event, const char *data)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_NODE);
    msg->node = (struct fst_node){.slot = slot, .event = event, .data = data};
    return said(world, from, msg);
}

static const char *ended(struct world *world, size_t slot, int status)
{
    const struct fst_worker_end end = {
        .pid = 7, .status = status, .name = "", .tail = ""};
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_ENDED,
                                                .slot = slot,
                                                .end = &end});
}

static const char *bye(struct world *world, size_t slot)
{
    return said(world, slot, fst_msg_new(FST_MSG_BYE));
}

static const char *drain(struct world *world, uint32_t failures)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_DRAIN);
    msg->drain.failures = failures;
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_ORDER,
                                                .msg = msg});
}

static const char *begin(struct world *world)
{
    return step(world, (struct fst_agent_event){.type = FST_AGENT_EV_START});
}

static void begin_with_host(struct world *world)
{
    fst_agent_want_host(world->agent);
    assert_string_equal(begin(world), "spawn 2; spawn 0 waits");
    assert_string_equal(up(world, HOST, false), "tell 2 configure gw0 -");
    assert_string_equal(node(world, HOST, 0, FST_NODE_CONFIGURE, "in"),
                        "tell 0 configure gw0 in");
    assert_string_equal(up(world, 0, false), "tell 2 ready gw0 -; up gw0");
}

static void a_worker_that_finds_the_hooks_early_waits_for_the_host(void **s)
{
    struct world *world = *s;
    begin(world);
    assert_string_equal(node(world, 0, 0, FST_NODE_WANTED, NULL), "spawn 2");
    assert_string_equal(up(world, HOST, false), "tell 2 configure gw0 -");
    assert_string_equal(node(world, HOST, 0, FST_NODE_CONFIGURE, "in"),
                        "tell 0 configure gw0 in");
    assert_string_equal(up(world, 0, false), "tell 2 ready gw0 -; up gw0");
}

static void an_answer_that_crosses_the_question_is_given_once(void **s)
{
    struct world *world = *s;
    fst_agent_want_host(world->agent);
    begin(world);
    up(world, HOST, false);
    node(world, HOST, 0, FST_NODE_CONFIGURE, "in");
    assert_string_equal(node(world, 0, 0, FST_NODE_WANTED, NULL), "");
}

static void a_worker_that_waits_with_others_before_it_is_not_ended(void **s)
{
    struct world *world = *s;
    struct fst_msg *start = fst_msg_new(FST_MSG_START);
    begin(world);
    start->start.slot = 1;
    assert_string_equal(
        step(world, (struct fst_agent_event){.type = FST_AGENT_EV_ORDER,
                                             .msg = start}),
        "spawn 1");
    up(world, 1, false);
    assert_string_equal(node(world, 0, 0, FST_NODE_WANTED, NULL), "drain 1 0");
    bye(world, 1);
    assert_string_equal(ended(world, 1, 0), "spawn 2; spawn 1 waits");
    assert_string_equal(up(world, HOST, false),
                        "tell 2 configure gw0 -; tell 2 configure gw1 -");
}

static void after_the_hosts_end_nobody_waits(void **s)
{
    struct world *world = *s;
    fst_agent_want_host(world->agent);
    begin(world);
    ended(world, HOST, 7); /* answers gw0 */
    up(world, 0, false);
    ended(world, 0, -9);
    assert_string_equal(node(world, 0, 0, FST_NODE_WANTED, NULL),
                        "tell 0 configure gw0 -");
}

static void the_first_worker_that_wants_a_host_ends_before_it_starts(void **s)
{
    struct world *world = *s;
    assert_string_equal(begin(world), "spawn 0");
    assert_string_equal(up(world, 0, true), "drain 0 0");
    bye(world, 0);
    assert_string_equal(ended(world, 0, 0), "spawn 2; spawn 0 waits");
    assert_string_equal(up(world, HOST, false), "tell 2 configure gw0 -");
}

static void a_host_hears_of_each_end_and_speaks_last(void **s)
{
    struct world *world = *s;
    begin_with_host(world);
    assert_string_equal(drain(world, 3), "drain 0 0");
    node(world, 0, 0, FST_NODE_DOWN, "out");
    bye(world, 0);
    assert_string_equal(ended(world, 0, 0), "tell 2 down gw0 out; drain 2 3");
    struct fst_msg *msg = fst_msg_new(FST_MSG_SUMMARY);
    msg->summary.text = "text";
    assert_string_equal(said(world, HOST, msg), "summary text");
    bye(world, HOST);
    assert_string_equal(ended(world, HOST, 0), "");
}

static void the_host_hears_that_a_worker_has_died(void **s)
{
    struct world *world = *s;
    begin_with_host(world);
    assert_non_null(strstr(ended(world, 0, -9),
                           "tell 2 down gw0 - Not properly terminated"));
}

static void an_answer_for_a_worker_that_has_ended_is_not_the_next_ones(void **s)
{
    struct world *world = *s;
    fst_agent_want_host(world->agent);
    begin(world);
    up(world, HOST, false);
    const struct fst_worker_end end = {
        .pid = 7, .status = 1, .name = "", .tail = ""};
    step(world, (struct fst_agent_event){
                    .type = FST_AGENT_EV_ENDED, .slot = 0, .end = &end});
    step(world, (struct fst_agent_event){.type = FST_AGENT_EV_TICK});
    struct fst_agent_event tick = {.type = FST_AGENT_EV_TICK};
    fst_buf_clear(&world->said);
    assert_int_equal(fst_agent_step(world->agent, &tick, INT64_C(10000000000),
                                    &world->effects, &world->err),
                     0);
    for (size_t i = 0; i < world->effects.list.count; i++)
        render(&world->said, &world->effects.list.items[i]);
    fst_agent_effects_clear(&world->effects);
    assert_non_null(strstr(fst_buf_str(&world->said), "spawn 0 waits"));
    assert_string_equal(node(world, HOST, 0, FST_NODE_CONFIGURE, "old"), "");
    assert_string_equal(node(world, HOST, 0, FST_NODE_CONFIGURE, "new"),
                        "tell 0 configure gw0 new");
}

static void without_its_host_a_run_goes_on_and_says_so(void **s)
{
    struct world *world = *s;
    fst_agent_want_host(world->agent);
    begin(world);
    up(world, HOST, false);
    assert_string_equal(ended(world, HOST, 7),
                        "summary problem; tell 0 configure gw0 -");
    assert_string_equal(up(world, 0, false), "up gw0");
}

static void what_a_host_writes_means_nothing(void **s)
{
    struct world *world = *s;
    begin_with_host(world);
    assert_string_equal(
        step(world, (struct fst_agent_event){.type = FST_AGENT_EV_WROTE,
                                             .slot = HOST}),
        "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_worker_that_finds_the_hooks_early_waits_for_the_host),
        TEST(an_answer_that_crosses_the_question_is_given_once),
        TEST(a_worker_that_waits_with_others_before_it_is_not_ended),
        TEST(after_the_hosts_end_nobody_waits),
        TEST(the_first_worker_that_wants_a_host_ends_before_it_starts),
        TEST(a_host_hears_of_each_end_and_speaks_last),
        TEST(the_host_hears_that_a_worker_has_died),
        TEST(an_answer_for_a_worker_that_has_ended_is_not_the_next_ones),
        TEST(without_its_host_a_run_goes_on_and_says_so),
        TEST(what_a_host_writes_means_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
