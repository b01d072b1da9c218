#include "coordinator/report/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/mem.h"

static bool is_special(const char *path)
{
    struct stat info;
    return !lstat(path, &info) && !S_ISREG(info.st_mode);
}

static char *place_beside(const char *path)
{
    return is_special(path) ? fst_strdup(path)
                            : fst_printf("%s.%ld.tmp", path, (long)getpid());
}

static int make_folders(const char *path)
{
    char *folder = fst_strdup(path);
    int result = 0;
    for (char *at = folder + 1; !result && (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (mkdir(folder, 0777) && errno != EEXIST)
            result = -1;
        *at = '/';
    }
    free(folder);
    return result;
}

static int check_special(const char *path)
{
    struct stat info;
    if (stat(path, &info))
        return errno == ENOENT ? 0 : -1; /* a link to what is to be made */
    if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    return access(path, W_OK);
}

static int check_ordinary(const char *path)
{
    char *beside = place_beside(path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0) {
        close(fd);
        unlink(beside);
    }
    free(beside);
    return fd < 0 ? -1 : 0;
}

int fst_outfile_check(const char *path, struct fst_err *err)
{
    if (*path && !make_folders(path) &&
        !(is_special(path) ? check_special(path) : check_ordinary(path)))
        return 0;
    if (!*path)
        errno = ENOENT;
    fst_fail_sys(err, "cannot write the report %s", path);
    if (err)
        err->code = FST_E_USAGE;
    return -1;
}

int fst_outfile_open(struct fst_outfile *file, const char *path,
                     struct fst_err *err)
{
    *file = (struct fst_outfile){.path = path, .beside = place_beside(path)};
    file->fd =
        open(file->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd >= 0)
        return 0;
    fst_fail_sys(err, "cannot write the report %s", path);
    free(file->beside);
    return -1;
}

int fst_outfile_write(int fd, struct fst_buf *out)
{
    int failed = 0;
    for (size_t at = 0; at < out->len && !failed;) {
        ssize_t n = write(fd, out->data + at, out->len - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (errno != EINTR)
            failed = errno;
    }
    fst_buf_clear(out);
    return failed;
}

static void drain_all(struct fst_outfile *file)
{
    if (file->failed)
        fst_buf_clear(&file->out);
    else
        file->failed = fst_outfile_write(file->fd, &file->out);
}

void fst_outfile_drain(struct fst_outfile *file)
{
    enum { PIECE = 256 * 1024 };
    if (file->out.len >= PIECE)
        drain_all(file);
}

int fst_outfile_close(struct fst_outfile *file, struct fst_err *err)
{
    bool in_place = strcmp(file->beside, file->path) == 0;
    int result = 0;
    drain_all(file);
    if (close(file->fd) && !file->failed)
        file->failed = errno;
    errno = file->failed;
    if (file->failed || (!in_place && rename(file->beside, file->path))) {
        result = fst_fail_sys(err, "cannot write the report %s", file->path);
        if (!in_place)
            unlink(file->beside);
    }
    fst_buf_release(&file->out);
    free(file->beside);
    return result;
}
