/* Makes certificates: a farm's CA, and what its members show. Keys are on the
 * curve P-256, serial numbers random. */
#ifndef FST_TRUST_ISSUE_H
#define FST_TRUST_ISSUE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/trust/identity.h"

enum { FST_ISSUE_NAME_MOST = 64 };

struct fst_issue_spec {
    enum fst_issue_kind {
        FST_ISSUE_CA,
        FST_ISSUE_COORDINATOR, /* may only be shown by a coordinator */
        FST_ISSUE_AGENT        /* … by an agent */
    } kind;
    const char *name;     /* see fst_issue_is_name() */
    const char *dns;      /* a coordinator's; of others NULL */
    int64_t from_s, to_s; /* Unix time */
};

/* Letters, digits, and ._- behind the first one; for it is a file's name,
 * too. */
bool fst_issue_is_name(const char *name);

/* Appends certificate and private key, in PEM. ca: has the CA's own certificate
 * and key; NULL for FST_ISSUE_CA, which signs itself. What the key was made in
 * is wiped; the buffers are the caller's to wipe. */
int fst_issue(const struct fst_issue_spec *spec, const struct fst_identity *ca,
              struct fst_buf *cert, struct fst_buf *key, struct fst_err *err);

#endif
