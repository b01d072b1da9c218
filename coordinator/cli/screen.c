/* The terminal that the report is written to: what it can, how large it is, and
 * when the report looks at the run again. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/cli/runstate.h"
#include "shared/base/log.h"

#define FRAME_NS INT64_C(100000000)
#define LOOK_NS INT64_C(5000000000)

int fst_screen_fd(const struct fst_settings *settings)
{
    bool taken = settings->events && !strcmp(settings->events, "-");
    return taken ? STDERR_FILENO : STDOUT_FILENO;
}

static bool is_terminal(const struct fst_settings *settings)
{
    const char *term = getenv("TERM");
    return isatty(fst_screen_fd(settings)) && term && *term &&
           strcmp(term, "dumb") != 0;
}

bool fst_screen_color(const struct fst_settings *settings)
{
    enum fst_color color = settings->color;
    const char *off = getenv("NO_COLOR"), *on = getenv("FORCE_COLOR");
    const char *own = getenv("PY_COLORS");
    if (color != FST_COLOR_AUTO)
        return color == FST_COLOR_YES;
    if (own && (!strcmp(own, "0") || !strcmp(own, "1")))
        return *own == '1';
    if (off && *off)
        return false;
    if (on && *on)
        return true;
    return is_terminal(settings);
}

bool fst_screen_unicode(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!locale)
        return false;
    bool unicode = !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");
    freelocale(locale);
    return unicode;
}

/* Whether others write to the terminal, too, in the midst of a block: the
 * programs' logs, events. */
static bool is_shared(const struct fst_settings *settings)
{
    bool logs = settings->log_level > FST_LOG_WARN && isatty(STDERR_FILENO);
    bool events = fst_screen_fd(settings) != STDOUT_FILENO;
    return logs || (events && isatty(STDOUT_FILENO));
}

/* A log that looks like a terminal is read later, as pytest sees it. */
enum fst_progress fst_screen_progress(const struct fst_settings *settings)
{
    if (settings->no_progress || settings->collect_only ||
        settings->verbosity < -1)
        return FST_PROGRESS_NONE;
    bool log = getenv("CI") || getenv("BUILD_NUMBER");
    return is_terminal(settings) && !is_shared(settings) && !log
               ? FST_PROGRESS_LIVE
               : FST_PROGRESS_LINES;
}

struct fst_screen fst_screen_size(int fd)
{
    struct fst_screen screen = {.columns = 80, .width = 80, .rows = 24};
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col) {
        screen.columns = screen.width = size.ws_col;
        screen.rows = size.ws_row;
    }
    if (columns && atoi(columns) > 0)
        screen.columns = (uint32_t)atoi(columns);
    return screen;
}

static void look(void *user)
{
    enum { MOST = 2 };
    struct run *run = user;
    struct fst_running running[MOST];
    int64_t now = fst_loop_now_ns(&run->loop);
    fst_report_tick(
        run->report,
        &(struct fst_report_now){
            .running = running,
            .n_running = fst_core_running(run->core, run->id, running, MOST),
            .lasts_s = fst_run_now_s(run) - run->start_s,
            .left_s = fst_core_left_s(run->core, run->id, now),
            .now_ns = now,
        });
    fst_timer_set(run->screen.timer, run->screen.every_ns);
}

static void on_resize(void *user, int number)
{
    struct run *run = user;
    struct fst_screen size = fst_screen_size(fst_screen_fd(run->settings));
    (void)number;
    fst_report_resize(run->report, &size);
}

/* ^Z: the shell is going to write. */
static void on_stop(void *user, int number)
{
    struct run *run = user;
    fst_report_hide(run->report);
    kill(getpid(), SIGSTOP);
    on_resize(user, number);
}

static void on_log(void *user)
{
    struct run *run = user;
    fst_report_hide(run->report);
}

static bool is_same_file(int one, int two)
{
    struct stat a, b;
    return !fstat(one, &a) && !fstat(two, &b) && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

int fst_screen_watch(struct run *run, struct fst_err *err)
{
    enum fst_progress progress = fst_screen_progress(run->settings);
    struct sigaction stop;
    if (is_same_file(fst_screen_fd(run->settings), STDERR_FILENO))
        fst_log_before(on_log, run);
    if (progress == FST_PROGRESS_NONE)
        return 0;
    run->screen.every_ns = progress == FST_PROGRESS_LIVE ? FRAME_NS : LOOK_NS;
    run->screen.timer = fst_timer_new(&run->loop, look, run);
    fst_timer_set(run->screen.timer, run->screen.every_ns);
    if (progress != FST_PROGRESS_LIVE)
        return 0;
    run->screen.resized =
        fst_signal_new(&run->loop, SIGWINCH, on_resize, run, err);
    if (!run->screen.resized)
        return -1;
    if (sigaction(SIGTSTP, NULL, &stop) || stop.sa_handler == SIG_IGN)
        return 0;
    run->screen.stopped =
        fst_signal_new(&run->loop, SIGTSTP, on_stop, run, err);
    return run->screen.stopped ? 0 : -1;
}

void fst_screen_release(struct run *run)
{
    fst_log_before(NULL, NULL);
    fst_timer_free(run->screen.timer);
    fst_signal_free(run->screen.resized);
    fst_signal_free(run->screen.stopped);
}
