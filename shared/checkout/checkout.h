/* Whether two machines have the same files: a Merkle tree over those that
 * discovery read.
 *
 * Three levels: a digest of the whole, one of each directory, one of each file
 * ("<digest> <path>" lines; FNV-1a of the bytes, 16 hex digits). The
 * coordinator makes the tree and says, of each directory, which files count;
 * another machine reads the same directories by the same rule, so that it finds
 * what is missing, what differs, and what it has more.
 *
 * In a directory count: pytest's configuration files, conftest.py, __init__.py;
 * where discovery looked at every file of it, what fits the patterns of test
 * files; what it read besides (`more`); and not what it did not read
 * (`without`). Names that aren't UTF-8 never count. Any thread. */
#ifndef FST_CHECKOUT_CHECKOUT_H
#define FST_CHECKOUT_CHECKOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/arena.h"
#include "shared/base/vec.h"

enum {
    FST_CHECKOUT_DIGEST = 17, /* a digest as text */
    FST_CHECKOUT_NAMED = 20,  /* paths that differ, at most */
};

struct fst_checkout_names { /* of files of one directory */
    const char **items;
    size_t count, cap;
};

struct fst_checkout_dir {
    const char *path; /* relative to the root; "." is the root */
    bool walked;      /* discovery looked at every file of it */
    struct fst_checkout_names more, without;
    struct fst_checkout_names lines; /* of the files that count, by path */
    char digest[FST_CHECKOUT_DIGEST];
};

struct fst_checkout_tree { /* zeroed is empty; strings live in its arena */
    struct fst_arena arena;
    const char *root;                   /* absolute; the caller's */
    struct fst_checkout_names patterns; /* of test files: fnmatch()'s; with "/"
                                           of the path's end */
    FST_VEC(struct fst_checkout_dir) dirs; /* by path */
    char digest[FST_CHECKOUT_DIGEST];      /* of all of them */
};

/* What a tree is made of; paths are relative to the root. */
struct fst_checkout_spec {
    const char *const *files; /* that were read */
    size_t n_files;
    const char *const *roots; /* directories that were asked for: what lies
                                 below them was looked at */
    size_t n_roots;
};

/* The coordinator's tree; root and patterns are set. Takes in the directories
 * of the files and those above them. Reads all files. */
void fst_checkout_make(struct fst_checkout_tree *tree,
                       const struct fst_checkout_spec *spec);
/* Reads one directory by its rules: fills lines and digest. */
void fst_checkout_read(struct fst_checkout_tree *tree,
                       struct fst_checkout_dir *dir);
/* Once all directories have their digests. */
void fst_checkout_sum(struct fst_checkout_tree *tree);
/* NULL: there is none. */
const struct fst_checkout_dir *
fst_checkout_find(const struct fst_checkout_tree *tree, const char *path);
void fst_checkout_release(struct fst_checkout_tree *tree);

enum fst_checkout_what {
    FST_CHECKOUT_DIFFERS,
    FST_CHECKOUT_MISSING,    /* here */
    FST_CHECKOUT_EXTRA,      /* only here */
    FST_CHECKOUT_UNREADABLE, /* here */
};

struct fst_checkout_difference {
    const char *path; /* the lines' */
    enum fst_checkout_what what;
};

/* Whether a line of another machine's making can be compared. */
bool fst_checkout_is_line(const char *line);
/* By path. */
void fst_checkout_sort(const char **lines, size_t n);
/* Two lists of lines, each sorted. The first differences go to `named` (room
 * for FST_CHECKOUT_NAMED); returns how many there are. */
size_t fst_checkout_compare(const char *const *theirs, size_t n_theirs,
                            const char *const *ours, size_t n_ours,
                            struct fst_checkout_difference *named);

#endif
