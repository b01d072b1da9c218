#include "shared/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/text.h"

static const char *log_name = "fastest";
static enum fst_log_level log_level = FST_LOG_WARN;
static int log_json;

static _Thread_local void (*log_before)(void *user);
static _Thread_local void *log_user;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void fst_log_setup(const char *name, enum fst_log_level level, int json)
{
    log_name = name;
    log_level = level;
    log_json = json;
}

void fst_log_before(void (*before)(void *user), void *user)
{
    log_before = before;
    log_user = user;
}

/* A message is one line, whatever it quotes: control characters become "?". */
static void flatten(char *text)
{
    for (size_t len; *text; text += len ? len : 1) {
        len = fst_text_control(text);
        for (size_t i = 0; i < len; i++)
            text[i] = '?';
    }
}

/* Escapes a flat text for a JSON string, cut to what fits. */
static void escape(char *out, size_t size, const char *text)
{
    size_t used = 0;
    for (; *text && used + 3 < size; text++) {
        if (*text == '"' || *text == '\\')
            out[used++] = '\\';
        out[used++] = *text;
    }
    out[used] = '\0';
}

void fst_log(enum fst_log_level level, const char *fmt, ...)
{
    if (level > log_level)
        return;
    char text[4096], line[9000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    flatten(text);
    int len;
    if (log_json) {
        char escaped[8400];
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        escape(escaped, sizeof escaped, text);
        len = snprintf(line, sizeof line,
                       "{\"time\":%lld.%03ld,\"program\":\"%s\","
                       "\"level\":\"%s\",\"message\":\"%s\"}\n",
                       (long long)now.tv_sec, now.tv_nsec / 1000000, log_name,
                       level_names[level], escaped);
    } else {
        len = snprintf(line, sizeof line, "%s: %s: %s\n", log_name,
                       level_names[level], text);
    }
    if (log_before)
        log_before(log_user);
    /* One write, so that lines of several threads don't mix. */
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}
