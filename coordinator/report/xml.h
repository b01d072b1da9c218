/* Text in XML, as pytest's junitxml writes it: what XML can't hold is shown as
 * #xNN (control characters, DEL and whatever lies beyond U+FFFD), bytes that
 * are no UTF-8 too; the rest is escaped as Python's ElementTree does. Private
 * to this layer. Any thread. */
#ifndef FST_REPORT_XML_H
#define FST_REPORT_XML_H

#include "shared/base/buf.h"

/* Between tags. */
void fst_xml_add_text(struct fst_buf *out, const char *text);
/* Between double quotes: newlines and tabs stay what they are. */
void fst_xml_add_value(struct fst_buf *out, const char *text);

#endif
