#include "coordinator/cli/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/cli/ask.h"
#include "coordinator/store/store.h"
#include "shared/base/mem.h"
#include "shared/base/relpath.h"
#include "shared/config/pytestcfg.h"
#include "shared/trust/issue.h"
#include "shared/trust/tls.h"

enum { EXIT_USAGE = 4, DAY_S = 86400, CA_DAYS = 3650, DATE_TEXT = 11 };

static const char ca_name[] = "ca", coordinator_name[] = "coordinator";

struct wishes {
    char *dir;
    int days;
};

#define AT(field) FST_OPTION_AT(struct wishes, field)

static const struct fst_option option_table[] = {
    {.names = "--dir",
     .kind = FST_OPTION_STRING,
     .value = "DIR",
     .help = "where the files lie (else .fastest/certs under the root)",
     .group = "Options",
     AT(dir),
     .commands = 1},
    {.names = "--days",
     .kind = FST_OPTION_INT,
     .value = "N",
     .help = "how long a certificate is valid; never longer than the CA, which "
             "has ten years",
     .standard = "825",
     .min = 1,
     .max = CA_DAYS,
     .group = "Options",
     AT(days),
     .commands = 1},
    {.names = "-h --help",
     .kind = FST_OPTION_FLAG,
     .help = "show this text",
     .group = "Options",
     .commands = 1},
};

static const struct fst_options options = {
    .items = option_table,
    .count = sizeof option_table / sizeof *option_table,
    .commands = 1,
};

struct fst_options fst_cli_cert_table(void)
{
    return options;
}

static const char usage[] =
    "usage: fastest-coord cert init [OPTIONS]\n"
    "       fastest-coord cert agent NAME [OPTIONS]\n"
    "\n"
    "  init   a CA for a farm, and the coordinator's certificate\n"
    "  agent  an agent's certificate, for `fastest-agent --tls-cert`\n"
    "\n";

struct task {
    const struct wishes *wishes;
    const char *dir;         /* where the files lie */
    const char *shown;       /* the same, as seen from here */
    struct fst_strings made; /* files, to be removed where it fails */
    struct fst_identity *ca; /* with its key; NULL: not there yet */
    char until[DATE_TEXT];   /* of the last certificate */
};

/* ---- files */

static char *file_of(const char *dir, const char *name, const char *end)
{
    return fst_printf("%s/%s%s", dir, name, end);
}

static const char cert_end[] = ".pem", key_end[] = "-key.pem";

static int write_file(struct task *task, const char *name, const char *end,
                      const struct fst_buf *text, struct fst_err *err)
{
    char *file = file_of(task->dir, name, end);
    int result = 0;
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        result = fst_fail(err, FST_E_USAGE,
                          "%s is there already; nothing is overwritten", file);
    else if (fd < 0)
        result = fst_fail_sys(err, "%s", file);
    if (fd >= 0)
        fst_strings_add(&task->made, file);
    if (fd >= 0 && write(fd, text->data, text->len) != (ssize_t)text->len)
        result = fst_fail_sys(err, "%s", file);
    if (fd >= 0 && close(fd) && !result)
        result = fst_fail_sys(err, "%s", file);
    free(file);
    return result;
}

static void remove_made(const struct task *task)
{
    for (size_t i = 0; i < task->made.count; i++)
        unlink(task->made.items[i]);
}

/* ---- certificates */

static void wipe(struct fst_buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->cap);
    fst_buf_release(buf);
}

static void write_date(int64_t time_s, char text[DATE_TEXT])
{
    time_t time = (time_t)time_s;
    struct tm parts;
    FST_ASSERT(localtime_r(&time, &parts));
    FST_ASSERT(strftime(text, DATE_TEXT, "%Y-%m-%d", &parts) == DATE_TEXT - 1);
}

/* From a day ago on: clocks differ. */
static int issue(struct task *task, enum fst_issue_kind kind, const char *file,
                 const char *name, struct fst_err *err)
{
    struct fst_buf cert = FST_BUF_INIT, key = FST_BUF_INIT;
    int64_t now = (int64_t)time(NULL);
    int days = kind == FST_ISSUE_CA ? CA_DAYS : task->wishes->days;
    struct fst_issue_spec spec = {
        .kind = kind,
        .name = name,
        .dns = kind == FST_ISSUE_COORDINATOR ? FST_TLS_NAME : NULL,
        .from_s = now - DAY_S,
        .to_s = now + (int64_t)days * DAY_S,
    };
    if (task->ca && spec.to_s > fst_identity_end_s(task->ca))
        spec.to_s = fst_identity_end_s(task->ca);
    write_date(spec.to_s, task->until);
    int result = fst_issue(&spec, task->ca, &cert, &key, err);
    if (!result)
        result = write_file(task, file, cert_end, &cert, err);
    if (!result)
        result = write_file(task, file, key_end, &key, err);
    wipe(&cert);
    wipe(&key);
    return result;
}

static int read_ca(struct task *task, struct fst_err *err)
{
    char *cert = file_of(task->dir, ca_name, cert_end);
    char *key = file_of(task->dir, ca_name, key_end);
    const struct fst_identity_files files = {.cert = cert, .key = key};
    task->ca = fst_identity_read(&files, err);
    free(cert);
    free(key);
    return task->ca ? 0 : -1;
}

/* ---- the verbs */

