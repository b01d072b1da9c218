#include "coordinator/core/effects.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct fst_effect *fst_effects_add(struct run *run, enum fst_effect_type type)
{
    struct fst_effect *effect = fst_vec_push(&run->core->out->list);
    *effect = (struct fst_effect){.type = type, .run = {run->id}};
    return effect;
}

void fst_effects_send(struct run *run, const struct agent *agent,
                      struct fst_msg *msg)
{
    struct fst_effect *effect = fst_effects_add(run, FST_EF_SEND);
    effect->agent.v = agent->id;
    effect->msg = msg;
}

void fst_effects_note(struct run *run, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    fst_effects_add(run, FST_EF_NOTE)->text =
        fst_arena_str(&run->core->out->arena, line);
}

const struct fst_result *fst_effects_error(struct run *run, const char *id,
                                           const char *when, const char *text)
{
    struct fst_arena *arena = &run->core->out->arena;
    struct fst_result *result = fst_arena_alloc(arena, sizeof *result);
    struct fst_phase *phase = fst_arena_alloc(arena, sizeof *phase);
    const char *copy = fst_arena_str(arena, text);
    *phase = (struct fst_phase){
        .when = when,
        .outcome = FST_ERROR,
        .title = fst_arena_str(arena, id),
        .longrepr = copy,
        .message = fst_arena_strn(arena, copy, strcspn(copy, "\n")),
    };
    *result = (struct fst_result){
        .id = phase->title,
        .outcome = FST_ERROR,
        .phases = phase,
        .n_phases = 1,
    };
    return result;
}

void fst_effects_clear(struct fst_effects *effects)
{
    struct fst_effect *effect;
    fst_vec_each (effect, &effects->list) {
        fst_msg_free(effect->msg);
    }
    effects->list.count = 0;
    fst_arena_release(&effects->arena);
}

void fst_effects_release(struct fst_effects *effects)
{
    fst_effects_clear(effects);
    fst_vec_free(&effects->list);
}
