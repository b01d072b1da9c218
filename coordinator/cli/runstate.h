/* One run of the program, as the files that carry it out share it. Private to
 * coordinator/cli: run.c, turn.c, stop.c, prepare.c, remember.c, screen.c. Loop
 * thread only. */
#ifndef FST_CLI_RUNSTATE_H
#define FST_CLI_RUNSTATE_H

#include "coordinator/cli/again.h"
#include "coordinator/cli/farm.h"
#include "coordinator/cli/ledger.h"
#include "coordinator/cli/local.h"
#include "coordinator/cli/outbox.h"
#include "coordinator/cli/past.h"
#include "coordinator/core/core.h"
#include "coordinator/report/report.h"

struct lost_agent {
    struct fst_agent_id id;
    bool dropped;
    char why[256];
};

struct run {
    const struct fst_settings *settings;
    const struct fst_again *again;
    double start_s; /* Unix time at which the process started */
    double
        epoch_s; /* … and of the steady clock's zero (shared/base/steady.h) */
    struct fst_loop loop;
    struct fst_net *net;
    struct fst_farm *farm;
    struct fst_local *local;
    struct fst_local_spec local_spec;
    struct fst_config config;
    bool covers;                       /* --cov */
    FST_VEC(struct fst_msg *) covered; /* coverage.c */
    struct fst_farm_spec farm_spec;
    struct fst_outbox *outbox; /* what the core sends */
    struct fst_core *core;
    struct fst_run_id id;
    struct fst_effects effects;
    FST_VEC(struct lost_agent) lost; /* while effects are carried out */
    bool stepping;
    bool unkept; /* something has happened that the journal wasn't given yet */
    struct fst_after *after; /* … which it does at the end of a turn, */
    struct fst_timer *keep;  /* or a few ms later */
    int64_t kept_ns;         /* when it did last */
    struct fst_timer *tick, *limit; /* limit: --run-timeout */
    struct fst_signal *signals[3];
    struct {
        struct fst_timer *timer;
        int64_t every_ns;
        struct fst_signal *resized, *stopped;
    } screen;
    int interrupts;
    int agent_starts; /* since the last result */
    bool said_full, said_by_hooks;
    bool greeting;                 /* see greet() */
    bool late;                     /* --run-timeout was over while greeting */
    struct fst_farm_agent greeted; /* came before the run began; n_slots 0:
                                      none did */
    size_t n_remote;               /* agents from elsewhere that are there */
    size_t n_lost;                 /* of all agents */
    uint32_t slots_given; /* to them, at most: the highest number + 1 */
    bool held;            /* --agents: they gather */
    size_t returning; /* --resume: agents that took part before, and may hold
                         tests; they are waited for, but not for long */
    FST_VEC(struct fst_agent_id)
    unheard;                       /* adopted: what they hold is not
                                      known yet */
    struct fst_timer *patience;    /* --agents-timeout; NULL: not needed yet */
    struct fst_admit *admit;       /* NULL: nobody may come (yet) */
    char *token;                   /* NULL: nobody is asked for one */
    struct fst_identity *identity; /* for tls+tcp, with what follows of it */
    struct fst_tls_end *tls;
    bool connected; /* the local agent is, as local_id */
    bool local_out; /* no worker of it can start, others' can */
    struct fst_agent_id local_id;
    bool draining;    /* agents were told to finish: none is needed any more */
    bool local_ended; /* its process has, with local_status */
    int local_status;
    bool ended;
    int exit_code;
    int plugin_exit_code; /* 0: none */
    char run_id[33];
    struct fst_report *report;
    struct fst_ledger *ledger;
    struct fst_learned *learned;
    struct fst_past *past;
};

/* Unix time, whoever sets the clock meanwhile. */
double fst_run_now_s(const struct run *run);

/* turn.c: events of the loop, each a step of the core. */
extern const struct fst_farm_events fst_turn_farm_events;
/* An agent that came while greeting. */
void fst_turn_agent_greeted(struct run *run,
                            const struct fst_farm_agent *agent);
