/* Whether XML that a worker has made may stand in ours as it is: an agent could
 * say anything. Private to this layer. Any thread. */
#ifndef FST_REPORT_WELLFORMED_H
#define FST_REPORT_WELLFORMED_H

#include <stdbool.h>

/* text: UTF-8, none or more elements, one after the other, of the part of XML
 * that ElementTree writes: elements with attributes in double quotes, text,
 * references to characters. No prefixes, declarations, comments, CDATA; names
 * are ASCII, at most 64 attributes, 32 levels deep. */
bool fst_xml_is_fine(const char *text);
/* A whole document of JUnit's, with one suite that holds nothing. */
bool fst_xml_is_frame(const char *text);

#endif
