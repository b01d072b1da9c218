/* Spans of time as they are told to people. Private to this layer. */
#ifndef FST_REPORT_CLOCK_H
#define FST_REPORT_CLOCK_H

#include "shared/base/buf.h"

/* Appends "8s", "1:12" or "1:02:03". */
void fst_clock_add(struct fst_buf *out, double seconds);

#endif