static int init(struct task *task, struct fst_err *err)
{
    const char *dir = task->shown;
    char serial[FST_NONCE_HEX], name[FST_ISSUE_NAME_MOST];
    fst_nonce_make(serial);
    snprintf(name, sizeof name, "fastest-ca-%.8s", serial);
    if (issue(task, FST_ISSUE_CA, ca_name, name, err) || read_ca(task, err) ||
        issue(task, FST_ISSUE_COORDINATOR, coordinator_name, FST_TLS_NAME, err))
        return -1;
    printf("made in %s:\n"
           "  ca.pem           the farm's CA: agents get a copy\n"
           "  ca-key.pem       makes members of the farm: keep it to yourself\n"
           "  coordinator.pem, coordinator-key.pem: until %s\n"
           "\n"
           "A certificate for each agent, then a run that takes them:\n"
           "  fastest-coord cert agent NAME\n"
           "  fastest --listen tls+tcp://0.0.0.0:4177 --tls-ca %s/ca.pem \\\n"
           "    --tls-cert %s/coordinator.pem --tls-key "
           "%s/coordinator-key.pem\n",
           dir, task->until, dir, dir, dir);
    return 0;
}

static int agent(struct task *task, const char *name, struct fst_err *err)
{
    if (!fst_issue_is_name(name))
        return fst_fail(err, FST_E_USAGE,
                        "cert agent %s: a name has letters, digits and ._-, "
                        "%d at most",
                        name, FST_ISSUE_NAME_MOST);
    if (read_ca(task, err)) {
        if (err->code == FST_E_NOTFOUND)
            fst_fail(err, FST_E_NOTFOUND,
                     "no CA in %s: fastest-coord cert init makes one",
                     task->shown);
        return -1;
    }
    if (issue(task, FST_ISSUE_AGENT, name, name, err))
        return -1;
    printf("made in %s:\n"
           "  %s.pem, %s-key.pem: until %s\n"
           "\n"
           "Take both and ca.pem to the agent's machine (scp), and there:\n"
           "  fastest-agent --connect tls+tcp://HOST:4177 --tls-ca ca.pem \\\n"
           "    --tls-cert %s.pem --tls-key %s-key.pem\n",
           task->shown, name, name, task->until, name, name);
    return 0;
}

/* ---- the command */

static int make_dirs(const struct wishes *wishes, const char *dir,
                     struct fst_err *err)
{
    /* The default's parent is .fastest, which knows what git should skip. */
    if (!wishes->dir && fst_store_make_folder(dir, err))
        return -1;
    return mkdir(dir, 0700) && errno != EEXIST ? fst_fail_sys(err, "%s", dir)
                                               : 0;
}

static int find_dir(const struct wishes *wishes, const char *cwd, char **dir,
                    struct fst_err *err)
{
    struct fst_pytest_config config;
    struct fst_pytest_inputs inputs = {.cwd = cwd,
                                       .ask = fst_cli_pytest_version};
    if (wishes->dir) {
        *dir = fst_strdup(wishes->dir);
        return 0;
    }
    int result = fst_pytest_config_load(&config, &inputs, err);
    if (!result)
        *dir = fst_printf("%s/.fastest/certs", config.root);
    fst_pytest_config_release(&config);
    return result;
}

static int work(const struct wishes *wishes, const struct fst_strings *words,
                const char *cwd, struct fst_err *err)
{
    const char *verb = words->count ? words->items[0] : "";
    bool is_init = !strcmp(verb, "init") && words->count == 1;
    char *dir = NULL;
    if (!is_init && (strcmp(verb, "agent") != 0 || words->count != 2))
        return fst_fail(err, FST_E_USAGE,
                        "cert takes a verb: cert init, or cert agent NAME");
    int result = find_dir(wishes, cwd, &dir, err);
    if (!result && is_init)
        result = make_dirs(wishes, dir, err);
    if (!result) {
        struct fst_arena arena = {0};
        struct task task = {
            .wishes = wishes,
            .dir = dir,
            .shown = wishes->dir ? dir : fst_relpath(&arena, cwd, dir),
        };
        result =
            is_init ? init(&task, err) : agent(&task, words->items[1], err);
        if (result)
            remove_made(&task);
        fst_strings_clear(&task.made);
        fst_identity_free(task.ca);
        fst_arena_release(&arena);
    }
    free(dir);
    return result;
}

int fst_cli_cert(int argc, const char *const *argv, const char *cwd)
{
    struct wishes wishes = {0};
    struct fst_strings words = {0};
    struct fst_err err;
    const char *unknown, *group;
    int rest, status = 0;
    if (fst_options_asks_help(&options, argc, argv, &group)) {
        struct fst_buf help = FST_BUF_INIT;
        fst_options_help(&options, group, "fastest-coord cert", &help);
        printf("%s%s", usage, fst_buf_str(&help));
        fst_buf_release(&help);
        return 0;
    }
    fst_options_defaults(&options, &wishes);
    if (fst_options_parse(&options, &wishes, argc, argv, &words, &rest,
                          &unknown, &err))
        status = EXIT_USAGE;
    else if (work(&wishes, &words, cwd, &err))
        status = fst_code_exit(err.code);
    if (status)
        fprintf(stderr, "ERROR: %s\n", err.msg);
    fst_options_release(&options, &wishes);
    fst_strings_clear(&words);
    return status;
}
