/* fastest-agent: dials the coordinator, proves itself, and carries out what
 * the pure agent (agent/core) says with real workers (agent/pool); how, is said
 * in agent/program. */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/settings.h"
#include "agent/pool/memory.h"
#include "agent/program/compare.h"
#include "agent/program/dialog.h"
#include "agent/program/measure.h"
#include "agent/program/program.h"
#include "agent/program/steps.h"
#include "agent/program/trust.h"
#include "agent/program/workers.h"
#include "agent/program/zygotes.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/stdfds.h"
#include "shared/config/cpus.h"
#include "shared/config/python.h"
#include "shared/loop/leftovers.h"

extern char **environ;

static void on_tick(void *user)
{
    fst_program_step(user,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_TICK});
}

static void free_session(struct fst_program *program)
{
    struct fst_session *session = &program->session;
    for (size_t i = 0; i < session->n_places; i++) {
        fst_proc_free(session->places[i].proc);
        fst_strings_clear(&session->places[i].env);
    }
    /* Where the session was cut off, nobody is left to be told. */
    struct fst_leftovers left = {0};
    struct fst_arena arena = {0};
    if (session->n_places)
        fst_workers_end_leftovers(program, &arena, &left);
    fst_vec_free(&left.list);
    fst_arena_release(&arena);
    free(session->places);
    fst_agent_free(session->agent);
    if (session->conn)
        fst_conn_close(session->conn);
    fst_compare_free(session->compare);
    fst_msg_free(session->welcome);
    free(session->cwd);
    free(session->id);
    *session = (struct fst_session){0};
}

static void on_end(void *user)
{
    struct fst_program *program = user;
    struct fst_err err;
    program->status = program->session.status;
    if (program->session.agent && !program->status && !program->told_to_leave)
        fst_info("the run is over%s",
                 program->settings.once ? "" : "; waits for the next one");
    fst_timer_clear(program->tick);
    fst_timer_clear(program->measure);
    fst_timer_clear(program->silence);
    fst_timer_clear(program->parting);
    free_session(program);
    fst_zygotes_free(program, 1);
    /* It may be another one by the next run. */
    program->versions = (struct fst_versions){0};
    if (program->settings.once || program->told_to_leave) {
        fst_loop_stop(&program->loop);
    } else if (fst_program_dial(program, &err)) {
        fst_error("%s", err.msg);
        fst_loop_stop(&program->loop);
    }
}

/* Once: finish what runs, hand back the rest; twice: at once. */
static void on_terminate(void *user, int number)
{
    struct fst_program *program = user;
    (void)number;
    if (program->session.agent && !program->told_to_leave)
        fst_info("leaves when what runs has ended; told again: at once");
    program->told_to_leave = true;
    /* It was about to look for the next run. */
    if (program->session.over && !program->settings.once &&
        program->session.status == FST_AGENT_EXIT_NO_USE)
        program->session.status = 0;
    if (!program->session.agent)
        fst_program_end_session(program, 0);
    else
        fst_program_step(program,
                         &(struct fst_agent_event){.type = FST_AGENT_EV_LEAVE});
}

static void count_cpus(struct fst_agent_settings *settings)
{
    if (settings->workers < 0)
        settings->workers = fst_cpus_available();
}

/* What tests leave behind becomes our child, and must not stay as a zombie. */
static void on_child_end(void *user, int number)
{
    struct fst_program *program = user;
    (void)number;
    for (size_t i = 0; i < program->n_zygotes; i++)
        if (fst_zygote_is_asked(program->zygotes[i]))
            return;
    fst_child_reap_others();
}

static int find_root(struct fst_program *program, struct fst_err *err)
{
    const char *root = program->settings.root ? program->settings.root : ".";
    DIR *folder = opendir(root);
    if (folder)
        program->root = realpath(root, NULL);
    int result = program->root && !access(root, X_OK)
                     ? 0
                     : fst_fail_sys(err, "--root %s", root);
    if (folder)
        closedir(folder);
    if (result)
        err->code = FST_E_USAGE;
    return result;
}

