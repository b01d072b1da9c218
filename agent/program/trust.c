#include "agent/program/trust.h"

#include <stdlib.h>
#include <string.h>

#include "shared/net/url.h"

static int check_options(const struct fst_agent_settings *settings,
                         enum fst_url_kind kind, struct fst_err *err)
{
    const char *useless = settings->tls_ca            ? "--tls-ca"
                          : settings->tls_cert        ? "--tls-cert"
                          : settings->tls_key         ? "--tls-key"
                          : settings->tls_server_name ? "--tls-server-name"
                                                      : NULL;
    if (kind == FST_URL_IPC && settings->token_typed)
        return fst_fail(err, FST_E_USAGE,
                        "--token-file: %s needs none, only tcp:// and "
                        "tls+tcp:// do",
                        settings->connect);
    if (kind != FST_URL_TLS && useless)
        return fst_fail(err, FST_E_USAGE,
                        "%s: only with --connect tls+tcp://HOST:PORT", useless);
    if (kind == FST_URL_TLS && !settings->tls_ca)
        return fst_fail(err, FST_E_USAGE,
                        "%s needs --tls-ca FILE: the CA whose certificate the "
                        "coordinator has",
                        settings->connect);
    if (!settings->tls_cert != !settings->tls_key)
        return fst_fail(err, FST_E_USAGE,
                        "--tls-cert and --tls-key belong together");
    return 0;
}

static int open_tls(struct fst_program *program, struct fst_err *err)
{
    const struct fst_agent_settings *settings = &program->settings;
    const char *name = settings->tls_server_name;
    const struct fst_identity_files files = {.cert = settings->tls_cert,
                                             .key = settings->tls_key,
                                             .ca = settings->tls_ca};
    program->identity = fst_identity_read(&files, err);
    if (!program->identity)
        return -1;
    program->tls = fst_tls_end_new(program->identity, FST_TOKEN_AGENT,
                                   name ? name : FST_TLS_NAME);
    return 0;
}

/* Told, or left by a coordinator with the same root. */
static int find_token(struct fst_program *program, struct fst_err *err)
{
    const struct fst_agent_settings *settings = &program->settings;
    const char *text = getenv("FASTEST_TOKEN");
    if (settings->token_file || (text && *text))
        return fst_token_read(settings->token_file, text, &program->token, err);
    if (settings->tls_cert)
        return 0;
    char *place = fst_token_place(program->root);
    int result = fst_token_read(place, NULL, &program->token, err);
    free(place);
    if (result && err->code == FST_E_NOTFOUND)
        return fst_fail(err, FST_E_USAGE,
                        "%s needs the farm's token: give --token-file FILE or "
                        "FASTEST_TOKEN (the coordinator says where its token "
                        "lies)%s",
                        settings->connect,
                        program->tls ? ", or a certificate with --tls-cert and "
                                       "--tls-key"
                                     : "");
    return result;
}

int fst_program_open_trust(struct fst_program *program, struct fst_err *err)
{
    struct fst_url url;
    if (fst_url_read(program->settings.connect, &url, err) ||
        check_options(&program->settings, url.kind, err) ||
        (url.kind == FST_URL_TLS && open_tls(program, err)))
        return -1;
    program->remote = url.kind != FST_URL_IPC;
    return program->remote ? find_token(program, err) : 0;
}

void fst_program_close_trust(struct fst_program *program)
{
    fst_tls_end_free(program->tls);
    fst_identity_free(program->identity);
    if (program->token)
        memset(program->token, 0, strlen(program->token));
    free(program->token);
}
