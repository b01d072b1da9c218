/* fastest-coord, and `fastest` for `fastest-coord run`: picks the subcommand,
 * hears the settings, hands over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/cli/again.h"
#include "coordinator/cli/ask.h"
#include "coordinator/cli/cert.h"
#include "coordinator/cli/config.h"
#include "coordinator/cli/discover.h"
#include "coordinator/cli/history.h"
#include "coordinator/cli/run.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/base/stdfds.h"
#include "shared/config/pytestargs.h"
#include "shared/config/python.h"
#include "shared/config/settings.h"
#include "shared/config/table.h"

extern char **environ;

enum { EXIT_USAGE = 4 };

static const char overview[] =
    "fastest-coord runs pytest suites on every core you have\n"
    "\n"
    "usage: fastest-coord run [OPTIONS] [PATH | NODEID]... [-- PYTEST_ARGS]\n"
    "       fastest-coord discover [OPTIONS] [PATH | NODEID]...\n"
    "       fastest-coord history top|flaky|show|import|export|merge|gc ...\n"
    "       fastest-coord cert init|agent ...\n"
    "       fastest-coord config show [OPTIONS of run]\n"
    "       fastest-coord COMMAND --help\n"
    "       fastest-coord --version\n"
    "\n"
    "  run       find the tests, run them, report (`fastest` for short)\n"
    "  discover  list the tests without running or importing anything\n"
    "  history   what earlier runs tell of each test\n"
    "  cert      certificates for agents on other machines\n"
    "  config    every setting, its value and where it came from\n";

/* The option in a token that the command line's reader didn't know: without its
 * value, or the first letter of a cluster that is none of ours. */
static char *option_in(const char *token, const struct fst_options *options)
{
    if (token[1] == '-')
        return fst_strndup(token, strcspn(token, "="));
    for (const char *letter = token + 1; *letter; letter++) {
        char name[] = {'-', *letter, '\0'};
        if (!fst_options_find(options, name, 2))
            return fst_strdup(name);
    }
    return fst_strdup(token);
}

static int refuse(const struct fst_settings *settings,
                  const struct fst_options *options, const char *unknown,
                  const struct fst_err *err)
{
    char *name = unknown ? option_in(unknown, options) : NULL;
    const char *why_not = name ? fst_pytest_args_why_not(name) : NULL;
    char *python = fst_python_find(settings->python);
    if (why_not)
        fprintf(stderr, "ERROR: %s: %s\n", name, why_not);
    else if (name && fst_cli_pytest_knows(python, name))
        fprintf(stderr,
                "ERROR: %s is an option of the installed pytest, not of "
                "fastest: put it after --\n",
                name);
    else
        fprintf(stderr, "ERROR: %s\n", err->msg);
    free(python);
    free(name);
    return fst_code_exit(err->code);
}

static int run_command(enum fst_command command, int argc,
                       const char *const *argv, double start_s)
{
    struct fst_settings settings;
    struct fst_again again = {0};
    struct fst_err err;
    const struct fst_options options = fst_settings_table(command);
    const char *unknown = NULL, *group;
    char *cwd = getcwd(NULL, 0);
    int status;
    if (fst_options_asks_help(&options, argc, argv, &group)) {
        struct fst_buf help = FST_BUF_INIT;
        fst_settings_help(command, group, &help);
        fputs(fst_buf_str(&help), stdout);
        fst_buf_release(&help);
        free(cwd);
        return 0;
    }
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
        if (!strcmp(argv[i], "--version")) {
            printf("fastest %s\n", FST_VERSION);
            free(cwd);
            return 0;
        }
    }
    if (!cwd) {
        fprintf(stderr, "ERROR: the current directory is gone\n");
        return EXIT_USAGE;
    }
    struct fst_settings_sources sources = {.argc = argc,
                                           .argv = argv,
                                           .env = (const char *const *)environ,
                                           .cwd = cwd,
                                           .ask = fst_cli_pytest_version};
    int loaded =
        command == FST_CMD_RUN
            ? fst_again_load(&settings, &again, &sources, &unknown, &err)
            : fst_settings_load(&settings, command, &sources, &unknown, &err);
    if (loaded) {
        status = refuse(&settings, &options, unknown, &err);
    } else {
        fst_log_setup("fastest-coord", (enum fst_log_level)settings.log_level,
                      settings.log_json);
        if (command == FST_CMD_RUN)
            status = fst_cli_run(&settings, &again, start_s);
        else if (command == FST_CMD_DISCOVER)
            status = fst_cli_discover(&settings);
        else
            status = fst_cli_config_show(&settings);
    }
    fst_settings_release(&settings);
    fst_again_release(&again);
    free(cwd);
    return status;
}

static int run_in_cwd(int (*command)(int argc, const char *const *argv,
                                     const char *cwd),
                      int argc, const char *const *argv)
{
    char *cwd = getcwd(NULL, 0);
    if (!cwd) {
        fprintf(stderr, "ERROR: the current directory is gone\n");
        return EXIT_USAGE;
    }
    int status = command(argc, argv, cwd);
    free(cwd);
    return status;
}

int main(int argc, char **argv)
{
    struct timespec now;
    fst_stdfds_fill();
    clock_gettime(CLOCK_REALTIME, &now);
    double start_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    const char *const *args = (const char *const *)argv + 1;
    const char *slash = strrchr(argv[0], '/');
    if (!strcmp(slash ? slash + 1 : argv[0], "fastest"))
        return run_command(FST_CMD_RUN, argc - 1, args, start_s);
    if (argc < 2) {
        fputs(overview, stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(args[0], "run"))
        return run_command(FST_CMD_RUN, argc - 2, args + 1, start_s);
    if (!strcmp(args[0], "discover"))
        return run_command(FST_CMD_DISCOVER, argc - 2, args + 1, start_s);
    if (!strcmp(args[0], "history"))
        return run_in_cwd(fst_cli_history, argc - 2, args + 1);
    if (!strcmp(args[0], "cert"))
        return run_in_cwd(fst_cli_cert, argc - 2, args + 1);
    if (!strcmp(args[0], "config") && argc > 2 && !strcmp(args[1], "show"))
        return run_command(FST_CMD_CONFIG, argc - 3, args + 2, start_s);
    if (!strcmp(args[0], "config")) {
        fprintf(stderr,
                "ERROR: config has one verb: fastest-coord config show\n");
        return EXIT_USAGE;
    }
    if (!strcmp(args[0], "--help") || !strcmp(args[0], "-h")) {
        fputs(overview, stdout);
        return 0;
    }
    if (!strcmp(args[0], "--version")) {
        printf("fastest %s\n", FST_VERSION);
        return 0;
    }
    fprintf(stderr,
            "ERROR: unknown command %s: it is run, discover, "
            "history, cert or config (fastest-coord --help)\n",
            args[0]);
    return EXIT_USAGE;
}
