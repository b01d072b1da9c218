#include "coordinator/cli/ask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/buf.h"
#include "shared/loop/ask.h"

/* In --help an option begins after two spaces or ", " and ends before "=", ","
 * or a space. */
static bool lists_option(const char *help, const char *option, size_t len)
{
    for (const char *at = strstr(help, option); at;
         at = strstr(at + 1, option)) {
        bool begins = at == help || at[-1] == ' ';
        if (begins && !isalnum((unsigned char)at[len]) && at[len] != '-')
            return true;
    }
    return false;
}

bool fst_cli_pytest_knows(const char *python, const char *option)
{
    const char *argv[] = {python, "-m", "pytest", "--help", NULL};
    struct fst_buf help = FST_BUF_INIT;
    fst_ask(argv, NULL, 0, &help);
    size_t len = strlen(option);
    bool known = len > 1 && lists_option(fst_buf_str(&help), option, len);
    fst_buf_release(&help);
    return known;
}

struct fst_pytest_version fst_cli_pytest_version(const char *python)
{
    struct fst_versions versions;
    struct fst_pytest_version version = {0};
    fst_ask_versions(python, &versions);
    if (sscanf(versions.pytest, "%d.%d", &version.major, &version.minor) != 2)
        version = (struct fst_pytest_version){0};
    return version;
}