void fst_turn_on_tick(void *user);
/* An event that the core can't refuse. */
void fst_turn_step(struct run *run, const struct fst_event *event);
void fst_turn_carry_out(struct run *run);
/* What the core sends goes to the farm. */
void fst_turn_send(void *user, struct fst_agent_id agent, struct fst_msg *msg);
/* Gives what the turn's messages said to the journal, and shows it; and once it
 * is kept, it is acknowledged. */
void fst_turn_keep(void *user);
void fst_turn_on_kept(void *user, const struct fst_err *why);
/* What plugins say behind the tests. */
void fst_turn_summary(struct run *run, const struct fst_summary *summary);
/* To when the core wants to look again. */
void fst_turn_set_tick(struct run *run);
/* Once a run, with -v; NULL: nothing to say. */
void fst_turn_say_full(struct run *run, const char *why);
/* The local agent's process has ended; and what follows, once all that it had
 * said was heard. */
void fst_turn_local_exit(void *user, int status);
void fst_turn_replace_local(struct run *run);

/* gather.c: who takes part. Places and the local agent; then, once the tree is
 * read, others, for whom --agents waits; then the run begins with those that
 * came. */
int fst_gather_start(struct run *run, struct fst_err *err);
/* Before the core gets a run that is gone on with: agents of the coordinator
 * before may come with what they hold. */
void fst_gather_return(struct run *run);
void fst_gather_open(struct run *run, const struct fst_suite *suite);
void fst_gather_begin(struct run *run);
/* An agent has come. */
void fst_gather_came(struct run *run, const struct fst_farm_agent *agent);
/* One that was adopted has said what it holds; or it has gone. */
void fst_gather_settled(struct run *run, struct fst_agent_id agent);
/* One has gone: where none is left, says for how long that may be. */
void fst_gather_lost(struct run *run);
void fst_gather_release(struct run *run);

/* coverage.c: a SUMMARY that an agent has said; when the run has ended, one
 * report of them all. */
void fst_coverage_take(struct run *run, const struct fst_msg *summary);
void fst_coverage_report(struct run *run);
void fst_coverage_release(struct run *run);

/* places.c: --listen's places, and what is asked for there. Release it when
 * the net is gone. */
int fst_places_listen(struct run *run, struct fst_err *err);
void fst_places_release(struct run *run);

/* stop.c: signals and --run-timeout. */
int fst_stop_watch(struct run *run, struct fst_err *err);
void fst_stop_limit(struct run *run);
void fst_stop_interrupt(struct run *run);
void fst_stop_late(void *user);

/* screen.c: the terminal. Whether it is written to in colour; whether it can
 * show more than ASCII; what is seen between the results; its size. */
/* Where people read: --events - takes standard output. */
int fst_screen_fd(const struct fst_settings *settings);
bool fst_screen_color(const struct fst_settings *settings);
bool fst_screen_unicode(void);
enum fst_progress fst_screen_progress(const struct fst_settings *settings);
struct fst_screen fst_screen_size(int fd);
/* The report looks at the run every now and then, and at the terminal's size
 * when that changes. */
int fst_screen_watch(struct run *run, struct fst_err *err);
void fst_screen_release(struct run *run);

/* prepare.c: from settings to what workers and report are told. */
void fst_prepare_id(struct run *run);
void fst_prepare_config(struct run *run);
void fst_prepare_report(struct run *run);
int fst_prepare_seed(struct run *run, struct fst_err *err); /* of the order */

/* remember.c: what earlier runs say. -1: the program ends with err. */
int fst_remember_open(struct run *run, struct fst_err *err);
int fst_remember_past(struct run *run, struct fst_err *err);
/* Once discovery has read the tree: the journal begins. */
int fst_remember_start(struct run *run, const struct fst_suite *suite,
                       struct fst_err *err);

#endif
