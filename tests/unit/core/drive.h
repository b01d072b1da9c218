/* A core under test: events in by short calls, what it says kept as a log.
 * One core a test; every step is followed by fst_core_check(). */
#ifndef FST_TESTS_CORE_DRIVE_H
#define FST_TESTS_CORE_DRIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/core/core.h"

struct sent { /* a message to an agent */
    enum fst_msg_type type;
    uint32_t agent, slot;
    uint64_t lease;
    uint32_t attempt;
    enum fst_lease_kind kind;
    bool whole, fresh, full, more, now;
    char file[64], target[64], units[512]; /* ids, a space between */
};

struct said { /* any other effect */
    enum fst_effect_type type;
    char id[64], text[256];
    uint32_t attempt;
    enum fst_attempt_kind kind;
    enum fst_outcome outcome;
    int exit_code;
};

struct drive {
    struct fst_core *core;
    struct fst_effects effects;
    struct fst_run_id run;
    int64_t now;
    struct fst_err err;
    FST_VEC(struct sent) sent;
    FST_VEC(struct said) said;
};

static inline void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static inline void keep_sent(struct drive *drive, const struct fst_effect *from)
{
    struct sent *to = fst_vec_push(&drive->sent);
    const struct fst_msg *msg = from->msg;
    *to = (struct sent){.type = msg->type, .agent = from->agent.v};
    size_t used = 0;
    if (msg->type == FST_MSG_LEASE) {
        to->lease = msg->lease.lease;
        to->slot = msg->lease.slot;
        to->attempt = msg->lease.attempt;
        to->kind = msg->lease.kind;
        to->whole = msg->lease.whole;
        to->fresh = msg->lease.fresh;
        to->full = msg->lease.full;
        to->more = msg->lease.more;
        copy_text(to->file, sizeof to->file, msg->lease.file);
        copy_text(to->target, sizeof to->target, msg->lease.target);
        for (size_t i = 0; i < msg->lease.n_units; i++)
            used +=
                (size_t)snprintf(to->units + used, sizeof to->units - used,
                                 "%s%s", i ? " " : "", msg->lease.units[i].id);
    } else if (msg->type == FST_MSG_REVOKE) {
        to->lease = msg->revoke.lease;
        to->slot = msg->revoke.slot;
        for (size_t i = 0; i < msg->revoke.items.count; i++)
            used += (size_t)snprintf(to->units + used, sizeof to->units - used,
                                     "%s%s", i ? " " : "",
                                     msg->revoke.items.items[i]);
    } else if (msg->type == FST_MSG_CANCEL) {
        to->now = msg->cancel.now;
        copy_text(to->units, sizeof to->units, msg->cancel.why);
    } else if (msg->type == FST_MSG_LIST) {
        to->lease = msg->list.lease;
        to->slot = msg->list.slot;
        to->full = msg->list.full;
    } else if (msg->type == FST_MSG_START) {
        to->slot = msg->start.slot;
    }
}

static inline void keep_effects(struct drive *drive)
{
    for (size_t i = 0; i < drive->effects.list.count; i++) {
        const struct fst_effect *from = &drive->effects.list.items[i];
        if (from->type == FST_EF_SEND) {
            keep_sent(drive, from);
            continue;
        }
        struct said *to = fst_vec_push(&drive->said);
        *to = (struct said){.type = from->type,
                            .attempt = from->attempt,
                            .kind = from->kind,
                            .outcome = from->outcome,
                            .exit_code = from->exit_code};
        copy_text(to->id, sizeof to->id, from->id);
        copy_text(to->text, sizeof to->text, from->text);
    }
    fst_effects_clear(&drive->effects);
    fst_core_check(drive->core);
}

static inline void drive_start(struct drive *drive,
                               const struct fst_run_spec *spec)
{
    *drive = (struct drive){.core = fst_core_new(), .now = 1000000000};
    drive->run =
        fst_core_add_run(drive->core, spec, drive->now, &drive->effects);
    keep_effects(drive);
}

static inline void drive_end(struct drive *drive)
{
    fst_core_free(drive->core);
    fst_effects_release(&drive->effects);
    fst_vec_free(&drive->sent);
    fst_vec_free(&drive->said);
}

