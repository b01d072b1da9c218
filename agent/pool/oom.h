/* Whether the kernel killed a process for want of memory, as the control group
 * counts it (v2: memory.events; v1: memory.oom_control). Loop thread only. */
#ifndef FST_POOL_OOM_H
#define FST_POOL_OOM_H

#include <stdbool.h>
#include <stdint.h>

struct fst_oom {
    char *counter;      /* path of the file that counts, or NULL: none */
    char *limit;        /* what was short, for people: "cgroup /a, limit 512
                           MiB" */
    uint64_t kills;     /* counted so far */
    int64_t changed_ns; /* when a kill was last seen */
};

/* Finds this process's group. root: what stands before /proc and /sys/fs/cgroup
 * ("" but in tests). */
void fst_oom_open(struct fst_oom *oom, const char *root);
void fst_oom_close(struct fst_oom *oom);
/* Asked when a process was killed by SIGKILL: true where a kill was counted
 * since the last look, or moments ago (one look may find two). now_ns: of any
 * monotonic clock. */
bool fst_oom_look(struct fst_oom *oom, int64_t now_ns);

#endif
