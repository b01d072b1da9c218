/* Where other agents come to, and what they must show there: a token, a
 * certificate, or both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/cli/runstate.h"
#include "coordinator/store/store.h"
#include "shared/base/mem.h"
#include "shared/net/url.h"
#include "shared/trust/token.h"

struct kinds { /* of places; an URL of each, or NULL */
    const char *tcp, *tls;
};

static bool is_token_given(const struct fst_settings *settings)
{
    const char *text = getenv("FASTEST_TOKEN");
    return settings->token_file || (text && *text);
}

/* place: where it is, for people; the caller's. */
static int find_token(struct run *run, char **place, struct fst_err *err)
{
    const struct fst_settings *settings = run->settings;
    const char *file = settings->token_file;
    if (is_token_given(settings)) {
        *place = fst_strdup(file ? file : "FASTEST_TOKEN");
        return fst_token_read(file, getenv("FASTEST_TOKEN"), &run->token, err);
    }
    *place = fst_token_place(settings->pytest.root);
    return fst_store_make_folder(*place, err)
               ? -1
               : fst_token_make(*place, &run->token, err);
}

static int check_place(const struct fst_settings *settings, const char *url,
                       struct kinds *kinds, struct fst_err *err)
{
    struct fst_url read;
    if (fst_url_read(url, &read, err))
        return fst_wrap(err, "--listen");
    if (read.kind == FST_URL_TLS)
        kinds->tls = url;
    if (read.kind == FST_URL_TCP)
        kinds->tcp = url;
    if (read.kind == FST_URL_TCP && !read.loopback && !settings->insecure)
        return fst_fail(err, FST_E_USAGE,
                        "--listen %s: others in that network could read and "
                        "change what is said; listen at tls+tcp://, or at "
                        "127.0.0.1 behind a tunnel (ssh -L), or say --insecure",
                        url);
    return 0;
}

/* What was typed and has no place to be used at. A variable or a file may serve
 * runs that listen and others. */
static int check_use(const struct fst_settings *settings,
                     const struct kinds *kinds, struct fst_err *err)
{
    static const struct {
        const char *name, *where;
        bool tls, token; /* needs such a place */
    } options[] = {
        {"--agents", "URL", false, false},
        {"--agents-timeout", "URL", false, false},
        {"--insecure", "URL", false, false},
        {"--dead-after", "URL", false, false},
        {"--grace", "URL", false, false},
        {"--token-file", "tcp://HOST:PORT or tls+tcp://HOST:PORT", false, true},
        {"--tls-cert", "tls+tcp://HOST:PORT", true, false},
        {"--tls-key", "tls+tcp://HOST:PORT", true, false},
        {"--tls-ca", "tls+tcp://HOST:PORT", true, false},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        bool useful = settings->listen.count &&
                      (!options[i].tls || kinds->tls) &&
                      (!options[i].token || kinds->tcp || kinds->tls);
        if (!useful && fst_settings_typed(settings, options[i].name))
            return fst_fail(err, FST_E_USAGE, "%s: only with --listen %s",
                            options[i].name, options[i].where);
    }
    if (kinds->tls && (!settings->tls_cert || !settings->tls_key))
        return fst_fail(err, FST_E_USAGE,
                        "--listen %s needs --tls-cert and --tls-key "
                        "(fastest-coord cert init makes them)",
                        kinds->tls);
    return 0;
}

static int check_places(const struct fst_settings *settings,
                        struct kinds *kinds, struct fst_err *err)
{
    for (size_t i = 0; i < settings->listen.count; i++)
        if (check_place(settings, settings->listen.items[i], kinds, err))
            return -1;
    return check_use(settings, kinds, err);
}

static int open_tls(struct run *run, struct fst_err *err)
{
    const struct fst_settings *settings = run->settings;
    const struct fst_identity_files files = {.side = FST_TOKEN_COORDINATOR,
                                             .cert = settings->tls_cert,
                                             .key = settings->tls_key,
                                             .ca = settings->tls_ca};
    run->identity = fst_identity_read(&files, err);
    if (!run->identity)
        return -1;
    run->tls = fst_tls_end_new(run->identity, FST_TOKEN_COORDINATOR, NULL);
    run->farm_spec.tls = run->tls;
    /* Who has a certificate of the farm needs no token, but where there is
     * one. */
    run->farm_spec.tls_token = !settings->tls_ca || is_token_given(settings);
    return 0;
}

/* With the port that it has got. */
static void say_place(const struct run *run, const char *url, int port,
                      const char *token)
{
    const char *ca = run->settings->tls_ca, *between = ", agents need ";
    struct fst_url read;
    size_t len = strlen(url);
    bool known = !fst_url_read(url, &read, NULL);
    bool tls = known && read.kind == FST_URL_TLS;
    if (port)
        len = (size_t)(strrchr(url, ':') - url);
    fprintf(stderr, "listening at %.*s", (int)len, url);
    if (port)
        fprintf(stderr, ":%d", port);
    if (tls && ca) {
        fprintf(stderr, "%sa certificate of the CA in %s", between, ca);
        between = " and ";
    }
    if (port && token && (!tls || run->farm_spec.tls_token))
        fprintf(stderr, "%sthe token in %s", between, token);
    fputc('\n', stderr);
}

int fst_places_listen(struct run *run, struct fst_err *err)
{
    const struct fst_strings *listen = &run->settings->listen;
    struct kinds kinds = {0};
    char *place = NULL;
    int result = check_places(run->settings, &kinds, err);
    if (!result && kinds.tls)
        result = open_tls(run, err);
    if (!result && (kinds.tcp || run->farm_spec.tls_token))
        result = find_token(run, &place, err);
    run->farm_spec.token = run->token;
    for (size_t i = 0; i < listen->count && !result; i++) {
        int port =
            fst_farm_listen(run->farm, run->net, listen->items[i], false, err);
        if (port < 0) {
            err->code = FST_E_USAGE;
            result = fst_wrap(err, "--listen");
        } else {
            say_place(run, listen->items[i], port, place);
        }
    }
    free(place);
    return result;
}

void fst_places_release(struct run *run)
{
    fst_tls_end_free(run->tls);
    fst_identity_free(run->identity);
    fst_token_free(run->token);
}
