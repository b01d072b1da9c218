#include "tests/sim/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- a worker's memory */

void model_init(struct model *model, const struct suite *suite, uint32_t slot)
{
    *model = (struct model){.suite = suite, .slot = slot};
    model->opened = calloc(suite->n_files + 1, sizeof(bool));
    model->ran = calloc(suite->n_files + 1, sizeof(bool *));
    for (size_t i = 0; i < suite->n_files; i++)
        model->ran[i] = calloc(suite->files[i].n_tests + 1, sizeof(bool));
}

void model_release(struct model *model)
{
    while (model->leases)
        model_drop(model, model->leases);
    for (size_t i = 0; i < model->suite->n_files; i++)
        free(model->ran[i]);
    free(model->ran);
    free(model->opened);
    fst_vec_free(&model->results);
    fst_vec_free(&model->amends);
}

void model_forget(struct model *model)
{
    model->used = false;
    model->results.count = model->amends.count = 0;
    for (size_t i = 0; i < model->suite->n_files; i++) {
        model->opened[i] = false;
        memset(model->ran[i], 0, model->suite->files[i].n_tests);
    }
}

bool model_has_opened_any(const struct model *model)
{
    bool any = model->used;
    for (size_t i = 0; i < model->suite->n_files; i++)
        any = any || model->opened[i];
    return any;
}

/* ---- leases */

struct lease *model_take(struct model *model, struct fst_msg *msg)
{
    const struct suite *suite = model->suite;
    struct lease *lease = calloc(1, sizeof *lease);
    lease->msg = msg;
    for (size_t i = 0; msg->type == FST_MSG_LEASE && i < suite->n_files; i++) {
        if (!strcmp(suite->files[i].path, msg->lease.file))
            lease->file = &suite->files[i];
    }
    DL_APPEND2(model->leases, lease, prev, next_lease);
    return lease;
}

void model_drop(struct model *model, struct lease *lease)
{
    DL_DELETE2(model->leases, lease, prev, next_lease);
    free(lease->tests);
    fst_msg_free(lease->msg);
    free(lease);
}

uint64_t model_id(const struct lease *lease)
{
    return lease->msg->type == FST_MSG_LIST ? lease->msg->list.lease
                                            : lease->msg->lease.lease;
}

struct lease *model_find(const struct model *model, uint64_t id)
{
    struct lease *lease;
    DL_FOREACH2(model->leases, lease, next_lease)
    {
        if (model_id(lease) == id)
            return lease;
    }
    return NULL;
}

static bool in_units(const struct fst_lease *lease, const char *id, bool *hit)
{
    bool found = lease->whole;
    for (size_t i = 0; i < lease->n_units; i++) {
        const struct fst_unit *unit = &lease->units[i];
        size_t len = strlen(unit->id);
        bool same =
            unit->kind == FST_UNIT_ITEM
                ? !strcmp(unit->id, id)
                : !strncmp(unit->id, id, len) && (!id[len] || id[len] == '[');
        hit[i] = hit[i] || same;
        found = found || same;
    }
    return found;
}

static bool in_strings(const struct fst_strs *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!strcmp(list->items[i], id))
            return true;
    }
    return false;
}

/* Which of the file's tests the lease covers; the rest of its units are
 * absent. */
static void choose_tests(struct model *model, struct lease *lease)
{
    const struct fst_lease *from = &lease->msg->lease;
    const struct model_file *file = lease->file;
    bool *hit = calloc(from->n_units + 1, sizeof *hit);
    lease->tests = calloc(file->n_tests + 1, sizeof *lease->tests);
    for (size_t i = 0; i < file->n_tests; i++) {
        size_t test = suite_at(file, i, model->worker);
        char id[128];
        suite_id(file, test, model->worker, id, sizeof id);
        bool left_out = from->whole && file->tests[test].group;
        if (!left_out && in_units(from, id, hit) &&
            !in_strings(&lease->revoked, id))
            lease->tests[lease->n_tests++] = test;
    }
    for (size_t i = 0; i < from->n_units; i++) {
        if (!hit[i])
            model_add(model, lease, from->units[i].id, FST_ABSENT);
    }
    free(hit);
}

/* ---- what it says */

