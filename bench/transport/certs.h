/* Certificates that `fastest-coord cert` has made, for both programs of this
 * folder. */
#ifndef FST_BENCH_CERTS_H
#define FST_BENCH_CERTS_H

#include "shared/trust/identity.h"

/* FOLDER/NAME.pem with its key, and the CA; ends the program where they can't
 * be used. */
struct fst_identity *bench_identity(const char *folder,
                                    enum fst_token_side side, const char *name);

#endif