static inline int drive_step(struct drive *drive, const struct fst_event *event)
{
    int result = fst_core_step(drive->core, event, drive->now, &drive->effects,
                               &drive->err);
    keep_effects(drive);
    return result;
}

/* Takes msg. */
static inline int drive_message(struct drive *drive, uint32_t agent,
                                struct fst_msg *msg)
{
    int result = drive_step(drive, &(struct fst_event){.type = FST_EV_MESSAGE,
                                                       .agent = {agent},
                                                       .msg = msg});
    fst_msg_free(msg);
    return result;
}

static inline int drive_state(struct drive *drive, uint32_t agent,
                              const struct fst_state *state)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_STATE);
    msg->state = *state;
    return drive_message(drive, agent, msg);
}

/* An agent with slots first … first+count-1, all with a worker. */
static inline void drive_agent(struct drive *drive, uint32_t agent,
                               uint32_t first, uint32_t count)
{
    uint32_t slots[16];
    for (uint32_t i = 0; i < count; i++)
        slots[i] = first + i;
    assert_int_equal(
        drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_UP,
                                              .agent = {agent},
                                              .slots = slots,
                                              .n_slots = count}),
        0);
    for (uint32_t i = 0; i < count; i++)
        drive_state(
            drive, agent,
            &(struct fst_state){.slot = first + i, .state = FST_SLOT_UP});
}

/* The n-th lease (from 0) that was sent for the file; NULL: none. */
static inline const struct sent *drive_lease(const struct drive *drive,
                                             const char *file, size_t n)
{
    for (size_t i = 0; i < drive->sent.count; i++) {
        const struct sent *sent = &drive->sent.items[i];
        if (sent->type == FST_MSG_LEASE && !strcmp(sent->file, file) && !n--)
            return sent;
    }
    return NULL;
}

/* The n-th message of the type. */
static inline const struct sent *drive_sent(const struct drive *drive,
                                            enum fst_msg_type type, size_t n)
{
    for (size_t i = 0; i < drive->sent.count; i++) {
        if (drive->sent.items[i].type == type && !n--)
            return &drive->sent.items[i];
    }
    return NULL;
}

static inline const struct said *
drive_said(const struct drive *drive, enum fst_effect_type type, const char *id)
{
    for (size_t i = 0; i < drive->said.count; i++) {
        const struct said *said = &drive->said.items[i];
        if (said->type == type && (!id || !strcmp(said->id, id)))
            return said;
    }
    return NULL;
}

/* ids: node ids with a space between; "@x" behind one: its bind, "#x": its
 * group. */
static inline int drive_collected(struct drive *drive, const struct sent *lease,
                                  const char *digest, const char *ids)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    struct fst_collected *to = &msg->collected;
    char *text = fst_arena_str(&msg->arena, ids), *save = NULL;
    to->lease = lease->lease;
    to->slot = lease->slot;
    to->file = fst_arena_str(&msg->arena, lease->file);
    to->digest = fst_arena_str(&msg->arena, digest);
    to->items =
        fst_arena_array(&msg->arena, strlen(ids) + 1, sizeof *to->items);
    for (char *id = strtok_r(text, " ", &save); id;
         id = strtok_r(NULL, " ", &save)) {
        char *bind = strchr(id, '@'), *group = strchr(id, '#');
        if (bind)
            *bind++ = '\0';
        if (group)
            *group++ = '\0';
        to->items[to->n_items++] =
            (struct fst_item){.id = id, .bind = bind, .group = group};
    }
    return drive_message(drive, lease->agent, msg);
}

/* Bad news of a file's collector; no items. */
static inline int drive_report(struct drive *drive, const struct sent *lease,
                               enum fst_outcome outcome)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_COLLECTED);
    struct fst_collected *to = &msg->collected;
    to->lease = lease->lease;
    to->slot = lease->slot;
    to->file = fst_arena_str(&msg->arena, lease->file);
    to->digest = "none";
    to->n_reports = 1;
    to->reports = fst_arena_array(&msg->arena, 1, sizeof *to->reports);
    to->reports[0] = (struct fst_result){.id = to->file, .outcome = outcome};
    return drive_message(drive, lease->agent, msg);
}

