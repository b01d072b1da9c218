/* What the core wants done, as values; and the results that it makes itself.
 * Private to coordinator/core. */
#ifndef FST_CORE_EFFECTS_H
#define FST_CORE_EFFECTS_H

#include "coordinator/core/state.h"

/* A new effect at the end of the step's list, for the caller to fill. */
struct fst_effect *fst_effects_add(struct run *run, enum fst_effect_type type);
/* msg becomes the list's. */
void fst_effects_send(struct run *run, const struct agent *agent,
                      struct fst_msg *msg);
/* One line for the user. */
void fst_effects_note(struct run *run, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* An `error` that no worker reported, in phase `when` ("collect", "call"); id
 * and text are copied. Lives until the list is cleared. */
const struct fst_result *fst_effects_error(struct run *run, const char *id,
                                           const char *when, const char *text);

#endif
