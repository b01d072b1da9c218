#include "agent/program/dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pool/environment.h"
#include "agent/program/compare.h"
#include "agent/program/measure.h"
#include "agent/program/steps.h"
#include "agent/program/workers.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/config/cpus.h"

extern char **environ;

/* With --once, and without --retry: how long a coordinator that was lost is
 * looked for. */
enum { ONCE_RETRY_S = 60 };

void fst_program_end_session(struct fst_program *program, int status)
{
    if (program->session.over)
        return;
    program->session.over = true;
    program->session.status = status;
    fst_timer_set(program->end, 0);
}

void fst_program_send(struct fst_program *program, const struct fst_msg *msg)
{
    struct fst_err err;
    if (!program->session.conn ||
        !fst_conn_send(program->session.conn, msg, &err))
        return;
    fst_error("to the coordinator: %s", err.msg);
    fst_program_end_session(program, FST_AGENT_EXIT_NO_USE);
}

void fst_program_send_effect(struct fst_program *program,
                             const struct fst_agent_effect *effect)
{
    struct fst_err err;
    struct fst_conn *conn = program->session.conn;
    if (!program->session.linked)
        return; /* the session keeps it */
    if (!effect->frames) {
        fst_program_send(program, effect->msg);
        return;
    }
    if (!conn ||
        !fst_conn_send_frames(conn, effect->frames, effect->frames_len, &err))
        return;
    fst_error("to the coordinator: %s", err.msg);
    fst_program_end_session(program, FST_AGENT_EXIT_NO_USE);
}

static void say_hello(struct fst_program *program)
{
    struct fst_msg *hello = fst_msg_new(FST_MSG_HELLO);
    fst_compare_free(program->session.compare);
    program->session.compare = NULL;
    fst_nonce_make(program->session.nonce);
    hello->hello =
        (struct fst_hello){FST_PROTOCOL_VERSION, program->session.nonce};
    fst_program_send(program, hello);
    fst_msg_free(hello);
}

int fst_program_ask_versions(struct fst_program *program, struct fst_err *err)
{
    const struct fst_versions *versions = &program->versions;
    if (!*versions->python)
        fst_ask_versions(program->python, &program->versions);
    if (!*versions->python)
        return fst_fail(err, FST_E_USAGE,
                        "%s: no such interpreter, or it doesn't start; name "
                        "another with --python",
                        program->python);
    if (!*versions->pytest)
        return fst_fail(err, FST_E_USAGE,
                        "%s has no pytest: install it there (python -m pip "
                        "install pytest), or name another with --python",
                        program->python);
    return 0;
}

/* So long the coordinator may think, from now on, that the agent comes back;
 * and a second for what is under way. */
static void set_parting(struct fst_program *program)
{
    const struct fst_session *session = &program->session;
    double patience_s =
        session->welcome->welcome.grace_s + program->settings.dead_after_s + 1;
    fst_timer_set(program->parting, (int64_t)(patience_s * 1e9));
}

static void say_proof(struct fst_program *program,
                      const struct fst_challenge *challenge)
{
    const struct fst_agent_settings *settings = &program->settings;
    struct fst_session *session = &program->session;
    char host[256] = "agent", text[FST_PROOF_HEX] = "";
    gethostname(host, sizeof host - 1);
    if (!session->agent)
        fst_nonce_make(session->boot_id);
    if (program->token)
        fst_token_prove(program->token, FST_TOKEN_AGENT, program->session.nonce,
                        challenge->nonce, text);
    struct fst_msg *proof = fst_msg_new(FST_MSG_PROOF);
    proof->proof = (struct fst_proof){
        .proof = text,
        .name = settings->name ? settings->name : host,
        .boot_id = session->boot_id,
        .slots = (uint32_t)settings->workers,
        .labels = {(const char **)settings->labels.items,
                   settings->labels.count},
        .allow_mismatch = settings->allow_mismatch,
    };
    if (session->agent) {
        proof->proof.numbers = session->welcome->welcome.slots;
        proof->proof.n_numbers = session->welcome->welcome.n_slots;
        proof->proof.heard = fst_agent_heard(session->agent);
        proof->proof.session = session->id;
        if (fst_agent_can_move(session->agent))
            proof->proof.run = session->welcome->welcome.run;
    }
    if (challenge->versions) {
        proof->proof.python = program->versions.python;
        proof->proof.pytest = program->versions.pytest;
    }
    if (session->parting)
        set_parting(program);
    program->session.proven = true;
    fst_conn_trust(program->session.conn);
    fst_program_send(program, proof);
    fst_msg_free(proof);
}

