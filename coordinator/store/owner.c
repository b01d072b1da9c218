#include "coordinator/store/owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void fst_owner_host(char host[FST_OWNER_HOST])
{
    memset(host, 0, FST_OWNER_HOST);
    gethostname(host, FST_OWNER_HOST - 1);
}

static bool read_command(int64_t pid, char command[32])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(command, 32, file);
    if (file)
        fclose(file);
    return read;
}

bool fst_owner_is_alive(const char *host, int64_t pid)
{
    char here[FST_OWNER_HOST], theirs[32], ours[32];
    fst_owner_host(here);
    return !strcmp(host, here) && pid != getpid() &&
           read_command(pid, theirs) && read_command(getpid(), ours) &&
           !strcmp(theirs, ours);
}
