/* A SQLite VFS for tests: the default one, of which the Nth operation fails,
 * alone or with all that follow it. It becomes the default VFS, so that the
 * code under test needs no hook; one thread only.
 *
 * Waiting for a lock takes no time under it, so that a test can hold one for
 * longer than anybody waits. */
#ifndef FST_TESTS_FAULTY_VFS_H
#define FST_TESTS_FAULTY_VFS_H

#include <stdbool.h>

enum fault {
    FAULT_NONE,
    FAULT_IOERR, /* any operation */
    FAULT_FULL,  /* a write finds no room */
    FAULT_SHORT, /* a write gets half of its bytes down, then fails */
    FAULT_BUSY,  /* somebody else has the lock */
    FAULT_KILL,  /* SIGKILL in place of a write */
};

void faulty_vfs_install(void);
/* at: counts from 1 the operations that the fault may hit. */
void faulty_vfs_arm(enum fault fault, unsigned long at, bool lasting);
/* Every operation that the fault may hit fails once a file of this name, the
 * caller's string, is there. */
void faulty_vfs_arm_by_file(enum fault fault, const char *path);
/* From here on all is well. Returns how many operations it could have hit. */
unsigned long faulty_vfs_disarm(void);

#endif
