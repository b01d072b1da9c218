/* Where a suite's history is, and what the suite is called in it: never an
 * absolute path, so that checkouts on different machines share it. */
#ifndef FST_CLI_SUITENAME_H
#define FST_CLI_SUITENAME_H

/* "host/group/project" or "host/group/project:path/inside" where the root lies
 * in a git checkout with a remote (its first one, "origin" before others):
 * without scheme, user, password, port and ".git"; else the root's own name.
 * The caller frees it. */
char *fst_suite_name(const char *root);
/* The same for an address as git spells them, "" where it names no host or a
 * path of this machine: a string of the caller's. */
char *fst_suite_name_of_url(const char *url);
/* The history's file: the one that is named, or (NULL) the project's own below
 * its root. The caller frees it. */
char *fst_suite_history(const char *root, const char *named);

#endif
