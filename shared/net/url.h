/* The places that coordinators listen at: ipc:///PATH, tcp://HOST:PORT,
 * tls+tcp://HOST:PORT. Pure. */
#ifndef FST_NET_URL_H
#define FST_NET_URL_H

#include <stdbool.h>

#include "shared/base/err.h"

struct fst_url {
    enum fst_url_kind { FST_URL_IPC, FST_URL_TCP, FST_URL_TLS } kind;
    bool loopback; /* not of ipc: only this machine can reach it */
    int port;      /* the same; 0: any */
};

/* FST_E_USAGE names what can be used. */
int fst_url_read(const char *url, struct fst_url *read, struct fst_err *err);

#endif
