#include "tests/sim/journal.h"

#include <string.h>

#include "shared/proto/codec.h"

static void add_try(struct journal *journal, const struct fst_effect *effect)
{
    struct journal_try *try = fst_arena_alloc(&journal->arena, sizeof *try);
    fst_result_copy(&journal->arena, &try->result, effect->result);
    try->result.id = fst_arena_str(&journal->arena, effect->id);
    try->told = (struct fst_try){.result = &try->result,
                                 .attempt = effect->attempt,
                                 .kind = effect->kind,
                                 .agent = effect->agent};
    fst_vec_add(&journal->tries, try);
}

static void judge_try(struct journal *journal, const struct fst_effect *effect)
{
    for (size_t i = journal->tries.count; i-- > 0;) {
        struct journal_try *try = journal->tries.items[i];
        if (strcmp(try->result.id, effect->id) != 0)
            continue;
        try->told.verdict = try->told.attempt == effect->attempt;
        if (try->told.verdict) {
            try->told.amended |= effect->type == FST_EF_AMEND;
            try->result.outcome = effect->outcome;
        }
        if (try->told.attempt == 1)
            return; /* its first: there are none before it */
    }
}

static void put_list(struct journal *journal, const struct fst_collected *from)
{
    struct fst_arena *arena = &journal->arena;
    struct fst_collected *list = NULL;
    for (size_t i = 0; i < journal->lists.count && !list; i++) {
        if (!strcmp(journal->lists.items[i].file, from->file))
            list = &journal->lists.items[i];
    }
    if (!list)
        list = fst_vec_push(&journal->lists);
    *list = (struct fst_collected){
        .file = fst_arena_str(arena, from->file),
        .digest = fst_arena_str(arena, from->digest),
        .n_items = from->n_items,
        .items = fst_arena_array(arena, from->n_items, sizeof *list->items)};
    for (size_t i = 0; i < from->n_items; i++) {
        list->items[i] = from->items[i];
        list->items[i].id = fst_arena_str(arena, from->items[i].id);
        list->items[i].bind = fst_arena_str(arena, from->items[i].bind);
        list->items[i].group = fst_arena_str(arena, from->items[i].group);
    }
    list->missing = from->missing; /* the suite's */
    list->missing_text = from->missing_text;
}

void journal_effect(struct journal *journal, const struct fst_effect *effect)
{
    if (effect->past)
        return;
    if (effect->type == FST_EF_ATTEMPT)
        add_try(journal, effect);
    else if (effect->type == FST_EF_OUTCOME || effect->type == FST_EF_AMEND)
        judge_try(journal, effect);
    else if (effect->type == FST_EF_LIST)
        put_list(journal, effect->list);
}

static bool has_verdict(const struct journal *journal, const char *id)
{
    for (size_t i = 0; i < journal->tries.count; i++) {
        const struct journal_try *try = journal->tries.items[i];
        if (try->told.verdict && !strcmp(try->result.id, id))
            return true;
    }
    return false;
}

struct fst_recalled journal_recall(struct journal *journal)
{
    size_t kept = 0;
    journal->with_verdict.count = 0;
    for (size_t i = 0; i < journal->tries.count; i++) {
        struct journal_try *try = journal->tries.items[i];
        if (!has_verdict(journal, try->result.id))
            continue;
        journal->tries.items[kept++] = try;
        fst_vec_add(&journal->with_verdict, try->told);
    }
    journal->tries.count = kept;
    return (struct fst_recalled){.lists = journal->lists.items,
                                 .n_lists = journal->lists.count,
                                 .tries = journal->with_verdict.items,
                                 .n_tries = journal->with_verdict.count};
}

void journal_release(struct journal *journal)
{
    fst_vec_free(&journal->lists);
    fst_vec_free(&journal->tries);
    fst_vec_free(&journal->with_verdict);
    fst_arena_release(&journal->arena);
}