/* files: paths with a space between. */
static inline int drive_listed(struct drive *drive, const struct sent *list,
                               const char *files)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_LISTED);
    char *text = fst_arena_str(&msg->arena, files), *save = NULL;
    struct fst_strs *to = &msg->listed.files;
    msg->listed.lease = list->lease;
    msg->listed.slot = list->slot;
    to->items =
        fst_arena_array(&msg->arena, strlen(files) + 1, sizeof *to->items);
    for (char *path = strtok_r(text, " ", &save); path;
         path = strtok_r(NULL, " ", &save))
        to->items[to->count++] = path;
    return drive_message(drive, list->agent, msg);
}

static inline int drive_full_result(struct drive *drive,
                                    const struct sent *lease,
                                    const struct fst_result *result)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_RESULTS);
    msg->results.results = fst_arena_array(&msg->arena, 1, sizeof *result);
    msg->results.results[0] = *result;
    msg->results.results[0].lease = lease->lease;
    msg->results.results[0].slot = lease->slot;
    msg->results.n_results = 1;
    return drive_message(drive, lease->agent, msg);
}

static inline int drive_crash(struct drive *drive, const struct sent *lease,
                              const char *id)
{
    return drive_full_result(
        drive, lease,
        &(struct fst_result){.id = id, .outcome = FST_FAILED, .crashed = true});
}

/* The slot's worker has ended; text: by a crash. lease: while it collected for
 * it, or 0. */
static inline void drive_slot_down(struct drive *drive, uint32_t agent,
                                   uint32_t slot, const char *text,
                                   uint64_t lease)
{
    drive_state(drive, agent,
                &(struct fst_state){.slot = slot,
                                    .state = FST_SLOT_DOWN,
                                    .text = text,
                                    .lease = lease});
}

static inline void drive_slot_up(struct drive *drive, uint32_t agent,
                                 uint32_t slot)
{
    drive_state(drive, agent,
                &(struct fst_state){.slot = slot, .state = FST_SLOT_UP});
}

/* The last lease that was sent. */
static inline struct sent drive_last_lease(const struct drive *drive)
{
    for (size_t i = drive->sent.count; i-- > 0;) {
        if (drive->sent.items[i].type == FST_MSG_LEASE)
            return drive->sent.items[i];
    }
    fail_msg("no lease was sent");
    return (struct sent){0};
}

/* The last confirmation of a target that was sent. */
static inline struct sent drive_sent_confirm(const struct drive *drive,
                                             const char *target)
{
    for (size_t i = drive->sent.count; i-- > 0;) {
        const struct sent *sent = &drive->sent.items[i];
        if (sent->type == FST_MSG_LEASE && sent->kind == FST_LEASE_CONFIRM &&
            !strcmp(sent->target, target))
            return *sent;
    }
    fail_msg("%s was not confirmed", target);
    return (struct sent){0};
}

static inline int drive_result(struct drive *drive, const struct sent *lease,
                               const char *id, enum fst_outcome outcome)
{
    return drive_full_result(
        drive, lease, &(struct fst_result){.id = id, .outcome = outcome});
}

/* rest, or the ids with a space between. */
static inline int drive_revoked(struct drive *drive, const struct sent *lease,
                                const char *ids, bool rest)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_REVOKED);
    char *text = fst_arena_str(&msg->arena, ids), *save = NULL;
    msg->revoked.lease = lease->lease;
    msg->revoked.slot = lease->slot;
    msg->revoked.rest = rest;
    msg->revoked.items.items = fst_arena_array(
        &msg->arena, strlen(ids) + 1, sizeof *msg->revoked.items.items);
    for (char *id = strtok_r(text, " ", &save); id;
         id = strtok_r(NULL, " ", &save))
        msg->revoked.items.items[msg->revoked.items.count++] = id;
    return drive_message(drive, lease->agent, msg);
}

static inline int drive_bye(struct drive *drive, uint32_t agent)
{
    return drive_message(drive, agent, fst_msg_new(FST_MSG_BYE));
}

static inline int drive_down(struct drive *drive, uint32_t agent)
{
    return drive_step(drive, &(struct fst_event){.type = FST_EV_AGENT_DOWN,
                                                 .agent = {agent},
                                                 .why = "gone"});
}

static inline size_t drive_count(const struct drive *drive,
                                 enum fst_effect_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < drive->said.count; i++)
        count += drive->said.items[i].type == type;
    return count;
}

#endif
