/* `fastest-coord history`: what is known of earlier runs. */
#ifndef FST_CLI_HISTORY_H
#define FST_CLI_HISTORY_H

#include "shared/base/options.h"

/* argv: behind "history". Returns the exit status. */
int fst_cli_history(int argc, const char *const *argv, const char *cwd);
/* Its options, for whoever describes them. */
struct fst_options fst_cli_history_table(void);

#endif
