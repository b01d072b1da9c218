#include "shared/config/rules.h"

#include <stdlib.h>

#include "shared/config/python.h"

static const struct fst_pytest_version since[] = {
    [FST_RULE_INIT_ALONE] = {8, 0},       [FST_RULE_HIDDEN_INI] = {7, 2},
    [FST_RULE_BARE_PYPROJECT] = {8, 1},   [FST_RULE_EMPTY_HIDDEN_INI] = {9, 0},
    [FST_RULE_ADDOPTS_OVERRIDE] = {9, 1}, [FST_RULE_ALL_IN_FOLDER] = {9, 0},
    [FST_RULE_NATIVE_TOML] = {9, 0},
};

bool fst_pytest_follows(struct fst_pytest_rules *rules,
                        enum fst_pytest_rule rule)
{
    if (!rules->asked && rules->ask) {
        char *python = fst_python_find(rules->python);
        rules->version = rules->ask(python);
        free(python);
    }
    rules->asked = true;
    const struct fst_pytest_version *ours = &rules->version;
    const struct fst_pytest_version *first = &since[rule];
    return !ours->major || ours->major > first->major ||
           (ours->major == first->major && ours->minor >= first->minor);
}
