/* The agent's program: a connection, the pure agent (agent/core) and real
 * workers (agent/pool), and what ties them together.
 *
 * A session begins with the first HELLO and ends with BYE or a refusal; that of
 * a local agent, or before its WELCOME, with its connection. Else it outlives
 * it: workers go on, and what they say waits for the next one; behind BYE it
 * waits as long as a coordinator may think that the agent comes back. What
 * belongs to a session is freed on a timer, never from within a callback of
 * what is to be freed. With --once the program ends with it, else it dials
 * anew. Loop thread only; main.c makes the struct and takes it down, the
 * modules of this folder share it. */
#ifndef FST_AGENT_PROGRAM_H
#define FST_AGENT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/agent.h"
#include "agent/core/settings.h"
#include "agent/pool/oom.h"
#include "agent/pool/proc.h"
#include "agent/pool/zygote.h"
#include "shared/base/vec.h"
#include "shared/loop/ask.h"
#include "shared/loop/loop.h"
#include "shared/net/conn.h"
#include "shared/trust/token.h"

enum { FST_AGENT_EXIT_NO_USE = 3, FST_AGENT_EXIT_REFUSED = 4 };
#define FST_SECOND_NS INT64_C(1000000000)

/* Zygotes in one session: one that died is replaced so often. */
enum { FST_ZYGOTES_MOST = 4 };

struct fst_place { /* a slot's worker */
    struct fst_program *program;
    size_t index;
    uint32_t slot; /* farm-wide number */
    struct fst_proc *proc;
    struct fst_strings env;
    bool lacking;  /* why_not may pass */
    char *why_not; /* it could not be started, which the agent isn't told yet */
    bool look;     /* the agent wants to know what it is at */
};

struct fst_session {
    struct fst_conn *conn;
    bool proven; /* PROOF was sent over it */
    bool linked; /* WELCOME came over it */
    struct fst_agent *agent;
    struct fst_msg *welcome;  /* what each worker is told first */
    char *cwd;                /* of the workers */
    struct fst_place *places; /* of the slots, and behind them the host's */
    size_t n_places;
    struct fst_compare *compare; /* of files, for CHECKOUT; or NULL */
    bool sweep;  /* the agent wants what is left running to be ended */
    bool unread; /* what workers say waits */
    char nonce[FST_NONCE_HEX]; /* of the connection's HELLO */
    char boot_id[FST_NONCE_HEX];
    char *id;         /* WELCOME's `session`; NULL: it said none */
    int64_t heard_ns; /* when the coordinator has said something */
    bool watched;     /* it does so by itself: its silence means something */
    bool parting;     /* BYE was said, and nobody is there: the timer runs */
    bool over;
    int status;
};

struct fst_program {
    struct fst_agent_settings settings;
    struct fst_loop loop;
    struct fst_net *net;
    struct fst_signal *signals[2], *child_end;
    struct fst_timer *tick, *end, *measure, *silence, *parting;
    struct fst_agent_effects effects;
    struct fst_session session;
    const char *system_root; /* "", or what stands for "/" in tests */
    struct fst_oom oom;
    char *root, *python, *script;
    struct fst_versions versions; /* of python; empty: not asked yet */
    bool remote; /* the coordinator is: not our own user over ipc */
    char *token; /* NULL: over ipc, or a certificate stands for it */
    struct fst_identity *identity; /* for tls+tcp, with what follows of it */
    struct fst_tls_end *tls;
    int64_t memory_bound; /* of all workers, bytes */
    /* The last one is asked; those before it have ended or served another
     * environment, and go with the session. */
    struct fst_zygote *zygotes[FST_ZYGOTES_MOST];
    size_t n_zygotes;
    size_t n_started; /* workers */
    size_t n_vain;    /* connections in a row that came to no WELCOME */
    bool told_to_leave;
    bool dialing;
    int status;
};

#endif
