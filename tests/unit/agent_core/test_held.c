/* A session that moves to another coordinator. */
#include "dialogue.h"

/* What HELD says, and what comes behind it. */
static const char *adopted(struct world *world, struct fst_msg **held)
{
    struct fst_agent_event event = {.type = FST_AGENT_EV_ADOPTED};
    fst_buf_clear(&world->said);
    world->ordered = 0;
    assert_int_equal(fst_agent_step(world->agent, &event, world->now,
                                    &world->effects, &world->err),
                     0);
    struct fst_agent_effect *first = &world->effects.list.items[0];
    assert_int_equal(first->msg->type, FST_MSG_HELD);
    assert_int_equal(first->msg->seq, 1);
    *held = first->msg;
    first->msg = NULL;
    render_effects(world);
    return fst_buf_str(&world->said);
}

static struct world keeping_world(void)
{
    struct world world = new_world(2, false);
    fst_agent_keep(world.agent);
    says_state(&world, 0, FST_SLOT_UP);
    return world;
}

static void held_says_what_is_left_of_leases_and_what_was_not_heard(void **s)
{
    (void)s;
    struct fst_msg *held;
    struct world world = keeping_world();
    lease(&world, 1, 10, false);
    lease(&world, 2, 10, false);
    says_result(&world, 0, 1, "a", FST_FAILED);
    ack_all(&world);
    says_collected(&world, 0, 2);
    says_result(&world, 0, 2, "b", FST_FAILED);
    lease(&world, 3, 10, false);
    assert_true(fst_agent_can_move(world.agent));
    assert_string_equal(adopted(&world, &held), "send");
    const struct fst_held *says = &held->held;
    assert_int_equal(says->n_workers, 1);
    assert_int_equal(says->workers[0].state, FST_SLOT_UP);
    /* 1 is over, since a later one has a result; what is empty is not held. */
    assert_int_equal(says->n_past, 2);
    assert_int_equal(says->n_leases, 1);
    assert_int_equal(says->leases[0].lease.lease, 3);
    assert_int_equal(says->n_lists, 1);
    assert_int_equal(says->n_results, 1);
    assert_string_equal(says->results[0].id, "b");
    fst_msg_free(held);
    free_world(&world);
}

static void what_has_a_result_or_went_back_is_gone_from_its_lease(void **s)
{
    (void)s;
    struct fst_msg *held, *back = fst_msg_new(FST_MSG_REVOKED);
    struct world world = keeping_world();
    lease(&world, 1, 10, false);
    says_result(&world, 0, 1, "a", FST_PASSED);
    back->revoked.lease = 1;
    back->revoked.slot = 10;
    back->revoked.items.items =
        fst_arena_array(&back->arena, 1, sizeof(char *));
    back->revoked.items.items[0] = "c";
    back->revoked.items.count = 1;
    said(&world, 0, back);
    adopted(&world, &held);
    assert_int_equal(held->held.n_leases, 1);
    const struct fst_strs *gone = &held->held.leases[0].gone;
    assert_int_equal(gone->count, 2);
    assert_string_equal(gone->items[0], "a");
    assert_string_equal(gone->items[1], "c");
    fst_msg_free(held);
    free_world(&world);
}

static void a_held_that_was_not_heard_is_part_of_the_next(void **s)
{
    (void)s;
    struct fst_msg *held;
    struct world world = keeping_world();
    lease(&world, 1, 10, false);
    says_result(&world, 0, 1, "a", FST_FAILED);
    adopted(&world, &held);
    fst_msg_free(held);
    says_result(&world, 0, 1, "b", FST_FAILED);
    adopted(&world, &held);
    assert_int_equal(held->held.n_results, 2);
    assert_string_equal(held->held.results[0].id, "a");
    assert_string_equal(held->held.results[1].id, "b");
    fst_msg_free(held);
    assert_string_equal(ack_all(&world), "");
    free_world(&world);
}

static void an_agent_that_leaves_says_so_again(void **s)
{
    (void)s;
    struct fst_msg *held;
    struct world world = keeping_world();
    lease(&world, 1, 10, false);
    leave(&world);
    assert_true(fst_agent_can_move(world.agent));
    assert_string_equal(adopted(&world, &held), "send; send drain");
    fst_msg_free(held);
    free_world(&world);
}

static void what_the_coordinator_ended_does_not_move(void **s)
{
    (void)s;
    struct world world = keeping_world();
    drain(&world);
    assert_false(fst_agent_can_move(world.agent));
    free_world(&world);
}

/* Of what a confirmation runs only its target is told. */
static void held_names_the_leases_that_confirmed(void **s)
{
    (void)s;
    struct fst_msg *held, *confirm = fst_msg_new(FST_MSG_LEASE);
    struct world world = keeping_world();
    confirm->lease = (struct fst_lease){
        .lease = 1, .slot = 10, .file = "test_a.py", .kind = FST_LEASE_CONFIRM};
    order(&world, confirm);
    lease(&world, 2, 10, false);
    says_result(&world, 0, 1, "a", FST_PASSED);
    says_result(&world, 0, 2, "b", FST_PASSED);
    adopted(&world, &held);
    assert_int_equal(held->held.n_past, 1);
    assert_true(held->held.past[0].again);
    fst_msg_free(held);
    free_world(&world);
}

/* pytest.exit(): the run is to end, whoever coordinates it. */
static void an_end_that_was_not_heard_is_said_again(void **s)
{
    (void)s;
    struct fst_msg *held;
    struct world world = keeping_world();
    ack_all(&world);
    says_state(&world, 0, FST_SLOT_STOP);
    assert_string_equal(adopted(&world, &held), "send; send stop gw10");
    fst_msg_free(held);
    free_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            held_says_what_is_left_of_leases_and_what_was_not_heard),
        cmocka_unit_test(what_has_a_result_or_went_back_is_gone_from_its_lease),
        cmocka_unit_test(held_names_the_leases_that_confirmed),
        cmocka_unit_test(an_end_that_was_not_heard_is_said_again),
        cmocka_unit_test(a_held_that_was_not_heard_is_part_of_the_next),
        cmocka_unit_test(an_agent_that_leaves_says_so_again),
        cmocka_unit_test(what_the_coordinator_ended_does_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