static void add_report(struct fst_msg *msg, const struct model_file *file,
                       enum fst_outcome outcome)
{
    msg->collected.reports =
        fst_arena_array(&msg->arena, 1, sizeof(struct fst_result));
    msg->collected.n_reports = 1;
    msg->collected.reports[0] = (struct fst_result){
        .id = fst_arena_str(&msg->arena, file->path), .outcome = outcome};
}

static void add_list(struct fst_msg *msg, const struct model_file *file,
                     uint32_t worker)
{
    struct fst_collected *to = &msg->collected;
    to->items = fst_arena_array(&msg->arena, file->n_tests + 1,
                                sizeof(struct fst_item));
    to->n_items = file->n_tests;
    for (size_t i = 0; i < file->n_tests; i++) {
        size_t test = suite_at(file, i, worker);
        char id[128];
        suite_id(file, test, worker, id, sizeof id);
        to->items[i].id = fst_arena_str(&msg->arena, id);
        if (file->tests[test].group)
            to->items[i].group = fst_arena_printf(&msg->arena, "group%u",
                                                  file->tests[test].group);
        if (file->tests[test].bind)
            to->items[i].bind = fst_arena_printf(
                &msg->arena, "%s::C%u", file->path, file->tests[test].bind);
    }
}

static uint32_t list_number(const struct model_file *file, uint32_t worker)
{
    bool order = file->vary == VARY_ORDER && file->n_tests;
    return file->vary == VARY_IDS ? worker
           : order                ? worker % (uint32_t)file->n_tests
                                  : 0;
}

static void add_deselected(struct fst_msg *msg, const struct model_file *file)
{
    struct fst_strs *to = &msg->collected.deselected;
    to->items = fst_arena_array(&msg->arena, file->deselected, sizeof(char *));
    to->count = file->deselected;
    for (size_t i = 0; i < to->count; i++)
        to->items[i] =
            fst_arena_printf(&msg->arena, "%s::deselected%zu", file->path, i);
}

struct fst_msg *model_collect(struct model *model, struct lease *lease)
{
    const struct model_file *file = lease->file;
    const struct fst_lease *from = &lease->msg->lease;
    bool *opened = &model->opened[file - model->suite->files];
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    struct fst_collected *to = &msg->collected;
    bool broken =
        file->opening == OPEN_ERROR || file->opening == OPEN_SKIP ||
        (file->opening == OPEN_NEEDS_FRESH && model->used && !*opened);
    lease->opened = true;
    to->lease = from->lease;
    to->slot = model->slot;
    to->file = fst_arena_str(&msg->arena, file->path);
    to->digest = fst_arena_printf(&msg->arena, "%s %u %d", file->path,
                                  list_number(file, model->worker), broken);
    if (broken || file->opening == OPEN_PART)
        add_report(msg, file,
                   file->opening == OPEN_SKIP ? FST_SKIPPED : FST_ERROR);
    if (file->missing) {
        static const char *one[] = {"nothing"};
        to->missing = (struct fst_strs){one, 1};
        to->missing_text = "ERROR: not found";
    }
    add_deselected(msg, file);
    if (from->digest && !strcmp(from->digest, to->digest))
        to->same = true;
    else if (!broken)
        add_list(msg, file, model->worker);
    *opened = *opened || !broken;
    if (from->kind == FST_LEASE_COLLECT)
        return msg;
    if (!broken)
        choose_tests(model, lease);
    for (size_t i = 0; broken && i < from->n_units; i++)
        model_add(model, lease, from->units[i].id, FST_ABSENT);
    return msg;
}

struct fst_msg *model_list(const struct model *model, const struct lease *lease)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LISTED);
    const struct suite *suite = model->suite;
    struct fst_strs *files = &msg->listed.files;
    msg->listed.lease = model_id(lease);
    msg->listed.slot = model->slot;
    files->items =
        fst_arena_array(&msg->arena, suite->n_files + 1, sizeof(char *));
    for (size_t i = 0; i < suite->n_files; i++) {
        if (suite->files[i].real)
            files->items[files->count++] =
                fst_arena_str(&msg->arena, suite->files[i].path);
    }
    return msg;
}

/* ---- tests */

void model_next_id(const struct model *model, const struct lease *lease,
                   char *id, size_t size)
{
    suite_id(lease->file, lease->tests[lease->next], model->worker, id, size);
}

