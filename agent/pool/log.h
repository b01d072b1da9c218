/* What one worker writes to its standard output and error: read as it comes,
 * its end kept.
 *
 * A pipe: its writing end is the worker's descriptors 1 and 2, ours is read on
 * the loop into a ring of fixed size, so that a worker that writes without end
 * costs no disk and no memory. Whoever writes faster than we read waits, as
 * before any pipe. Children of the worker may hold the writing end when it has
 * ended; they get SIGPIPE once the log is freed.
 *
 * Loop thread only.
 */
#ifndef FST_POOL_LOG_H
#define FST_POOL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/arena.h"
#include "shared/base/err.h"
#include "shared/loop/loop.h"

enum { FST_WORKER_LOG_KEPT = 64 * 1024 }; /* bytes of its end */

struct fst_worker_log;

/* on_bytes: whatever comes, in order and in pieces of any size, cut anywhere
 * (also inside a character); never from within the functions below but
 * fst_worker_log_drain(). NULL: nobody wants to know. */
struct fst_worker_log *
fst_worker_log_open(struct fst_loop *loop,
                    void (*on_bytes)(void *user, const char *bytes, size_t len),
                    void *user, struct fst_err *err);
/* Back-pressure: whether it is read. The first state is true. */
void fst_worker_log_read(struct fst_worker_log *log, bool on);
/* The end to write to: give it to the process, then shut our copy of it. */
int fst_worker_log_writer(const struct fst_worker_log *log);
void fst_worker_log_shut_writer(struct fst_worker_log *log);
/* Reads what has been written so far (of an endless writer a few megabytes). */
void fst_worker_log_drain(struct fst_worker_log *log);
/* Bytes read since the start. */
uint64_t fst_worker_log_total(const struct fst_worker_log *log);
/* The last `most` bytes of those read since a time of the steady clock (0:
 * ever), from the start of a line where one begins in them, as valid UTF-8
 * without white space at the end. What was written shortly before that time may
 * be among them: times are those of reading. In arena. */
char *fst_worker_log_tail(const struct fst_worker_log *log,
                          struct fst_arena *arena, double since_s, size_t most);
/* NULL is fine. Not from within on_bytes. */
void fst_worker_log_free(struct fst_worker_log *log);

#endif
