/* The token of a farm: both sides prove that they know it, by HMAC-SHA256 over
 * both sides' nonces; it never travels and stands in no message of ours. */
#ifndef FST_TRUST_TOKEN_H
#define FST_TRUST_TOKEN_H

#include <stdbool.h>

#include "shared/base/err.h"

enum {
    FST_NONCE_HEX = 33, /* 128 bits as text, with its NUL */
    FST_PROOF_HEX = 65, /* 256 bits */
    FST_TOKEN_LEAST = 16,
    FST_TOKEN_MOST = 4096,
};

/* Fresh random bits as hex. */
void fst_nonce_make(char text[FST_NONCE_HEX]);

/* Where a coordinator that was given no token leaves the one that it makes:
 * root/.fastest/token. The caller's to free(). */
char *fst_token_place(const char *root);
/* The first line of a file that nobody but its owner may read, or of `text`
 * where file is NULL. The token is the caller's to free(). FST_E_NOTFOUND:
 * there is no such file; FST_E_USAGE: it is too short, or others may read it.
 */
int fst_token_read(const char *file, const char *text, char **token,
                   struct fst_err *err);
/* Reads the file, or makes it with a new token (mode 0600). */
int fst_token_make(const char *file, char **token, struct fst_err *err);

/* Wipes it; NULL is fine. */
void fst_token_free(char *token);

enum fst_token_side { FST_TOKEN_COORDINATOR, FST_TOKEN_AGENT };

/* What `side` says to prove that it knows the token. */
void fst_token_prove(const char *token, enum fst_token_side side,
                     const char *agent_nonce, const char *coordinator_nonce,
                     char proof[FST_PROOF_HEX]);
/* Whether `proof` is that, in a time that doesn't depend on where it differs.
 */
bool fst_token_is_proof(const char *token, enum fst_token_side side,
                        const char *agent_nonce, const char *coordinator_nonce,
                        const char *proof);

#endif
