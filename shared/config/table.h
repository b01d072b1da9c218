/* The options of fastest-coord's commands: one table makes the command line,
 * the environment, [tool.fastest] and --help. */
#ifndef FST_CONFIG_TABLE_H
#define FST_CONFIG_TABLE_H

#include "shared/base/options.h"
#include "shared/config/settings.h"

/* Targets lie in struct fst_settings. .pass is pytest's spelling of an option
 * that the workers' pytest is to get. */
struct fst_options fst_settings_table(enum fst_command command);

#endif
