#include "shared/trust/tls.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"
#include "shared/trust/identity_parts.h"
#include "shared/trust/random.h"

struct fst_tls_end {
    mbedtls_ssl_config config;
    enum fst_token_side side;
    char *name; /* that the coordinator must have; of an agent's end */
    bool has_own;
};

struct fst_tls {
    const struct fst_tls_end *end;
    mbedtls_ssl_context ssl;
    struct fst_buf in, out;
    size_t used; /* of in */
};

static pthread_mutex_t one_handshake = PTHREAD_MUTEX_INITIALIZER;

/* ---- ends */

/* mbedTLS's own order begins with secp521r1, ten times as dear. */
static const mbedtls_ecp_group_id curves[] = {
    MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
    MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE};

/* Those with forward secrecy and AEAD. */
static const int suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0};

static void use_identity(mbedtls_ssl_config *config,
                         const struct fst_identity *identity)
{
    /* mbedTLS takes them without const and doesn't change them, but for the
     * tables that one_handshake guards. */
    struct fst_identity *shared = (struct fst_identity *)identity;
    mbedtls_ssl_conf_authmode(config, identity->has_ca
                                          ? MBEDTLS_SSL_VERIFY_REQUIRED
                                          : MBEDTLS_SSL_VERIFY_NONE);
    if (identity->has_ca)
        mbedtls_ssl_conf_ca_chain(config, &shared->ca, NULL);
    if (identity->has_own)
        FST_ASSERT(
            !mbedtls_ssl_conf_own_cert(config, &shared->own, &shared->key));
}

