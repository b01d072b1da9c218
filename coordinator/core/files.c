#include "coordinator/core/files.h"

#include <string.h>

#include "coordinator/core/groups.h"
#include "coordinator/core/table.h"

static const bool file_moves[FILE_STATES][FILE_STATES] = {
    [FILE_HELD] = {[FILE_NEW] = true, [FILE_DROPPED] = true},
    [FILE_NEW] =
        {[FILE_HELD] = true, [FILE_OPENING] = true, [FILE_DEAD] = true},
    [FILE_OPENING] =
        {[FILE_NEW] = true, [FILE_LISTED] = true, [FILE_DEAD] = true},
    [FILE_LISTED] = {[FILE_DEAD] = true},
};

static const bool item_moves[ITEM_STATES][ITEM_STATES] = {
    [ITEM_QUEUED] = {[ITEM_LEASED] = true,
                     [ITEM_CONFIRMING] = true,
                     [ITEM_ENDED] = true,
                     [ITEM_LEFT] = true,
                     [ITEM_ABSENT] = true},
    [ITEM_LEASED] =
        {[ITEM_QUEUED] = true, [ITEM_CONFIRMING] = true, [ITEM_ENDED] = true},
    [ITEM_CONFIRMING] = {[ITEM_ENDED] = true},
};

static bool is_open(enum file_state state)
{
    return state == FILE_HELD || state == FILE_NEW || state == FILE_OPENING;
}

static bool is_pending(enum item_state state)
{
    return state == ITEM_QUEUED || state == ITEM_LEASED ||
           state == ITEM_CONFIRMING;
}

/* Functions that are to be expected in a file that nobody has opened. */
static size_t planned_count(const struct file *file)
{
    return file->planned.count ? file->planned.count : 1;
}

static struct unopened *unopened_of(const struct file *file)
{
    return file->learned ? &file->run->learned : &file->run->planned;
}

static double past_open_s(const struct file *file)
{
    return file->past_open_s < 0 ? 0 : file->past_open_s;
}

/* ---- weights: sums that follow the items' states */

static void add_weight(struct weight *sum, struct weight part)
{
    sum->known_s += part.known_s;
    sum->unknown += part.unknown;
}

static void take_weight(struct weight *sum, struct weight part)
{
    sum->unknown -= part.unknown;
    sum->known_s -= part.known_s;
    if (sum->known_s < 0) /* rounding */
        sum->known_s = 0;
}

static struct weight weight_of(const struct item *item)
{
    return item->past_s < 0 ? (struct weight){.unknown = 1}
                            : (struct weight){.known_s = (double)item->past_s};
}

/* An item enters its state, or (before it changes in any way) leaves it. */
static void enter(struct file *file, const struct item *item)
{
    add_weight(&file->weights[item->state], weight_of(item));
    if (is_pending(item->state))
        add_weight(&file->run->pending_weight, weight_of(item));
    if (item->lease)
        add_weight(&item->lease->weight, weight_of(item));
}

static void leave(struct file *file, const struct item *item)
{
    take_weight(&file->weights[item->state], weight_of(item));
    if (is_pending(item->state))
        take_weight(&file->run->pending_weight, weight_of(item));
    if (item->lease)
        take_weight(&item->lease->weight, weight_of(item));
}

static void copy_strings(struct fst_arena *arena, struct fst_strs *to,
                         const char *const *items, size_t count)
{
    to->items = fst_arena_array(arena, count, sizeof *to->items);
    to->count = count;
    for (size_t i = 0; i < count; i++)
        to->items[i] = fst_arena_str(arena, items[i]);
}

static void weigh_plan(struct file *file)
{
    struct weight *weight = &file->planned_weight;
    for (size_t i = 0; i < file->planned.count; i++) {
        const char *id = file->planned.items[i];
        double past = file->learned ? fst_times_item(file->run->times, id)
                                    : fst_times_function(file->run->times, id);
        weight->known_s += past < 0 ? 0 : past;
        weight->unknown += past < 0;
    }
    if (!file->planned.count)
        weight->unknown = 1;
}

/* Halves of a doubling, from a hundredth of a second on. */
static uint32_t time_class(double seconds)
{
    uint32_t class = 0;
    for (double limit = 0.01; seconds > limit && class < SIZE_CLASSES - 1;
         limit *= 1.41421356)
        class ++;
    return class;
}

