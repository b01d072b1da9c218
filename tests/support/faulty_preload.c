/* Loaded with LD_PRELOAD: fastest-coord, and no other program, gets the VFS
 * that fails. FAULTY_VFS says how: "none" (all is well, but locks aren't waited
 * for), "FAULT:N" (the Nth operation), "FAULT:N+" (and all after it),
 * "FAULT:/FILE" (all from when FILE is there); FAULT is ioerr, full, short,
 * busy or kill. At its end the number of operations goes to the file
 * FAULTY_VFS_COUNT.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/faulty_vfs.h"

static bool is_coordinator(void)
{
    return !strcmp(program_invocation_short_name, "fastest-coord");
}

static enum fault find_fault(const char *name, size_t len)
{
    static const char *const names[] = {"none",  "ioerr", "full",
                                        "short", "busy",  "kill"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && !strncmp(names[i], name, len))
            return (enum fault)i;
    fprintf(stderr, "FAULTY_VFS: %s: no such fault\n", name);
    abort();
}

__attribute__((constructor)) static void install(void)
{
    const char *wish = getenv("FAULTY_VFS");
    if (!wish || !is_coordinator())
        return;
    size_t len = strcspn(wish, ":");
    enum fault fault = find_fault(wish, len);
    const char *when = wish + len + (wish[len] == ':');
    faulty_vfs_install();
    if (*when == '/')
        faulty_vfs_arm_by_file(fault, when);
    else
        faulty_vfs_arm(fault, strtoul(when, NULL, 10), strchr(when, '+'));
}

__attribute__((destructor)) static void count(void)
{
    const char *path = getenv("FAULTY_VFS_COUNT");
    FILE *file = path && is_coordinator() ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%lu\n", faulty_vfs_disarm());
    fclose(file);
}
