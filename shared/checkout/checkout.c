#include "shared/checkout/checkout.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/base/fnmatch.h"
#include "shared/base/hash.h"
#include "shared/base/mem.h"
#include "shared/base/utf8.h"

/* Of a file that can't be read. */
static const char no_digest[] = "----------------";

/* ---- files */

static void set_digest(char digest[FST_CHECKOUT_DIGEST], uint64_t hash)
{
    snprintf(digest, FST_CHECKOUT_DIGEST, "%016" PRIx64, hash);
}

static void digest_file(int folder, const char *name,
                        char digest[FST_CHECKOUT_DIGEST])
{
    char chunk[65536];
    uint64_t hash = FST_HASH_INIT;
    ssize_t got = -1;
    /* O_NONBLOCK: a FIFO must not hold us up. */
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd >= 0 && (got = read(fd, chunk, sizeof chunk)) > 0)
        hash = fst_hash_more(hash, chunk, (size_t)got);
    if (got)
        memcpy(digest, no_digest, FST_CHECKOUT_DIGEST);
    else
        set_digest(digest, hash);
    if (fd >= 0)
        close(fd);
}

static int by_text(const void *one, const void *two)
{
    return strcmp(*(const char *const *)one, *(const char *const *)two);
}

static void sort_names(struct fst_checkout_names *names)
{
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, by_text);
}

static bool holds(const struct fst_checkout_names *names, const char *name)
{
    return names->count && bsearch(&name, names->items, names->count,
                                   sizeof *names->items, by_text);
}

static bool is_utf8(const char *name)
{
    size_t len = strlen(name);
    for (size_t at = 0, step; at < len; at += step)
        if (!(step = fst_utf8_sequence(name + at, len - at)))
            return false;
    return true;
}

/* The names of the directory's files. */
static void list_dir(DIR *handle, struct fst_arena *arena,
                     struct fst_checkout_names *names)
{
    struct dirent *entry;
    while ((entry = readdir(handle))) {
        struct stat info;
        bool file = entry->d_type == DT_REG;
        if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN)
            file = !fstatat(dirfd(handle), entry->d_name, &info, 0) &&
                   S_ISREG(info.st_mode);
        if (file && is_utf8(entry->d_name))
            fst_vec_add(names, fst_arena_str(arena, entry->d_name));
    }
    sort_names(names);
}

/* ---- what counts */

static const char *const always[] = {
    "conftest.py",    "__init__.py", "pytest.toml",
    ".pytest.toml",   "pytest.ini",  ".pytest.ini",
    "pyproject.toml", "tox.ini",     "setup.cfg",
};

static bool fits(const char *dir, const char *name, const char *pattern)
{
    if (!strchr(pattern, '/'))
        return fst_fnmatch(name, pattern);
    char *path = fst_printf("/%s/%s", dir, name);
    char *end = fst_printf("*/%s", pattern);
    bool result = fst_fnmatch(path, end);
    free(path);
    free(end);
    return result;
}

static bool is_ruled_in(const struct fst_checkout_tree *tree,
                        const struct fst_checkout_dir *dir, const char *name)
{
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (!strcmp(name, always[i]))
            return true;
    for (size_t i = 0; dir->walked && i < tree->patterns.count; i++)
        if (fits(dir->path, name, tree->patterns.items[i]))
            return true;
    return false;
}

static char *absolute(const struct fst_checkout_tree *tree,
                      const struct fst_checkout_dir *dir)
{
    return fst_printf("%s/%s", tree->root, dir->path);
}

static void add_line(struct fst_checkout_tree *tree,
                     struct fst_checkout_dir *dir, int folder, const char *name)
{
    char digest[FST_CHECKOUT_DIGEST];
    bool top = !strcmp(dir->path, ".");
    digest_file(folder, name, digest);
    fst_vec_add(&dir->lines,
                fst_arena_printf(&tree->arena, "%s %s%s%s", digest,
                                 top ? "" : dir->path, top ? "" : "/", name));
}

