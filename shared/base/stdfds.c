#include "shared/base/stdfds.h"

#include <fcntl.h>
#include <unistd.h>

void fst_stdfds_fill(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", O_RDWR); /* the lowest free one: this */
}
