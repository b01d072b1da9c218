/* pytest's cache folder (cache_dir), where its plugins keep what they know from
 * run to run: read and written as _pytest/cacheprovider.py does. */
#ifndef FST_CLI_PYTESTCACHE_H
#define FST_CLI_PYTESTCACHE_H

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/json/json.h"

#define FST_CACHE_LASTFAILED "cache/lastfailed"
#define FST_CACHE_NODEIDS "cache/nodeids"
#define FST_CACHE_STEPWISE "cache/stepwise"

/* The value of a key, the caller's; NULL where there is none that can be
 * read. */
struct fst_json *fst_pytestcache_read(const char *dir, const char *key);
/* Replaces a value by JSON text, at once; makes the folder, with what pytest
 * puts into a new one. FST_E_SYS names the file. */
int fst_pytestcache_write(const char *dir, const char *key,
                          const struct fst_buf *text, struct fst_err *err);

#endif
