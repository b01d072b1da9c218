/* How much memory there is, and how much the workers have.
 *
 * Reads what the kernel says in /proc and /sys/fs/cgroup; changes nothing.
 * Sources: proc(5); Linux's Documentation/admin-guide/cgroup-v2.rst and
 * cgroup-v1/memory.rst. Sizes are bytes. Loop thread only.
 */
#ifndef FST_POOL_MEMORY_H
#define FST_POOL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* What this process may have at most: the machine's memory, or less where the
 * cgroup (v1 or v2) or one above it is bounded (memory.max, memory.high,
 * memory.limit_in_bytes). root: "" or a folder that stands for "/" in tests. 0:
 * the kernel says nothing. */
int64_t fst_memory_total(const char *root);
/* What could be had now beside what is in use already: the least of what the
 * machine has available and what the cgroups on the way up have left, page
 * cache counted as free. INT64_MAX: the kernel says nothing. */
int64_t fst_memory_left(const char *root);
/* The workers' bound: max_memory as in the settings (bytes; below 0: so many
 * per cent; 0: 80 per cent) of fst_memory_total(); INT64_MAX: not known. */
int64_t fst_memory_bound(const char *root, int64_t max_memory);

/* What n processes have, each with all of its descendants, and everything
 * that descends from the calling process (so also what a test left behind):
 * sizes[i] and *total. pids[i] 0: none, size 0. Cheap first: resident pages,
 * which count shared ones for each process. Only where they come to
 * `exact_from` or more, the proportional set size, for which the kernel walks
 * page tables. */
void fst_memory_measure(const int64_t *pids, size_t n, int64_t exact_from,
                        int64_t *sizes, int64_t *total);

#endif
