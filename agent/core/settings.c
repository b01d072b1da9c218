#include "agent/core/settings.h"

#include <limits.h>

#include "shared/base/vec.h"

enum { SLOTS_MAX = 4096 };

static const struct fst_option_word auto_words[] = {{"auto", -1}, {NULL, 0}};
/* Values: enum fst_log_level. */
static const struct fst_option_word level_words[] = {
    {"error", 0}, {"warn", 1}, {"info", 2}, {"debug", 3}, {NULL, 0}};
static const struct fst_option_word format_words[] = {
    {"text", 0}, {"json", 1}, {NULL, 0}};

static const struct fst_option_word start_words[] = {{"auto", FST_START_AUTO},
                                                     {"fork", FST_START_FORK},
                                                     {"cold", FST_START_COLD},
                                                     {NULL, 0}};

static const struct fst_option option_table[] = {
    {.names = "--connect",
     .key = "connect",
     .kind = FST_OPTION_STRING,
     .value = "URL",
     .help = "Where the coordinator listens: tcp://HOST:PORT or ipc:///PATH. "
             "Required.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, connect)},
    {.names = "--name",
     .key = "name",
     .kind = FST_OPTION_STRING,
     .value = "NAME",
     .help = "What reports call this agent; default: the host's name.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, name)},
    {.names = "--once",
     .key = "once",
     .kind = FST_OPTION_FLAG,
     .constant = 1,
     .help = "Leave when the run ends.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, once)},
    {.names = "--retry",
     .key = "retry",
     .kind = FST_OPTION_INT,
     .value = "S",
     .min = 0,
     .max = INT_MAX,
     .words = (const struct fst_option_word[]){{"ever", -1}, {NULL, 0}},
     .standard = "ever",
     .help = "Keep trying to reach the coordinator for S seconds.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, retry_s)},
    {.names = "--token-file",
     .key = "token-file",
     .kind = FST_OPTION_STRING,
     .value = "FILE",
     .help = "The farm's token; default: $FASTEST_TOKEN, else the file that a "
             "coordinator with the same root has made.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, token_file)},
    {.names = "--dead-after",
     .key = "dead-after",
     .kind = FST_OPTION_SECONDS,
     .value = "S",
     .standard = "15",
     .help = "A coordinator that is silent for so long is lost.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, dead_after_s)},
    {.names = "-n --workers",
     .key = "workers",
     .kind = FST_OPTION_INT,
     .value = "N|auto",
     .min = 1,
     .max = SLOTS_MAX,
     .words = auto_words,
     .standard = "auto",
     .help = "Workers; auto: one for each CPU that this process may use.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, workers)},
    {.names = "--max-memory",
     .key = "max-memory",
     .kind = FST_OPTION_SIZE,
     .value = "SIZE",
     .help =
         "Keep the workers together under SIZE (512M, 1.5G, 60%) by running "
         "fewer at once; default: 80% of what the cgroup or machine has.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, max_memory)},
    {.names = "--python",
     .key = "python",
     .kind = FST_OPTION_STRING,
     .value = "EXE",
     .help = "The workers' interpreter; default: that of $VIRTUAL_ENV, else "
             "python3.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, python)},
    {.names = "--root",
     .key = "root",
     .kind = FST_OPTION_STRING,
     .value = "DIR",
     .help = "The checkout; default: the current directory.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, root)},
    {.names = "--worker-start",
     .key = "worker-start",
     .kind = FST_OPTION_INT,
     .value = "HOW",
     .min = 1,
     .max = 0,
     .words = start_words,
     .standard = "auto",
     .help =
         "fork: workers are forked from a process that has imported pytest, "
         "where that is safe; cold: each starts an interpreter; auto: the "
         "first ones cold, further ones forked, since that process costs as "
         "much as a worker's start.",
     .group = "Workers",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, worker_start)},
    {.names = "--log-level",
     .key = "log-level",
     .kind = FST_OPTION_INT,
     .value = "LEVEL",
     .min = 1,
     .max = 0,
     .words = level_words,
     .standard = "warn",
     .help = "How much to log: error, warn, info or debug.",
     .group = "General",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, log_level)},
    {.names = "--log-format",
     .key = "log-format",
     .kind = FST_OPTION_INT,
     .value = "FORMAT",
     .min = 1,
     .max = 0,
     .words = format_words,
     .standard = "text",
     .help = "Log lines as text or json.",
     .group = "General",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, log_json)},
    {.names = "--help -h",
     .kind = FST_OPTION_FLAG,
     .value = "[GROUP]",
     .help = "Say the options of a group; all: of all.",
     .group = "General",
     .commands = 1},
    {.names = "--version",
     .kind = FST_OPTION_FLAG,
     .constant = 1,
     .help = "Say the version.",
     .group = "General",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, version)},
};

static const struct fst_options options_of_agent = {
    .items = option_table,
    .count = sizeof option_table / sizeof *option_table,
    .commands = 1,
    .env = "FASTEST_",
};

struct fst_options fst_agent_settings_table(void)
{
    return options_of_agent;
}

/* The first token that no option takes, as one line. */
static int refuse_token(const char *token, struct fst_err *err)
{
    return fst_fail(err, FST_E_USAGE, "%s: an agent takes options only", token);
}

int fst_agent_settings_load(struct fst_agent_settings *settings, int argc,
                            const char *const *argv, const char *const *env,
                            struct fst_err *err)
{
    struct fst_strings tokens = {0};
    const char *unknown = NULL;
    int rest = argc;
    fst_options_defaults(&options_of_agent, settings);
    int result = fst_options_env(&options_of_agent, settings, env, err);
    if (!result)
        result = fst_options_parse(&options_of_agent, settings, argc, argv,
                                   &tokens, &rest, &unknown, err);
    if (!result && !settings->version) {
        if (tokens.count || rest < argc)
            result =
                refuse_token(tokens.count ? tokens.items[0] : argv[rest], err);
        else if (!settings->connect)
            result = fst_fail(err, FST_E_USAGE,
                              "--connect URL is missing: where the coordinator "
                              "listens");
    }
    fst_strings_clear(&tokens);
    return result;
}

void fst_agent_settings_release(struct fst_agent_settings *settings)
{
    fst_options_release(&options_of_agent, settings);
}

void fst_agent_settings_help(const char *group, struct fst_buf *out)
{
    fst_buf_adds(out, "usage: fastest-agent --connect URL [OPTIONS]\n\n"
                      "Runs tests on this machine for a coordinator.\n\n");
    fst_options_help(&options_of_agent, group, "fastest-agent", out);
}
