/* Which interpreter runs the tests. */
#ifndef FST_CONFIG_PYTHON_H
#define FST_CONFIG_PYTHON_H

/* asked: --python, or NULL. Then $VIRTUAL_ENV/bin/python, else "python3", to
 * be searched in PATH. The result is the caller's (free()). */
char *fst_python_find(const char *asked);

#endif
