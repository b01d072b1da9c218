#include "shared/loop/ask.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/loop/loop.h"

#define VERSIONS_NS INT64_C(30000000000)

enum { LONGEST_ANSWER = 4 << 20 };

static void on_end(void *user, int status)
{
    (void)status;
    fst_loop_stop(user);
}

static void on_late(void *user)
{
    fst_loop_stop(user);
}

static void run(const char *const *argv, int64_t limit_ns, int input, int file)
{
    struct fst_loop loop;
    int fds[] = {input, file, -1};
    if (fst_loop_init(&loop, NULL))
        return;
    struct fst_child *child = fst_child_start(
        &loop, &(struct fst_child_spec){.argv = argv, .fds = fds, .n_fds = 3},
        on_end, &loop, NULL);
    struct fst_timer *timer = fst_timer_new(&loop, on_late, &loop);
    if (limit_ns)
        fst_timer_set(timer, limit_ns);
    if (child)
        fst_loop_run(&loop);
    fst_timer_free(timer);
    fst_child_free(child);
    fst_loop_fini(&loop);
}

/* -1 where there is no room for it. */
static int new_file(const char *name, const struct fst_buf *holds)
{
    int file = memfd_create(name, MFD_CLOEXEC);
    size_t size = holds ? holds->len : 0;
    if (file >= 0 && size &&
        pwrite(file, holds->data, size, 0) != (ssize_t)size) {
        close(file);
        return -1;
    }
    return file;
}

void fst_ask(const char *const *argv, const struct fst_buf *input,
             int64_t limit_ns, struct fst_buf *out)
{
    int file = new_file("output", NULL);
    int read = input ? new_file("input", input) : -1;
    if (file >= 0 && (read >= 0 || !input))
        run(argv, limit_ns, read, file);
    if (read >= 0)
        close(read);
    if (file < 0)
        return;
    out->limit = LONGEST_ANSWER;
    off_t size = lseek(file, 0, SEEK_END);
    char *room = size > 0 ? fst_buf_room(out, (size_t)size) : NULL;
    if (room && pread(file, room, (size_t)size, 0) == size) {
        out->len += (size_t)size;
        fst_buf_end(out);
    }
    close(file);
}

void fst_ask_versions(const char *python, struct fst_versions *versions)
{
    /* As in a worker, the current directory is no place to import from. */
    static const char script[] =
        "import sys\n"
        "if sys.path[:1] == ['']: del sys.path[0]\n"
        "say = 'versions: %d.%d.%d' % sys.version_info[:3]\n"
        "try:\n"
        "    import _pytest\n"
        "    say += ' ' + _pytest.__version__\n"
        "except ImportError: pass\n"
        "print(say)\n";
    const char *argv[] = {python, "-c", script, NULL};
    struct fst_buf out = FST_BUF_INIT;
    *versions = (struct fst_versions){0};
    fst_ask(argv, NULL, VERSIONS_NS, &out);
    const char *said = strstr(fst_buf_str(&out), "versions: ");
    if (said)
        sscanf(said, "versions: %31s %31s", versions->python, versions->pytest);
    fst_buf_release(&out);
}
