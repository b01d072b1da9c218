/* What one side of a farm shows and believes over TLS: its certificate with
 * the key, and the CA whose certificates it accepts. Read from files in PEM and
 * checked at the start, since nothing later says so clearly what is wrong. */
#ifndef FST_TRUST_IDENTITY_H
#define FST_TRUST_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/err.h"
#include "shared/trust/token.h"

struct fst_identity_files {
    enum fst_token_side side; /* for which it may show the certificate */
    const char *cert, *key;   /* both or none; NULL: nothing to show */
    const char *ca;           /* NULL: nobody's certificate is asked for */
};

struct fst_identity;

/* NULL: a file can't be read (FST_E_NOTFOUND, FST_E_IO), or is no PEM, the key
 * is not the certificate's or may be read by others, the certificate is for the
 * other side, has expired or isn't valid yet (FST_E_USAGE). The message names
 * the file. */
struct fst_identity *fst_identity_read(const struct fst_identity_files *files,
                                       struct fst_err *err);
void fst_identity_free(struct fst_identity *identity);
/* Unix time of the end of its own certificate. */
int64_t fst_identity_end_s(const struct fst_identity *identity);
bool fst_identity_has_own(const struct fst_identity *identity);
bool fst_identity_has_ca(const struct fst_identity *identity);

#endif
