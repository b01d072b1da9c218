/* What differs between pytest's versions in how they find and read their
 * configuration, each difference by its name. Which pytest it is costs the
 * start of an interpreter, so that it is asked once, and only where a file is
 * met that makes the difference.
 */
#ifndef FST_CONFIG_RULES_H
#define FST_CONFIG_RULES_H

#include <stdbool.h>

struct fst_pytest_version {
    int major, minor; /* major 0: not known */
};

/* Asks an interpreter (searched in PATH) for its pytest's version. */
typedef struct fst_pytest_version fst_pytest_ask(const char *python);

struct fst_pytest_rules {
    fst_pytest_ask *ask; /* NULL: not known */
    const char *python;  /* borrowed; what fst_python_find() is asked */
    bool asked;
    struct fst_pytest_version version; /* once asked */
};

enum fst_pytest_rule {
    FST_RULE_INIT_ALONE,       /* 8.0: an argument "pkg/__init__.py" is that
                                  file, no longer the package */
    FST_RULE_HIDDEN_INI,       /* 7.2: .pytest.ini is read */
    FST_RULE_BARE_PYPROJECT,   /* 8.1: where nothing else is found, the nearest
                                  pyproject.toml is the ini file */
    FST_RULE_EMPTY_HIDDEN_INI, /* 9.0: .pytest.ini without [pytest] counts */
    FST_RULE_ALL_IN_FOLDER,    /* 9.0: the files beside the one that counts are
                                  read too, and may be refused */
    FST_RULE_ADDOPTS_OVERRIDE, /* 9.1: -o in an ini file's addopts counts */
    FST_RULE_NATIVE_TOML       /* 9.0: pytest.toml, .pytest.toml, [tool.pytest]:
                                  values keep TOML's types */
};

/* Whether that pytest follows the rule. One that isn't known follows all: a
 * source tree without a version is most likely newer than any release. */
bool fst_pytest_follows(struct fst_pytest_rules *rules,
                        enum fst_pytest_rule rule);

#endif
