/* fastest-coord discover: lists tests without running or importing anything. */
#ifndef FST_CLI_DISCOVER_H
#define FST_CLI_DISCOVER_H

#include "shared/config/settings.h"

/* Prints one function id a line (text), their number (count) or all that is
 * known of them (json), less what --deselect names. Skipped files go to stderr
 * as warnings. Returns the exit status of the program: 0, 5 where there are no
 * tests, or the error's. */
int fst_cli_discover(const struct fst_settings *settings);

#endif
