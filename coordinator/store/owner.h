/* Which process works on a run. Private to coordinator/store. */
#ifndef FST_STORE_OWNER_H
#define FST_STORE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

enum { FST_OWNER_HOST = 256 };

/* This machine's name. */
void fst_owner_host(char host[FST_OWNER_HOST]);
/* Whether the process is there, is not ours, and is one of the same program
 * (numbers are used again). False for another host's: nobody can tell. */
bool fst_owner_is_alive(const char *host, int64_t pid);

#endif
