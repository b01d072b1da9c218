/* A temporary folder with files in it, for one test. */
#ifndef FST_TESTS_UNIT_CONFIG_TREE_H
#define FST_TESTS_UNIT_CONFIG_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/err.h"
#include "shared/base/mem.h"

/* The folder's absolute path, without links; remove it with tree_remove(). */
static inline char *tree_new(void)
{
    char name[] = "/tmp/fst-test-XXXXXX";
    FST_ASSERT(mkdtemp(name));
    char *path = realpath(name, NULL);
    FST_ASSERT(path);
    return path;
}

/* Makes the folders on the way; text NULL: a folder. */
static inline void tree_add(const char *root, const char *name,
                            const char *text)
{
    char *path = fst_printf("%s/%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    if (text) {
        FILE *file = fopen(path, "w");
        FST_ASSERT(file);
        FST_ASSERT(fputs(text, file) >= 0);
        FST_ASSERT(!fclose(file));
    } else {
        FST_ASSERT(!mkdir(path, 0777));
    }
    free(path);
}

static inline int tree_remove_one(const char *path, const struct stat *st,
                                  int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* Frees the path too. */
static inline void tree_remove(char *root)
{
    nftw(root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(root);
}

#endif
