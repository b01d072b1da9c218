#include "shared/config/paths.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/buf.h"
#include "shared/base/mem.h"

/* Drops the last part of out, which is "" for the root. */
static void drop_part(struct fst_buf *out)
{
    while (out->len && out->data[out->len - 1] != '/')
        out->len--;
    if (out->len)
        out->len--;
    fst_buf_end(out);
}

/* up: ".." takes the part before it away; else it stays. */
static void add_parts(struct fst_buf *out, const char *path, bool up)
{
    while (*path) {
        size_t len = strcspn(path, "/");
        if (up && len == 2 && path[0] == '.' && path[1] == '.') {
            if (out->len)
                drop_part(out);
        } else if (len && !(len == 1 && *path == '.')) {
            fst_buf_addc(out, '/');
            fst_buf_add(out, path, len);
        }
        path += len;
        path += *path == '/';
    }
}

char *fst_path_absolute(const char *cwd, const char *path)
{
    struct fst_buf out = FST_BUF_INIT;
    if (*path != '/')
        add_parts(&out, cwd, true);
    add_parts(&out, path, true);
    if (!out.len)
        fst_buf_addc(&out, '/');
    return fst_buf_take(&out);
}

char *fst_path_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash != path ? fst_strndup(path, (size_t)(slash - path))
                                  : fst_strdup("/");
}

char *fst_path_common(const char *a, const char *b)
{
    size_t common = 0, i = 0;
    while (a[i] && a[i] == b[i]) {
        if (a[i] == '/')
            common = i;
        i++;
    }
    bool whole_a = !a[i] && (!b[i] || b[i] == '/');
    bool whole_b = !b[i] && (!a[i] || a[i] == '/');
    if (whole_a || whole_b)
        common = i;
    return common ? fst_strndup(a, common) : fst_strdup("/");
}

char *fst_path_join(const char *dir, const char *name)
{
    struct fst_buf out = FST_BUF_INIT;
    if (*name != '/')
        add_parts(&out, dir, false);
    add_parts(&out, name, false);
    if (!out.len)
        fst_buf_addc(&out, '/');
    return fst_buf_take(&out);
}

/* at: behind a "$". Gives the name's length and, in *whole, how much of the
 * text the reference takes. */
static size_t variable_name(const char *at, const char **name, size_t *whole)
{
    size_t len = 0;
    if (*at == '{') {
        len = strcspn(at + 1, "}");
        *name = at + 1;
        *whole = len + 2;
        return at[1 + len] ? len : 0;
    }
    while (isalnum((unsigned char)at[len]) || at[len] == '_')
        len++;
    *name = at;
    *whole = len;
    return len;
}

char *fst_path_expand(const char *path)
{
    struct fst_buf out = FST_BUF_INIT;
    fst_buf_adds(&out, "");
    while (*path) {
        const char *name, *value = NULL;
        size_t whole, len;
        if (*path == '$' && (len = variable_name(path + 1, &name, &whole))) {
            char *copy = fst_strndup(name, len);
            value = getenv(copy);
            free(copy);
        }
        if (value) {
            fst_buf_adds(&out, value);
            path += 1 + whole;
        } else {
            fst_buf_addc(&out, *path++);
        }
    }
    return fst_buf_take(&out);
}

bool fst_path_is_file(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

bool fst_path_is_dir(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool fst_path_exists(const char *path)
{
    struct stat st;
    return !stat(path, &st);
}
