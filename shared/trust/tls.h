/* TLS 1.2 of one connection as bytes in and bytes out: no sockets, no clock
 * but that of certificates. mbedTLS does the work.
 *
 * Threads: a session belongs to one thread at a time. Handshakes of different
 * sessions may be asked for on several threads; they are done one after the
 * other, since mbedTLS keeps tables of a key's curve that it makes on first
 * use, without a lock. */
#ifndef FST_TRUST_TLS_H
#define FST_TRUST_TLS_H

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/trust/identity.h"
#include "shared/trust/token.h"

/* The DNS name in a coordinator's certificate. */
#define FST_TLS_NAME "fastest-coord"

/* What all sessions of a listener or dialer share. */
struct fst_tls_end;

/* side: the coordinator has its own certificate; with a CA, agents must show
 * one of that CA. The agent must have a CA, and accepts a coordinator's
 * certificate of that name. The identity stays the caller's, and outlives the
 * end, as the end its sessions. */
struct fst_tls_end *fst_tls_end_new(const struct fst_identity *identity,
                                    enum fst_token_side side, const char *name);
void fst_tls_end_free(struct fst_tls_end *end);

struct fst_tls; /* a session */

struct fst_tls *fst_tls_new(const struct fst_tls_end *end);
void fst_tls_free(struct fst_tls *tls);

/* Bytes that have come, in any cut. */
void fst_tls_feed(struct fst_tls *tls, const void *bytes, size_t len);
/* Bytes to be sent; what was sent is the caller's to drop. */
struct fst_buf *fst_tls_out(struct fst_tls *tls);

/* The handshake begins here: the peer waits for it. */
bool fst_tls_speaks_first(const struct fst_tls *tls);
/* Goes on with the handshake: 1: it is done, 0: more bytes are needed, -1: it
 * has failed. FST_E_REFUSED: one side doesn't accept the other's certificate;
 * the message is one line, whole by itself. FST_E_PROTO: else. Either way what
 * is to be sent may hold an alert for the peer. */
int fst_tls_shake(struct fst_tls *tls, struct fst_err *err);

/* After the handshake. Up to size bytes of plain text: 1 and *len > 0, 0: more
 * bytes are needed, -1: the peer has closed (FST_E_CLOSED) or broken TLS. */
int fst_tls_read(struct fst_tls *tls, void *bytes, size_t size, size_t *len,
                 struct fst_err *err);
/* All of it; what is to be sent grows by some 30 bytes for each 16 KiB more. */
int fst_tls_write(struct fst_tls *tls, const void *bytes, size_t len,
                  struct fst_err *err);

#endif