/* Over ipc the kernel vouches for the coordinator's user. */
static void take_challenge(struct fst_program *program,
                           const struct fst_challenge *challenge)
{
    struct fst_err err;
    bool known = !program->token ||
                 fst_token_is_proof(program->token, FST_TOKEN_COORDINATOR,
                                    program->session.nonce, challenge->nonce,
                                    challenge->proof);
    if (known &&
        (!challenge->versions || !fst_program_ask_versions(program, &err))) {
        say_proof(program, challenge);
        return;
    }
    if (known)
        fst_error("%s", err.msg);
    else
        fst_error(
            "%s: whoever listens there doesn't know the token: it is another "
            "farm's coordinator, or --token-file is another farm's",
            program->settings.connect);
    program->told_to_leave = true;
    fst_program_end_session(program, FST_AGENT_EXIT_REFUSED);
}

static void answer_ping(struct fst_program *program)
{
    struct fst_msg *answer = fst_msg_new(FST_MSG_PING);
    answer->ping.answer = true;
    answer->ping.clock_s = (double)fst_loop_now_ns(&program->loop) / 1e9;
    fst_workers_tell_busy(&program->session, &answer->arena, &answer->ping);
    program->session.watched = true;
    fst_program_send(program, answer);
    fst_msg_free(answer);
}

static char *find_cwd(const char *root, const char *cwd)
{
    if (*cwd == '/')
        return fst_strdup(cwd);
    return strcmp(cwd, ".") ? fst_printf("%s/%s", root, cwd) : fst_strdup(root);
}

/* Where there is none no worker starts, and the run would end for all. */
static bool can_work_in(const char *cwd)
{
    struct fst_err err;
    if (!access(cwd, X_OK))
        return true;
    fst_fail_sys(&err, "the run's working directory, here %s", cwd);
    fst_error("%s", err.msg);
    return false;
}

static void begin_link(struct fst_program *program,
                       const struct fst_welcome *welcome)
{
    free(program->session.id);
    program->session.id =
        welcome->session ? fst_strdup(welcome->session) : NULL;
    program->n_vain = 0;
    program->session.linked = true;
    program->session.parting = false;
    fst_timer_clear(program->parting);
}

static void take_welcome(struct fst_program *program, struct fst_msg *msg)
{
    struct fst_session *session = &program->session;
    struct fst_welcome *welcome = &msg->welcome;
    size_t n = welcome->n_slots;
    const uint32_t *slots = welcome->slots;
    if (strcmp(welcome->config.root, program->root))
        welcome->config.home = welcome->config.root;
    welcome->config.root = program->root;
    session->cwd = find_cwd(program->root, welcome->config.cwd);
    session->welcome = msg;
    if (!can_work_in(session->cwd)) {
        program->told_to_leave = true;
        fst_program_end_session(program, FST_AGENT_EXIT_REFUSED);
        return;
    }
    fst_info("takes part in run %.8s with %zu worker%s, from gw%u on",
             welcome->run, n, n == 1 ? "" : "s", slots[0]);
    if (welcome->mismatch)
        fst_warn("takes part in spite of %s", welcome->mismatch);
    session->places = fst_calloc(n + 1, sizeof *session->places);
    session->n_places = n + 1;
    for (size_t i = 0; i <= n; i++) {
        struct fst_place *place = &session->places[i];
        place->program = program;
        place->index = i;
        place->slot = i < n ? slots[i] : FST_SLOT_OF_HOST;
        fst_worker_environment((const char *const *)environ, welcome,
                               place->slot, n, (size_t)fst_cpus_available(),
                               &place->env);
    }
    session->agent = fst_agent_new(slots, n);
    if (welcome->grace_s > 0)
        fst_agent_keep(session->agent);
    if (welcome->config.host)
        fst_agent_want_host(session->agent);
    fst_measure_start(program);
    begin_link(program, welcome);
    fst_agent_limit_tests(session->agent,
                          (int64_t)(welcome->config.test_timeout_s * 1e9));
    fst_agent_limit_drain(session->agent,
                          (int64_t)(welcome->config.drain_timeout_s * 1e9));
    fst_program_step(program,
                     &(struct fst_agent_event){.type = FST_AGENT_EV_START});
}

