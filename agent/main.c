/* fastest-agent: dials the coordinator, proves itself, and carries out what
 * the pure agent (agent/core) says with real workers (agent/pool). */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/agent.h"
#include "agent/pool/environment.h"
#include "agent/pool/uplink.h"
#include "agent/pool/worker.h"
#include "shared/base/log.h"
#include "shared/base/options.h"
#include "shared/config/python.h"
#include "shared/net/conn.h"

extern char **environ;

enum { EXIT_NO_USE = 3, EXIT_REFUSED = 4, SLOTS_MAX = 4096 };

struct options {
    char *connect;
    int workers;
    char *root, *python, *name;
    bool once;
    int retry_s;
    int log_level;
    bool log_json;
    bool help, version;
};

static const struct fst_option_word auto_words[] = {{"auto", -1}, {NULL, 0}};
static const struct fst_option_word level_words[] = {{"error", FST_LOG_ERROR},
                                                     {"warn", FST_LOG_WARN},
                                                     {"info", FST_LOG_INFO},
                                                     {"debug", FST_LOG_DEBUG},
                                                     {NULL, 0}};
static const struct fst_option_word format_words[] = {
    {"text", 0}, {"json", 1}, {NULL, 0}};

static const struct fst_option option_table[] = {
    {.names = "--connect",
     .key = "connect",
     .kind = FST_OPTION_STRING,
     .value = "URL",
     .help = "Where the coordinator listens: ipc:///PATH. Required.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct options, connect)},
    {.names = "--name",
     .key = "name",
     .kind = FST_OPTION_STRING,
     .value = "NAME",
     .help = "What reports call this agent; default: the host's name.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct options, name)},
    {.names = "--once",
     .key = "once",
     .kind = FST_OPTION_FLAG,
     .constant = 1,
     .help = "Leave when the run ends.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct options, once)},
    {.names = "--retry",
     .key = "retry",
     .kind = FST_OPTION_INT,
     .value = "S",
     .min = 0,
     .max = INT_MAX,
     .words = (const struct fst_option_word[]){{"ever", -1}, {NULL, 0}},
     .standard = "ever",
     .help = "Keep trying to reach the coordinator for S seconds.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct options, retry_s)},
    {.names = "-n --workers",
     .key = "workers",
     .kind = FST_OPTION_INT,
     .value = "N|auto",
     .min = 1,
     .max = SLOTS_MAX,
     .words = auto_words,
     .standard = "auto",
     .help = "Workers; auto: one for each CPU that this process may use.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct options, workers)},
    {.names = "--python",
     .key = "python",
     .kind = FST_OPTION_STRING,
     .value = "EXE",
     .help = "The workers' interpreter; default: that of $VIRTUAL_ENV, else "
             "python3.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct options, python)},
    {.names = "--root",
     .key = "root",
     .kind = FST_OPTION_STRING,
     .value = "DIR",
     .help = "The checkout; default: the current directory.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct options, root)},
    {.names = "--log-level",
     .key = "log-level",
     .kind = FST_OPTION_INT,
     .value = "LEVEL",
     .min = 1,
     .max = 0,
     .words = level_words,
     .standard = "warn",
     .help = "How much to log: error, warn, info or debug.",
     .group = "General",
     .commands = 1,
     FST_OPTION_AT(struct options, log_level)},
    {.names = "--log-format",
     .key = "log-format",
     .kind = FST_OPTION_INT,
     .value = "FORMAT",
     .min = 1,
     .max = 0,
     .words = format_words,
     .standard = "text",
     .help = "Log lines as text or json.",
     .group = "General",
     .commands = 1,
     FST_OPTION_AT(struct options, log_json)},
    {.names = "--help -h",
     .kind = FST_OPTION_FLAG,
     .constant = 1,
     .help = "Say this.",
     .group = "General",
     .commands = 1,
     FST_OPTION_AT(struct options, help)},
    {.names = "--version",
     .kind = FST_OPTION_FLAG,
     .constant = 1,
     .help = "Say the version.",
     .group = "General",
     .commands = 1,
     FST_OPTION_AT(struct options, version)},
};

static const struct fst_options options_of_agent = {
    .items = option_table,
    .count = sizeof option_table / sizeof *option_table,
    .commands = 1,
    .env = "FASTEST_",
};

struct place { /* a slot's worker */
    struct program *program;
    uint32_t slot;
    struct fst_worker *worker;
    struct fst_strings env;
};

struct program {
    struct options options;
    struct fst_loop loop;
    struct fst_net *net;
    struct fst_conn *conn;
    struct fst_uplink *uplink;
    struct fst_agent *agent;
    struct fst_agent_effects effects;
    struct fst_timer *timer;
    struct fst_signal *term;
    struct place *places;
    size_t n_places;
    struct fst_msg *welcome; /* what each worker is told first */
    char *python, *script, *cwd;
    bool done; /* BYE is to be said once all is acknowledged */
    bool leaving, over;
    int status;
};

static void leave(struct program *program, int status)
{
    program->over = true;
    program->status = status;
    fst_loop_stop(&program->loop);
}

/* ---- effects */

static struct place *find_place(struct program *program, uint32_t slot)
{
    for (size_t i = 0; i < program->n_places; i++)
        if (program->places[i].slot == slot)
            return &program->places[i];
    return NULL;
}

static void start_worker(struct place *place);

static void carry_out_one(struct program *program,
                          const struct fst_agent_effect *effect)
{
    struct place *place = find_place(program, effect->slot);
    switch (effect->type) {
    case FST_AGENT_START:
        start_worker(place);
        break;
    case FST_AGENT_TO_WORKER:
        if (place->worker)
            fst_worker_send(place->worker, effect->msg);
        fst_msg_free(effect->msg);
        break;
    case FST_AGENT_UPWARD:
        fst_uplink_put(program->uplink, effect->msg);
        break;
    case FST_AGENT_INTERRUPT:
        if (place->worker)
            fst_worker_signal(place->worker, SIGINT, false);
        break;
    case FST_AGENT_KILL:
        if (place->worker)
            fst_worker_signal(place->worker, SIGKILL, true);
        break;
    case FST_AGENT_DONE:
        program->done = true;
        break;
    }
}

static void say_bye_if_done(struct program *program)
{
    if (!program->done || program->over)
        return;
    fst_uplink_flush(program->uplink);
    if (!fst_uplink_empty(program->uplink))
        return;
    struct fst_msg *bye = fst_msg_new(FST_MSG_BYE);
    fst_conn_send(program->conn, bye, NULL);
    fst_msg_free(bye);
    leave(program, 0);
}

/* Effects may be added while they are carried out (a worker that can't be
 * started has ended). */
static void carry_out(struct program *program)
{
    for (size_t i = 0; i < program->effects.list.count; i++) {
        struct fst_agent_effect effect = program->effects.list.items[i];
        carry_out_one(program, &effect);
    }
    program->effects.list.count = 0;
    for (size_t i = 0; i < program->n_places; i++)
        if (program->places[i].worker)
            fst_worker_pause(program->places[i].worker,
                             fst_uplink_full(program->uplink));
    int64_t deadline = fst_agent_deadline(program->agent);
    if (deadline == INT64_MAX)
        fst_timer_clear(program->timer);
    else
        fst_timer_set(program->timer,
                      deadline - fst_loop_now_ns(&program->loop));
    say_bye_if_done(program);
    if (!program->done && fst_agent_useless(program->agent)) {
        fst_uplink_flush(program->uplink);
        leave(program, EXIT_NO_USE);
    }
}

static void on_time(void *user)
{
    struct program *program = user;
    fst_agent_on_time(program->agent, fst_loop_now_ns(&program->loop),
                      &program->effects);
    carry_out(program);
}

/* ---- workers */

static void on_worker_message(void *user, struct fst_worker *worker,
                              struct fst_msg *msg)
{
    struct place *place = user;
    struct program *program = place->program;
    if (fst_agent_on_worker(program->agent, place->slot, msg,
                            &program->effects))
        fst_worker_signal(worker, SIGKILL, true);
    carry_out(program);
}

static void on_worker_ended(void *user, struct fst_worker *worker,
                            const struct fst_worker_remains *remains)
{
    struct place *place = user;
    struct program *program = place->program;
    struct fst_worker_end end = {
        .status = remains->status,
        .how = remains->how,
        .log = remains->log,
        .state = remains->state,
        .phase = remains->phase,
        .name = remains->name,
        .lease = remains->lease,
        .start_s = remains->start_s,
        .pid = remains->pid,
    };
    place->worker = NULL;
    fst_worker_free(worker);
    fst_agent_on_end(program->agent, place->slot, &end,
                     fst_loop_now_ns(&program->loop), &program->effects);
    carry_out(program);
}

static void start_worker(struct place *place)
{
    static const struct fst_worker_events events = {on_worker_message,
                                                    on_worker_ended};
    struct program *program = place->program;
    struct fst_err err;
    struct fst_worker_spec spec = {
        .python = program->python,
        .script = program->script,
        .cwd = program->cwd,
        .env = (const char *const *)place->env.items,
    };
    place->worker =
        fst_worker_start(&program->loop, &spec, &events, place, &err);
    if (!place->worker) {
        struct fst_worker_end end = {
            .how = err.msg, .log = "", .name = "", .never = err.msg};
        fst_agent_on_end(program->agent, place->slot, &end,
                         fst_loop_now_ns(&program->loop), &program->effects);
        return;
    }
    program->welcome->welcome.slots = &place->slot;
    program->welcome->welcome.n_slots = 1;
    fst_worker_send(place->worker, program->welcome);
}

/* ---- the coordinator */

static void send_upward(void *user, const struct fst_msg *msg)
{
    struct program *program = user;
    struct fst_err err;
    if (program->conn && fst_conn_send(program->conn, msg, &err))
        fst_debug("%s", err.msg);
}

/* The folder of the Python side lies beside the programs. */
static char *find_script(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    FST_ASSERT(len > 0);
    path[len] = '\0';
    *strrchr(path, '/') = '\0';
    return fst_printf("%s/../lib/fastest/fastest_worker", path);
}

static void on_welcome(struct program *program, struct fst_msg *msg)
{
    const struct fst_welcome *welcome = &msg->welcome;
    const char *root =
        program->options.root ? program->options.root : welcome->config.root;
    const char *cwd = welcome->config.cwd;
    program->cwd =
        *cwd == '/' ? fst_strdup(cwd) : fst_printf("%s/%s", root, cwd);
    program->python = fst_python_find(program->options.python);
    program->script = find_script();
    program->n_places = welcome->n_slots;
    program->places = fst_calloc(welcome->n_slots, sizeof *program->places);
    for (size_t i = 0; i < welcome->n_slots; i++) {
        struct place *place = &program->places[i];
        place->program = program;
        place->slot = welcome->slots[i];
        fst_worker_environment((const char *const *)environ, welcome,
                               place->slot, welcome->n_slots, &place->env);
    }
    program->uplink = fst_uplink_new(&program->loop, send_upward, program);
    program->timer = fst_timer_new(&program->loop, on_time, program);
    program->agent =
        fst_agent_new(welcome->slots, welcome->n_slots, &program->effects);
    program->welcome = msg;
    carry_out(program);
}

static void on_challenge(struct program *program)
{
    char host[256] = "";
    char boot_id[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (file) {
        if (fscanf(file, "%63s", boot_id) != 1)
            boot_id[0] = '\0';
        fclose(file);
    }
    gethostname(host, sizeof host - 1);
    struct fst_msg *proof = fst_msg_new(FST_MSG_PROOF);
    proof->proof = (struct fst_proof){
        .proof = "",
        .name = program->options.name ? program->options.name : host,
        .boot_id = fst_arena_printf(&proof->arena, "%s-%d", boot_id, getpid()),
        .slots = (uint32_t)program->options.workers,
    };
    fst_conn_trust(program->conn); /* over ipc the socket's owner is proof */
    send_upward(program, proof);
    fst_msg_free(proof);
}

static void on_message(void *user, struct fst_conn *conn, struct fst_msg *msg)
{
    struct program *program = user;
    (void)conn;
    if (msg->type == FST_MSG_WELCOME && !program->agent) {
        on_welcome(program, msg);
        return; /* it has taken the message */
    }
    if (msg->type == FST_MSG_CHALLENGE && !program->agent) {
        on_challenge(program);
    } else if (msg->type == FST_MSG_REJECT) {
        fprintf(stderr, "fastest-agent: refused: %s\n", msg->reject.text);
        leave(program, EXIT_REFUSED);
    } else if (msg->type == FST_MSG_ACK && program->agent) {
        fst_uplink_acked(program->uplink, msg->ack.seq);
        carry_out(program);
    } else if (program->agent) {
        if (fst_agent_on_coordinator(program->agent, msg,
                                     fst_loop_now_ns(&program->loop),
                                     &program->effects)) {
            fst_error("the coordinator broke the protocol");
            leave(program, EXIT_NO_USE);
        }
        carry_out(program);
        return; /* it has taken the message */
    }
    fst_msg_free(msg);
}

static void on_closed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct program *program = user;
    (void)conn;
    program->conn = NULL;
    fst_info("the coordinator is gone: %s", why->msg);
    leave(program, program->leaving ? 0 : EXIT_NO_USE);
}

static void on_dialed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct program *program = user;
    program->conn = conn;
    if (!conn) {
        fprintf(stderr, "fastest-agent: %s: %s\n", program->options.connect,
                why->msg);
        leave(program, EXIT_NO_USE);
        return;
    }
    struct fst_msg *hello = fst_msg_new(FST_MSG_HELLO);
    hello->hello = (struct fst_hello){FST_PROTOCOL_VERSION, ""};
    send_upward(program, hello);
    fst_msg_free(hello);
}

/* SIGTERM once: finish what runs, hand back the rest; twice: at once. */
static void on_terminate(void *user, int number)
{
    struct program *program = user;
    (void)number;
    if (program->leaving || !program->agent) {
        leave(program, 0);
        return;
    }
    program->leaving = true;
    fst_agent_leave(program->agent, fst_loop_now_ns(&program->loop),
                    &program->effects);
    carry_out(program);
}

/* ---- start and end */

static int hear_options(struct options *options, int argc,
                        const char *const *argv)
{
    struct fst_err err;
    struct fst_strings positionals = {0};
    const char *unknown = NULL;
    int rest = argc;
    fst_options_defaults(&options_of_agent, options);
    int result = fst_options_env(&options_of_agent, options,
                                 (const char *const *)environ, &err);
    if (!result)
        result = fst_options_parse(&options_of_agent, options, argc, argv,
                                   &positionals, &rest, &unknown, &err);
    if (!result && !options->help && !options->version) {
        if (positionals.count || rest < argc)
            result =
                fst_fail(&err, FST_E_USAGE, "%s: an agent takes options only",
                         positionals.count ? positionals.items[0] : argv[rest]);
        else if (!options->connect)
            result = fst_fail(&err, FST_E_USAGE,
                              "--connect URL is missing: where the "
                              "coordinator listens");
    }
    fst_strings_clear(&positionals);
    if (result)
        fprintf(stderr, "ERROR: %s\n", err.msg);
    return result;
}

static void say_help(void)
{
    struct fst_buf help = FST_BUF_INIT;
    fst_buf_adds(&help, "usage: fastest-agent --connect URL [OPTIONS]\n\n"
                        "Runs tests on this machine for a coordinator.\n\n");
    fst_options_help(&options_of_agent, &help);
    fputs(fst_buf_str(&help), stdout);
    fst_buf_release(&help);
}

static void count_cpus(struct options *options)
{
    cpu_set_t cpus;
    if (options->workers >= 0)
        return;
    options->workers =
        sched_getaffinity(0, sizeof cpus, &cpus) ? 1 : CPU_COUNT(&cpus);
}

static void release(struct program *program)
{
    for (size_t i = 0; i < program->n_places; i++) {
        fst_worker_free(program->places[i].worker);
        fst_strings_clear(&program->places[i].env);
    }
    free(program->places);
    for (size_t i = 0; i < program->effects.list.count; i++)
        fst_msg_free(program->effects.list.items[i].msg);
    fst_vec_free(&program->effects.list);
    fst_agent_free(program->agent);
    fst_uplink_free(program->uplink);
    fst_timer_free(program->timer);
    fst_signal_free(program->term);
    if (program->conn)
        fst_conn_close(program->conn);
    fst_net_free(program->net);
    fst_loop_fini(&program->loop);
    fst_msg_free(program->welcome);
    free(program->python);
    free(program->script);
    free(program->cwd);
    fst_options_release(&options_of_agent, &program->options);
}

static int serve(struct program *program)
{
    static const struct fst_conn_events events = {on_message, on_closed};
    const struct options *options = &program->options;
    struct fst_err err;
    sigset_t all, before;
    if (fst_loop_init(&program->loop, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        return EXIT_NO_USE;
    }
    signal(SIGPIPE, SIG_IGN);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    program->net = fst_net_new(&program->loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    program->term =
        fst_signal_new(&program->loop, SIGTERM, on_terminate, program, &err);
    struct fst_dial_spec spec = {
        .url = options->connect,
        .retry_ns =
            options->retry_s < 0 ? -1 : (int64_t)options->retry_s * 1000000000,
        .events = &events,
        .on_dialed = on_dialed,
        .user = program,
    };
    if (!program->term || fst_dial(program->net, &spec, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        program->status = fst_code_exit(err.code);
    } else {
        fst_loop_run(&program->loop);
    }
    release(program);
    return program->status;
}

int main(int argc, char **argv)
{
    struct program program = {0};
    if (hear_options(&program.options, argc - 1, (const char *const *)argv + 1))
        return EXIT_REFUSED;
    if (program.options.help) {
        say_help();
        return 0;
    }
    if (program.options.version) {
        printf("fastest %s\n", FST_VERSION);
        return 0;
    }
    fst_log_setup("fastest-agent",
                  (enum fst_log_level)program.options.log_level,
                  program.options.log_json);
    count_cpus(&program.options);
    return serve(&program);
}
