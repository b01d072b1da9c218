#include "coordinator/report/wellformed.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32, MOST_ATTRIBUTES = 64 };

struct name {
    const char *text;
    size_t len;
};

static bool is_same(struct name a, struct name b)
{
    return a.len == b.len && !memcmp(a.text, b.text, a.len);
}

static bool take(const char **at, const char *what)
{
    size_t len = strlen(what);
    if (strncmp(*at, what, len) != 0)
        return false;
    *at += len;
    return true;
}

static void skip_space(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

static struct name take_name(const char **at)
{
    struct name name = {*at, 0};
    if (isalpha((unsigned char)**at) || **at == '_')
        while (isalnum((unsigned char)**at) || (**at && strchr("_.-", **at)))
            ++*at;
    name.len = (size_t)(*at - name.text);
    return name;
}

static bool is_character(unsigned long code)
{
    return code == '\t' || code == '\n' || code == '\r' ||
           (code >= 0x20 && code < 0xd800) ||
           (code >= 0xe000 && code < 0xfffe) ||
           (code >= 0x10000 && code < 0x110000);
}

/* Behind the '&'. */
static bool take_reference(const char **at)
{
    static const char *const known[] = {"amp;", "lt;", "gt;", "quot;", "apos;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (take(at, known[i]))
            return true;
    if (!take(at, "#"))
        return false;
    bool hex = take(at, "x");
    size_t len = strspn(*at, hex ? "0123456789abcdefABCDEF" : "0123456789");
    unsigned long code = strtoul(*at, NULL, hex ? 16 : 10);
    if (!len)
        return false;
    *at += len;
    return is_character(code) && take(at, ";");
}

/* Up to one of `ends`, or the end of all. */
static bool take_text(const char **at, const char *ends)
{
    while (**at && !strchr(ends, **at)) {
        unsigned char byte = (unsigned char)**at;
        bool odd = !strncmp(*at, "]]>", 3) ||
                   !strncmp(*at, "\xef\xbf\xbe", 3) ||
                   !strncmp(*at, "\xef\xbf\xbf", 3);
        if (odd || byte == '<' || (byte < 0x20 && !is_character(byte)))
            return false;
        ++*at;
        if (byte == '&' && !take_reference(at))
            return false;
    }
    return true;
}

static bool take_attributes(const char **at)
{
    struct name names[MOST_ATTRIBUTES];
    for (size_t count = 0;; count++) {
        const char *before = *at;
        skip_space(at);
        if (**at == '>' || **at == '/')
            return true;
        if (*at == before || count == MOST_ATTRIBUTES)
            return false;
        names[count] = take_name(at);
        for (size_t i = 0; i < count; i++)
            if (is_same(names[i], names[count]))
                return false;
        if (!names[count].len || !take(at, "=\"") || !take_text(at, "\"") ||
            !take(at, "\""))
            return false;
    }
}

bool fst_xml_is_fine(const char *text)
{
    struct name open[DEEPEST];
    size_t depth = 0;
    for (const char *at = text; *at || depth;) {
        if (depth && !take_text(&at, "<"))
            return false;
        if (take(&at, "</")) {
            struct name name = take_name(&at);
            if (!depth || !is_same(open[--depth], name) || !take(&at, ">"))
                return false;
            continue;
        }
        if (depth == DEEPEST || !take(&at, "<"))
            return false;
        open[depth] = take_name(&at);
        if (!open[depth].len || !take_attributes(&at))
            return false;
        if (take(&at, "/>"))
            continue;
        if (!take(&at, ">"))
            return false;
        depth++;
    }
    return true;
}

bool fst_xml_is_frame(const char *text)
{
    static const char head[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
    take(&text, head);
    if (strncmp(text, "<testsuites", strlen("<testsuites")) != 0 ||
        !fst_xml_is_fine(text))
        return false;
    const char *suite = strchr(text + 1, '<');
    const char *end = suite ? strchr(suite + 1, '<') : NULL;
    return end && take(&suite, "<testsuite ") && !strcmp(end, "</testsuites>");
}