void fst_checkout_read(struct fst_checkout_tree *tree,
                       struct fst_checkout_dir *dir)
{
    struct fst_checkout_names names = {0};
    struct fst_arena arena = {0};
    struct fst_buf text = FST_BUF_INIT;
    char *path = absolute(tree, dir);
    DIR *handle = opendir(path);
    dir->lines.count = 0;
    if (handle)
        list_dir(handle, &arena, &names);
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        if (holds(&dir->more, name) ||
            (is_ruled_in(tree, dir, name) && !holds(&dir->without, name)))
            add_line(tree, dir, dirfd(handle), name);
    }
    for (size_t i = 0; i < dir->lines.count; i++)
        fst_buf_addf(&text, "%s\n", dir->lines.items[i]);
    set_digest(dir->digest, fst_hash(text.data, text.len));
    if (handle)
        closedir(handle);
    free(path);
    fst_vec_free(&names);
    fst_arena_release(&arena);
    fst_buf_release(&text);
}

void fst_checkout_sum(struct fst_checkout_tree *tree)
{
    struct fst_buf text = FST_BUF_INIT;
    const struct fst_checkout_dir *dir;
    fst_vec_each (dir, &tree->dirs)
        fst_buf_addf(&text, "%s %s\n", dir->digest, dir->path);
    set_digest(tree->digest, fst_hash(text.data, text.len));
    fst_buf_release(&text);
}

static int by_path(const void *one, const void *two)
{
    return strcmp(((const struct fst_checkout_dir *)one)->path,
                  ((const struct fst_checkout_dir *)two)->path);
}

const struct fst_checkout_dir *
fst_checkout_find(const struct fst_checkout_tree *tree, const char *path)
{
    const struct fst_checkout_dir key = {.path = path};
    return tree->dirs.count ? bsearch(&key, tree->dirs.items, tree->dirs.count,
                                      sizeof *tree->dirs.items, by_path)
                            : NULL;
}

void fst_checkout_release(struct fst_checkout_tree *tree)
{
    struct fst_checkout_dir *dir;
    fst_vec_each (dir, &tree->dirs) {
        fst_vec_free(&dir->more);
        fst_vec_free(&dir->without);
        fst_vec_free(&dir->lines);
    }
    fst_vec_free(&tree->dirs);
    fst_vec_free(&tree->patterns);
    fst_arena_release(&tree->arena);
    *tree = (struct fst_checkout_tree){0};
}

/* ---- the coordinator's */

/* "." for what lies at the root. */
static const char *dir_of(struct fst_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? fst_arena_strn(arena, path, (size_t)(slash - path)) : ".";
}

/* A directory, and those above it as far as the root; what lies outside of it
 * stands alone. */
static void add_dirs(struct fst_arena *arena, const char *path,
                     struct fst_checkout_names *paths)
{
    fst_vec_add(paths, path);
    while (strcmp(path, ".") && strncmp(path, "..", 2)) {
        path = dir_of(arena, path);
        fst_vec_add(paths, path);
    }
}

static bool lies_below(const char *path, const char *root)
{
    size_t len = strlen(root);
    if (!strcmp(root, "."))
        return strncmp(path, "../", 3) != 0 && strcmp(path, "..") != 0;
    return !strncmp(path, root, len) && (path[len] == '/' || !path[len]);
}

static void make_dirs(struct fst_checkout_tree *tree,
                      const struct fst_checkout_spec *spec)
{
    struct fst_checkout_names paths = {0};
    add_dirs(&tree->arena, ".", &paths);
    for (size_t i = 0; i < spec->n_files; i++)
        add_dirs(&tree->arena, dir_of(&tree->arena, spec->files[i]), &paths);
    sort_names(&paths);
    for (size_t i = 0; i < paths.count; i++) {
        if (i && !strcmp(paths.items[i], paths.items[i - 1]))
            continue;
        struct fst_checkout_dir *dir = fst_vec_push(&tree->dirs);
        *dir = (struct fst_checkout_dir){.path = paths.items[i]};
        for (size_t k = 0; k < spec->n_roots; k++)
            dir->walked |= lies_below(dir->path, spec->roots[k]);
    }
    fst_vec_free(&paths);
}

