/* fastest-coord config show: every setting that a run would have, its value and
 * where it came from. */
#ifndef FST_CLI_CONFIG_H
#define FST_CLI_CONFIG_H

#include "shared/config/settings.h"

/* Prints the settings (loaded as FST_CMD_CONFIG); returns the exit status. */
int fst_cli_config_show(const struct fst_settings *settings);

#endif
