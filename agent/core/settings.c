#include "agent/core/settings.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/text.h"
#include "shared/base/vec.h"

/* What is said before the coordinator trusts the agent has 4096 bytes. */
enum { SLOTS_MAX = 4096, NAME_MAX_LEN = 128, LABELS_MAX_LEN = 2048 };

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
     .help = "Where the coordinator listens: tls+tcp://HOST:PORT, "
             "tcp://HOST:PORT or ipc:///PATH. Required.",
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
    {.names = "--label",
     .key = "label",
     .kind = FST_OPTION_LIST,
     .value = "KEY=VALUE",
     .help = "What reports say of this agent besides (repeatable).",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, labels)},
    {.names = "--allow-mismatch",
     .key = "allow-mismatch",
     .kind = FST_OPTION_FLAG,
     .constant = 1,
     .help = "Join with other files, another Python or pytest than the "
             "coordinator's, which it would refuse else.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, allow_mismatch)},
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
    {.names = "--dead-after",
     .key = "dead-after",
     .kind = FST_OPTION_SECONDS,
     .value = "S",
     .standard = "15",
     .help = "A coordinator that is silent for so long is lost.",
     .group = "Farm",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, dead_after_s)},
    {.names = "--token-file",
     .key = "token-file",
     .kind = FST_OPTION_STRING,
     .value = "FILE",
     .help = "The farm's token; default: $FASTEST_TOKEN, else the file that a "
             "coordinator with the same root has made.",
     .group = "Trust",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, token_file)},
    {.names = "--tls-ca",
     .key = "tls-ca",
     .kind = FST_OPTION_STRING,
     .value = "FILE",
     .help = "The CA whose certificate the coordinator has; needed for "
             "tls+tcp:// (PEM).",
     .group = "Trust",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, tls_ca)},
    {.names = "--tls-cert",
     .key = "tls-cert",
     .kind = FST_OPTION_STRING,
     .value = "FILE",
     .help = "This agent's certificate, where the coordinator asks for one.",
     .group = "Trust",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, tls_cert)},
    {.names = "--tls-key",
     .key = "tls-key",
     .kind = FST_OPTION_STRING,
     .value = "FILE",
     .help = "Its private key.",
     .group = "Trust",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, tls_key)},
    {.names = "--tls-server-name",
     .key = "tls-server-name",
     .kind = FST_OPTION_STRING,
     .value = "NAME",
     .help = "The name in the coordinator's certificate; default: "
             "fastest-coord.",
     .group = "Trust",
     .commands = 1,
     FST_OPTION_AT(struct fst_agent_settings, tls_server_name)},
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
         "much as a worker's start; in a farm with over two slots all "
         "forked.",
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
     .help =
         "How much to log: error, warn, info or debug; where standard error "
         "is a terminal, info is the default.",
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

static int check_name(const char *name, struct fst_err *err)
{
    if (!name)
        return 0;
    if (!*name || strlen(name) > NAME_MAX_LEN)
        return fst_fail(err, FST_E_USAGE,
                        "--name: a name has 1 to %d bytes, this one %zu",
                        NAME_MAX_LEN, strlen(name));
    if (!fst_text_is_line(name))
        return fst_fail(err, FST_E_USAGE,
                        "--name: a name is UTF-8 without control characters");
    return 0;
}

static int check_labels(const struct fst_strings *labels, struct fst_err *err)
{
    static const char key[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    size_t total = 0;
    for (size_t i = 0; i < labels->count; i++) {
        const char *label = labels->items[i];
        size_t len = strspn(label, key);
        total += strlen(label);
        if (!fst_text_is_line(label))
            return fst_fail(err, FST_E_USAGE,
                            "--label: it is UTF-8 without control characters");
        if (!len || label[len] != '=')
            return fst_fail(err, FST_E_USAGE,
                            "--label %.80s: expected KEY=VALUE, the key of "
                            "letters, digits and _ - . /",
                            label);
    }
    if (total > LABELS_MAX_LEN)
        return fst_fail(err, FST_E_USAGE,
                        "--label: together they may have %d bytes, not %zu",
                        LABELS_MAX_LEN, total);
    return 0;
}

static int check(const struct fst_agent_settings *settings, struct fst_err *err)
{
    if (!settings->connect || !*settings->connect)
        return fst_fail(err, FST_E_USAGE,
                        "--connect URL is missing: where the coordinator "
                        "listens");
    if (check_name(settings->name, err))
        return -1;
    return check_labels(&settings->labels, err);
}

static const char typed_here[] = "command line";

int fst_agent_settings_load(struct fst_agent_settings *settings, int argc,
                            const char *const *argv, const char *const *env,
                            struct fst_err *err)
{
    struct fst_strings tokens = {0};
    const char *unknown = NULL;
    int rest = argc;
    struct fst_options options = options_of_agent;
    settings->heard = fst_calloc(options.count, sizeof *settings->heard);
    options.heard = settings->heard;
    fst_options_defaults(&options, settings);
    int result = fst_options_env(&options, settings, env, err);
    options.where = typed_here;
    if (!result)
        result = fst_options_parse(&options, settings, argc, argv, &tokens,
                                   &rest, &unknown, err);
    if (!result && !settings->version) {
        if (tokens.count || rest < argc)
            result =
                refuse_token(tokens.count ? tokens.items[0] : argv[rest], err);
        else
            result = check(settings, err);
    }
    fst_strings_clear(&tokens);
    return result;
}

void fst_agent_settings_release(struct fst_agent_settings *settings)
{
    fst_options_release(&options_of_agent, settings);
    for (size_t i = 0; settings->heard && i < options_of_agent.count; i++)
        free(settings->heard[i]);
    free(settings->heard);
    settings->heard = NULL;
}

const char *fst_agent_settings_heard(const struct fst_agent_settings *settings,
                                     const char *name)
{
    const struct fst_option *option =
        fst_options_find(&options_of_agent, name, strlen(name));
    return settings->heard[option - options_of_agent.items];
}

bool fst_agent_settings_typed(const struct fst_agent_settings *settings,
                              const char *name)
{
    const char *heard = fst_agent_settings_heard(settings, name);
    return heard && !strcmp(heard, typed_here);
}

void fst_agent_settings_help(const char *group, struct fst_buf *out)
{
    fst_buf_adds(out, "usage: fastest-agent --connect URL [OPTIONS]\n\n"
                      "Runs tests on this machine for a coordinator.\n\n");
    fst_options_help(&options_of_agent, group, "fastest-agent", out);
}
