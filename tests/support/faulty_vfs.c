#include "tests/support/faulty_vfs.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real; /* lies behind this struct */
};

static sqlite3_vfs *real_vfs;
static enum fault fault;
static unsigned long seen, fails_at;
static bool fails_on;
static const char *trigger; /* a file in place of a number */

/* Whether this operation fails. */
static bool strikes(enum fault kind)
{
    bool may =
        fault == kind || fault == FAULT_IOERR ||
        ((fault == FAULT_SHORT || fault == FAULT_KILL) && kind == FAULT_FULL);
    if (!may)
        return false;
    seen++;
    bool now = trigger    ? !access(trigger, F_OK)
               : fails_on ? seen >= fails_at
                          : seen == fails_at;
    errno = now ? EIO : errno;
    return now;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct faulty_file *)file)->real;
}

/* ---- a file */

static int on_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *to, int count, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    if (strikes(FAULT_IOERR))
        return SQLITE_IOERR_READ;
    return real->pMethods->xRead(real, to, count, at);
}

static int on_write(sqlite3_file *file, const void *from, int count,
                    sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    if (!strikes(FAULT_FULL))
        return real->pMethods->xWrite(real, from, count, at);
    if (fault == FAULT_KILL)
        raise(SIGKILL);
    /* What comes after the first failure of a dead disk isn't even begun. */
    if (fault == FAULT_SHORT && seen == fails_at)
        real->pMethods->xWrite(real, from, count / 2, at);
    return fault == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    if (strikes(FAULT_IOERR))
        return SQLITE_IOERR_TRUNCATE;
    return real->pMethods->xTruncate(real, size);
}

/* No test cuts the power. */
static int on_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return strikes(FAULT_IOERR) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *real = real_of(file);
    if (strikes(FAULT_IOERR))
        return SQLITE_IOERR_FSTAT;
    return real->pMethods->xFileSize(real, size);
}

static int on_lock(sqlite3_file *file, int lock)
{
    sqlite3_file *real = real_of(file);
    if (strikes(FAULT_BUSY))
        return fault == FAULT_BUSY ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
    return real->pMethods->xLock(real, lock);
}

static int on_unlock(sqlite3_file *file, int lock)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xUnlock(real, lock);
}

static int on_check_lock(sqlite3_file *file, int *held)
{
    sqlite3_file *real = real_of(file);
    if (strikes(FAULT_IOERR))
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    return real->pMethods->xCheckReservedLock(real, held);
}

static int on_control(sqlite3_file *file, int what, void *argument)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xFileControl(real, what, argument);
}

static int on_sector_size(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xSectorSize(real);
}

static int on_traits(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xDeviceCharacteristics(real);
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend,
                      void volatile **memory)
{
    sqlite3_file *real = real_of(file);
    *memory = NULL;
    if (strikes(FAULT_IOERR))
        return SQLITE_IOERR_SHMMAP;
    return real->pMethods->xShmMap(real, page, size, extend, memory);
}

static int on_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
    sqlite3_file *real = real_of(file);
    if (flags & SQLITE_SHM_LOCK && strikes(FAULT_BUSY))
        return fault == FAULT_BUSY ? SQLITE_BUSY : SQLITE_IOERR_SHMLOCK;
    return real->pMethods->xShmLock(real, at, count, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    real->pMethods->xShmBarrier(real);
}

static int on_shm_unmap(sqlite3_file *file, int remove)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_traits,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

/* ---- the file system */

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                   int flags, int *opened)
{
    struct faulty_file *ours = (struct faulty_file *)file;
    (void)vfs;
    file->pMethods = NULL;
    if (strikes(FAULT_IOERR))
        return SQLITE_CANTOPEN;
    ours->real = (sqlite3_file *)(ours + 1);
    ours->real->pMethods = NULL;
    int result = real_vfs->xOpen(real_vfs, name, ours->real, flags, opened);
    if (ours->real->pMethods)
        file->pMethods = &methods;
    return result;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)sync;
    if (strikes(FAULT_IOERR))
        return SQLITE_IOERR_DELETE;
    return real_vfs->xDelete(real_vfs, name, 0);
}

static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *answer)
{
    (void)vfs;
    if (strikes(FAULT_IOERR))
        return SQLITE_IOERR_ACCESS;
    return real_vfs->xAccess(real_vfs, name, flags, answer);
}

static int on_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

void faulty_vfs_install(void)
{
    static sqlite3_vfs vfs;
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
    vfs.xOpen = on_open;
    vfs.xDelete = on_delete;
    vfs.xAccess = on_access;
    vfs.xSleep = on_sleep;
    sqlite3_vfs_register(&vfs, 1);
}

void faulty_vfs_arm(enum fault kind, unsigned long at, bool lasting)
{
    fault = kind;
    fails_at = at;
    fails_on = lasting;
    trigger = NULL;
    seen = 0;
}

void faulty_vfs_arm_by_file(enum fault kind, const char *path)
{
    faulty_vfs_arm(kind, 0, true);
    trigger = path;
}

unsigned long faulty_vfs_disarm(void)
{
    fault = FAULT_NONE;
    return seen;
}
