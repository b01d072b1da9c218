#include "agent/program/trust.h"

#include <stdlib.h>
#include <string.h>

#include "shared/net/url.h"

static int check_options(const struct fst_agent_settings *settings,
                         const struct fst_url *url, struct fst_err *err)
{
    enum fst_url_kind kind = url->kind;
    static const char *const of_tls[] = {"--tls-ca", "--tls-cert", "--tls-key",
                                         "--tls-server-name"};
    if (kind == FST_URL_IPC &&
        fst_agent_settings_typed(settings, "--token-file"))
        return fst_fail(err, FST_E_USAGE,
                        "--token-file: %s needs none, only tcp:// and "
                        "tls+tcp:// do",
                        settings->connect);
    for (size_t i = 0; i < sizeof of_tls / sizeof *of_tls; i++)
        if (kind != FST_URL_TLS &&
            fst_agent_settings_typed(settings, of_tls[i]))
            return fst_fail(err, FST_E_USAGE,
                            "%s: only with --connect tls+tcp://HOST:PORT",
                            of_tls[i]);
    if (kind != FST_URL_IPC && !url->port)
        return fst_fail(err, FST_E_USAGE,
                        "--connect %s: port 0 is nobody's: the coordinator "
                        "says which one it has got",
                        settings->connect);
    if (kind != FST_URL_TLS)
        return 0;
    if (!settings->tls_ca)
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
    const struct fst_identity_files files = {.side = FST_TOKEN_AGENT,
                                             .cert = settings->tls_cert,
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
    if (program->tls && settings->tls_cert)
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
    if (fst_url_read(program->settings.connect, &url, err))
        return fst_wrap(err, "--connect");
    if (check_options(&program->settings, &url, err) ||
        (url.kind == FST_URL_TLS && open_tls(program, err)))
        return -1;
    program->remote = url.kind != FST_URL_IPC;
    return program->remote ? find_token(program, err) : 0;
}

void fst_program_close_trust(struct fst_program *program)
{
    fst_tls_end_free(program->tls);
    fst_identity_free(program->identity);
    fst_token_free(program->token);
}
