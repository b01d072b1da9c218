#include "shared/net/url.h"

#include <stdlib.h>
#include <string.h>

static bool is_port(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && number <= 65535;
}

static bool is_loopback(const char *host, size_t len)
{
    static const char *const names[] = {"localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (len == strlen(names[i]) && !strncmp(host, names[i], len))
            return true;
    return len > 4 && !strncmp(host, "127.", 4) &&
           strspn(host, "0123456789.") >= len;
}

/* Of what is behind tcp:// */
static bool read_host(const char *rest, struct fst_url *read)
{
    const char *port = strrchr(rest, ':');
    if (!port || port == rest || !is_port(port + 1))
        return false;
    /* An IPv6 address stands in brackets: else its end could be the port. */
    if (*rest != '[' && memchr(rest, ':', (size_t)(port - rest)))
        return false;
    read->loopback = is_loopback(rest, (size_t)(port - rest));
    read->port = atoi(port + 1);
    return true;
}

int fst_url_read(const char *url, struct fst_url *read, struct fst_err *err)
{
    *read = (struct fst_url){0};
    if (!strncmp(url, "ipc:///", 7) && url[7])
        return 0;
    read->kind = FST_URL_TCP;
    if (!strncmp(url, "tcp://", 6) && read_host(url + 6, read))
        return 0;
    read->kind = FST_URL_TLS;
    if (!strncmp(url, "tls+tcp://", 10) && read_host(url + 10, read))
        return 0;
    return fst_fail(err, FST_E_USAGE,
                    "%s: not a place such as tcp://HOST:PORT, "
                    "tcp://[IPV6]:PORT, tls+tcp://HOST:PORT or ipc:///PATH",
                    url);
}
