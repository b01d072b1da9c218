/* git's configuration is read as far as a remote's address needs it: sections
 * and `url = …` (git-config(1)); includes are not followed. */
#include "coordinator/cli/suitename.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/mem.h"

char *fst_suite_name_of_url(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    const char *colon = strchr(host, ':'), *slash = strchr(host, '/');
    /* Without a scheme it is "user@host:path", or a path. */
    if ((!scheme && (!colon || (slash && slash < colon))) ||
        !strncmp(url, "file:", 5))
        return fst_strdup("");
    const char *end = scheme ? slash : colon;
    if (!end)
        return fst_strdup("");
    const char *at = memchr(host, '@', (size_t)(end - host));
    if (at)
        host = at + 1;
    const char *port = memchr(host, ':', (size_t)(end - host));
    size_t host_len = (size_t)((port ? port : end) - host);
    const char *path = end + 1 + strspn(end + 1, "/");
    size_t len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    if (len > 4 && !strncmp(path + len - 4, ".git", 4))
        len -= 4;
    if (!host_len || !len)
        return fst_strdup("");
    return fst_printf("%.*s/%.*s", (int)host_len, host, (int)len, path);
}

static char *trim(char *text)
{
    size_t len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* The address of remote "origin", else of the first; NULL: none. */
static char *read_remote(FILE *config)
{
    char *line = NULL, *url = NULL;
    size_t size = 0;
    bool remote = false, origin = false;
    while (getline(&line, &size, config) > 0) {
        char *text = trim(line);
        if (*text == '[') {
            remote = !strncmp(text, "[remote ", 8);
            origin = !strcmp(text, "[remote \"origin\"]");
            continue;
        }
        char *value = strchr(text, '=');
        if (!remote || !value || strncmp(text, "url", 3) != 0)
            continue;
        *value = '\0';
        if (strcmp(trim(text), "url") != 0 || (url && !origin))
            continue;
        free(url);
        url = fst_strdup(trim(value + 1));
        if (origin)
            break;
    }
    free(line);
    return url;
}

static char *read_first_line(const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    if (!file)
        return NULL;
    if (getline(&line, &size, file) < 0) {
        free(line);
        line = NULL;
    }
    fclose(file);
    return line;
}

/* The folder of git's own files: `.git`, or where the file `.git` of a work
 * tree points. */
static char *git_folder(const char *checkout)
{
    struct stat info;
    char *git = fst_printf("%s/.git", checkout);
    if (stat(git, &info) || S_ISDIR(info.st_mode))
        return git;
    char *line = read_first_line(git);
    free(git);
    if (!line || strncmp(line, "gitdir:", 7) != 0) {
        free(line);
        return fst_strdup("");
    }
    char *target = trim(line + 7);
    git = *target == '/' ? fst_strdup(target)
                         : fst_printf("%s/%s", checkout, target);
    free(line);
    /* A work tree's own folder has no config; its repository's has. */
    char *common_file = fst_printf("%s/commondir", git);
    char *common = read_first_line(common_file);
    free(common_file);
    if (common) {
        char *shared = trim(common);
        char *joined = *shared == '/' ? fst_strdup(shared)
                                      : fst_printf("%s/%s", git, shared);
        free(git);
        git = joined;
    }
    free(common);
    return git;
}

static char *name_of_checkout(const char *checkout, const char *inside)
{
    char *git = git_folder(checkout);
    char *path = fst_printf("%s/config", git);
    FILE *config = *git ? fopen(path, "re") : NULL;
    char *url = config ? read_remote(config) : NULL;
    char *name = NULL;
    if (config)
        fclose(config);
    if (url) {
        char *project = fst_suite_name_of_url(url);
        if (*project)
            name = *inside ? fst_printf("%s:%s", project, inside)
                           : fst_strdup(project);
        free(project);
    }
    free(url);
    free(path);
    free(git);
    return name;
}

char *fst_suite_name(const char *root)
{
    char *folder = fst_strdup(root);
    char *name = NULL;
    struct stat info;
    for (;;) {
        char *git = fst_printf("%s/.git", folder);
        bool found = !stat(git, &info);
        free(git);
        if (found) {
            const char *inside = root + strlen(folder);
            name = name_of_checkout(folder, inside + strspn(inside, "/"));
            break;
        }
        char *slash = strrchr(folder, '/');
        if (!slash || slash == folder)
            break;
        *slash = '\0';
    }
    free(folder);
    const char *slash = strrchr(root, '/');
    return name ? name : fst_strdup(slash && slash[1] ? slash + 1 : root);
}

char *fst_suite_history(const char *root, const char *named)
{
    return named ? fst_strdup(named)
                 : fst_printf("%s/.fastest/history.db", root);
}