struct fst_tls_end *fst_tls_end_new(const struct fst_identity *identity,
                                    enum fst_token_side side, const char *name)
{
    struct fst_tls_end *end = fst_alloc(sizeof *end);
    bool agent = side == FST_TOKEN_AGENT;
    FST_ASSERT(agent ? identity->has_ca && name : identity->has_own);
    end->side = side;
    end->name = fst_strdup(name);
    end->has_own = identity->has_own;
    mbedtls_ssl_config_init(&end->config);
    FST_ASSERT(!mbedtls_ssl_config_defaults(
        &end->config, agent ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_min_version(&end->config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_rng(&end->config, fst_random_fill, NULL);
    mbedtls_ssl_conf_curves(&end->config, curves);
    mbedtls_ssl_conf_ciphersuites(&end->config, suites);
    mbedtls_ssl_conf_renegotiation(&end->config,
                                   MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_session_tickets(&end->config,
                                     MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    use_identity(&end->config, identity);
    return end;
}

void fst_tls_end_free(struct fst_tls_end *end)
{
    if (!end)
        return;
    mbedtls_ssl_config_free(&end->config);
    free(end->name);
    free(end);
}

/* ---- bytes */

static int take_in(void *user, unsigned char *bytes, size_t size)
{
    struct fst_tls *tls = user;
    size_t left = tls->in.len - tls->used;
    if (!left)
        return MBEDTLS_ERR_SSL_WANT_READ;
    size_t len = left < size ? left : size;
    memcpy(bytes, tls->in.data + tls->used, len);
    tls->used += len;
    if (tls->used == tls->in.len) {
        fst_buf_clear(&tls->in);
        tls->used = 0;
    }
    return (int)len;
}

static int put_out(void *user, const unsigned char *bytes, size_t len)
{
    struct fst_tls *tls = user;
    fst_buf_add(&tls->out, bytes, len);
    return (int)len;
}

void fst_tls_feed(struct fst_tls *tls, const void *bytes, size_t len)
{
    fst_buf_add(&tls->in, bytes, len);
}

struct fst_buf *fst_tls_out(struct fst_tls *tls)
{
    return &tls->out;
}

/* ---- sessions */

struct fst_tls *fst_tls_new(const struct fst_tls_end *end)
{
    struct fst_tls *tls = fst_alloc(sizeof *tls);
    tls->end = end;
    mbedtls_ssl_init(&tls->ssl);
    FST_ASSERT(!mbedtls_ssl_setup(&tls->ssl, &end->config));
    if (end->name)
        FST_ASSERT(!mbedtls_ssl_set_hostname(&tls->ssl, end->name));
    mbedtls_ssl_set_bio(&tls->ssl, tls, put_out, take_in, NULL);
    return tls;
}

void fst_tls_free(struct fst_tls *tls)
{
    if (!tls)
        return;
    mbedtls_ssl_free(&tls->ssl);
    fst_buf_release(&tls->in);
    fst_buf_release(&tls->out);
    free(tls);
}

enum {
    PURPOSE = MBEDTLS_X509_BADCERT_KEY_USAGE |
              MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
              MBEDTLS_X509_BADCERT_NS_CERT_TYPE
};

static bool has_wrong_purpose(const struct fst_tls *tls)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);
    return flags != UINT32_MAX && flags & PURPOSE; /* all: it was not looked */
}

/* What speaks against the peer's certificate; the first that does is enough,
 * from the plainest on. */
static void explain_refusal(const struct fst_tls *tls, struct fst_err *err)
{
    static const struct {
        uint32_t flags;
        const char *text;
    } reasons[] = {
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "it is of another CA"},
        {MBEDTLS_X509_BADCERT_EXPIRED, "it has expired"},
        {MBEDTLS_X509_BADCERT_FUTURE,
         "it isn't valid yet; do both clocks agree?"},
        {PURPOSE, "it is for another purpose"},
    };
    bool agent = tls->end->side == FST_TOKEN_AGENT;
    const char *whose = agent ? "the coordinator's" : "the agent's";
    uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (!(flags & reasons[i].flags))
            continue;
        fst_fail(err, FST_E_REFUSED, "%s certificate isn't accepted: %s", whose,
                 reasons[i].text);
        return;
    }
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
        fst_fail(err, FST_E_REFUSED,
                 "%s certificate isn't accepted: it is not for the name %s "
                 "(--tls-server-name)",
                 whose, tls->end->name);
    else
        fst_fail(err, FST_E_REFUSED,
                 "%s certificate isn't accepted: its key or signature is weak",
                 whose);
}

/* What the peer's alert means. 0: nothing about certificates. */
static int explain_alert(const struct fst_tls *tls, struct fst_err *err)
{
    static const struct {
        unsigned char alert;
        const char *text;
    } reasons[] = {
        {MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA, "it is of another CA"},
        {MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED, "it has expired"},
        {MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED, "it has been revoked"},
        {MBEDTLS_SSL_ALERT_MSG_BAD_CERT, "it is not what is expected there"},
        {MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT, "it is for another purpose"},
        {MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN, "it says no more"},
        {MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED, "it may not"},
    };
    bool agent = tls->end->side == FST_TOKEN_AGENT;
    unsigned char alert = tls->ssl.in_msg[1];
    if (agent && !tls->end->has_own &&
        (alert == MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE ||
         alert == MBEDTLS_SSL_ALERT_MSG_NO_CERT))
        return fst_fail(err, FST_E_REFUSED,
                        "the coordinator wants a certificate of this agent: "
                        "give --tls-cert and --tls-key");
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (alert == reasons[i].alert)
            return fst_fail(err, FST_E_REFUSED,
                            "%s doesn't accept this %s's certificate: %s",
                            agent ? "the coordinator" : "the agent",
                            agent ? "agent" : "coordinator", reasons[i].text);
    return 0;
}

static int fail(struct fst_tls *tls, int result, struct fst_err *err)
{
    char text[160];
    if (result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ||
        (result == MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE &&
         has_wrong_purpose(tls))) {
        explain_refusal(tls, err);
        return -1;
    }
    if (result == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) {
        /* The one failure that mbedTLS doesn't tell the peer. */
        mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                       MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
        return fst_fail(err, FST_E_REFUSED, "the agent shows no certificate");
    }
    if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE &&
        explain_alert(tls, err))
        return -1;
    if (!result || result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return fst_fail(err, FST_E_CLOSED, "the connection ended (closed)");
    mbedtls_strerror(result, text, sizeof text);
    return fst_fail(err, FST_E_PROTO, "no TLS of a farm: %s", text);
}

bool fst_tls_speaks_first(const struct fst_tls *tls)
{
    return tls->end->side == FST_TOKEN_AGENT;
}

int fst_tls_shake(struct fst_tls *tls, struct fst_err *err)
{
    pthread_mutex_lock(&one_handshake);
    int result = mbedtls_ssl_handshake(&tls->ssl);
    pthread_mutex_unlock(&one_handshake);
    if (!result)
        return 1;
    return result == MBEDTLS_ERR_SSL_WANT_READ ? 0 : fail(tls, result, err);
}

int fst_tls_read(struct fst_tls *tls, void *bytes, size_t size, size_t *len,
                 struct fst_err *err)
{
    int result = mbedtls_ssl_read(&tls->ssl, bytes, size);
    if (result == MBEDTLS_ERR_SSL_WANT_READ)
        return 0;
    if (result <= 0)
        return fail(tls, result, err);
    *len = (size_t)result;
    return 1;
}

int fst_tls_write(struct fst_tls *tls, const void *bytes, size_t len,
                  struct fst_err *err)
{
    const unsigned char *at = bytes;
    while (len) {
        int result = mbedtls_ssl_write(&tls->ssl, at, len);
        if (result <= 0)
            return fail(tls, result, err);
        at += result;
        len -= (size_t)result;
    }
    return 0;
}
