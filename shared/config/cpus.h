/* How many CPUs this process may use, for -n auto. */
#ifndef FST_CONFIG_CPUS_H
#define FST_CONFIG_CPUS_H

/* The CPUs of its affinity, fewer where cgroup v2 gives it less time; at
 * least 1. */
int fst_cpus_available(void);

/* The least quota on the way from a cgroup up to the mount point, in CPUs,
 * rounded up; 0: none. mount: "/sys/fs/cgroup"; cgroup: its path inside, as
 * /proc/self/cgroup names it ("/a/b"). Source: Linux's
 * Documentation/admin-guide/cgroup-v2.rst, cpu.max. */
int fst_cpus_quota(const char *mount, const char *cgroup);

#endif
