/* `fastest-coord cert`: makes a farm's CA and its members' certificates. */
#ifndef FST_CLI_CERT_H
#define FST_CLI_CERT_H

#include "shared/base/options.h"

/* argv: behind "cert". Returns the exit status. */
int fst_cli_cert(int argc, const char *const *argv, const char *cwd);
/* Its options, for whoever describes them. */
struct fst_options fst_cli_cert_table(void);

#endif
