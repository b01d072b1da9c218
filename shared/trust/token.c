#include "shared/trust/token.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/md.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/trust/random.h"

static void make_hex(const unsigned char *bytes, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

void fst_nonce_make(char text[FST_NONCE_HEX])
{
    unsigned char bytes[(FST_NONCE_HEX - 1) / 2];
    fst_random_fill(NULL, bytes, sizeof bytes);
    make_hex(bytes, sizeof bytes, text);
}

char *fst_token_place(const char *root)
{
    return fst_printf("%s/.fastest/token", root);
}

void fst_token_free(char *token)
{
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
}

/* A token of `text`'s first line. */
static int take_line(const char *text, const char *from, char **token,
                     struct fst_err *err)
{
    size_t len = strcspn(text, "\r\n");
    if (len < FST_TOKEN_LEAST)
        return fst_fail(err, FST_E_USAGE,
                        "%s: a token of %zu bytes; at least %d are needed "
                        "(openssl rand -hex 32 makes one)",
                        from, len, FST_TOKEN_LEAST);
    *token = fst_strndup(text, len);
    return 0;
}

static int read_file(int fd, const char *file, char **token,
                     struct fst_err *err)
{
    char text[FST_TOKEN_MOST + 1];
    struct stat info;
    ssize_t len = fstat(fd, &info) ? -1 : read(fd, text, FST_TOKEN_MOST);
    if (len < 0)
        return fst_fail_sys(err, "%s", file);
    if (S_ISREG(info.st_mode) && (info.st_mode & 077))
        return fst_fail(err, FST_E_USAGE,
                        "%s: others may read this token: chmod 600 it, and "
                        "better make a new one",
                        file);
    text[len] = '\0';
    return take_line(text, file, token, err);
}

int fst_token_read(const char *file, const char *text, char **token,
                   struct fst_err *err)
{
    if (!file)
        return take_line(text, "FASTEST_TOKEN", token, err);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fst_fail_sys(err, "%s", file);
    int result = read_file(fd, file, token, err);
    close(fd);
    return result;
}

int fst_token_make(const char *file, char **token, struct fst_err *err)
{
    char text[FST_PROOF_HEX];
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return fst_token_read(file, NULL, token, err);
    if (fd < 0)
        return fst_fail_sys(err, "%s: a token can't be written there", file);
    fst_nonce_make(text);
    fst_nonce_make(text + FST_NONCE_HEX - 1);
    int written = dprintf(fd, "%s\n", text);
    if (close(fd) || written < 0) {
        unlink(file);
        return fst_fail_sys(err, "%s: a token can't be written there", file);
    }
    *token = fst_strdup(text);
    return 0;
}

void fst_token_prove(const char *token, enum fst_token_side side,
                     const char *agent_nonce, const char *coordinator_nonce,
                     char proof[FST_PROOF_HEX])
{
    static const char *const names[] = {"coordinator", "agent"};
    unsigned char bytes[(FST_PROOF_HEX - 1) / 2];
    char *text = fst_printf("fastest %s\n%s\n%s\n", names[side], agent_nonce,
                            coordinator_nonce);
    int failed =
        mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
                        (const unsigned char *)token, strlen(token),
                        (const unsigned char *)text, strlen(text), bytes);
    FST_ASSERT(!failed);
    make_hex(bytes, sizeof bytes, proof);
    free(text);
}

bool fst_token_is_proof(const char *token, enum fst_token_side side,
                        const char *agent_nonce, const char *coordinator_nonce,
                        const char *proof)
{
    char right[FST_PROOF_HEX];
    unsigned differs = 0;
    if (strlen(proof) != sizeof right - 1)
        return false;
    fst_token_prove(token, side, agent_nonce, coordinator_nonce, right);
    for (size_t i = 0; i < sizeof right - 1; i++)
        differs |= (unsigned)(right[i] ^ proof[i]);
    return !differs;
}
