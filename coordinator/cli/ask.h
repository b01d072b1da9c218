/* What only the workers' interpreter can say: its pytest's version, and whether
 * that knows an option that is none of ours. */
#ifndef FST_CLI_ASK_H
#define FST_CLI_ASK_H

#include <stdbool.h>

#include "shared/config/rules.h"

/* python: an interpreter, searched in PATH. option: "--foo" or "-l"; false too
 * where pytest can't be asked. Takes as long as
 * `pytest --help`. */
bool fst_cli_pytest_knows(const char *python, const char *option);

/* A fst_pytest_ask: imports nothing of pytest but its version. */
struct fst_pytest_version fst_cli_pytest_version(const char *python);

#endif