/* The session goes on. */
static void take_return(struct fst_program *program, struct fst_msg *msg)
{
    const struct fst_welcome *welcome = &msg->welcome;
    fst_info("%s", welcome->resumed
                       ? "the coordinator is there again"
                       : "another coordinator of the run is there");
    begin_link(program, welcome);
    fst_program_step(
        program, &(struct fst_agent_event){.type = welcome->resumed
                                                       ? FST_AGENT_EV_RESUMED
                                                       : FST_AGENT_EV_ADOPTED,
                                           .heard = welcome->heard});
    fst_msg_free(msg);
}

static bool is_welcome(const struct fst_program *program,
                       const struct fst_msg *msg)
{
    const struct fst_session *session = &program->session;
    return session->proven && msg->type == FST_MSG_WELCOME &&
           msg->welcome.n_slots == (size_t)program->settings.workers &&
           (msg->welcome.resumed || msg->welcome.adopted) ==
               (session->agent != NULL);
}

static void take_reject(struct fst_program *program,
                        const struct fst_reject *reject)
{
    if (program->session.agent && !strcmp(reject->code, "session")) {
        fst_info("%s", reject->text);
        fst_program_end_session(
            program, program->told_to_leave ? 0 : FST_AGENT_EXIT_NO_USE);
        return;
    }
    fst_error("refused: %s", reject->text);
    program->told_to_leave = true;
    fst_program_end_session(program, FST_AGENT_EXIT_REFUSED);
}

static void break_off(struct fst_program *program)
{
    fst_error("the coordinator broke the protocol in the handshake");
    fst_program_end_session(program, FST_AGENT_EXIT_NO_USE);
}

static void on_message(void *user, struct fst_conn *conn, struct fst_msg *msg)
{
    struct fst_program *program = user;
    struct fst_session *session = &program->session;
    (void)conn;
    session->heard_ns = fst_loop_now_ns(&program->loop);
    if (session->proven && msg->type == FST_MSG_PING) {
        answer_ping(program);
        fst_msg_free(msg);
        return;
    }
    if (session->linked) {
        fst_program_step(program, &(struct fst_agent_event){
                                      .type = FST_AGENT_EV_ORDER, .msg = msg});
        return;
    }
    if (is_welcome(program, msg)) {
        if (session->agent)
            take_return(program, msg);
        else
            take_welcome(program, msg);
        return;
    }
    if (session->proven && msg->type == FST_MSG_CHECKOUT) {
        if (fst_compare_take(program, msg))
            break_off(program);
        return;
    }
    if (!session->proven && msg->type == FST_MSG_CHALLENGE) {
        take_challenge(program, &msg->challenge);
    } else if (msg->type == FST_MSG_REJECT) {
        take_reject(program, &msg->reject);
    } else {
        break_off(program);
    }
    fst_msg_free(msg);
}

void fst_program_part(struct fst_program *program)
{
    struct fst_session *session = &program->session;
    if (session->parting)
        return;
    if (program->told_to_leave && !fst_agent_owes(session->agent)) {
        fst_program_end_session(program, 0);
        return;
    }
    session->parting = true;
    set_parting(program);
}

void fst_program_on_parting(void *user)
{
    struct fst_program *program = user;
    fst_warn("the coordinator has not acknowledged the last that was said, and "
             "can't be reached");
    fst_program_end_session(program,
                            program->told_to_leave ? 0 : FST_AGENT_EXIT_NO_USE);
}

static void dial_again(struct fst_program *program)
{
    struct fst_err err;
    if (!fst_program_dial(program, &err))
        return;
    fst_error("%s", err.msg);
    fst_program_end_session(program, FST_AGENT_EXIT_NO_USE);
}

