/* A file that a run leaves behind: made beside its place and renamed, so that
 * a reader never sees half of it. A device, pipe or link is written to, not
 * replaced. Private to this layer. Loop thread only. */
#ifndef FST_REPORT_OUTFILE_H
#define FST_REPORT_OUTFILE_H

#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"

struct fst_outfile {
    const char *path; /* the caller's */
    char *beside;     /* where it is written; path itself where that is no
                         ordinary file */
    int fd;
    int failed; /* errno of the first write that failed */
    struct fst_buf out;
};

/* Makes the path's folders and sees whether a file can be made there; nothing
 * else is left. FST_E_USAGE: one line with the path and why not. */
int fst_outfile_check(const char *path, struct fst_err *err);
/* Appends to file->out go to the disk by fst_outfile_drain(). Close it where
 * that was fine. */
int fst_outfile_open(struct fst_outfile *file, const char *path,
                     struct fst_err *err);
/* Writes what has gathered, once it is much. */
void fst_outfile_drain(struct fst_outfile *file);
/* Writes the rest and puts the file in its place. -1: the old one stands. */
int fst_outfile_close(struct fst_outfile *file, struct fst_err *err);
/* All of out to fd, which then is empty; errno of the failure or 0. */
int fst_outfile_write(int fd, struct fst_buf *out);

#endif
