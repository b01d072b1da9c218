/* Amounts of memory, as users write and read them. */
#ifndef FST_BASE_SIZE_H
#define FST_BASE_SIZE_H

#include <stdint.h>

/* "512M", "1.5G", "4GiB", "4gb" (powers of 1024), "536870912": bytes, at least
 * 1 MiB. "80%": -80, from 1 to 100. 0: none of these. */
int64_t fst_size_read(const char *text);

enum { FST_SIZE_TEXT = 32 };
/* "512 MiB", "3.1 GiB"; returns text. */
const char *fst_size_text(int64_t bytes, char text[FST_SIZE_TEXT]);

#endif
