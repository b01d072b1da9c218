/* The three standard descriptors. */
#ifndef FST_BASE_STDFDS_H
#define FST_BASE_STDFDS_H

/* To be called first of all: what the caller has closed of them (`>&-`) becomes
 * /dev/null. Else the next file or socket would get its number: output would
 * go there, and libuv refuses to close it. */
void fst_stdfds_fill(void);

#endif
