#include "shared/trust/random.h"

#include <errno.h>
#include <sys/random.h>

#include "shared/base/err.h"

int fst_random_fill(void *unused, unsigned char *bytes, size_t len)
{
    (void)unused;
    while (len) {
        ssize_t got = getrandom(bytes, len, 0);
        FST_ASSERT(got > 0 || errno == EINTR);
        bytes += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}
