/* An identity as mbedTLS has it: for the modules of this folder. */
#ifndef FST_TRUST_IDENTITY_PARTS_H
#define FST_TRUST_IDENTITY_PARTS_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "shared/trust/identity.h"

struct fst_identity {
    bool has_own, has_ca;
    mbedtls_x509_crt own, ca;
    mbedtls_pk_context key;
};

#endif
