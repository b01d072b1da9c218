/* Discovery: which tests does a source tree hold, without importing it.
 *
 * Walks the tree as pytest would, parses each candidate with tree-sitter,
 * resolves classes, bases and imports across files, and gives each file a
 * plan: function ids in pytest's order, or "nothing can be named" (whole file).
 * A plan is never the truth: the first worker that opens the file says what is
 * in it. Runs no user code, survives any bytes, reports what it skipped.
 *
 * Thread-safe where the results are not shared.
 */
#ifndef FST_DISCOVER_DISCOVER_H
#define FST_DISCOVER_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/arena.h"
#include "shared/base/err.h"
#include "shared/base/vec.h"
#include "shared/config/pytestcfg.h"

struct fst_test {   /* one function id; strings live in the suite's arena */
    const char *id; /* node id without [...]: "pkg/test_a.py::TestB::test_c" */
    uint32_t line;  /* 1-based, of the def */
    const char *class_name; /* "TestB" or "Outer::Inner", NULL: none */
    const char *function;
    const char *const *markers; /* names of pytest.mark.X decorators, own and
                                   of its classes and module (pytestmark) */
    size_t n_markers;
    const char *const *fixtures; /* parameters without self and parametrized
                                    ones, and usefixtures */
    size_t n_fixtures;
    int64_t params;     /* instances by literal parametrize: product of
                           arities; 1: none; -1: not known statically */
    const char *digest; /* hex, of decorators, header and body */
};

struct fst_file {
    const char *path; /* relative to the root, '/'-separated, maybe "../" */
    struct fst_test *tests;
    size_t n_tests;
    const char *const *selectors; /* of node-id arguments: what stands behind
                                     "path::"; none: the whole file */
    size_t n_selectors;
    const char *const *earlier; /* files of the selection, before this one,
                                   that would claim the same top-level module
                                   name in sys.modules (import mode prepend or
                                   append): first file of each such directory */
    size_t n_earlier;
    bool python;  /* else: doctest text file, or only LIST knows */
    bool dynamic; /* tests may be made at run time, or the file can't be parsed
                     or decoded: the plan says nothing for certain */
    const char *const *missing; /* selectors without a match, where the file is
                                   not dynamic */
    size_t n_missing;
    bool verify; /* only pytest knows whether each selector has a match: none
                    was found, or it names an instance */
    bool held;   /* below one of list_dirs */
    uint64_t closure; /* digest of the file and of what its tests depend on, as
                         struct fst_source has it; 0: not known */
};

struct fst_problem {
    const char *path;
    const char *text; /* "unreadable: Permission denied", … */
};

/* A file that what runs depends on, as far as discovery can tell: test files,
 * conftest.py files, the modules that these import from the project, pytest's
 * configuration. */
struct fst_source {
    const char *path; /* relative to the root */
    uint64_t digest;  /* of its bytes; 0: unreadable */
};

struct fst_suite {
    struct fst_arena arena;
    FST_VEC(struct fst_file) files; /* in pytest's order */
    FST_VEC(const char *)
    list_dirs; /* directories whose conftest.py has
                  pytest_collect_file,
                  pytest_collect_directory,
                  pytest_ignore_collect or a collect_ignore
                  that isn't a literal */
    FST_VEC(const char *)
    roots; /* the directories that were asked for,
              relative to the root ("." too) */
    FST_VEC(struct fst_problem) problems; /* skipped, and why */
    const char *whole_list; /* why a pytest_collection_modifyitems of a
                               conftest.py must see the whole selection at
                               once, or NULL */
    FST_VEC(struct fst_source) sources; /* by path; only where asked for */
    size_t n_tests, n_parsed;
    double duration_s;
};

/* args: PATHs and node ids as typed, relative to cfg's invocation directory;
 * none: testpaths, or the invocation directory. sources: fill in
 * suite->sources, too. FST_E_USAGE with pytest's own words where a path isn't
 * there ("file or directory not found: X"). */
int fst_discover(const struct fst_pytest_config *cfg, const char *const *args,
                 size_t n_args, bool sources, struct fst_suite *suite,
                 struct fst_err *err);
void fst_suite_release(struct fst_suite *suite);

#endif
