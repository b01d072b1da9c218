/* What tests have left running: processes that lost their parent (daemons,
 * children of a worker that is gone) and were given to us by the kernel, since
 * we are a child subreaper. Reads /proc; loop thread only. */
#ifndef FST_LOOP_LEFTOVERS_H
#define FST_LOOP_LEFTOVERS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/arena.h"
#include "shared/base/vec.h"

struct fst_leftover { /* strings are valid UTF-8, in the arena */
    int64_t pid;
    const char *command; /* its command line, cut */
    const char *test;    /* node id of the test that started it, or NULL */
    const char *worker;  /* N of its gwN, or NULL */
};

struct fst_leftovers {
    FST_VEC(struct fst_leftover) list;
};

/* From now on orphans below us are given to us. Children that are there already
 * stay out of it. */
void fst_leftovers_adopt(void);
/* Ends (SIGKILL) every child of ours but the known ones, and theirs, that come
 * to us by that; appends who they were. After the last worker's end: a worker
 * that isn't known is ended too. Takes milliseconds; of a process that can't
 * die, half a second. */
void fst_leftovers_end(const int64_t *known, size_t n_known,
                       struct fst_arena *arena, struct fst_leftovers *found);
/* One line: "left running by a.py::b: process 12 (sleep 100); ended". */
const char *fst_leftover_line(const struct fst_leftover *leftover,
                              struct fst_arena *arena);

#endif
