#include "shared/trust/issue.h"

#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/base/mem.h"
#include "shared/trust/identity_parts.h"
#include "shared/trust/random.h"

enum { PEM_MOST = 4096, SERIAL_BYTES = 16, TIME_TEXT = 15 };

struct making {
    const struct fst_issue_spec *spec;
    mbedtls_pk_context key;
    mbedtls_x509write_cert cert;
    unsigned char pem[PEM_MOST];
};

bool fst_issue_is_name(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strspn(name, first);
    return len && !name[len] && len <= FST_ISSUE_NAME_MOST &&
           !strchr("._-", *name);
}

static void write_time(int64_t time_s, char text[TIME_TEXT])
{
    time_t time = (time_t)time_s;
    struct tm parts;
    FST_ASSERT(gmtime_r(&time, &parts));
    FST_ASSERT(strftime(text, TIME_TEXT, "%Y%m%d%H%M%S", &parts) ==
               TIME_TEXT - 1);
}

static int make_key(struct making *making)
{
    int result = mbedtls_pk_setup(&making->key,
                                  mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    return result ? result
                  : mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1,
                                        mbedtls_pk_ec(making->key),
                                        fst_random_fill, NULL);
}

static int set_serial(mbedtls_x509write_cert *cert)
{
    unsigned char bytes[SERIAL_BYTES];
    mbedtls_mpi serial;
    fst_random_fill(NULL, bytes, sizeof bytes);
    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and of one length */
    mbedtls_mpi_init(&serial);
    int result = mbedtls_mpi_read_binary(&serial, bytes, sizeof bytes);
    if (!result)
        result = mbedtls_x509write_crt_set_serial(cert, &serial);
    mbedtls_mpi_free(&serial);
    return result;
}

/* What RFC 5280 calls extendedKeyUsage: one purpose, as DER. */
static int set_purpose(mbedtls_x509write_cert *cert, const char *oid)
{
    unsigned char der[16] = {0x30, 0, 0x06};
    size_t len = strlen(oid);
    FST_ASSERT(len + 4 <= sizeof der);
    der[1] = (unsigned char)(len + 2);
    der[3] = (unsigned char)len;
    memcpy(der + 4, oid, len);
    return mbedtls_x509write_crt_set_extension(
        cert, MBEDTLS_OID_EXTENDED_KEY_USAGE,
        MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 1, der, len + 4);
}

/* subjectAltName: one dNSName. */
static int set_dns(mbedtls_x509write_cert *cert, const char *name)
{
    unsigned char der[FST_ISSUE_NAME_MOST + 4] = {0x30, 0, 0x82};
    size_t len = strlen(name);
    FST_ASSERT(len <= FST_ISSUE_NAME_MOST);
    der[1] = (unsigned char)(len + 2);
    der[3] = (unsigned char)len;
    memcpy(der + 4, name, len);
    return mbedtls_x509write_crt_set_extension(
        cert, MBEDTLS_OID_SUBJECT_ALT_NAME,
        MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, der, len + 4);
}

static int set_extensions(struct making *making)
{
    const struct fst_issue_spec *spec = making->spec;
    mbedtls_x509write_cert *cert = &making->cert;
    bool ca = spec->kind == FST_ISSUE_CA;
    unsigned usage =
        ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
    int result = mbedtls_x509write_crt_set_basic_constraints(cert, ca, 0);
    if (!result)
        result = mbedtls_x509write_crt_set_key_usage(cert, usage);
    if (!result)
        result = mbedtls_x509write_crt_set_subject_key_identifier(cert);
    if (!result)
        result = mbedtls_x509write_crt_set_authority_key_identifier(cert);
    if (!result && !ca)
        result = set_purpose(cert, spec->kind == FST_ISSUE_AGENT
                                       ? MBEDTLS_OID_CLIENT_AUTH
                                       : MBEDTLS_OID_SERVER_AUTH);
    if (!result && spec->dns)
        result = set_dns(cert, spec->dns);
    return result;
}

static int set_names(struct making *making, const struct fst_identity *ca)
{
    char issuer[256], from[TIME_TEXT], to[TIME_TEXT];
    char *subject = fst_printf("CN=%s", making->spec->name);
    int result = 0;
    if (ca && mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca->own.subject) < 0)
        result = MBEDTLS_ERR_X509_INVALID_NAME;
    write_time(making->spec->from_s, from);
    write_time(making->spec->to_s, to);
    if (!result)
        result = mbedtls_x509write_crt_set_subject_name(&making->cert, subject);
    if (!result)
        result = mbedtls_x509write_crt_set_issuer_name(&making->cert,
                                                       ca ? issuer : subject);
    if (!result)
        result = mbedtls_x509write_crt_set_validity(&making->cert, from, to);
    free(subject);
    return result;
}

static int make(struct making *making, const struct fst_identity *ca)
{
    mbedtls_x509write_cert *cert = &making->cert;
    /* mbedTLS takes it without const; it only signs with it. */
    mbedtls_pk_context *signer =
        ca ? &((struct fst_identity *)ca)->key : &making->key;
    int result = make_key(making);
    if (result)
        return result;
    mbedtls_x509write_crt_set_version(cert, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(cert, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(cert, &making->key);
    mbedtls_x509write_crt_set_issuer_key(cert, signer);
    result = set_serial(cert);
    if (!result)
        result = set_names(making, ca);
    return result ? result : set_extensions(making);
}

int fst_issue(const struct fst_issue_spec *spec, const struct fst_identity *ca,
              struct fst_buf *cert, struct fst_buf *key, struct fst_err *err)
{
    struct making *making = fst_alloc(sizeof *making);
    char text[160];
    FST_ASSERT(fst_issue_is_name(spec->name));
    FST_ASSERT((spec->kind == FST_ISSUE_CA) == !ca);
    making->spec = spec;
    mbedtls_pk_init(&making->key);
    mbedtls_x509write_crt_init(&making->cert);
    int result = make(making, ca);
    if (!result)
        result = mbedtls_x509write_crt_pem(&making->cert, making->pem, PEM_MOST,
                                           fst_random_fill, NULL);
    if (!result)
        fst_buf_adds(cert, (char *)making->pem);
    if (!result)
        result = mbedtls_pk_write_key_pem(&making->key, making->pem, PEM_MOST);
    if (!result)
        fst_buf_adds(key, (char *)making->pem);
    mbedtls_pk_free(&making->key);
    mbedtls_x509write_crt_free(&making->cert);
    mbedtls_platform_zeroize(making->pem, PEM_MOST);
    free(making);
    if (!result)
        return 0;
    mbedtls_strerror(result, text, sizeof text);
    return fst_fail(err, FST_E_INTERNAL, "a certificate for %s: %s", spec->name,
                    text);
}