static enum fst_outcome outcome_of(const struct model_file *file, size_t index,
                                   const bool *ran, uint32_t attempt)
{
    const struct test *test = &file->tests[index];
    bool fails = test->needs >= 0 && !ran[test->needs];
    fails = fails || attempt <= test->flaky;
    for (size_t i = index + 1; i < file->n_tests && test->hates_later; i++)
        fails = fails || ran[i];
    return fails ? FST_FAILED : test->outcome;
}

void model_run(struct model *model, struct lease *lease)
{
    const struct model_file *file = lease->file;
    const struct fst_lease *from = &lease->msg->lease;
    size_t index = lease->tests[lease->next];
    const struct test *test = &file->tests[index];
    bool *ran = model->ran[file - model->suite->files];
    char id[128];
    model_next_id(model, lease, id, sizeof id);
    enum fst_outcome outcome = outcome_of(file, index, ran, from->attempt);
    ran[index] = model->used = true;
    lease->next++;
    if (from->target && strcmp(from->target, id) != 0)
        return;
    model_add(model, lease, id, outcome);
    model->results.items[model->results.count - 1].seconds = test->seconds;
    if (test->amends) {
        struct said_result *amend = fst_vec_push(&model->amends);
        *amend = model->results.items[model->results.count - 1];
        amend->outcome = FST_ERROR;
        amend->amend = true;
    }
}

void model_add(struct model *model, const struct lease *lease, const char *id,
               enum fst_outcome outcome)
{
    struct said_result *to = fst_vec_push(&model->results);
    *to = (struct said_result){.lease = model_id(lease), .outcome = outcome};
    snprintf(to->id, sizeof to->id, "%s", id);
}

void model_amend(struct model *model)
{
    for (size_t i = 0; i < model->amends.count; i++)
        fst_vec_add(&model->results, model->amends.items[i]);
    model->amends.count = 0;
}

struct fst_msg *model_results(struct model *model)
{
    size_t count = model->results.count;
    if (!count)
        return NULL;
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    struct fst_result *to =
        fst_arena_array(&msg->arena, count, sizeof(struct fst_result));
    for (size_t i = 0; i < count; i++) {
        const struct said_result *from = &model->results.items[i];
        to[i] = (struct fst_result){
            .lease = from->lease,
            .slot = model->slot,
            .id = fst_arena_str(&msg->arena, from->id),
            .outcome = from->outcome,
            .amend = from->amend,
            .crashed = from->crashed,
            .call_s = from->seconds,
            .pid = model->worker,
        };
    }
    msg->results.results = to;
    msg->results.n_results = count;
    model->last = model->results.items[count - 1];
    model->results.count = 0;
    return msg;
}

/* ---- REVOKE */

struct fst_msg *model_revoked(const struct model *model, uint64_t lease,
                              bool rest)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    msg->revoked =
        (struct fst_revoked){.lease = lease, .slot = model->slot, .rest = rest};
    return msg;
}

static void add_string(struct fst_arena *arena, struct fst_strs *list,
                       const char *text)
{
    const char **grown =
        fst_arena_array(arena, list->count + 1, sizeof(char *));
    if (list->count)
        memcpy(grown, list->items, list->count * sizeof *grown);
    grown[list->count++] = fst_arena_str(arena, text);
    list->items = grown;
}

struct fst_msg *model_revoke_named(struct model *model, struct lease *lease,
                                   const struct fst_revoke *what)
{
    struct fst_msg *msg = model_revoked(model, what->lease, false);
    for (size_t i = 0; i < what->items.count; i++) {
        add_string(&lease->msg->arena, &lease->revoked, what->items.items[i]);
        add_string(&msg->arena, &msg->revoked.items, what->items.items[i]);
    }
    return msg;
}

struct fst_msg *model_revoke_opened(struct model *model, struct lease *lease,
                                    const struct fst_revoke *what, bool running)
{
    struct fst_msg *msg = model_revoked(model, what->lease, false);
    struct fst_strs *to = &msg->revoked.items;
    size_t kept = lease->next + running;
    to->items =
        fst_arena_array(&msg->arena, what->items.count + 1, sizeof(char *));
    for (size_t i = kept; i < lease->n_tests; i++) {
        char id[128];
        suite_id(lease->file, lease->tests[i], model->worker, id, sizeof id);
        if (in_strings(&what->items, id))
            to->items[to->count++] = fst_arena_str(&msg->arena, id);
        else
            lease->tests[kept++] = lease->tests[i];
    }
    lease->n_tests = kept;
    return msg;
}
