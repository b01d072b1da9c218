#include "bench/transport/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/base/mem.h"

struct fst_identity *bench_identity(const char *folder,
                                    enum fst_token_side side, const char *name)
{
    struct fst_err err;
    char *cert = fst_printf("%s/%s.pem", folder, name);
    char *key = fst_printf("%s/%s-key.pem", folder, name);
    char *ca = fst_printf("%s/ca.pem", folder);
    const struct fst_identity_files files = {
        .side = side, .cert = cert, .key = key, .ca = ca};
    struct fst_identity *identity = fst_identity_read(&files, &err);
    if (!identity) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    free(cert);
    free(key);
    free(ca);
    return identity;
}
