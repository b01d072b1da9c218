#include "coordinator/cli/pytestcache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/config/paths.h"
#include "shared/config/text.h"

static const struct {
    const char *name, *text;
} companions[] = {
    {"README.md",
     "# pytest cache directory #\n"
     "\n"
     "This directory contains data from the pytest's cache plugin,\n"
     "which provides the `--lf` and `--ff` options, as well as the `cache` "
     "fixture.\n"
     "\n"
     "**Do not** commit this to version control.\n"
     "\n"
     "See [the docs](https://docs.pytest.org/en/stable/how-to/cache.html) for "
     "more information.\n"},
    {".gitignore", "# Created by pytest automatically.\n*\n"},
    {"CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n"
                     "# This file is a cache directory tag created by pytest.\n"
                     "# For information about cache directory tags, see:\n"
                     "#\thttps://bford.info/cachedir/spec.html\n"},
};

struct fst_json *fst_pytestcache_read(const char *dir, const char *key)
{
    char *path = fst_printf("%s/v/%s", dir, key);
    struct fst_buf text = FST_BUF_INIT;
    struct fst_json *value = NULL;
    struct fst_err err;
    if (fst_path_is_file(path) && !fst_text_read(path, &text, &err))
        value = fst_json_parse(fst_buf_str(&text), text.len, &err);
    fst_buf_release(&text);
    free(path);
    return value;
}

static int write_file(const char *path, const char *bytes, size_t len)
{
    char *beside = fst_printf("%s.%ld.tmp", path, (long)getpid());
    FILE *file = fopen(beside, "we");
    int result = -1;
    if (file) {
        bool good = fwrite(bytes, 1, len, file) == len;
        good = !fclose(file) && good;
        result = good ? rename(beside, path) : -1;
        if (result)
            unlink(beside);
    }
    free(beside);
    return result;
}

/* The folder and those above it. */
static int make_folders(const char *path)
{
    if (fst_path_is_dir(path))
        return 0;
    char *parent = fst_path_parent(path);
    int result = make_folders(parent);
    free(parent);
    return result || (mkdir(path, 0777) && errno != EEXIST) ? -1 : 0;
}

static int make_cache(const char *dir)
{
    int result = 0;
    if (fst_path_exists(dir))
        return 0;
    if (make_folders(dir))
        return -1;
    for (size_t i = 0; !result && i < sizeof companions / sizeof *companions;
         i++) {
        char *path = fst_printf("%s/%s", dir, companions[i].name);
        result =
            write_file(path, companions[i].text, strlen(companions[i].text));
        free(path);
    }
    return result;
}

int fst_pytestcache_write(const char *dir, const char *key,
                          const struct fst_buf *text, struct fst_err *err)
{
    char *path = fst_printf("%s/v/%s", dir, key);
    char *folder = fst_path_parent(path);
    int result = make_cache(dir) || make_folders(folder) ||
                         write_file(path, text->data, text->len)
                     ? fst_fail_sys(err, "cannot write %s", path)
                     : 0;
    free(folder);
    free(path);
    return result;
}
