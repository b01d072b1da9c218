/* Finds the tests of the command line's arguments, those of --pyargs wherever
 * the workers' interpreter has the module. */
#ifndef FST_CLI_PYARGS_H
#define FST_CLI_PYARGS_H

#include <stdbool.h>

#include "coordinator/discover/discover.h"
#include "shared/config/settings.h"

/* fst_discover() with the settings' paths. With --pyargs it costs the start of
 * an interpreter, and the import of the packages that a dotted name goes
 * through, as in pytest. */
int fst_cli_find_tests(const struct fst_settings *settings, bool sources,
                       struct fst_suite *suite, struct fst_err *err);

#endif
