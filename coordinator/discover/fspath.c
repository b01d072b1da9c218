#include "coordinator/discover/fspath.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/fnmatch.h"
#include "shared/config/paths.h"

/* A recursive glob's depth; real trees are far from it, loops are not. */
enum { GLOB_DEPTH = 40 };

char *fst_fspath_normal(struct fst_arena *arena, const char *base,
                        const char *path)
{
    char *joined = path[0] == '/' ? fst_arena_str(arena, path)
                                  : fst_fspath_join(arena, base, path);
    char *out = fst_arena_alloc(arena, strlen(joined) + 2);
    size_t len = 0;
    for (const char *at = joined; *at;) {
        size_t part = strcspn(at, "/");
        if (part == 2 && !memcmp(at, "..", 2)) {
            while (len && out[--len] != '/')
                ;
        } else if (part && !(part == 1 && *at == '.')) {
            out[len++] = '/';
            memcpy(out + len, at, part);
            len += part;
        }
        at += part;
        at += *at == '/';
    }
    if (!len)
        out[len++] = '/';
    out[len] = 0;
    return out;
}

char *fst_fspath_join(struct fst_arena *arena, const char *dir,
                      const char *name)
{
    const char *slash = !*dir || fst_fspath_suffix(dir, "/") ? "" : "/";
    return fst_arena_printf(arena, "%s%s%s", dir, slash, name);
}

char *fst_fspath_parent(struct fst_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return fst_arena_str(arena, "/");
    return fst_arena_strn(arena, path, (size_t)(slash - path));
}

const char *fst_fspath_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool fst_fspath_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    if (strncmp(path, dir, len) != 0)
        return false;
    return !path[len] || path[len] == '/' || (len && dir[len - 1] == '/');
}

bool fst_fspath_suffix(const char *path, const char *suffix)
{
    size_t len = strlen(path), tail = strlen(suffix);
    return len >= tail && !strcmp(path + len - tail, suffix);
}

bool fst_fspath_match(const char *path, const char *pattern)
{
    if (!strchr(pattern, '/'))
        return fst_fnmatch(fst_fspath_name(path), pattern);
    if (pattern[0] == '/' || path[0] != '/')
        return fst_fnmatch(path, pattern);
    char *deep = fst_printf("*/%s", pattern);
    bool fits = fst_fnmatch(path, deep);
    free(deep);
    return fits;
}

bool fst_fspath_match_any(const char *path, const struct fst_strings *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (fst_fspath_match(path, patterns->items[i]))
            return true;
    return false;
}

static bool is_magic(const char *text, size_t len)
{
    return memchr(text, '*', len) || memchr(text, '?', len) ||
           memchr(text, '[', len);
}

struct glob {
    const char *base;
    struct fst_strings *found;
};

static char *full_path(const struct glob *glob, const char *spelled)
{
    if (spelled[0] == '/')
        return fst_strdup(spelled);
    return fst_printf("%s/%s", glob->base, spelled);
}

static void glob_from(const struct glob *glob, const char *so_far,
                      const char *rest, int depth);

/* Goes on with each entry of the directory so_far that fits part, and, for
 * "**" (part NULL), with each directory below it. */
static void glob_entries(const struct glob *glob, const char *so_far,
                         const char *part, const char *rest, int depth)
{
    char *path = full_path(glob, so_far);
    DIR *dir = opendir(path);
    struct dirent *entry;
    free(path);
    while (dir && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        if (name[0] == '.' && !(part && part[0] == '.' && strcmp(name, ".") &&
                                strcmp(name, "..")))
            continue;
        char *next = fst_printf("%s%s", so_far, name);
        char *under = fst_printf("%s/", next);
        char *full = full_path(glob, next);
        bool is_dir = fst_path_is_dir(full);
        if (!part && is_dir)
            glob_from(glob, under, rest, depth + 1);
        else if (!part && !strcmp(rest, "**"))
            fst_strings_add(glob->found, next);
        else if (part && fst_fnmatch(name, part)) {
            if (!*rest)
                fst_strings_add(glob->found, next);
            else if (is_dir)
                glob_from(glob, under, rest, depth + 1);
        }
        free(next);
        free(under);
        free(full);
    }
    if (dir)
        closedir(dir);
}

/* so_far: "" or what is settled, with a '/' at its end. */
static void glob_from(const struct glob *glob, const char *so_far,
                      const char *rest, int depth)
{
    size_t len = strcspn(rest, "/");
    const char *behind = rest + len + strspn(rest + len, "/");
    if (depth > GLOB_DEPTH)
        return;
    if (len == 2 && !memcmp(rest, "**", 2)) {
        /* "**" is also no directory at all */
        if (*behind)
            glob_from(glob, so_far, behind, depth + 1);
        else if (*so_far)
            fst_strings_add(glob->found, so_far);
        glob_entries(glob, so_far, NULL, rest, depth);
        return;
    }
    char *part = fst_strndup(rest, len);
    if (is_magic(rest, len)) {
        glob_entries(glob, so_far, part, behind, depth);
    } else {
        char *next = fst_printf("%s%s%s", so_far, part, *behind ? "/" : "");
        char *full = full_path(glob, next);
        struct stat st;
        if (*behind)
            glob_from(glob, next, behind, depth + 1);
        else if (!stat(full, &st))
            fst_strings_add(glob->found, next);
        free(full);
        free(next);
    }
    free(part);
}

static int compare(const void *one, const void *two)
{
    return strcmp(*(char *const *)one, *(char *const *)two);
}

void fst_fspath_glob(const char *base, const char *pattern,
                     struct fst_strings *found)
{
    struct glob glob = {.base = base, .found = found};
    size_t before = found->count;
    const char *rest = pattern + strspn(pattern, "/");
    glob_from(&glob, rest == pattern ? "" : "/", rest, 0);
    if (found->count > before)
        qsort(found->items + before, found->count - before,
              sizeof *found->items, compare);
}
