#include "agent/program/zygotes.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/pool/environment.h"
#include "shared/config/cpus.h"

extern char **environ;

/* Workers do without it where it can't be started: they say why. */
static void start_zygote(struct fst_program *program, const char *const *env,
                         const char *cwd)
{
    const struct fst_zygote_spec spec = {
        .python = program->python,
        .program = program->script,
        .root = program->root,
        .env = env,
        .cwd = cwd,
    };
    struct fst_err err;
    struct fst_zygote *zygote = NULL;
    if (program->n_zygotes < FST_ZYGOTES_MOST)
        zygote = fst_zygote_start(&program->loop, &spec, &err);
    if (zygote)
        program->zygotes[program->n_zygotes++] = zygote;
}

/* For all workers of so many slots. */
static void start_shared_zygote(struct fst_program *program, const char *seed,
                                size_t slots, const char *cwd)
{
    struct fst_strings shared = {0};
    fst_shared_environment((const char *const *)environ, seed, slots,
                           (size_t)fst_cpus_available(), &shared);
    start_zygote(program, (const char *const *)shared.items, cwd);
    fst_strings_clear(&shared);
}

void fst_zygotes_start_first(struct fst_program *program)
{
    const char *seed = getenv("PYTHONHASHSEED");
    char *cwd = getcwd(NULL, 0);
    if (cwd)
        start_shared_zygote(program, seed ? seed : "random",
                            (size_t)program->settings.workers, cwd);
    free(cwd);
}

static void start_sessions_zygote(struct fst_program *program)
{
    const struct fst_session *session = &program->session;
    start_shared_zygote(program, session->welcome->welcome.config.hash_seed,
                        session->n_places - 1, session->cwd);
}

/* Whether a zygote pays: its own start costs what a worker's does, so that two
 * workers have to come of it. An agent of a farm has been asked to come for
 * more than one. */
static bool is_fork_wanted(const struct fst_program *program)
{
    size_t slots = program->session.n_places - 1;
    switch (program->settings.worker_start) {
    case FST_START_FORK:
        return true;
    case FST_START_COLD:
        return false;
    default:
        return slots > 2 ? program->remote || program->n_started >= 1
                         : program->n_started >= 2;
    }
}

struct fst_zygote *fst_zygotes_find(struct fst_place *place)
{
    struct fst_program *program = place->program;
    if (!is_fork_wanted(program))
        return NULL;
    if (!program->n_zygotes)
        start_sessions_zygote(program);
    const char *const *env = (const char *const *)place->env.items;
    const char *cwd = program->session.cwd;
    for (int tries = 0; tries < 2 && program->n_zygotes; tries++) {
        struct fst_zygote *zygote = program->zygotes[program->n_zygotes - 1];
        if (fst_zygote_is_refusing(zygote))
            return NULL;
        if (fst_zygote_is_alive(zygote) && fst_zygote_serves(zygote, env, cwd))
            return zygote;
        start_sessions_zygote(program);
    }
    return NULL;
}

void fst_zygotes_free(struct fst_program *program, size_t kept)
{
    for (size_t i = 0; i + kept < program->n_zygotes; i++)
        fst_zygote_free(program->zygotes[i]);
    if (program->n_zygotes > kept) {
        if (kept)
            program->zygotes[0] = program->zygotes[program->n_zygotes - 1];
        program->n_zygotes = kept;
    }
}
