/* What a coordinator has found out and not yet committed: it goes with its
 * process. */
#include <stdlib.h>
#include <string.h>

#include "shared/proto/codec.h"
#include "tests/sim/net/world.h"

static struct fst_collected *copy_list(struct fst_arena *arena,
                                       const struct fst_collected *from)
{
    struct fst_collected *to = fst_arena_alloc(arena, sizeof *to);
    to->file = fst_arena_str(arena, from->file);
    to->digest = fst_arena_str(arena, from->digest);
    to->n_items = from->n_items;
    to->items = fst_arena_array(arena, from->n_items, sizeof *to->items);
    for (size_t i = 0; i < from->n_items; i++)
        to->items[i] = (struct fst_item){
            .id = fst_arena_str(arena, from->items[i].id),
            .bind = fst_arena_str(arena, from->items[i].bind),
            .group = fst_arena_str(arena, from->items[i].group),
        };
    return to;
}

void keep_add(struct unkept *unkept, const struct fst_effect *effect)
{
    struct fst_arena *arena = &unkept->arena;
    struct fst_effect *to = fst_vec_push(&unkept->effects);
    *to = *effect;
    to->id = fst_arena_str(arena, effect->id);
    to->text = fst_arena_str(arena, effect->text);
    if (effect->result) {
        struct fst_result *result = fst_arena_alloc(arena, sizeof *result);
        fst_result_copy(arena, result, effect->result);
        to->result = result;
    }
    if (effect->list)
        to->list = copy_list(arena, effect->list);
}

void keep_results(struct unkept *unkept, struct agent *agent,
                  const struct fst_msg *msg)
{
    struct taken *taken = fst_vec_push(&unkept->taken);
    bool held = msg->type == FST_MSG_HELD;
    const struct fst_result *results =
        held ? msg->held.results : msg->results.results;
    *taken = (struct taken){.agent = agent,
                            .session = agent->session,
                            .seq = msg->seq,
                            .n_results = held ? msg->held.n_results
                                              : msg->results.n_results};
    taken->results = fst_arena_array(&unkept->arena, taken->n_results,
                                     sizeof *taken->results);
    for (size_t i = 0; i < taken->n_results; i++)
        fst_result_copy(&unkept->arena, &taken->results[i], &results[i]);
}

void keep_forget(struct unkept *unkept)
{
    unkept->effects.count = unkept->taken.count = 0;
    fst_arena_release(&unkept->arena);
}

void keep_commit(struct unkept *unkept, struct world *world)
{
    for (size_t i = 0; i < unkept->effects.count; i++) {
        judge_effect(&world->judge, &unkept->effects.items[i]);
        journal_effect(&world->journal, &unkept->effects.items[i]);
    }
    for (size_t i = 0; i < unkept->taken.count; i++)
        watch_committed(&unkept->taken.items[i]);
    keep_forget(unkept);
}

void keep_release(struct unkept *unkept)
{
    keep_forget(unkept);
    fst_vec_free(&unkept->effects);
    fst_vec_free(&unkept->taken);
}
