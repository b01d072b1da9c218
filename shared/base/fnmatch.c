#include "shared/base/fnmatch.h"

#include <string.h>

#include "shared/base/utf8.h"

static size_t character(const char *text)
{
    size_t len = fst_utf8_sequence(text, strnlen(text, 4));
    return len ? len : 1;
}

/* Does the set that begins at *pattern ('[') hold the character at text? Moves
 * *pattern behind it. A '[' without end stands for itself. */
static bool in_set(const char *text, const char **pattern)
{
    const char *at = *pattern + 1;
    bool negated = *at == '!', found = false;
    at += negated;
    const char *end = *at ? strchr(at + 1, ']') : NULL;
    if (!end) {
        ++*pattern;
        return *text == '[';
    }
    for (const char *c = at; c < end; c++) {
        if (c + 2 < end && c[1] == '-') {
            unsigned char byte = (unsigned char)*text;
            found |= (unsigned char)c[0] <= byte && byte <= (unsigned char)c[2];
            c += 2;
        } else {
            found |= *c == *text;
        }
    }
    *pattern = end + 1;
    return found != negated;
}

bool fst_fnmatch(const char *text, const char *pattern)
{
    const char *star = NULL, *mark = NULL;
    while (*text) {
        const char *next = pattern;
        if (*pattern == '*') {
            star = pattern++;
            mark = text;
            continue;
        }
        bool fits;
        if (*pattern == '?')
            fits = true, next++;
        else if (*pattern == '[')
            fits = in_set(text, &next);
        else
            fits = *pattern == *text, next += fits;
        if (fits) {
            text += *pattern == '?' || *pattern == '[' ? character(text) : 1;
            pattern = next;
        } else if (star) {
            pattern = star + 1;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}
