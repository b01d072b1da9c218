/* `fastest-coord history`: what is known of earlier runs. */
#ifndef FST_CLI_HISTORY_H
#define FST_CLI_HISTORY_H

/* argv: behind "history". Returns the exit status. */
int fst_cli_history(int argc, const char *const *argv, const char *cwd);

#endif
