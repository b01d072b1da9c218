/* What one configuration file says to pytest: pytest.toml, pytest.ini, tox.ini,
 * setup.cfg, pyproject.toml. Follows load_config_dict_from_file() in pytest's
 * _pytest/config/findpaths.py. */
#ifndef FST_CONFIG_INICFG_H
#define FST_CONFIG_INICFG_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/err.h"
#include "shared/base/vec.h"
#include "shared/config/rules.h"

struct fst_inicfg_value {
    char *name;
    char *text;              /* NULL: a list, or what pytest can't take */
    struct fst_strings list; /* where text is NULL */
    const char *wanted;      /* where it is of the wrong type: what pytest
                                expects; else NULL */
    size_t line;
};

struct fst_inicfg {
    char *path; /* the file, absolute; NULL: none was found */
    FST_VEC(struct fst_inicfg_value) values;
};

/* Reads the file. Returns 1 where it is a configuration of pytest's, 0 where it
 * isn't (cfg is then empty), -1 with FST_E_SYNTAX ("PATH:LINE: …") or
 * FST_E_USAGE (can't be read) where pytest refuses it too. */
int fst_inicfg_load(struct fst_inicfg *cfg, const char *path,
                    struct fst_pytest_rules *rules, struct fst_err *err);
void fst_inicfg_release(struct fst_inicfg *cfg);

/* The value, or NULL. */
const struct fst_inicfg_value *fst_inicfg_get(const struct fst_inicfg *cfg,
                                              const char *name);

#endif
