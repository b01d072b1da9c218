#include "shared/trust/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/base/mem.h"
#include "shared/trust/identity_parts.h"

enum { FILE_MOST = 1 << 20, PIECE = 4096 };

/* secret: nobody else may read it. */
static int check_mode(int fd, const char *file, bool secret,
                      struct fst_err *err)
{
    struct stat info;
    if (fstat(fd, &info))
        return fst_fail_sys(err, "%s", file);
    if (secret && S_ISREG(info.st_mode) && (info.st_mode & 077))
        return fst_fail(err, FST_E_USAGE,
                        "%s: others may read this key: chmod 600 it, and "
                        "better make a new one",
                        file);
    return 0;
}

static int read_all(int fd, const char *file, struct fst_buf *text,
                    struct fst_err *err)
{
    for (;;) {
        char *room = fst_buf_room(text, PIECE);
        if (!room)
            return fst_fail(err, FST_E_LIMIT, "%s: too large for a certificate",
                            file);
        ssize_t got = read(fd, room, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fst_fail_sys(err, "%s", file);
        text->len += (size_t)got;
        fst_buf_end(text);
        if (!got)
            return 0;
    }
}

static int read_file(const char *file, bool secret, struct fst_buf *text,
                     struct fst_err *err)
{
    fst_buf_init(text, FILE_MOST);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fst_fail_sys(err, "%s", file);
    int result = check_mode(fd, file, secret, err);
    if (!result)
        result = read_all(fd, file, text, err);
    close(fd);
    return result;
}

static int read_certificates(const char *file, mbedtls_x509_crt *into,
                             struct fst_err *err)
{
    struct fst_buf text;
    int result = read_file(file, false, &text, err);
    if (!result &&
        mbedtls_x509_crt_parse(into, (const unsigned char *)fst_buf_str(&text),
                               text.len + 1))
        result = fst_fail(err, FST_E_USAGE,
                          "%s: not a certificate in PEM (-----BEGIN "
                          "CERTIFICATE-----)",
                          file);
    fst_buf_release(&text);
    return result;
}

static int read_key(const char *file, mbedtls_pk_context *into,
                    struct fst_err *err)
{
    struct fst_buf text;
    int result = read_file(file, true, &text, err);
    if (!result &&
        mbedtls_pk_parse_key(into, (const unsigned char *)fst_buf_str(&text),
                             text.len + 1, NULL, 0))
        result =
            fst_fail(err, FST_E_USAGE,
                     "%s: not a private key in PEM without a password", file);
    if (text.data)
        mbedtls_platform_zeroize(text.data, text.cap);
    fst_buf_release(&text);
    return result;
}

static int check_time(const char *file, const mbedtls_x509_crt *cert,
                      struct fst_err *err)
{
    const mbedtls_x509_time *to = &cert->valid_to, *from = &cert->valid_from;
    if (mbedtls_x509_time_is_past(to))
        return fst_fail(err, FST_E_USAGE,
                        "%s: the certificate has expired on %04d-%02d-%02d",
                        file, to->year, to->mon, to->day);
    if (mbedtls_x509_time_is_future(from))
        return fst_fail(err, FST_E_USAGE,
                        "%s: the certificate is valid from %04d-%02d-%02d on",
                        file, from->year, from->mon, from->day);
    return 0;
}

static int check_purpose(const char *file, const mbedtls_x509_crt *cert,
                         enum fst_token_side side, struct fst_err *err)
{
    bool agent = side == FST_TOKEN_AGENT;
    const char *oid = agent ? MBEDTLS_OID_CLIENT_AUTH : MBEDTLS_OID_SERVER_AUTH;
    if (mbedtls_x509_crt_check_extended_key_usage(cert, oid, strlen(oid)))
        return fst_fail(err, FST_E_USAGE,
                        "%s: the certificate is not for %s, but for another "
                        "purpose",
                        file, agent ? "an agent" : "a coordinator");
    return 0;
}

static int read_own(struct fst_identity *identity,
                    const struct fst_identity_files *files, struct fst_err *err)
{
    if (read_certificates(files->cert, &identity->own, err) ||
        check_purpose(files->cert, &identity->own, files->side, err) ||
        check_time(files->cert, &identity->own, err) ||
        read_key(files->key, &identity->key, err))
        return -1;
    if (mbedtls_pk_check_pair(&identity->own.pk, &identity->key))
        return fst_fail(err, FST_E_USAGE,
                        "%s is not the key of the certificate in %s",
                        files->key, files->cert);
    identity->has_own = true;
    return 0;
}

static int read_ca(struct fst_identity *identity, const char *file,
                   struct fst_err *err)
{
    if (read_certificates(file, &identity->ca, err) ||
        check_time(file, &identity->ca, err))
        return -1;
    if (!identity->ca.ca_istrue)
        return fst_fail(err, FST_E_USAGE,
                        "%s: not the certificate of a CA, but of a member",
                        file);
    identity->has_ca = true;
    return 0;
}

struct fst_identity *fst_identity_read(const struct fst_identity_files *files,
                                       struct fst_err *err)
{
    struct fst_identity *identity = fst_alloc(sizeof *identity);
    mbedtls_x509_crt_init(&identity->own);
    mbedtls_x509_crt_init(&identity->ca);
    mbedtls_pk_init(&identity->key);
    if ((files->cert && read_own(identity, files, err)) ||
        (files->ca && read_ca(identity, files->ca, err))) {
        fst_identity_free(identity);
        return NULL;
    }
    return identity;
}

void fst_identity_free(struct fst_identity *identity)
{
    if (!identity)
        return;
    mbedtls_x509_crt_free(&identity->own);
    mbedtls_x509_crt_free(&identity->ca);
    mbedtls_pk_free(&identity->key);
    free(identity);
}

int64_t fst_identity_end_s(const struct fst_identity *identity)
{
    const mbedtls_x509_time *to = &identity->own.valid_to;
    struct tm parts = {.tm_year = to->year - 1900,
                       .tm_mon = to->mon - 1,
                       .tm_mday = to->day,
                       .tm_hour = to->hour,
                       .tm_min = to->min,
                       .tm_sec = to->sec};
    return timegm(&parts);
}

bool fst_identity_has_own(const struct fst_identity *identity)
{
    return identity->has_own;
}

bool fst_identity_has_ca(const struct fst_identity *identity)
{
    return identity->has_ca;
}
