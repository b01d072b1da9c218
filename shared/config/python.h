/* Which interpreter runs the tests. */
#ifndef FST_CONFIG_PYTHON_H
#define FST_CONFIG_PYTHON_H

/* asked: --python, or NULL. Then $VIRTUAL_ENV/bin/python, else "python3", to
 * be searched in PATH. The result is the caller's (free()). */
char *fst_python_find(const char *asked);

/* The Python side, beside the running program: a folder that an interpreter can
 * be given as its script. The result is the caller's. */
char *fst_python_worker(void);

#endif