static uint32_t size_class(const struct file *file)
{
    uint32_t class = 0;
    if (file->run->one_worker || file->run->full || file->run->given_order)
        return 0;
    if (file->run->times)
        return time_class(fst_files_whole_s(file));
    for (size_t n = planned_count(file) / 4; n && class < SIZE_CLASSES - 1;
         n /= 4)
        class ++;
    return class;
}

struct file *fst_files_add(struct run *run, const struct fst_file_plan *plan,
                           struct file *after)
{
    struct file *file = fst_arena_alloc(&run->arena, sizeof *file);
    file->run = run;
    file->path = fst_arena_str(&run->arena, plan->path);
    copy_strings(&run->arena, &file->planned, plan->functions,
                 plan->n_functions);
    copy_strings(&run->arena, &file->selectors, plan->selectors,
                 plan->n_selectors);
    copy_strings(&run->arena, &file->earlier, plan->earlier, plan->n_earlier);
    file->learned = plan->learned;
    file->verify = plan->verify && !run->collect_only;
    file->open_s = -1;
    file->past_open_s = fst_times_open(run->times, file->path);
    weigh_plan(file);
    file->size_class = size_class(file);
    file->state = plan->held && run->list_dirs.count ? FILE_HELD : FILE_NEW;
    if (after)
        DL_APPEND_ELEM(run->files, after, file);
    else
        DL_APPEND(run->files, file);
    run->n_open++;
    run->n_verify += file->verify;
    unopened_of(file)->count += planned_count(file);
    add_weight(&unopened_of(file)->weight, file->planned_weight);
    run->unopened_open_s += past_open_s(file);
    if (run->longest_open_s < past_open_s(file))
        run->longest_open_s = past_open_s(file);
    run->counts.files++;
    run->counts.expected += planned_count(file);
    fst_files_place(file, false);
    return file;
}

void fst_files_fini(struct file *file)
{
    free(file->items);
    free(file->functions);
    free(file->table);
    fst_vec_free(&file->rehearsed);
}

struct file **fst_files_index(const struct run *run, size_t more,
                              struct fst_table *paths)
{
    struct file *file;
    size_t count = 0;
    DL_FOREACH(run->files, file)
    {
        count++;
    }
    fst_table_init(paths, count + more + 1);
    struct file **files = fst_calloc(count + more + 1, sizeof(struct file *));
    DL_FOREACH(run->files, file)
    {
        files[fst_table_intern(paths, file->path, strlen(file->path))] = file;
    }
    return files;
}

static struct file **queue_head(struct file *file, enum file_queue queue)
{
    struct run *run = file->run;
    if (queue == QUEUE_VERIFY)
        return &run->verify;
    if (queue == QUEUE_READY)
        return &run->ready;
    return &run->unopened[file->size_class];
}

void fst_files_place(struct file *file, bool first)
{
    enum file_queue queue = QUEUE_NONE;
    if (file->state == FILE_NEW)
        queue = file->verify ? QUEUE_VERIFY : QUEUE_UNOPENED;
    else if (file->state == FILE_LISTED && file->by_state[ITEM_QUEUED])
        queue = QUEUE_READY;
    if (queue != QUEUE_NONE)
        file->run->dirty = true;
    if (queue == file->queue)
        return;
    if (file->queue != QUEUE_NONE) {
        struct file **from = queue_head(file, file->queue);
        DL_DELETE2(*from, file, queue_prev, queue_next);
    }
    file->queue = queue;
    if (queue == QUEUE_NONE)
        return;
    struct file **to = queue_head(file, queue);
    if (first)
        DL_PREPEND2(*to, file, queue_prev, queue_next);
    else
        DL_APPEND2(*to, file, queue_prev, queue_next);
}

