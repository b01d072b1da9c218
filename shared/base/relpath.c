#include "shared/base/relpath.h"

#include <string.h>

char *fst_relpath(struct fst_arena *arena, const char *base, const char *path)
{
    size_t same = 0, i = 0;
    if (!strcmp(base, path))
        return fst_arena_str(arena, ".");
    if (!strcmp(base, "/"))
        return fst_arena_str(arena, path + 1);
    /* same: length of the longest common directory */
    for (; base[i] && base[i] == path[i]; i++)
        if (base[i] == '/')
            same = i;
    if (!base[i] && path[i] == '/')
        return fst_arena_str(arena, path + i + 1);
    if (!path[i] && base[i] == '/')
        same = i;
    size_t ups = 0;
    for (const char *at = base + same; *at; at++)
        ups += *at == '/';
    const char *rest = path + same;
    rest += *rest == '/';
    char *out = fst_arena_alloc(arena, 3 * ups + strlen(rest) + 1);
    for (size_t up = 0; up < ups; up++)
        strcat(out, "../");
    strcat(out, rest);
    size_t len = strlen(out);
    if (len && out[len - 1] == '/')
        out[len - 1] = 0;
    return out;
}
