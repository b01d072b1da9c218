#include "agent/program/compare.h"

#include <stdlib.h>
#include <string.h>

#include "agent/program/dialog.h"
#include "shared/base/mem.h"
#include "shared/checkout/checkout.h"

/* The loop is held up for so long at most, but for one directory. */
#define SLICE_NS (FST_SECOND_NS / 50)

enum { PATTERNS_MAX = 1000, PATTERN_MAX = 1000 }; /* bytes of one */

struct fst_compare {
    struct fst_program *program;
    struct fst_timer *timer;
    struct fst_msg *offer; /* owns the strings of the tree */
    struct fst_checkout_tree tree;
    size_t n_read; /* directories */
    bool asked;
};

static void copy_names(const struct fst_strs *from,
                       struct fst_checkout_names *to)
{
    for (size_t i = 0; i < from->count; i++)
        fst_vec_add(to, from->items[i]);
}

/* The first answer: the same, or what is asked for. */
static void answer(struct fst_compare *compare)
{
    const struct fst_checkout *offer = &compare->offer->checkout;
    const struct fst_checkout_tree *tree = &compare->tree;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CHECKOUT);
    struct fst_strs *ask = &msg->checkout.ask;
    fst_checkout_sum(&compare->tree);
    msg->checkout.digest = tree->digest;
    ask->items = fst_arena_array(&msg->arena, offer->n_dirs, sizeof(char *));
    for (size_t i = 0; i < offer->n_dirs; i++)
        if (strcmp(offer->dirs[i].digest, tree->dirs.items[i].digest) != 0)
            ask->items[ask->count++] = offer->dirs[i].path;
    compare->asked = ask->count > 0;
    fst_program_send(compare->program, msg);
    fst_msg_free(msg);
}

static void on_slice(void *user)
{
    struct fst_compare *compare = user;
    const struct fst_loop *loop = &compare->program->loop;
    int64_t begin = fst_loop_now_ns(loop);
    while (compare->n_read < compare->tree.dirs.count) {
        if (fst_loop_now_ns(loop) - begin > SLICE_NS) {
            fst_timer_set(compare->timer, 0);
            return;
        }
        fst_checkout_read(&compare->tree,
                          &compare->tree.dirs.items[compare->n_read++]);
    }
    answer(compare);
}

static void begin(struct fst_program *program, struct fst_msg *msg)
{
    struct fst_compare *compare = fst_alloc(sizeof *compare);
    const struct fst_checkout *offer = &msg->checkout;
    compare->program = program;
    compare->offer = msg;
    compare->tree.root = program->root;
    copy_names(&offer->patterns, &compare->tree.patterns);
    for (size_t i = 0; i < offer->n_dirs; i++) {
        const struct fst_checkout_entry *entry = &offer->dirs[i];
        struct fst_checkout_dir *dir = fst_vec_push(&compare->tree.dirs);
        *dir = (struct fst_checkout_dir){.path = entry->path,
                                         .walked = entry->walked};
        copy_names(&entry->more, &dir->more);
        copy_names(&entry->without, &dir->without);
    }
    compare->timer = fst_timer_new(&program->loop, on_slice, compare);
    fst_timer_set(compare->timer, 0);
    program->session.compare = compare;
}

/* The second answer: what differs in the directories that were asked for. */
static int finish(struct fst_compare *compare, const struct fst_checkout *given)
{
    const struct fst_checkout *offer = &compare->offer->checkout;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CHECKOUT);
    struct fst_checkout_difference named[FST_CHECKOUT_NAMED];
    struct fst_checkout_names ours = {0};
    for (size_t i = 0; i < given->files.count; i++) {
        if (!fst_checkout_is_line(given->files.items[i])) {
            fst_msg_free(msg);
            return -1;
        }
    }
    for (size_t i = 0; i < offer->n_dirs; i++) {
        const struct fst_checkout_dir *dir = &compare->tree.dirs.items[i];
        if (!strcmp(offer->dirs[i].digest, dir->digest))
            continue;
        for (size_t k = 0; k < dir->lines.count; k++)
            fst_vec_add(&ours, dir->lines.items[k]);
    }
    fst_checkout_sort(given->files.items, given->files.count);
    fst_checkout_sort(ours.items, ours.count);
    size_t count = fst_checkout_compare(given->files.items, given->files.count,
                                        (const char *const *)ours.items,
                                        ours.count, named);
    size_t n = count < FST_CHECKOUT_NAMED ? count : FST_CHECKOUT_NAMED;
    msg->checkout.differ =
        fst_arena_array(&msg->arena, n, sizeof *msg->checkout.differ);
    for (size_t i = 0; i < n; i++)
        msg->checkout.differ[i] = (struct fst_difference){
            named[i].path, (enum fst_difference_kind)named[i].what};
    msg->checkout.n_named = n;
    msg->checkout.n_differ = (uint32_t)count;
    fst_program_send(compare->program, msg);
    fst_msg_free(msg);
    fst_vec_free(&ours);
    return 0;
}

/* Each of our files is held against each. */
static bool has_modest_patterns(const struct fst_checkout *offer)
{
    bool modest = offer->patterns.count <= PATTERNS_MAX;
    for (size_t i = 0; modest && i < offer->patterns.count; i++)
        modest = strlen(offer->patterns.items[i]) <= PATTERN_MAX;
    return modest;
}

int fst_compare_take(struct fst_program *program, struct fst_msg *msg)
{
    struct fst_compare *compare = program->session.compare;
    if (!compare && !has_modest_patterns(&msg->checkout)) {
        fst_msg_free(msg);
        return -1;
    }
    if (!compare) {
        begin(program, msg);
        return 0;
    }
    int result = compare->asked ? finish(compare, &msg->checkout) : -1;
    compare->asked = false;
    fst_msg_free(msg);
    return result;
}

void fst_compare_free(struct fst_compare *compare)
{
    if (!compare)
        return;
    fst_timer_free(compare->timer);
    fst_checkout_release(&compare->tree);
    fst_msg_free(compare->offer);
    free(compare);
}