void fst_files_move(struct file *file, enum file_state state)
{
    struct run *run = file->run;
    FST_ASSERT(file_moves[file->state][state]);
    if (is_open(file->state) && !is_open(state)) {
        run->n_open--;
        unopened_of(file)->count -= planned_count(file);
        take_weight(&unopened_of(file)->weight, file->planned_weight);
        run->unopened_open_s -= past_open_s(file);
        run->counts.expected -= planned_count(file);
    }
    run->n_opening += state == FILE_OPENING;
    run->n_opening -= file->state == FILE_OPENING;
    if (state == FILE_DROPPED)
        run->counts.files--;
    if (state == FILE_LISTED)
        run->counts.files_listed++;
    if (file->verify && !is_open(state)) {
        file->verify = false;
        run->n_verify--;
    }
    bool again = file->state == FILE_OPENING;
    file->state = state;
    fst_files_place(file, again);
}

void fst_files_move_item(struct file *file, size_t index, enum item_state state,
                         struct lease *lease)
{
    struct item *item = &file->items[index];
    struct run *run = file->run;
    FST_ASSERT(item_moves[item->state][state]);
    FST_ASSERT((state == ITEM_LEASED) == (lease != NULL));
    leave(file, item);
    if (item->state == ITEM_LEASED)
        item->lease->live--;
    if (lease)
        lease->live++;
    if (is_pending(item->state) && !is_pending(state))
        run->n_pending--;
    if (state == ITEM_ABSENT)
        run->counts.expected--;
    if (state == ITEM_QUEUED && index < file->queue_from)
        file->queue_from = index;
    file->by_state[item->state]--;
    file->by_state[state]++;
    item->state = (uint8_t)state;
    item->lease = lease;
    enter(file, item);
}

size_t fst_files_function_len(const struct file *file, const char *id)
{
    size_t path = strlen(file->path);
    size_t from = strncmp(id, file->path, path) ? 0 : path;
    return from + strcspn(id + from, "[");
}

/* A new item at the end, QUEUED. The id lives in the run's arena. */
static void add_item(struct file *file, const char *id)
{
    struct run *run = file->run;
    struct item *item = &file->items[file->n_items++];
    *item = (struct item){
        .id = id,
        .state = ITEM_QUEUED,
        .past_s = (float)fst_times_item(run->times, id),
    };
    enter(file, item);
    file->by_state[ITEM_QUEUED]++;
    run->n_pending++;
    run->n_items++;
    run->items_listed += !file->learned;
    run->counts.expected++;
}

/* A second item of the same id runs with the first: one entry in the report. */
static void make_twin(struct file *file, size_t index, size_t first)
{
    file->items[first].flags |= ITEM_HAS_TWIN;
    leave(file, &file->items[index]);
    file->items[index].state = ITEM_TWIN;
    enter(file, &file->items[index]);
    file->by_state[ITEM_QUEUED]--;
    file->by_state[ITEM_TWIN]++;
    file->run->n_pending--;
    file->run->n_items--;
    file->run->items_listed -= !file->learned;
    file->run->counts.expected--;
}

/* The table of ids, and which items are instances of one function. */
static void index_items(struct file *file)
{
    struct fst_table functions;
    fst_table_init(&functions, file->n_items);
    free(file->table);
    file->table_size = fst_table_size(file->n_items);
    file->table = fst_calloc(file->table_size, sizeof *file->table);
    file->functions = fst_realloc(file->functions, (file->n_items + 1) *
                                                       sizeof *file->functions);
    file->n_functions = 0;
    for (size_t i = 0; i < file->n_items; i++) {
        struct item *item = &file->items[i];
        if (item->state == ITEM_TWIN || item->state == ITEM_ABSENT)
            continue;
        uint64_t hash = fst_table_hash(item->id, strlen(item->id));
        size_t at = hash & (file->table_size - 1);
        while (file->table[at] &&
               strcmp(file->items[file->table[at] - 1].id, item->id) != 0)
            at = (at + 1) & (file->table_size - 1);
        if (file->table[at]) {
            make_twin(file, i, file->table[at] - 1);
            continue;
        }
        file->table[at] = (uint32_t)i + 1;
        size_t len = fst_files_function_len(file, item->id);
        item->function = fst_table_intern(&functions, item->id, len);
        if (item->function == file->n_functions)
            file->functions[file->n_functions++] =
                (struct function){.id = item->id, .len = (uint32_t)len};
        file->functions[item->function].count++;
    }
    fst_table_fini(&functions);
}