/* What was read of each directory goes to `more` for now. */
static void take_files(struct fst_checkout_tree *tree,
                       const struct fst_checkout_spec *spec)
{
    for (size_t i = 0; i < spec->n_files; i++) {
        const char *path = spec->files[i], *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        const struct fst_checkout_dir key = {.path =
                                                 dir_of(&tree->arena, path)};
        struct fst_checkout_dir *dir =
            bsearch(&key, tree->dirs.items, tree->dirs.count,
                    sizeof *tree->dirs.items, by_path);
        if (dir && is_utf8(name))
            fst_vec_add(&dir->more, fst_arena_str(&tree->arena, name));
    }
}

/* Says by `more` and `without` only what the rules don't. */
static void make_rules(struct fst_checkout_tree *tree,
                       struct fst_checkout_dir *dir)
{
    struct fst_checkout_names names = {0};
    char *path = absolute(tree, dir);
    DIR *handle = opendir(path);
    sort_names(&dir->more);
    if (handle)
        list_dir(handle, &tree->arena, &names);
    for (size_t i = 0; i < names.count; i++)
        if (is_ruled_in(tree, dir, names.items[i]) &&
            !holds(&dir->more, names.items[i]))
            fst_vec_add(&dir->without, names.items[i]);
    size_t kept = 0;
    for (size_t i = 0; i < dir->more.count; i++)
        if (!is_ruled_in(tree, dir, dir->more.items[i]))
            dir->more.items[kept++] = dir->more.items[i];
    dir->more.count = kept;
    if (handle)
        closedir(handle);
    fst_vec_free(&names);
    free(path);
}

void fst_checkout_make(struct fst_checkout_tree *tree,
                       const struct fst_checkout_spec *spec)
{
    struct fst_checkout_dir *dir;
    make_dirs(tree, spec);
    take_files(tree, spec);
    fst_vec_each (dir, &tree->dirs) {
        make_rules(tree, dir);
        fst_checkout_read(tree, dir);
    }
    fst_checkout_sum(tree);
}

/* ---- comparing */

bool fst_checkout_is_line(const char *line)
{
    return strlen(line) > FST_CHECKOUT_DIGEST &&
           line[FST_CHECKOUT_DIGEST - 1] == ' ';
}

static const char *path_in(const char *line)
{
    return line + FST_CHECKOUT_DIGEST;
}

static int by_path_in(const void *one, const void *two)
{
    return strcmp(path_in(*(const char *const *)one),
                  path_in(*(const char *const *)two));
}

void fst_checkout_sort(const char **lines, size_t n)
{
    if (n)
        qsort(lines, n, sizeof *lines, by_path_in);
}

size_t fst_checkout_compare(const char *const *theirs, size_t n_theirs,
                            const char *const *ours, size_t n_ours,
                            struct fst_checkout_difference *named)
{
    size_t count = 0, i = 0, k = 0;
    while (i < n_theirs || k < n_ours) {
        int order = i == n_theirs ? 1
                    : k == n_ours
                        ? -1
                        : strcmp(path_in(theirs[i]), path_in(ours[k]));
        enum fst_checkout_what what = order < 0   ? FST_CHECKOUT_MISSING
                                      : order > 0 ? FST_CHECKOUT_EXTRA
                                                  : FST_CHECKOUT_DIFFERS;
        const char *path = path_in(order <= 0 ? theirs[i] : ours[k]);
        bool same = !order && !strncmp(theirs[i], ours[k], strlen(no_digest));
        if (!order && !same && !strncmp(ours[k], no_digest, strlen(no_digest)))
            what = FST_CHECKOUT_UNREADABLE;
        i += order <= 0;
        k += order >= 0;
        if (same)
            continue;
        if (count < FST_CHECKOUT_NAMED)
            named[count] =
                (struct fst_checkout_difference){.path = path, .what = what};
        count++;
    }
    return count;
}
