#include "coordinator/report/xml.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/base/utf8.h"

static uint32_t decode(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t code = size == 1 ? bytes[0] : bytes[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (bytes[i] & 0x3f);
    return code;
}

static bool is_shown(uint32_t code)
{
    if (code == '\t' || code == '\n' || code == '\r')
        return true;
    return code >= 0x20 && code != 0x7f && code <= 0xfffd;
}

/* NULL: as it is. */
static const char *entity(char c, bool value)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return value ? "&quot;" : NULL;
    case '\r':
        return value ? "&#13;" : NULL;
    case '\n':
        return value ? "&#10;" : NULL;
    case '\t':
        return value ? "&#09;" : NULL;
    default:
        return NULL;
    }
}

static void add(struct fst_buf *out, const char *text, bool value)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        size_t size = fst_utf8_sequence(text + at, len - at);
        uint32_t code = size ? decode(text + at, size) : 0;
        const char *instead = size == 1 ? entity(text[at], value) : NULL;
        if (!size)
            fst_buf_addf(out, "#x%02X", (unsigned char)text[at]);
        else if (!is_shown(code))
            fst_buf_addf(out, code <= 0xff ? "#x%02X" : "#x%04X",
                         (unsigned)code);
        else if (instead)
            fst_buf_adds(out, instead);
        else
            fst_buf_add(out, text + at, size);
        at += size ? size : 1;
    }
}

void fst_xml_add_text(struct fst_buf *out, const char *text)
{
    add(out, text, false);
}

void fst_xml_add_value(struct fst_buf *out, const char *text)
{
    add(out, text, true);
}
