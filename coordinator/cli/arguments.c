#include "coordinator/cli/arguments.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/cli/ask.h"
#include "shared/base/mem.h"
#include "shared/config/python.h"
#include "shared/loop/ask.h"

/* search_pypath() of _pytest/main.py. Arguments: how many folders pythonpath
 * has, these, names. A name that is no module's is answered by nothing. */
static const char script[] =
    "import sys\n"
    "if sys.path[:1] == ['']: del sys.path[0]\n"
    "import importlib.util, os\n"
    "count, *words = sys.argv[1:]\n"
    "sys.path[:0] = words[:int(count)]\n"
    "def find(name):\n"
    "    try: spec = importlib.util.find_spec(name)\n"
    "    except (AttributeError, ImportError, ValueError): return ''\n"
    "    path = spec.origin if spec and spec.origin else ''\n"
    "    if not os.path.exists(path): return ''\n"
    "    package = spec.submodule_search_locations\n"
    "    return os.path.dirname(path) if package else path\n"
    "found = [os.fsencode(find(name)) for name in words[int(count):]]\n"
    "os.write(1, b'\\0'.join([b'', *found, b'']))\n";

/* What stands before "::" of each word is replaced by the module's path. */
static void take_answer(const struct fst_buf *answer,
                        const struct fst_strings *words,
                        struct fst_strings *paths)
{
    /* What the imported packages print stands before the first '\0'. */
    const char *end = fst_buf_str(answer) + answer->len;
    const char *at = memchr(fst_buf_str(answer), '\0', answer->len);
    at = at ? at + 1 : end;
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        const char *colons = strstr(word, "::");
        const char *path = at < end ? at : "";
        char *whole =
            *path ? fst_printf("%s%s", path, colons ? colons : "") : NULL;
        fst_strings_add(paths, whole ? whole : word);
        free(whole);
        at += at < end ? strlen(path) + 1 : 0;
    }
}

static void find_modules(const struct fst_settings *settings,
                         struct fst_strings *paths)
{
    const struct fst_strings *pythonpath = &settings->pytest.pythonpath;
    const struct fst_strings *words = &settings->paths;
    char *python = fst_python_find(settings->python);
    char *count = fst_printf("%zu", pythonpath->count);
    struct fst_buf answer = FST_BUF_INIT;
    struct fst_strings argv = {0};
    fst_strings_add(&argv, python);
    fst_strings_add(&argv, "-c");
    fst_strings_add(&argv, script);
    fst_strings_add(&argv, count);
    for (size_t i = 0; i < pythonpath->count; i++)
        fst_strings_add(&argv, pythonpath->items[i]);
    for (size_t i = 0; i < words->count; i++) {
        char *name =
            fst_strndup(words->items[i], strcspn(words->items[i], ":["));
        fst_strings_add(&argv, name);
        free(name);
    }
    fst_vec_add(&argv, NULL);
    fst_ask((const char *const *)argv.items, NULL, 0, &answer);
    argv.count--;
    take_answer(&answer, words, paths);
    fst_strings_clear(&argv);
    fst_buf_release(&answer);
    free(count);
    free(python);
}

/* Before pytest 8 a package's __init__.py stands for all that is in it. */
static void name_packages(const struct fst_settings *settings,
                          struct fst_strings *paths)
{
    static const char init[] = "/__init__.py";
    struct fst_pytest_rules rules = {.ask = fst_cli_pytest_version,
                                     .python = settings->python};
    for (size_t i = 0; i < paths->count; i++) {
        char *path = paths->items[i];
        size_t len = strlen(path), tail = strlen(init);
        if (len > tail && !strcmp(path + len - tail, init) &&
            !fst_pytest_follows(&rules, FST_RULE_INIT_ALONE))
            path[len - tail] = '\0';
    }
}

int fst_cli_find_tests(const struct fst_settings *settings, bool sources,
                       struct fst_suite *suite, struct fst_err *err)
{
    struct fst_strings paths = {0};
    if (settings->pytest.pyargs && settings->paths.count)
        find_modules(settings, &paths);
    for (size_t i = paths.count; i < settings->paths.count; i++)
        fst_strings_add(&paths, settings->paths.items[i]);
    name_packages(settings, &paths);
    int result =
        fst_discover(&settings->pytest, (const char *const *)paths.items,
                     paths.count, sources, suite, err);
    fst_strings_clear(&paths);
    return result;
}
