/* How many columns of a terminal a text takes, independent of the locale.
 *
 * After pytest's _pytest/_io/wcwidth.py: combining and format characters 0,
 * East Asian wide and fullwidth ones (Unicode UAX #11) and emoji 2, the rest 1;
 * the ranges are coarse, as blocks. */
#ifndef FST_REPORT_WIDTH_H
#define FST_REPORT_WIDTH_H

#include <stddef.h>

/* Of the first len bytes of UTF-8; an invalid byte counts 1. */
size_t fst_width(const char *text, size_t len);
/* The longest run of whole characters at text that takes at most columns:
 * its bytes. */
size_t fst_width_fit(const char *text, size_t len, size_t columns);

#endif
