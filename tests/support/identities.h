/* Identities made in memory, also such as nobody could load: of a time that is
 * over, for example. For tests of TLS. */
#ifndef FST_TESTS_IDENTITIES_H
#define FST_TESTS_IDENTITIES_H

#include <time.h>

#include "shared/base/mem.h"
#include "shared/trust/identity_parts.h"
#include "shared/trust/issue.h"

enum { TEST_DAY_S = 86400 };

static inline void load(const struct fst_buf *cert, const struct fst_buf *key,
                        struct fst_identity *into)
{
    const unsigned char *text = (const unsigned char *)fst_buf_str(cert);
    FST_ASSERT(!mbedtls_x509_crt_parse(&into->own, text, cert->len + 1));
    text = (const unsigned char *)fst_buf_str(key);
    FST_ASSERT(!mbedtls_pk_parse_key(&into->key, text, key->len + 1, NULL, 0));
    into->has_own = true;
}

/* Shows a certificate signed by `ca` (NULL: its own), believes `believed`
 * (NULL: nobody); valid from .. to days from now. */
static inline struct fst_identity *
make_identity(enum fst_issue_kind kind, const char *dns,
              const struct fst_identity *ca,
              const struct fst_identity *believed, int from, int to)
{
    struct fst_identity *made = fst_alloc(sizeof *made);
    struct fst_buf cert = FST_BUF_INIT, key = FST_BUF_INIT;
    const struct fst_issue_spec spec = {
        .kind = kind,
        .name = kind == FST_ISSUE_CA ? "a-ca" : "member",
        .dns = dns,
        .from_s = (int64_t)time(NULL) + (int64_t)from * TEST_DAY_S,
        .to_s = (int64_t)time(NULL) + (int64_t)to * TEST_DAY_S,
    };
    mbedtls_x509_crt_init(&made->own);
    mbedtls_x509_crt_init(&made->ca);
    mbedtls_pk_init(&made->key);
    FST_ASSERT(!fst_issue(&spec, ca, &cert, &key, NULL));
    load(&cert, &key, made);
    if (believed) {
        FST_ASSERT(!mbedtls_x509_crt_parse_der(&made->ca, believed->own.raw.p,
                                               believed->own.raw.len));
        made->has_ca = true;
    }
    fst_buf_release(&cert);
    fst_buf_release(&key);
    return made;
}

/* Believes `believed`, shows nothing. */
static inline struct fst_identity *
make_anonymous(const struct fst_identity *believed)
{
    struct fst_identity *made = fst_alloc(sizeof *made);
    mbedtls_x509_crt_init(&made->own);
    mbedtls_x509_crt_init(&made->ca);
    mbedtls_pk_init(&made->key);
    FST_ASSERT(!mbedtls_x509_crt_parse_der(&made->ca, believed->own.raw.p,
                                           believed->own.raw.len));
    made->has_ca = true;
    return made;
}

#endif
