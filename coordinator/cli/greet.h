/* From a connection's first word to WELCOME: proof, files and versions, and
 * sessions that go on. Private to farm.c. Each may end the peer. Loop thread
 * only. */
#ifndef FST_CLI_GREET_H
#define FST_CLI_GREET_H

#include "coordinator/cli/peer.h"

void fst_greet_hello(struct peer *peer, const struct fst_hello *hello);
/* msg: PROOF; taken. */
void fst_greet_proof(struct peer *peer, struct fst_msg *msg);
/* It is proven, and the farm is open: has it the same files? */
void fst_greet_compare(struct peer *peer);
void fst_greet_compared(struct peer *peer, const struct fst_checkout *answer);

#endif
