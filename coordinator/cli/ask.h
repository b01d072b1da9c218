/* Whether the installed pytest knows an option that is none of ours: to say
 * where it belongs. */
#ifndef FST_CLI_ASK_H
#define FST_CLI_ASK_H

#include <stdbool.h>

/* python: an interpreter, searched in PATH. option: as typed, "--foo=bar" or
 * "-lx"; false too where pytest can't be asked. Takes as long as
 * `pytest --help`. */
bool fst_cli_pytest_knows(const char *python, const char *option);

#endif
