#include "coordinator/cli/admit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"
#include "shared/checkout/checkout.h"
#include "shared/config/paths.h"
#include "shared/config/python.h"
#include "shared/loop/ask.h"

struct fst_admit {
    struct fst_checkout_tree tree;
    struct fst_versions versions; /* empty: not known yet */
};

/* ---- the coordinator's side */

static void add_pattern(struct fst_admit *admit, const char *pattern)
{
    fst_vec_add(&admit->tree.patterns,
                fst_arena_str(&admit->tree.arena, pattern));
}

static void add_patterns(struct fst_admit *admit,
                         const struct fst_pytest_config *pytest)
{
    for (size_t i = 0; i < pytest->python_files.count; i++)
        add_pattern(admit, pytest->python_files.items[i]);
    for (size_t i = 0; i < pytest->doctest_glob.count; i++)
        add_pattern(admit, pytest->doctest_glob.items[i]);
    if (pytest->doctest_modules)
        add_pattern(admit, "*.py");
}

/* Those that pytest reads to find its configuration, up to the one that it
 * takes; without one all of them. */
static void add_ini_files(const struct fst_pytest_config *pytest,
                          struct fst_strings *files)
{
    static const char *const names[] = {
        "pytest.toml",    ".pytest.toml", "pytest.ini", ".pytest.ini",
        "pyproject.toml", "tox.ini",      "setup.cfg"};
    bool taken = false;
    for (size_t i = 0; !taken && i < sizeof names / sizeof *names; i++) {
        char *path = fst_path_join(pytest->root, names[i]);
        if (fst_path_is_file(path))
            fst_strings_add(files, names[i]);
        taken = pytest->inifile && !strcmp(pytest->inifile, path);
        free(path);
    }
}

static void ask_interpreter(struct fst_admit *admit,
                            const struct fst_settings *settings)
{
    const char *environment = getenv("VIRTUAL_ENV");
    bool named = (settings->python && *settings->python) ||
                 (environment && *environment);
    if (!settings->workers && !named)
        return;
    char *python = fst_python_find(settings->python);
    fst_ask_versions(python, &admit->versions);
    free(python);
}

struct fst_admit *fst_admit_new(const struct fst_settings *settings,
                                const struct fst_suite *suite)
{
    struct fst_admit *admit = fst_alloc(sizeof *admit);
    struct fst_strings files = {0};
    const struct fst_source *source;
    fst_vec_each (source, &suite->sources)
        fst_strings_add(&files, source->path);
    add_ini_files(&settings->pytest, &files);
    add_patterns(admit, &settings->pytest);
    admit->tree.root = settings->pytest.root;
    fst_checkout_make(&admit->tree,
                      &(struct fst_checkout_spec){
                          .files = (const char *const *)files.items,
                          .n_files = files.count,
                          .roots = suite->roots.items,
                          .n_roots = suite->roots.count,
                      });
    ask_interpreter(admit, settings);
    fst_strings_clear(&files);
    return admit;
}

void fst_admit_free(struct fst_admit *admit)
{
    if (!admit)
        return;
    fst_checkout_release(&admit->tree);
    free(admit);
}

/* ---- versions */

/* Whether they agree in so many numbers. */
static bool agree(const char *one, const char *two, int numbers)
{
    int a[2] = {-1, -1}, b[2] = {-1, -1};
    sscanf(one, "%d.%d", &a[0], &a[1]);
    sscanf(two, "%d.%d", &b[0], &b[1]);
    return a[0] == b[0] && (numbers < 2 || a[1] == b[1]);
}

static void copy_version(char to[32], const char *version)
{
    snprintf(to, 32, "%s", version ? version : "");
}

const char *fst_admit_versions(struct fst_admit *admit,
                               const struct fst_proof *proof,
                               struct fst_buf *why)
{
    const struct fst_versions *ours = &admit->versions;
    struct fst_versions theirs;
    copy_version(theirs.python, proof->python);
    copy_version(theirs.pytest, proof->pytest);
    if (!*ours->python || !*ours->pytest) {
        admit->versions = theirs;
        return NULL;
    }
    bool python = !agree(ours->python, theirs.python, 2);
    bool pytest = !agree(ours->pytest, theirs.pytest, 1);
    if (python)
        fst_buf_addf(why, "the agent's Python is %s, the coordinator's %s",
                     theirs.python, ours->python);
    if (pytest)
        fst_buf_addf(why, "%s%s pytest is %s, the coordinator's %s",
                     python ? "; " : "", python ? "its" : "the agent's",
                     theirs.pytest, ours->pytest);
    return python ? "python" : pytest ? "pytest" : NULL;
}

