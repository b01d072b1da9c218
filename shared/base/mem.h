/* Memory that is never NULL: out of memory aborts (the programs are
 * crash-only). What these return is freed with free(). */
#ifndef FST_BASE_MEM_H
#define FST_BASE_MEM_H

#include <stddef.h>

void *fst_alloc(size_t size);                /* zeroed */
void *fst_calloc(size_t count, size_t size); /* zeroed; overflow aborts */
void *fst_realloc(void *old, size_t size);
char *fst_strdup(const char *text); /* NULL stays NULL */
char *fst_strndup(const char *text, size_t len);
char *fst_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
