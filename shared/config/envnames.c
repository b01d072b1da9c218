#include "shared/config/envnames.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"

static const char prefix[] = "FASTEST_";

/* What is no option of run and discover: those of fastest-agent and history
 * (tests/e2e/test_config.py holds them against --help), what tests are told,
 * and what our own tests and bench use. */
static const char *const others[] = {"connect",
                                     "name",
                                     "once",
                                     "retry",
                                     "root",
                                     "worker-start",
                                     "limit",
                                     "keep",
                                     "run-id",
                                     "agent",
                                     "token",
                                     "slot",
                                     "attempt",
                                     "bin",
                                     "system-root",
                                     "test-python",
                                     "test-plugins",
                                     "test-patience",
                                     "tls-server-name",
                                     "allow-mismatch",
                                     "label",
                                     NULL};

/* "MAX_MEMORY=…" as a key: "max-memory". */
static char *key_of(const char *name)
{
    char *key = fst_strndup(name, strcspn(name, "="));
    for (char *c = key; *c; c++)
        *c = (char)(*c == '_' ? '-' : tolower((unsigned char)*c));
    return key;
}

static bool is_known(const struct fst_options *options, const char *key)
{
    struct fst_options all = *options;
    all.commands = ~0U;
    bool known = fst_options_key(&all, key) != NULL;
    for (const char *const *other = others; *other; other++)
        known = known || !strcmp(*other, key);
    return known;
}

static char *describe(const struct fst_options *options, const char *variable,
                      const char *key)
{
    int len = (int)strcspn(variable, "=");
    const char *near = fst_options_nearest(options, key, true);
    if (!near)
        return fst_printf("%.*s is no setting of fastest", len, variable);
    char *line =
        fst_printf("%.*s is no setting of fastest (did you mean %s%s?)", len,
                   variable, prefix, near);
    for (char *c = strrchr(line, '(') + strlen("(did you mean "); *c != '?';
         c++)
        *c = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
    return line;
}

void fst_env_unknown(const struct fst_options *options, const char *const *env,
                     struct fst_strings *lines)
{
    size_t len = strlen(prefix);
    for (; *env; env++) {
        if (strncmp(*env, prefix, len) != 0)
            continue;
        char *key = key_of(*env + len);
        if (!is_known(options, key)) {
            char *line = describe(options, *env, key);
            fst_strings_add(lines, line);
            free(line);
        }
        free(key);
    }
}