/* ---- files */

static struct fst_strs strs_of(const struct fst_checkout_names *names)
{
    return (struct fst_strs){names->items, names->count};
}

struct fst_msg *fst_admit_offer(const struct fst_admit *admit)
{
    const struct fst_checkout_tree *tree = &admit->tree;
    struct fst_msg *msg = fst_msg_new(FST_MSG_CHECKOUT);
    struct fst_checkout *offer = &msg->checkout;
    offer->digest = tree->digest;
    offer->patterns = strs_of(&tree->patterns);
    offer->n_dirs = tree->dirs.count;
    offer->dirs =
        fst_arena_array(&msg->arena, offer->n_dirs, sizeof *offer->dirs);
    for (size_t i = 0; i < offer->n_dirs; i++) {
        const struct fst_checkout_dir *dir = &tree->dirs.items[i];
        offer->dirs[i] = (struct fst_checkout_entry){
            .path = dir->path,
            .digest = dir->digest,
            .walked = dir->walked,
            .more = strs_of(&dir->more),
            .without = strs_of(&dir->without),
        };
    }
    return msg;
}

static enum fst_admit_says send_files(const struct fst_checkout_tree *tree,
                                      const struct fst_strs *asked,
                                      struct fst_msg **reply)
{
    struct fst_msg *msg = fst_msg_new(FST_MSG_CHECKOUT);
    size_t count = 0;
    for (int fill = 0; fill < 2; fill++) {
        if (fill)
            msg->checkout.files.items =
                fst_arena_array(&msg->arena, count, sizeof(char *));
        for (size_t i = 0; i < asked->count; i++) {
            const struct fst_checkout_dir *dir =
                fst_checkout_find(tree, asked->items[i]);
            for (size_t k = 0; dir && k < dir->lines.count; k++)
                if (fill)
                    msg->checkout.files.items[msg->checkout.files.count++] =
                        dir->lines.items[k];
                else
                    count++;
        }
    }
    *reply = msg;
    return FST_ADMIT_ASKS;
}

static void name_differences(const struct fst_checkout *answer,
                             struct fst_buf *why)
{
    static const char *const words[] = {"differs", "missing", "extra",
                                        "unreadable"};
    fst_buf_addf(why,
                 "another checkout: %u file%s differ%s from the "
                 "coordinator's: ",
                 answer->n_differ, answer->n_differ == 1 ? "" : "s",
                 answer->n_differ == 1 ? "s" : "");
    for (size_t i = 0; i < answer->n_named; i++)
        fst_buf_addf(why, "%s%s (%s)", i ? ", " : "", answer->differ[i].path,
                     words[answer->differ[i].what]);
    if (answer->n_differ > answer->n_named)
        fst_buf_adds(why, " …");
}

static bool is_within_bounds(const struct fst_checkout *answer)
{
    bool fine = answer->n_named <= FST_CHECKOUT_NAMED &&
                answer->n_named <= answer->n_differ;
    for (size_t i = 0; fine && i < answer->n_named; i++)
        fine = strlen(answer->differ[i].path) < PATH_MAX;
    return fine;
}

enum fst_admit_says fst_admit_answer(const struct fst_admit *admit,
                                     const struct fst_checkout *answer,
                                     struct fst_msg **reply,
                                     struct fst_buf *why)
{
    if (answer->ask.count > admit->tree.dirs.count)
        return FST_ADMIT_BREACH;
    if (answer->ask.count)
        return send_files(&admit->tree, &answer->ask, reply);
    if (!is_within_bounds(answer))
        return FST_ADMIT_BREACH;
    if (answer->n_differ) {
        name_differences(answer, why);
        return FST_ADMIT_OTHER;
    }
    if (answer->digest && !strcmp(answer->digest, admit->tree.digest))
        return FST_ADMIT_SAME;
    fst_buf_adds(why, "its files changed while they were compared");
    return FST_ADMIT_OTHER;
}
