/* Finds the tests of the command line's arguments, where only the workers'
 * interpreter or pytest's version says what an argument means. */
#ifndef FST_CLI_ARGUMENTS_H
#define FST_CLI_ARGUMENTS_H

#include <stdbool.h>

#include "coordinator/discover/discover.h"
#include "shared/config/settings.h"

/* fst_discover() with the settings' paths. With --pyargs these are modules
 * wherever the interpreter has them, which costs its start and the import of
 * the packages that a dotted name goes through, as in pytest. An __init__.py
 * means its package before pytest 8. */
int fst_cli_find_tests(const struct fst_settings *settings, bool sources,
                       struct fst_suite *suite, struct fst_err *err);

#endif
