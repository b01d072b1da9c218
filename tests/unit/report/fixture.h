/* A reporter whose terminal is a file in memory, fed by short calls; what it
 * wrote is compared with golden/NAME.txt. With FST_GOLDEN=write the files are
 * written anew instead, to be read before they are committed. */
#ifndef FST_TESTS_REPORT_FIXTURE_H
#define FST_TESTS_REPORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "coordinator/report/report.h"
#include "shared/base/buf.h"
#include "shared/base/steady.h"

struct fixture {
    struct fst_report *report;
    int fd;
    struct fst_counts counts;
};

#define START_S 1000.0

static inline void begin(struct fixture *fix, struct fst_report_spec spec)
{
    unsetenv("CI");
    unsetenv("BUILD_NUMBER");
    memset(fix, 0, sizeof *fix);
    fix->fd = memfd_create("terminal", MFD_CLOEXEC);
    assert_true(fix->fd >= 0);
    spec.fd = fix->fd;
    spec.screen.columns = spec.screen.columns ? spec.screen.columns : 80;
    spec.start_s = START_S;
    spec.epoch_s = fst_steady_epoch_s();
    spec.durations = spec.durations ? spec.durations : -1;
    spec.run = "r1";
    spec.workers = 2;
    fix->report = fst_report_new(&spec);
    fst_report_agent(fix->report, 1, "local", 2, false, NULL);
}

/* The first worker is up: the header. */
static inline void session(struct fixture *fix, size_t tests)
{
    const char *plugins[] = {"cov-4.0.0", "xdist-3.1.0"};
    struct fst_state state = {.python = "3.11.2",
                              .pytest = "7.2.1",
                              .rootdir = "/suite",
                              .inifile = "pytest.ini",
                              .plugins = {plugins, 2}};
    fst_report_discovered(
        fix->report,
        &(struct fst_report_discovery){
            .files = 2, .tests = tests, .parsed = 2, .duration_s = 0.01});
    fix->counts.expected = tests;
    fst_report_session(fix->report, &state, -1);
}

static inline void effect(struct fixture *fix, struct fst_effect what)
{
    what.agent.v = 1;
    fst_report_effect(fix->report, &what, &fix->counts);
}

static inline void attempt(struct fixture *fix, enum fst_attempt_kind kind,
                           uint32_t number, struct fst_result result)
{
    if (!(result.start_s > 0))
        result.start_s = START_S + 0.01;
    result.pid = 77;
    effect(fix, (struct fst_effect){.type = FST_EF_ATTEMPT,
                                    .id = result.id,
                                    .kind = kind,
                                    .attempt = number,
                                    .result = &result});
}

static inline void verdict(struct fixture *fix, const char *id,
                           enum fst_outcome outcome, uint32_t number)
{
    effect(fix, (struct fst_effect){.type = FST_EF_OUTCOME,
                                    .id = id,
                                    .attempt = number,
                                    .outcome = outcome});
}

/* One attempt, which is the verdict. */
static inline void test_ends(struct fixture *fix, const char *id,
                             enum fst_outcome outcome, struct fst_phase *phases,
                             size_t n_phases)
{
    attempt(fix, FST_ATTEMPT_FIRST, 1,
            (struct fst_result){.id = id,
                                .outcome = outcome,
                                .setup_s = 0.25,
                                .call_s = 0.5,
                                .teardown_s = 0.125,
                                .phases = phases,
                                .n_phases = n_phases});
    verdict(fix, id, outcome, 1);
}

static inline void test_passes(struct fixture *fix, const char *id)
{
    test_ends(fix, id, FST_PASSED, NULL, 0);
}

static inline void run_ends(struct fixture *fix, int exit_code,
                            const char *text)
{
    struct fst_strings problems = {0};
    effect(fix, (struct fst_effect){.type = FST_EF_ENDED,
                                    .exit_code = exit_code,
                                    .text = text});
    if (fst_report_end(fix->report, exit_code, START_S + 0.12, &problems))
        fail_msg("%s", problems.items[0]);
}

static inline char *read_fd(int fd)
{
    struct fst_buf buf = FST_BUF_INIT;
    ssize_t n;
    lseek(fd, 0, SEEK_SET);
    do {
        n = read(fd, fst_buf_room(&buf, 4096), 4096);
        assert_true(n >= 0);
        buf.len += (size_t)n;
        fst_buf_end(&buf);
    } while (n > 0);
    fst_buf_addc(&buf, '\0');
    return fst_buf_take(&buf);
}

/* What the terminal has seen; the caller's. Ends the fixture. */
static inline char *finish(struct fixture *fix)
{
    fst_report_free(fix->report);
    char *text = read_fd(fix->fd);
    close(fix->fd);
    return text;
}

/* So that a golden file can be read, and outlives a version. */
static inline char *readable(const char *text)
{
    static const char version[] = "fastest-" FST_VERSION;
    struct fst_buf out = FST_BUF_INIT;
    for (; *text; text++) {
        if (strncmp(text, version, strlen(version)) == 0) {
            fst_buf_adds(&out, "fastest-VERSION");
            text += strlen(version) - 1;
        } else if (*text == '\x1b') {
            fst_buf_adds(&out, "^[");
        } else {
            fst_buf_addc(&out, *text);
        }
    }
    fst_buf_addc(&out, '\0');
    return fst_buf_take(&out);
}

static inline void ends_as(struct fixture *fix, const char *golden)
{
    char path[100];
    char *raw = finish(fix), *text = readable(raw);
    const char *mode = getenv("FST_GOLDEN");
    bool writing = mode && strcmp(mode, "write") == 0;
    snprintf(path, sizeof path, "golden/%s.txt", golden);
    FILE *file = fopen(path, writing ? "w" : "r");
    assert_non_null(file);
    if (writing) {
        fputs(text, file);
    } else {
        char *expected = read_fd(fileno(file));
        assert_string_equal(text, expected);
        free(expected);
    }
    fclose(file);
    free(raw);
    free(text);
}

#endif
