#include "coordinator/cli/discover.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/cli/arguments.h"
#include "coordinator/discover/discover.h"
#include "shared/base/log.h"
#include "shared/json/json.h"

enum { EXIT_INTERNAL = 3, EXIT_USAGE = 4, EXIT_NO_TESTS = 5 };

static bool is_deselected(const struct fst_settings *settings, const char *id)
{
    const struct fst_strings *prefixes = &settings->pytest.deselect;
    for (size_t i = 0; i < prefixes->count; i++)
        if (!strncmp(id, prefixes->items[i], strlen(prefixes->items[i])))
            return true;
    return false;
}

/* Drops what --deselect names. */
static void deselect(const struct fst_settings *settings,
                     struct fst_suite *suite)
{
    struct fst_file *file;
    fst_vec_each (file, &suite->files) {
        size_t kept = 0;
        for (size_t i = 0; i < file->n_tests; i++)
            if (!is_deselected(settings, file->tests[i].id))
                file->tests[kept++] = file->tests[i];
        suite->n_tests -= file->n_tests - kept;
        file->n_tests = kept;
    }
}

static void write_names(struct fst_json_writer *json, const char *key,
                        const char *const *names, size_t count)
{
    fst_jw_key(json, key);
    fst_jw_array(json);
    for (size_t i = 0; i < count; i++)
        fst_jw_string(json, names[i]);
    fst_jw_array_end(json);
}

static void write_test(struct fst_json_writer *json, const char *path,
                       const struct fst_test *test)
{
    fst_jw_object(json);
    fst_jw_key(json, "id");
    fst_jw_string(json, test->id);
    fst_jw_key(json, "file");
    fst_jw_string(json, path);
    fst_jw_key(json, "line");
    fst_jw_int(json, test->line);
    fst_jw_key(json, "class");
    fst_jw_string(json, test->class_name);
    fst_jw_key(json, "function");
    fst_jw_string(json, test->function);
    write_names(json, "markers", test->markers, test->n_markers);
    fst_jw_key(json, "params");
    if (test->params < 0)
        fst_jw_null(json);
    else
        fst_jw_int(json, test->params);
    write_names(json, "fixtures", test->fixtures, test->n_fixtures);
    fst_jw_key(json, "digest");
    fst_jw_string(json, test->digest);
    fst_jw_object_end(json);
}

static void write_errors(struct fst_json_writer *json,
                         const struct fst_suite *suite)
{
    const struct fst_problem *problem;
    fst_jw_key(json, "errors");
    fst_jw_array(json);
    fst_vec_each (problem, &suite->problems) {
        fst_jw_object(json);
        fst_jw_key(json, "path");
        fst_jw_string(json, problem->path);
        fst_jw_key(json, "text");
        fst_jw_string(json, problem->text);
        fst_jw_object_end(json);
    }
    fst_jw_array_end(json);
}

static void write_json(const struct fst_suite *suite, struct fst_buf *out)
{
    struct fst_json_writer json;
    const struct fst_file *file;
    fst_jw_init(&json, out);
    fst_jw_object(&json);
    fst_jw_key(&json, "tests");
    fst_jw_array(&json);
    fst_vec_each (file, &suite->files) {
        for (size_t i = 0; i < file->n_tests; i++)
            write_test(&json, file->path, &file->tests[i]);
    }
    fst_jw_array_end(&json);
    fst_jw_key(&json, "files");
    fst_jw_int(&json, (int64_t)suite->files.count);
    write_errors(&json, suite);
    fst_jw_key(&json, "duration_s");
    fst_jw_double(&json, suite->duration_s);
    fst_jw_object_end(&json);
    fst_buf_addc(out, '\n');
}

static void write_text(const struct fst_suite *suite, struct fst_buf *out)
{
    const struct fst_file *file;
    fst_vec_each (file, &suite->files) {
        for (size_t i = 0; i < file->n_tests; i++) {
            fst_buf_adds(out, file->tests[i].id);
            fst_buf_addc(out, '\n');
        }
    }
}

static int print(const struct fst_settings *settings,
                 const struct fst_suite *suite)
{
    struct fst_buf out = FST_BUF_INIT;
    const char *format = settings->format ? settings->format : "text";
    const struct fst_problem *problem;
    if (!strcmp(format, "json"))
        write_json(suite, &out);
    else if (!strcmp(format, "count"))
        fst_buf_addf(&out, "%zu\n", suite->n_tests);
    else
        write_text(suite, &out);
    if (strcmp(format, "json") != 0)
        fst_vec_each (problem, &suite->problems) {
            fst_warn("%s: %s", problem->path, problem->text);
        }
    bool written = fwrite(fst_buf_str(&out), 1, out.len, stdout) == out.len &&
                   !fflush(stdout);
    fst_buf_release(&out);
    if (!written) {
        fprintf(stderr, "ERROR: can't write the list\n");
        return EXIT_INTERNAL;
    }
    return suite->n_tests ? 0 : EXIT_NO_TESTS;
}

/* Says which node ids name nothing, as far as that is certain. */
static bool has_unknown(const struct fst_suite *suite)
{
    const struct fst_file *file;
    bool unknown = false;
    fst_vec_each (file, &suite->files) {
        for (size_t i = 0; i < file->n_missing; i++) {
            fprintf(stderr, "ERROR: not found: %s::%s\n", file->path,
                    file->missing[i]);
            unknown = true;
        }
    }
    return unknown;
}

int fst_cli_discover(const struct fst_settings *settings)
{
    struct fst_suite suite;
    struct fst_err err;
    int status;
    if (fst_cli_find_tests(settings, false, &suite, &err)) {
        fprintf(stderr, "ERROR: %s\n", err.msg);
        status = fst_code_exit(err.code);
    } else {
        deselect(settings, &suite);
        status = has_unknown(&suite) ? EXIT_USAGE : print(settings, &suite);
    }
    fst_suite_release(&suite);
    return status;
}
