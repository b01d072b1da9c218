/* The programs' own log: one line a message on stderr, text or JSON.
 *
 * Not for what a user is to see of a run: that is the report's. Any thread. */
#ifndef FST_BASE_LOG_H
#define FST_BASE_LOG_H

enum fst_log_level { FST_LOG_ERROR, FST_LOG_WARN, FST_LOG_INFO, FST_LOG_DEBUG };

/* name: "fastest-coord" or "fastest-agent", kept by address. Before the first
 * thread starts. Default: warn, text. */
void fst_log_setup(const char *name, enum fst_log_level level, int json);
void fst_log(enum fst_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Called before each line that this thread logs: whoever else writes there can
 * end its own line. NULL: nobody. */
void fst_log_before(void (*before)(void *user), void *user);

#define fst_error(...) fst_log(FST_LOG_ERROR, __VA_ARGS__)
#define fst_warn(...) fst_log(FST_LOG_WARN, __VA_ARGS__)
#define fst_info(...) fst_log(FST_LOG_INFO, __VA_ARGS__)
#define fst_debug(...) fst_log(FST_LOG_DEBUG, __VA_ARGS__)

#endif