/* The connection has ended, and is not to be used any more. */
static void lose_connection(struct fst_program *program, const char *why)
{
    struct fst_session *session = &program->session;
    bool done = session->agent ? fst_agent_is_done(session->agent)
                               : program->told_to_leave;
    session->conn = NULL;
    session->proven = session->linked = session->watched = false;
    fst_timer_clear(program->silence);
    if (session->over)
        return;
    if (!session->agent || session->welcome->welcome.grace_s <= 0) {
        if (!done && session->agent)
            fst_info("the coordinator is gone: %s", why);
        else if (!done && program->settings.once)
            fst_error("%s: there was no run to take part in: %s",
                      program->settings.connect, why);
        fst_program_end_session(program, done ? 0 : FST_AGENT_EXIT_NO_USE);
        return;
    }
    if (done) {
        fst_info("the connection to the coordinator is lost: %s; the last that "
                 "was said is not acknowledged",
                 why);
        fst_program_part(program);
    } else {
        fst_warn("the connection to the coordinator is lost: %s; what runs "
                 "goes on",
                 why);
    }
    if (!session->over)
        dial_again(program);
}

static void on_closed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    (void)conn;
    struct fst_program *program = user;
    if (why->code == FST_E_REFUSED) {
        fst_error("%s: %s", program->settings.connect, why->msg);
        program->told_to_leave = true;
        program->session.conn = NULL;
        fst_program_end_session(program, FST_AGENT_EXIT_REFUSED);
        return;
    }
    lose_connection(program, why->msg);
}

void fst_program_on_silence(void *user)
{
    struct fst_program *program = user;
    struct fst_session *session = &program->session;
    char why[64];
    int64_t dead = (int64_t)(program->settings.dead_after_s * 1e9);
    if (!session->conn || session->over || dead <= 0)
        return;
    if (session->watched &&
        fst_loop_now_ns(&program->loop) - session->heard_ns >= dead) {
        snprintf(why, sizeof why, "it was silent for %g s",
                 program->settings.dead_after_s);
        fst_conn_close(session->conn);
        lose_connection(program, why);
        return;
    }
    fst_timer_set(program->silence, FST_SECOND_NS / 4);
}

/* From the first word on: what is lost with a connection, and its end, may be
 * the handshake, too. A coordinator doesn't ping its local agent, which ends
 * with it. */
static void watch_silence(struct fst_program *program)
{
    program->session.watched = program->remote;
    program->session.heard_ns = fst_loop_now_ns(&program->loop);
    fst_timer_set(program->silence, FST_SECOND_NS / 4);
}

static void on_dialed(void *user, struct fst_conn *conn,
                      const struct fst_err *why)
{
    struct fst_program *program = user;
    program->dialing = false;
    program->session.conn = conn;
    if (conn) {
        program->n_vain++;
        watch_silence(program);
        say_hello(program);
        return;
    }
    fst_error("%s: %s", program->settings.connect, why->msg);
    program->told_to_leave = true;
    fst_program_end_session(program, FST_AGENT_EXIT_NO_USE);
}

/* Where nobody is taken (there are too many, or it is no coordinator) one try
 * isn't followed by the next at once. */
static int64_t wait_after(size_t n_vain)
{
    int64_t wait = n_vain ? FST_SECOND_NS / 20 << (n_vain < 6 ? n_vain : 6) : 0;
    return wait < 2 * FST_SECOND_NS ? wait : 2 * FST_SECOND_NS;
}

int fst_program_dial(struct fst_program *program, struct fst_err *err)
{
    static const struct fst_conn_events events = {on_message, on_closed};
    int retry_s = program->settings.retry_s;
    if (program->dialing)
        return 0;
    if (retry_s < 0 && program->settings.once && program->session.agent)
        retry_s = ONCE_RETRY_S;
    struct fst_dial_spec spec = {
        .url = program->settings.connect,
        .tls = program->tls,
        .wait_ns = wait_after(program->n_vain),
        .retry_ns = retry_s < 0 ? -1 : retry_s * FST_SECOND_NS,
        .events = &events,
        .on_dialed = on_dialed,
        .user = program,
    };
    int result = fst_dial(program->net, &spec, err);
    program->dialing = !result;
    return result;
}
