#include "coordinator/cli/ask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/base/mem.h"
#include "shared/loop/loop.h"

enum { LONGEST_ANSWER = 4 << 20 };

static void on_end(void *user, int status)
{
    *(int *)user = status;
}

void fst_cli_ask(const char *const *argv, struct fst_buf *out)
{
    struct fst_loop loop;
    out->limit = LONGEST_ANSWER;
    int status = -1, file = memfd_create("output", MFD_CLOEXEC);
    if (file < 0 || fst_loop_init(&loop, NULL))
        return;
    int fds[] = {-1, file, -1};
    struct fst_child *child = fst_child_start(
        &loop, &(struct fst_child_spec){.argv = argv, .fds = fds, .n_fds = 3},
        on_end, &status, NULL);
    if (child) {
        fst_loop_run(&loop);
        fst_child_free(child);
    }
    fst_loop_fini(&loop);
    off_t size = lseek(file, 0, SEEK_END);
    char *room = size > 0 ? fst_buf_room(out, (size_t)size) : NULL;
    if (room && pread(file, room, (size_t)size, 0) == size) {
        out->len += (size_t)size;
        fst_buf_end(out);
    }
    close(file);
}

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
    fst_cli_ask(argv, &help);
    size_t len = strlen(option);
    bool known = len > 1 && lists_option(fst_buf_str(&help), option, len);
    fst_buf_release(&help);
    return known;
}

struct fst_pytest_version fst_cli_pytest_version(const char *python)
{
    /* As in a worker, the current directory is no place to import from. */
    static const char script[] = "import sys\n"
                                 "if sys.path[:1] == ['']: del sys.path[0]\n"
                                 "import _pytest\n"
                                 "print('pytest', _pytest.__version__)\n";
    const char *argv[] = {python, "-c", script, NULL};
    struct fst_buf out = FST_BUF_INIT;
    struct fst_pytest_version version = {0};
    fst_cli_ask(argv, &out);
    if (sscanf(fst_buf_str(&out), "pytest %d.%d", &version.major,
               &version.minor) != 2)
        version = (struct fst_pytest_version){0};
    fst_buf_release(&out);
    return version;
}
