/* Agents and their slots: coming, going, hungry. Private to
 * coordinator/core. */
#ifndef FST_CORE_AGENTS_H
#define FST_CORE_AGENTS_H

#include "coordinator/core/state.h"

struct agent *fst_agents_find(const struct fst_core *core, uint32_t id);
/* The agent's slot of this number, or NULL. */
struct slot *fst_agents_slot(const struct agent *agent, uint32_t number);

int fst_agents_up(struct fst_core *core, const struct fst_event *event,
                  struct fst_err *err);
/* lost: its connection ended; else it said BYE. */
void fst_agents_down(struct fst_core *core, struct agent *agent, bool lost);
/* It has said DRAIN: gets nothing more, and hands back what it can. */
void fst_agents_leaving(struct agent *agent);
/* Agents that wait serve the run from now on. */
void fst_agents_bind(struct run *run);

void fst_agents_on_state(struct fst_core *core, struct slot *slot,
                         const struct fst_state *state);
/* It has a worker, or will have one soon. */
void fst_agents_asked(struct slot *slot);
/* The slot wants work (nothing, if it has no worker or is known hungry). */
void fst_agents_hungry(struct slot *slot);
void fst_agents_fed(struct slot *slot);

#endif
