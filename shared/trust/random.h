/* Random bits from the kernel, as mbedTLS wants to be given them. */
#ifndef FST_TRUST_RANDOM_H
#define FST_TRUST_RANDOM_H

#include <stddef.h>

/* Any thread. Always 0: a kernel without random bits aborts. */
int fst_random_fill(void *unused, unsigned char *bytes, size_t len);

#endif
