#include "coordinator/cli/local.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/loop/leftovers.h"

/* A socket's path may have 107 bytes (sun_path). */
enum { LONGEST_FOLDER = 90 };

struct fst_local {
    struct fst_loop *loop;
    const struct fst_local_spec *spec;
    char *folder, *url;
    struct fst_child *child;
    void (*on_exit)(void *user, int status);
    void *user;
};

/* Whether anybody listens there. */
static bool is_refused(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 &&
                   connect(fd, (struct sockaddr *)&address, sizeof address) &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

/* A coordinator that was killed could not remove its socket's folder: whoever
 * comes next does, where it is ours, has no listener, and is not so young that
 * its coordinator may be about to listen. */
static void remove_stale(const char *place)
{
    enum { YOUNG_S = 60 };
    DIR *dir = opendir(place);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        struct stat info;
        if (strncmp(entry->d_name, "fastest-", 8) ||
            strlen(entry->d_name) != strlen("fastest-XXXXXX"))
            continue;
        char *folder = fst_printf("%s/%s", place, entry->d_name);
        char *path = fst_printf("%s/coordinator", folder);
        if (!lstat(folder, &info) && S_ISDIR(info.st_mode) &&
            info.st_uid == getuid() && time(NULL) - info.st_mtime > YOUNG_S &&
            is_refused(path)) {
            unlink(path);
            rmdir(folder);
        }
        free(path);
        free(folder);
    }
    if (dir)
        closedir(dir);
}

static char *make_folder(struct fst_err *err)
{
    const char *places[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"),
                            "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!places[i] || places[i][0] != '/')
            continue;
        remove_stale(places[i]);
        char *folder = fst_printf("%s/fastest-XXXXXX", places[i]);
        if (strlen(folder) <= LONGEST_FOLDER && mkdtemp(folder))
            return folder;
        free(folder);
    }
    fst_fail_sys(err, "no folder for a socket in $TMPDIR or /tmp");
    return NULL;
}

struct fst_local *fst_local_new(struct fst_loop *loop,
                                const struct fst_local_spec *spec,
                                struct fst_err *err)
{
    char *folder = make_folder(err);
    if (!folder)
        return NULL;
    fst_leftovers_adopt();
    struct fst_local *local = fst_alloc(sizeof *local);
    local->loop = loop;
    local->spec = spec;
    local->folder = folder;
    local->url = fst_printf("ipc://%s/coordinator", folder);
    return local;
}

const char *fst_local_url(const struct fst_local *local)
{
    return local->url;
}

/* The programs are installed side by side. */
static char *find_agent(struct fst_err *err)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len < 0) {
        fst_fail_sys(err, "/proc/self/exe (/proc must be mounted)");
        return NULL;
    }
    path[len] = '\0';
    *strrchr(path, '/') = '\0';
    return fst_printf("%s/fastest-agent", path);
}

/* The agent has left nothing behind, unless it was killed: then its workers'
 * children and what tests have daemonised come to us. */
static void end_leftovers(void)
{
    struct fst_leftovers found = {0};
    struct fst_arena arena = {0};
    fst_leftovers_end(NULL, 0, &arena, &found);
    for (size_t i = 0; i < found.list.count; i++)
        if (found.list.items[i].test)
            fst_warn("%s", fst_leftover_line(&found.list.items[i], &arena));
    fst_vec_free(&found.list);
    fst_arena_release(&arena);
}

static void on_child_exit(void *user, int status)
{
    struct fst_local *local = user;
    fst_child_free(local->child);
    local->child = NULL;
    end_leftovers();
    local->on_exit(local->user, status);
}

/* Ours without FASTEST_WORKERS: an agent has -n, and knows neither "0" nor
 * "logical". The array is the caller's, its strings are borrowed. */
static const char **agents_env(void)
{
    extern char **environ;
    static const char workers[] = "FASTEST_WORKERS=";
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    const char **env = fst_calloc(count + 1, sizeof *env);
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], workers, strlen(workers)) != 0)
            env[kept++] = environ[i];
    return env;
}

int fst_local_start(struct fst_local *local,
                    void (*on_exit)(void *user, int status), void *user,
                    struct fst_err *err)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    const struct fst_local_spec *spec = local->spec;
    char *agent = find_agent(err);
    if (!agent)
        return -1;
    char slots[16];
    snprintf(slots, sizeof slots, "%u", spec->slots);
    const char *argv[20] = {
        agent,    "--connect", local->url,    "--once",
        "-n",     slots,       "--root",      spec->root,
        "--name", "local",     "--log-level", levels[spec->log_level],
    };
    size_t n = 12;
    if (spec->log_json) {
        argv[n++] = "--log-format";
        argv[n++] = "json";
    }
    char memory[32];
    if (spec->max_memory) {
        bool share = spec->max_memory < 0;
        snprintf(memory, sizeof memory, share ? "%lld%%" : "%lld",
                 (long long)(share ? -spec->max_memory : spec->max_memory));
        argv[n++] = "--max-memory";
        argv[n++] = memory;
    }
    if (spec->python) {
        argv[n++] = "--python";
        argv[n++] = spec->python;
    }
    static const int fds[] = {-1, STDERR_FILENO, STDERR_FILENO};
    /* SIGTERM: it has to end what its workers' tests have started. */
    const char **env = agents_env();
    struct fst_child_spec child = {.argv = argv,
                                   .env = env,
                                   .fds = fds,
                                   .n_fds = 3,
                                   .death_signal = SIGTERM};
    local->on_exit = on_exit;
    local->user = user;
    local->child =
        fst_child_start(local->loop, &child, on_child_exit, local, err);
    free(env);
    free(agent);
    return local->child ? 0 : fst_wrap(err, "the local agent can't be started");
}

void fst_local_kill(struct fst_local *local)
{
    if (local->child)
        fst_child_signal(local->child, SIGKILL, true);
}

void fst_local_free(struct fst_local *local)
{
    if (!local)
        return;
    if (local->child) {
        fst_child_free(local->child);
        end_leftovers();
    }
    if (rmdir(local->folder) && errno == ENOTEMPTY) {
        unlink(local->url + strlen("ipc://"));
        rmdir(local->folder);
    }
    free(local->folder);
    free(local->url);
    free(local);
}