static int open_program(struct fst_program *program, struct fst_err *err)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    sigset_t all, before;
    if (fst_loop_init(&program->loop, err))
        return -1;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* an error says it better */
    fst_leftovers_adopt();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    program->net = fst_net_new(&program->loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    program->tick = fst_timer_new(&program->loop, on_tick, program);
    program->end = fst_timer_new(&program->loop, on_end, program);
    program->measure =
        fst_timer_new(&program->loop, fst_measure_on_timer, program);
    program->silence =
        fst_timer_new(&program->loop, fst_program_on_silence, program);
    program->parting =
        fst_timer_new(&program->loop, fst_program_on_parting, program);
    if (find_root(program, err) || fst_program_open_trust(program, err))
        return -1;
    program->python = fst_python_find(program->settings.python);
    /* The coordinator is going to ask for them; the local agent's workers tell
     * it themselves. */
    if (program->remote && fst_program_ask_versions(program, err))
        return -1;
    program->script = fst_python_worker();
    if (program->remote && access(program->script, R_OK)) {
        fst_fail_sys(err, "fastest is not installed completely: %s",
                     program->script);
        err->code = FST_E_USAGE;
        return -1;
    }
    count_cpus(&program->settings);
    const char *system_root = getenv("FASTEST_SYSTEM_ROOT");
    program->system_root = system_root ? system_root : "";
    fst_oom_open(&program->oom, program->system_root);
    program->memory_bound =
        fst_memory_bound(program->system_root, program->settings.max_memory);
    program->child_end =
        fst_signal_new(&program->loop, SIGCHLD, on_child_end, program, err);
    if (!program->child_end)
        return -1;
    if (program->settings.worker_start == FST_START_FORK)
        fst_zygotes_start_first(program);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        program->signals[i] = fst_signal_new(&program->loop, numbers[i],
                                             on_terminate, program, err);
        if (!program->signals[i])
            return -1;
    }
    return fst_program_dial(program, err);
}

static void close_program(struct fst_program *program)
{
    if (!program->net)
        return;
    free_session(program);
    fst_zygotes_free(program, 0);
    fst_agent_effects_release(&program->effects);
    fst_timer_free(program->tick);
    fst_timer_free(program->end);
    fst_timer_free(program->measure);
    fst_timer_free(program->silence);
    fst_timer_free(program->parting);
    fst_signal_free(program->signals[0]);
    fst_signal_free(program->signals[1]);
    fst_signal_free(program->child_end);
    fst_net_free(program->net);
    fst_program_close_trust(program);
    fst_loop_fini(&program->loop);
    fst_oom_close(&program->oom);
    free(program->root);
    free(program->python);
    free(program->script);
}

int main(int argc, char **argv)
{
    struct fst_program program = {0};
    struct fst_agent_settings *settings = &program.settings;
    struct fst_err err;
    fst_stdfds_fill();
    const struct fst_options options = fst_agent_settings_table();
    const char *const *args = (const char *const *)argv + 1;
    const char *group;
    if (fst_options_asks_help(&options, argc - 1, args, &group)) {
        struct fst_buf help = FST_BUF_INIT;
        fst_agent_settings_help(group, &help);
        fputs(fst_buf_str(&help), stdout);
        fst_buf_release(&help);
        return 0;
    }
    if (fst_agent_settings_load(settings, argc - 1, args,
                                (const char *const *)environ, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        program.status = fst_code_exit(err.code);
    } else if (settings->version) {
        printf("fastest-agent %s\n", FST_VERSION);
    } else {
        /* Who started it by hand sees what it is at. */
        if (!fst_agent_settings_heard(settings, "--log-level") &&
            isatty(STDERR_FILENO))
            settings->log_level = FST_LOG_INFO;
        fst_log_setup("fastest-agent", (enum fst_log_level)settings->log_level,
                      settings->log_json);
        if (open_program(&program, &err)) {
            fprintf(stderr, "ERROR: %s\n", err.msg);
            program.status = fst_code_exit(err.code);
        } else {
            fst_loop_run(&program.loop);
        }
        close_program(&program);
    }
    fst_agent_settings_release(settings);
    return program.status;
}
