/* The journal on a thread of its own: what a run finds out gathers in a batch,
 * and a batch is written in one transaction while the next one fills. So the
 * thread that decides waits neither for the disk nor for SQLite.
 *
 * From start to stop the journal and its store are the thread's. Everything
 * here is for the one thread that started it; only on_written is called on the
 * journal's. The first error ends the journal: what is given later isn't
 * written, and fails by the same error.
 */
#ifndef FST_STORE_WRITER_H
#define FST_STORE_WRITER_H

#include "coordinator/store/journal.h"

struct fst_writer;

/* on_written(user): the batch that was given is written, or has failed. */
struct fst_writer *fst_writer_start(struct fst_journal *journal,
                                    void (*on_written)(void *user), void *user);
/* Waits for the batch that is being written; what was not given is forgotten.
 * The journal is the caller's again. NULL is fine. */
void fst_writer_stop(struct fst_writer *writer);

/* As the functions of the same names of journal.h. Strings are copied, but for
 * row->agent, which stands until the writer stops. A verdict that comes right
 * behind its attempt becomes one row with it. */
void fst_writer_add(struct fst_writer *writer,
                    const struct fst_journal_row *row);
void fst_writer_judge(struct fst_writer *writer, const char *id,
                      uint32_t attempt, enum fst_outcome outcome);
void fst_writer_amend(struct fst_writer *writer, const char *id,
                      uint32_t attempt, const char *message);
void fst_writer_warn(struct fst_writer *writer, const char *message);
void fst_writer_agents(struct fst_writer *writer, size_t agents,
                       uint32_t slots);
void fst_writer_host(struct fst_writer *writer, bool wanted);
void fst_writer_start_s(struct fst_writer *writer, double seconds);
void fst_writer_list(struct fst_writer *writer, const char *path,
                     const char *message, int64_t subject);
void fst_writer_cost(struct fst_writer *writer, const char *path,
                     double seconds);

/* Of the batch that fills. */
size_t fst_writer_bytes(const struct fst_writer *writer);
/* Hands it over; false: it is empty. Not while one is out. */
bool fst_writer_give(struct fst_writer *writer);
/* One was given and not yet taken back. */
bool fst_writer_is_out(const struct fst_writer *writer);
/* … and is written: fst_writer_take() won't wait. */
bool fst_writer_is_written(struct fst_writer *writer);
/* Takes back the one that is out, waiting for it: 0, or -1: nothing of it is
 * kept. */
int fst_writer_take(struct fst_writer *writer, struct fst_err *err);

#endif
