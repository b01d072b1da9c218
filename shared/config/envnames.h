/* FASTEST_* variables that nobody reads: most often a name mistyped. */
#ifndef FST_CONFIG_ENVNAMES_H
#define FST_CONFIG_ENVNAMES_H

#include "shared/base/options.h"
#include "shared/base/vec.h"

/* Appends a line for each variable of env (NULL-terminated "K=V") that begins
 * with FASTEST_ and is no setting of this or another program's, nor what tests
 * are told; it names the nearest setting of options. */
void fst_env_unknown(const struct fst_options *options, const char *const *env,
                     struct fst_strings *lines);

#endif
