/* What pytest's own configuration says, read without Python: rootdir, ini
 * file, the ini values that decide what is collected, addopts.
 *
 * Follows _pytest/config/findpaths.py (determine_setup, locate_config,
 * load_config_dict_from_file) of pytest 7.0 to 9.1, what differs between them
 * by the names in rules.h, and iniconfig's reading of ini files.
 */
#ifndef FST_CONFIG_PYTESTCFG_H
#define FST_CONFIG_PYTESTCFG_H

#include <stdbool.h>

#include "shared/base/err.h"
#include "shared/base/vec.h"
#include "shared/config/rules.h"

enum fst_import_mode {
    FST_IMPORT_PREPEND,
    FST_IMPORT_APPEND,
    FST_IMPORT_IMPORTLIB
};

#define FST_DOCTEST_GLOB "test*.txt"

struct fst_pytest_config {
    char *cwd;     /* invocation directory, absolute */
    char *rootdir; /* pytest's rootdir, absolute: node ids are relative to it */
    char *root;    /* ours: rootdir where an ini file, setup.py or --rootdir
                      settled it, else cwd */
    char *inifile; /* absolute, or NULL */
    char *cache_dir; /* of pytest's cache, absolute */

    /* ini values, with -o applied, else pytest's defaults */
    struct fst_strings testpaths, norecursedirs, python_files, python_classes,
        python_functions;
    struct fst_strings
        pythonpath;             /* absolute, folder of the ini file + value */
    struct fst_strings addopts; /* split as shlex does; not yet interpreted */
    struct fst_strings from_override, from_file; /* names of the values above
                                                    that -o or the ini file
                                                    gave */

    /* from the command line (addopts and what follows -- included) */
    struct fst_strings ignore, ignore_glob; /* as typed, relative to cwd */
    struct fst_strings deselect;            /* node id prefixes */
    struct fst_strings doctest_glob;        /* else FST_DOCTEST_GLOB */
    char *confcutdir;                       /* as typed, or NULL */
    bool doctest_modules, pyargs, collect_in_virtualenv, no_conftest;
    enum fst_import_mode import_mode;
};

/* Raw values that decide the reading; strings stay the caller's. */
struct fst_pytest_inputs {
    const char *cwd;
    const char *rootdir;          /* --rootdir, or NULL */
    const char *inifile;          /* -c, or NULL */
    const char *const *overrides; /* -o NAME=VALUE, in order */
    size_t n_overrides;
    const char *const *args; /* positional: paths and node ids as typed */
    size_t n_args;
    const char *python;  /* --python, or NULL: whose pytest it is */
    fst_pytest_ask *ask; /* NULL: the newest pytest's rules */
};

/* Finds root and ini file and reads the ini values. FST_E_SYNTAX: an ini or
 * TOML file that pytest would refuse too, with file and line; FST_E_NOTFOUND:
 * -c or --rootdir that isn't there; FST_E_USAGE: -o without "=", a file that
 * can't be read. The fields "from the command line" are left at their defaults.
 * Release cfg in any case. */
int fst_pytest_config_load(struct fst_pytest_config *cfg,
                           const struct fst_pytest_inputs *inputs,
                           struct fst_err *err);
void fst_pytest_config_release(struct fst_pytest_config *cfg);

#endif