void fst_files_list(struct file *file, const struct fst_collected *list)
{
    struct run *run = file->run;
    uint32_t group = 0;
    const char *bind = NULL;
    FST_ASSERT(file->state == FILE_OPENING && !file->items);
    file->items = fst_calloc(list->n_items + 1, sizeof *file->items);
    for (size_t i = 0; i < list->n_items; i++) {
        const struct fst_item *from = &list->items[i];
        add_item(file, fst_arena_str(&run->arena, from->id));
        if (from->bind && (!bind || strcmp(bind, from->bind) != 0))
            group++;
        bind = from->bind;
        file->items[i].bind = bind ? group : 0;
        if (from->group)
            file->items[i].group = fst_groups_number(run, from->group);
        file->grouped = file->grouped || from->group;
    }
    index_items(file);
    file->digest = fst_arena_str(&run->arena, list->digest);
    if (!file->learned)
        run->planned_listed += file->planned.count;
    for (size_t i = 0; run->collect_only && i < file->n_items; i++) {
        if (file->items[i].state == ITEM_QUEUED)
            fst_files_move_item(file, i, ITEM_ENDED, NULL);
    }
    fst_files_move(file, FILE_LISTED);
}

/* An un-ended item that the new list lacks under its id. */
static bool is_replaceable(const struct file *file, const bool *stays,
                           size_t index)
{
    return file->items[index].state == ITEM_QUEUED && !stays[index];
}

static bool has_ended(const struct file *file, size_t index)
{
    uint8_t state = file->items[index].state;
    return state == ITEM_ENDED || state == ITEM_CONFIRMING;
}

static void rename_item(struct file *file, size_t index, const char *id)
{
    struct item *item = &file->items[index];
    leave(file, item);
    item->id = fst_arena_str(&file->run->arena, id);
    item->past_s = (float)fst_times_item(file->run->times, id);
    enter(file, item);
}

void fst_files_relist(struct file *file, const struct fst_collected *list)
{
    struct run *run = file->run;
    size_t before = file->n_items, n_free = 0, next = 0;
    bool *stays = fst_calloc(before + 1, sizeof *stays);
    size_t *unused = fst_calloc(list->n_items + 1, sizeof *unused);
    for (size_t i = 0; i < list->n_items; i++) {
        size_t found = fst_files_find_item(file, list->items[i].id);
        if (found != SIZE_MAX)
            stays[found] = true;
    }
    for (size_t i = 0; i < list->n_items; i++) {
        const char *id = list->items[i].id;
        if (fst_files_find_item(file, id) != SIZE_MAX)
            continue;
        if (i < before && is_replaceable(file, stays, i)) {
            rename_item(file, i, id);
            stays[i] = true;
        } else if (i >= before || stays[i] || !has_ended(file, i)) {
            unused[n_free++] = i;
        } /* else it stands for one that has ended under another id */
    }
    file->items = fst_realloc(file->items, (before + list->n_items + 1) *
                                               sizeof *file->items);
    for (size_t i = 0; i < before; i++) {
        if (!is_replaceable(file, stays, i))
            continue;
        if (next < n_free)
            rename_item(file, i, list->items[unused[next++]].id);
        else
            fst_files_move_item(file, i, ITEM_ABSENT, NULL);
    }
    for (; next < n_free; next++)
        add_item(file,
                 fst_arena_str(&run->arena, list->items[unused[next]].id));
    index_items(file);
    file->digest = fst_arena_str(&run->arena, list->digest);
    free(stays);
    free(unused);
    fst_files_place(file, false);
}

size_t fst_files_find_item(const struct file *file, const char *id)
{
    if (!file->table)
        return SIZE_MAX;
    size_t mask = file->table_size - 1;
    size_t at = fst_table_hash(id, strlen(id)) & mask;
    for (; file->table[at]; at = (at + 1) & mask) {
        if (!strcmp(file->items[file->table[at] - 1].id, id))
            return file->table[at] - 1;
    }
    return SIZE_MAX;
}

bool fst_files_splittable(const struct file *file)
{
    return !file->run->one_worker && !file->run->keep_files &&
           !file->unstable && !file->keep_whole;
}

bool fst_files_boundary(const struct file *file, size_t item)
{
    return !item || !file->items[item].bind ||
           file->items[item].bind != file->items[item - 1].bind;
}
