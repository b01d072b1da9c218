/* fastest-coord run: discovery, core, farm, local agent and report, wired. */
#ifndef FST_CLI_RUN_H
#define FST_CLI_RUN_H

#include "coordinator/cli/again.h"
#include "shared/config/settings.h"

/* Runs to the end; start_s: Unix time at which the process started. Returns
 * the exit status of the program. */
int fst_cli_run(const struct fst_settings *settings,
                const struct fst_again *again, double start_s);

#endif
